package check

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/intern"
)

// strippedAnnotation marks objects of the cache that lack their payload and results. It never leaves the
// process, and where a user has set it, it says nothing.
const strippedAnnotation = "checky.dev/stripped-in-cache"

// mark is the annotations of every stripped Check. Nobody changes it: who reads from the cache to change what is read gets a copy.
var mark = map[string]string{strippedAnnotation: ""}

func stripped(check *v1alpha1.Check) bool {
	_, ok := check.Annotations[strippedAnnotation]
	return ok
}

// maxLabelSets is how many different sets of labels are held once for all finished Checks that have them; a set that many Checks have is
// among those used last.
const maxLabelSets = 1000

// Stripper makes what the cache keeps of Checks. What many of them have in common it holds once. It is safe for concurrent use.
type Stripper struct {
	labels *intern.Labels
}

// NewStripper makes a Stripper.
func NewStripper() *Stripper { return &Stripper{labels: intern.NewLabels(maxLabelSets)} }

// Strip is the cache's transform: it drops what no reconciliation needs, so that a finished Check takes
// little memory. A finished Check loses its payloads and all of its results; if it is evaluated again it
// is read from the API server.
func (s *Stripper) Strip(object any) (any, error) {
	check, ok := object.(*v1alpha1.Check)
	if !ok {
		return object, nil
	}
	if check.Status.Phase.Finished() && check.Status.ObservedGeneration == check.Generation {
		return s.strip(check), nil
	}
	check.ManagedFields = nil
	if check.Annotations[corev1.LastAppliedConfigAnnotation] != "" || stripped(check) {
		check.Annotations = maps.Clone(check.Annotations)
		delete(check.Annotations, corev1.LastAppliedConfigAnnotation)
		delete(check.Annotations, strippedAnnotation)
	}
	return check, nil
}

// strip gives what is kept of a finished Check: who it is, what selects it, what its rules and input are, and when its time is over.
func (s *Stripper) strip(check *v1alpha1.Check) *v1alpha1.Check {
	spec, status := &check.Spec, &check.Status
	kept := &v1alpha1.Check{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: intern.String(check.Namespace), Name: check.Name, UID: check.UID,
			ResourceVersion: check.ResourceVersion, Generation: check.Generation,
			CreationTimestamp: check.CreationTimestamp, DeletionTimestamp: check.DeletionTimestamp,
			Labels: s.labelsOf(check), Annotations: mark,
		},
		Spec: v1alpha1.CheckSpec{
			InputFrom: spec.InputFrom, RuleSets: spec.RuleSets, Rules: spec.Rules,
			FailOn: intern.String(spec.FailOn), TTLSecondsAfterFinished: spec.TTLSecondsAfterFinished, Suspend: spec.Suspend,
		},
	}
	for i := range kept.Spec.RuleSets {
		ref := &kept.Spec.RuleSets[i]
		ref.Kind, ref.Name = intern.String(ref.Kind), intern.String(ref.Name)
	}
	kept.Status.ObservedGeneration, kept.Status.CompletionTime = status.ObservedGeneration, status.CompletionTime
	kept.Status.Phase, kept.Status.RulesDigest = intern.String(status.Phase), intern.String(status.RulesDigest)
	if spec.InputFrom != nil { // of an input that may change; its own are vouched for by the generation
		kept.Status.InputDigest = status.InputDigest
	}
	if status.Alert != nil { // AlertPolicies count by severity
		kept.Status.Alert = &v1alpha1.Alert{Severity: intern.String(status.Alert.Severity)}
	}
	return kept
}

// labelsOf gives the labels that are looked at: of a failing Check all, since AlertPolicies select by them, and of any other its owner's.
func (s *Stripper) labelsOf(check *v1alpha1.Check) map[string]string {
	labels := check.Labels
	if check.Status.Alert == nil {
		owner, owned := labels[v1alpha1.OwnerLabel]
		if !owned {
			return nil
		}
		labels = map[string]string{v1alpha1.OwnerLabel: owner}
	}
	return s.labels.Of(labels)
}
