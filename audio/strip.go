package audio

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unique"

	lru "github.com/hashicorp/golang-lru/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/audio/dispatch"
)

// maxLabelSets is how many different sets of labels are held once for all Checks that have them; a set that many failing Checks have is among those
// used last.
const maxLabelSets = 1000

// stripper makes what the cache keeps of Checks.
type stripper struct {
	labels *lru.Cache[string, map[string]string]
}

func newStripper() *stripper {
	labels, _ := lru.New[string, map[string]string](maxLabelSets) // it fails for sizes below 1 only
	return &stripper{labels: labels}
}

// check is the cache's transform of Checks: it keeps what tells one failure from another and whom it concerns, so that each
// takes little memory whatever its payload and verdict hold. What many Checks have in common is held once.
func (s *stripper) check(object any) (any, error) {
	check, ok := object.(*v1alpha1.Check)
	if !ok {
		return nil, fmt.Errorf("expected a Check, found %T", object)
	}
	kept := &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{
		Name: check.Name, Namespace: shared(check.Namespace), UID: check.UID, ResourceVersion: check.ResourceVersion, Labels: s.labelsOf(check),
	}}
	if by := dispatch.ClipAcknowledged(check.Annotations[v1alpha1.AcknowledgedByAnnotation]); by != "" {
		kept.Annotations = map[string]string{v1alpha1.AcknowledgedByAnnotation: by}
	}
	kept.Status.Phase = shared(check.Status.Phase)
	if alert := check.Status.Alert; alert != nil {
		kept.Status.Alert = &v1alpha1.Alert{Key: alert.Key, Severity: shared(alert.Severity)}
	}
	kept.Status.CompletionTime = check.Status.CompletionTime
	for _, c := range check.Status.Conditions {
		if c.Type == v1alpha1.ConditionPassed {
			kept.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionPassed, LastTransitionTime: c.LastTransitionTime}}
		}
	}
	return kept, nil
}

// labelsOf gives the labels that policies and silences look at. Nobody changes them.
func (s *stripper) labelsOf(check *v1alpha1.Check) map[string]string {
	labels := alerts.Labels(check.Labels)
	if len(labels) == 0 {
		return nil
	}
	var key strings.Builder
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		key.WriteString(name + "=" + labels[name] + ",") // neither may hold these signs
	}
	if held, ok := s.labels.Get(key.String()); ok {
		return held
	}
	s.labels.Add(key.String(), labels)
	return labels
}

// shared gives a string that many Checks have, held once for all of them.
func shared[S ~string](s S) S { return S(unique.Make(string(s)).Value()) }
