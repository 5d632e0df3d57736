package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the API group and version of every kind in this package.
var GroupVersion = schema.GroupVersion{Group: "checky.dev", Version: "v1alpha1"}

// AddToScheme registers the kinds of this package with a scheme.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion,
		&Check{}, &CheckList{},
		&RuleSet{}, &RuleSetList{},
		&ClusterRuleSet{}, &ClusterRuleSetList{},
		&AlertPolicy{}, &AlertPolicyList{},
		&Silence{}, &SilenceList{},
	)
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
