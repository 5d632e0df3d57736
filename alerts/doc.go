// Package alerts is what an AlertPolicy and a Silence mean: which failures they select, what is heard, and when it is quiet.
//
//	policy, problems := alerts.Compile(object)     // problems name the fields: spec.quietHours[0].timeZone
//	chosen := alerts.Choose(policies, subject)     // of several that select it, the one that applies
//	tone := chosen.Tone(subject.Severity)
//	until, quiet := chosen.Quiet(now, subject.Severity)
//
// Everything here is a pure function of its arguments, but for the time zones, which Compile reads from the zone database. The
// controllers use it to tell people whether a policy can work, the alert daemon to do what it says; so the two never disagree. It
// watches nothing, plays nothing and knows no clock. What it hands out is never changed afterwards, so it may be shared.
package alerts
