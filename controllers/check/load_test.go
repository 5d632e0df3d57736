package check

import (
	"context"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// live is an API server that holds one Check.
type live struct {
	client.Reader
	check *v1alpha1.Check
}

func (l live) Get(_ context.Context, _ client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	l.check.DeepCopyInto(object.(*v1alpha1.Check)) //nolint:forcetypeassert // nothing else is asked for
	return nil
}

func finishedCheck() *v1alpha1.Check {
	return &v1alpha1.Check{
		ObjectMeta: metav1.ObjectMeta{Name: "c", UID: "1", Generation: 2},
		Spec:       v1alpha1.CheckSpec{InputJSON: "1"},
		Status: v1alpha1.CheckStatus{
			ObservedGeneration: 2, Verdict: v1alpha1.Verdict{Phase: v1alpha1.PhaseSuccess, Explanation: "Success"},
		},
	}
}

func strip(t *testing.T, check *v1alpha1.Check) *v1alpha1.Check {
	t.Helper()
	object, err := NewStripper().Strip(check.DeepCopy())
	if err != nil {
		t.Fatal(err)
	}
	return object.(*v1alpha1.Check) //nolint:forcetypeassert // Strip changes no type
}

func TestLoadWhole(t *testing.T) {
	for name, tc := range map[string]struct {
		reason   string
		change   func(*v1alpha1.Check)
		conflict bool
	}{
		"Same":     {"all of it is there again", func(*v1alpha1.Check) {}, false},
		"Labelled": {"the spec is the one that was gathered for", func(c *v1alpha1.Check) { c.ResourceVersion = "9" }, false},
		"Edited":   {"rules and input were gathered for another spec", func(c *v1alpha1.Check) { c.Generation = 3 }, true},
		"Replaced": {"it is another Check", func(c *v1alpha1.Check) { c.UID = "2" }, true},
	} {
		t.Run(name, func(t *testing.T) {
			whole := finishedCheck()
			tc.change(whole)
			r := &Reconciler{Live: live{check: whole}}
			s := &scope{check: strip(t, finishedCheck())}
			err := r.loadWhole(t.Context(), s)
			if apierrors.IsConflict(err) != tc.conflict || (err == nil) == tc.conflict {
				t.Fatalf("%s: got %v", tc.reason, err)
			}
			if !tc.conflict && (stripped(s.check) || s.check.Spec.InputJSON != "1" || s.check.Status.Explanation == "") {
				t.Errorf("%s: got %+v", tc.reason, s.check)
			}
		})
	}
}

// TestStripTrustsNoAnnotation has a user set the annotation that marks stripped objects.
func TestStripTrustsNoAnnotation(t *testing.T) {
	check := finishedCheck()
	check.Annotations = map[string]string{strippedAnnotation: ""}
	if s := strip(t, strip(t, check)); !stripped(s) || s.Spec.InputJSON != "" {
		t.Errorf("a finished Check was not stripped: %+v", s)
	}
	check.Generation++
	if s := strip(t, check); stripped(s) || s.Spec.InputJSON == "" {
		t.Errorf("an edited Check is whole, and passes for stripped: %+v", s)
	}
	r := &Reconciler{Live: live{check: check}}
	s := &scope{check: strip(t, func() *v1alpha1.Check {
		c := finishedCheck()
		c.Generation, c.Status.ObservedGeneration = 3, 3
		return c
	}())}
	if err := r.loadWhole(t.Context(), s); err != nil || stripped(s.check) {
		t.Errorf("a Check that was read whole passes for stripped: %v", err)
	}
}

// TestStripKeepsWhatPoliciesNeed looks at what AlertPolicies select and count by.
func TestStripKeepsWhatPoliciesNeed(t *testing.T) {
	check := finishedCheck()
	check.Labels = map[string]string{"app": "orders"}
	check.Status.Phase = v1alpha1.PhaseFailure
	check.Status.Alert = &v1alpha1.Alert{Key: "sha256:0", Severity: v1alpha1.SeverityCritical}
	s := strip(t, check)
	if s.Labels["app"] != "orders" || s.Status.Phase != v1alpha1.PhaseFailure || s.Status.Alert == nil || s.Status.Alert.Severity != v1alpha1.SeverityCritical {
		t.Errorf("got %+v", s)
	}
}
