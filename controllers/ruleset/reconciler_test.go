package ruleset

import (
	"context"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
)

// TestLostWriteComesBack has somebody label the set between the reading and the write. The label is no new generation, so
// no watch brings the set back.
func TestLostWriteComesBack(t *testing.T) {
	resource := schema.GroupResource{Group: v1alpha1.GroupVersion.Group, Resource: "rulesets"}
	for name, tc := range map[string]struct {
		err  error
		back bool
	}{
		"Conflict": {apierrors.NewConflict(resource, "a", nil), true},
		"Gone":     {apierrors.NewNotFound(resource, "a"), false},
	} {
		t.Run(name, func(t *testing.T) {
			c := interceptor.NewClient(nil, interceptor.Funcs{
				SubResourceUpdate: func(context.Context, client.Client, string, client.Object, ...client.SubResourceUpdateOption) error {
					return tc.err
				},
			})
			set := &v1alpha1.RuleSet{}
			result, err := publish(t.Context(), c, events.NewFakeRecorder(1), set, &set.Status, statusOf(1, &rules.Set{}, &set.Status))
			if err != nil || (result.RequeueAfter > 0) != tc.back {
				t.Errorf("got %+v, %v", result, err)
			}
		})
	}
}
