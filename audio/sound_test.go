//go:build linux

package audio

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/audio/dispatch"
)

func TestSubstituteSaysTheSame(t *testing.T) {
	cases := map[string]struct {
		reason string
		a      dispatch.Announcement
		want   v1alpha1.TonePattern
	}{
		"failure":  {"the pattern of its severity", dispatch.Announcement{Kind: dispatch.First, Severity: v1alpha1.SeverityCritical}, v1alpha1.TonePatternHigh},
		"repeat":   {"the pattern of its severity", dispatch.Announcement{Kind: dispatch.Repeat, Severity: v1alpha1.SeverityWarning}, v1alpha1.TonePatternLow},
		"recovery": {"good news is no alarm", dispatch.Announcement{Kind: dispatch.Recovery, Severity: v1alpha1.SeverityCritical}, v1alpha1.TonePatternRecovery},
	}
	for name, c := range cases {
		if got := substitute(&c.a); got != c.want {
			t.Errorf("%s: %s: got %s, want %s", name, c.reason, got, c.want)
		}
	}
}

// oneConfigMap is a cache that holds one.
type oneConfigMap struct {
	cache.Cache
	object corev1.ConfigMap
}

func (c oneConfigMap) Get(_ context.Context, _ client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	*object.(*corev1.ConfigMap) = c.object //nolint:forcetypeassert // nothing else is asked for
	return nil
}

func TestSoundsAreInBinaryDataOrElseInData(t *testing.T) {
	s := &speaker{daemon: &daemon{cache: oneConfigMap{object: corev1.ConfigMap{
		BinaryData: map[string][]byte{"a.wav": []byte("a"), "both.wav": []byte("binary")}, Data: map[string]string{"b.wav": "b", "both.wav": "text"},
	}}}}
	for key, want := range map[string]string{"a.wav": "a", "b.wav": "b", "both.wav": "binary", "c.wav": ""} {
		file, err := s.fromConfigMap(t.Context(), &v1alpha1.KeyReference{Name: "tones", Key: key})
		if string(file) != want || (err != nil) != (want == "") {
			t.Errorf("%s: got %q, %v", key, file, err)
		}
	}
}
