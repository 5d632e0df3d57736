// Package v1alpha1 holds Checky's kinds: Check, RuleSet, ClusterRuleSet, AlertPolicy and Silence.
//
// It is the contract that every other part meets at: the controller, the REST facade, the alert
// daemon and the command line all speak in these types. It imports apimachinery only, so that a client
// can use it without taking the operator along.
//
// +kubebuilder:object:generate=true
// +groupName=checky.dev
package v1alpha1
