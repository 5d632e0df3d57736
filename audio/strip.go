package audio

import (
	"crypto/sha256"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/audio/dispatch"
	"github.com/checky-dev/checky/audio/journal"
	"github.com/checky-dev/checky/intern"
)

// maxLabelSets is how many different sets of labels are held once for all Checks that have them; a set that many failing Checks have is among those
// used last.
const maxLabelSets = 1000

// stripper makes what the cache keeps of Checks.
type stripper struct {
	labels *intern.Labels
}

func newStripper() *stripper { return &stripper{labels: intern.NewLabels(maxLabelSets)} }

// failure is what the cache keeps of a Check: what tells its failure from another and whom it concerns. Nobody changes it.
type failure struct {
	dispatch.Alert
	resourceVersion string
	// known: its status has an alert. One that has none, which the controller never writes, does not count.
	known bool
}

// GetObjectMeta is by what an informer knows the Check: its place and its version. It implements metav1.ObjectMetaAccessor.
func (f *failure) GetObjectMeta() metav1.Object {
	return &metav1.ObjectMeta{Namespace: f.Namespace, Name: f.Name, UID: f.UID, ResourceVersion: f.resourceVersion}
}

// check is the cache's transform of Checks, so that each takes little memory whatever its payload and verdict hold. What many Checks have in
// common is held once.
func (s *stripper) check(object any) (any, error) {
	if kept, ok := object.(*failure); ok { // an informer may pass on what it was given
		return kept, nil
	}
	check, ok := object.(*v1alpha1.Check)
	if !ok {
		return nil, fmt.Errorf("expected a Check, found %T", object)
	}
	kept := &failure{
		Alert: dispatch.Alert{
			UID: check.UID, Namespace: intern.String(check.Namespace), Name: check.Name, Labels: s.labels.Of(alerts.Labels(check.Labels)),
			AcknowledgedBy: dispatch.ClipAcknowledged(check.Annotations[v1alpha1.AcknowledgedByAnnotation]),
		},
		resourceVersion: check.ResourceVersion,
	}
	if alert := check.Status.Alert; alert != nil {
		kept.known, kept.Key, kept.Severity = true, keyOf(alert), intern.String(alert.Severity)
	}
	if passed := meta.FindStatusCondition(check.Status.Conditions, v1alpha1.ConditionPassed); passed != nil {
		kept.Since = passed.LastTransitionTime.Time
	}
	if completed := check.Status.CompletionTime; completed != nil {
		kept.Completed = completed.Time
	}
	return kept, nil
}

// keyOf is an alert's key, as the journal takes it: a longer one, which no controller writes, is replaced by its digest.
func keyOf(alert *v1alpha1.Alert) string {
	if alert.Key != "" && len(alert.Key) <= journal.MaxKey {
		return alert.Key
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(alert.Key)))
}
