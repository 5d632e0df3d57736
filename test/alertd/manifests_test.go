//go:build linux

package alertd_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/audio"
	"github.com/checky-dev/checky/cmd/checky/controlplane"
)

// TestTheDaemonSetIsTaken has a real API server look at the manifest, and the daemon at its arguments.
func TestTheDaemonSetIsTaken(t *testing.T) {
	c := newCluster(t)
	objects, err := controlplane.Manifests(os.DirFS("../../config"), "alertd")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, object := range objects {
		if object.GetKind() != "DaemonSet" {
			continue // kustomize's own file
		}
		found++
		set := &appsv1.DaemonSet{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, set, true); err != nil {
			t.Fatal(err)
		}
		if err := c.Create(t.Context(), set.DeepCopy(), client.DryRunAll); err != nil {
			t.Error(err)
		}
		container := set.Spec.Template.Spec.Containers[0]
		flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
		options := audio.DefaultOptions()
		options.NodeName = node // by the environment, in the Pod
		options.BindFlags(flags)
		if err := flags.Parse(container.Args); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"run"}, flags.Args()); diff != "" {
			t.Error(diff)
		}
		if err := options.Validate(); err != nil {
			t.Error(err)
		}
	}
	if found != 1 {
		t.Errorf("found %d DaemonSets", found)
	}
}
