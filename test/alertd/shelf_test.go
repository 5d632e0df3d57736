//go:build linux

package alertd_test

import (
	"context"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// TestMoreSoundsThanMemory: somebody labels 200 MB of garbage as sounds. The daemon keeps below its limit of memory, and a failure is heard.
func TestMoreSoundsThanMemory(t *testing.T) {
	const (
		garbage = 200
		held    = 32         // MiB
		limit   = 256 << 10  // KiB: the Pod's, in config/alertd
		size    = 1000 << 10 // bytes: about what the API server takes
	)
	c := newCluster(t)
	c.policy(nil)
	mine := map[string]string{v1alpha1.ToneLabel: "true", "test": c.namespace}
	t.Cleanup(func() {
		if err := c.DeleteAllOf(context.Background(), &corev1.ConfigMap{}, client.InNamespace(system), client.MatchingLabels(mine)); err != nil {
			t.Errorf("delete the garbage: %v", err)
		}
	})
	for i := range garbage {
		c.create(&corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("garbage-%03d", i), Namespace: system, Labels: mine},
			BinaryData: map[string][]byte{"sound": make([]byte, size)},
		})
	}
	d := c.room().start(serving)
	if left := len(d.logged(leftOut)); left < garbage-held-1 {
		t.Errorf("%d ConfigMaps are left out, want %d", left, garbage-held-1)
	}
	if u := d.usage(); u.resident > limit {
		t.Errorf("with %d MB of sounds, it takes %s", garbage, u)
	} else {
		t.Log(u)
	}
	c.fail("a", v1alpha1.SeverityCritical, "x")
	d.announced(1)
}

// leftOut is what the log says of a ConfigMap that is not held.
const leftOut = "The ConfigMaps with sounds are too large to be held in memory; this one is left out, and a pattern is heard instead. Unlabel some, and change it"
