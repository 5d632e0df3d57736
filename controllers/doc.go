// Package controllers runs the operator: it wires the reconcilers, the webhooks and the knowledge file to
// a manager.
//
//	check        a Check gets its verdict: load, gather, evaluate, publish, announce, schedule
//	ruleset      a RuleSet or ClusterRuleSet is told whether it compiles
//	alertpolicy  an AlertPolicy is told whether it can be used, and how many Checks it selects
//	silence      a Silence is told whether it is active, and deleted a day after its end
//	readiness    how these three retry, and which events they make
//	retention    finished Checks beyond a namespace's cap are deleted, the oldest first
//	admission    the validating webhooks
//	certificate  the webhooks' certificate and the REST facade's are made, renewed and trusted
//	metrics      what the operator counts
//
// Everything works without the webhooks; they only tell sooner.
package controllers
