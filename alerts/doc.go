// Package alerts is what an AlertPolicy and a Silence mean: which failures they select, what is heard, and when it is quiet.
//
//	policy, problems := alerts.Compile(object)
//	chosen := alerts.Choose(policies, subject)     // of several that select it, the one that applies
//	until, quiet := chosen.Quiet(now, severity)
//
// Everything here is a pure function of its arguments. The controllers use it to tell people whether a policy can work, the alert daemon
// to do what it says; so the two never disagree. It watches nothing, plays nothing and knows no clock.
package alerts
