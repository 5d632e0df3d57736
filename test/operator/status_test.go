package operator_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/controllers/check"
)

// answers remembers how long the last answer was, in bytes.
type answers struct {
	next http.RoundTripper
	last int
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := a.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	_ = response.Body.Close()
	a.last, response.Body = len(body), io.NopCloser(strings.NewReader(string(body)))
	return response, nil
}

// TestStatusWriter writes a status: nothing else changes, the answer is short, and what loses is told by type.
func TestStatusWriter(t *testing.T) {
	c := newCluster(t)
	config, heard := c.operatorConfig(), &answers{}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		heard.next = next
		return heard
	})
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	writer, err := check.NewStatusWriter(config, httpClient, c.Scheme())
	if err != nil {
		t.Fatal(err)
	}
	made := c.check("one")
	made.Spec = v1alpha1.CheckSpec{InputJSON: `{"note":"` + strings.Repeat("x", 5000) + `"}`, FailOn: v1alpha1.SeverityError}
	c.create(made)
	t.Cleanup(func() { // the next operator would write its status too
		if err := c.Delete(context.Background(), made); err != nil {
			t.Error(err)
		}
	})
	want := made.DeepCopy()
	want.Status = v1alpha1.CheckStatus{
		ObservedGeneration: 1,
		Verdict: v1alpha1.Verdict{
			Phase: v1alpha1.PhaseFailure, Explanation: strings.Repeat("because ", 500), Summary: &v1alpha1.Summary{Fail: 1},
			Results: []v1alpha1.Result{{Rule: "a", Outcome: v1alpha1.OutcomeFail, Severity: v1alpha1.SeverityError, Message: "<&> expected less"}},
		},
	}
	version, err := writer.WriteStatus(t.Context(), made, &want.Status)
	if err != nil {
		t.Fatal(err)
	}
	if heard.last > 3000 {
		t.Errorf("the answer has %d bytes", heard.last)
	}
	stored := c.check("one")
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(stored), stored); err != nil {
		t.Fatal(err)
	}
	if stored.ResourceVersion != version {
		t.Errorf("version %q was answered, %s is stored", version, stored.ResourceVersion)
	}
	if diff := cmp.Diff(want.Spec, stored.Spec); diff != "" {
		t.Errorf("the spec (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want.Status, stored.Status); diff != "" {
		t.Errorf("the status (-want +got):\n%s", diff)
	}

	other, gone := stored.DeepCopy(), c.check("gone")
	other.UID, gone.UID, gone.ResourceVersion = "00000000-0000-0000-0000-000000000000", stored.UID, stored.ResourceVersion
	large := want.Status.DeepCopy()
	large.Explanation = strings.Repeat("x", 4<<20)
	invalid := want.Status.DeepCopy()
	invalid.Phase = "None"
	for name, tc := range map[string]struct {
		check  *v1alpha1.Check
		status *v1alpha1.CheckStatus
		is     func(error) bool
	}{
		"it was written since":  {made, &want.Status, apierrors.IsConflict},
		"it is another":         {other, &want.Status, apierrors.IsConflict},
		"it is gone":            {gone, &want.Status, apierrors.IsNotFound},
		"it is too large":       {stored, large, apierrors.IsRequestEntityTooLargeError},
		"the API refuses it":    {stored, invalid, apierrors.IsInvalid},
		"nobody has named it":   {&v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace}}, &want.Status, func(err error) bool { return err != nil }},
		"there is no namespace": {&v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{Namespace: "none-of-it", Name: "one", UID: "1", ResourceVersion: "1"}}, &want.Status, apierrors.IsNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := writer.WriteStatus(t.Context(), tc.check, tc.status); !tc.is(err) {
				t.Errorf("error %v", err)
			}
		})
	}
}
