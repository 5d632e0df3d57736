package apiserver_test

import (
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	restclient "github.com/checky-dev/checky/apiserver/client"
)

// TestCheckIsRecorded posts a payload that passes and one that fails: the answers are the Checks' verdicts, and the Checks are the
// caller's.
func TestCheckIsRecorded(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	u := c.start().newUser()
	for payload, want := range map[string]restclient.CheckResultStatus{
		goodOrder: restclient.CheckResultStatusSuccess,
		badOrder:  restclient.CheckResultStatusFailure,
	} {
		result := u.check(t, payload)
		if result.Status != want || string(result.Input) != payload {
			t.Errorf("got %s of %s, want %s of %s", result.Status, result.Input, want, payload)
		}
		recorded := &v1alpha1.Check{}
		if err := c.Get(t.Context(), client.ObjectKey{Namespace: c.namespace, Name: *result.ID}, recorded); err != nil {
			t.Fatal(err)
		}
		if recorded.Spec.InputJSON != payload || recorded.Status.Explanation != result.Explanation {
			t.Errorf("the Check is another: %+v", recorded)
		}
	}
}
