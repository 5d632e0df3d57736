package alertpolicy

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/alerts/tone"
	"github.com/checky-dev/checky/api/v1alpha1"
)

var errAway = errors.New("the API server is away")

// shelf is a namespace with one ConfigMap: as the cache has it and as the API server does.
type shelf struct {
	cache.Cache
	cached, live *corev1.ConfigMap // nil: there is none
	broken       error
	reads        int // of the API server
}

func (s *shelf) Get(_ context.Context, key client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	if s.cached == nil || s.cached.Name != key.Name {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "configmaps"}, key.Name)
	}
	s.cached.ObjectMeta.DeepCopyInto(&object.(*metav1.PartialObjectMetadata).ObjectMeta) //nolint:forcetypeassert // the cache holds metadata
	return nil
}

// server is the same shelf, read past the cache.
type server struct {
	client.Reader
	*shelf
}

func (s server) Get(_ context.Context, key client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	s.reads++
	switch {
	case s.broken != nil:
		return s.broken
	case s.live == nil:
		return apierrors.NewNotFound(schema.GroupResource{Resource: "configmaps"}, key.Name)
	}
	s.live.DeepCopyInto(object.(*corev1.ConfigMap)) //nolint:forcetypeassert // nothing else is asked for
	return nil
}

func wav(t *testing.T) []byte {
	t.Helper()
	pattern, _ := tone.ByName("low")
	var b bytes.Buffer
	if err := pattern.Render(50).WriteWAV(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func sound(version string, data map[string][]byte) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "siren", UID: "1", ResourceVersion: version, Labels: map[string]string{v1alpha1.ToneLabel: "true"}},
		BinaryData: data,
	}
}

// compiled is a policy with a sound of its own for critical failures, and the same one for recoveries.
func compiled(t *testing.T) *alerts.Policy {
	t.Helper()
	siren := &v1alpha1.Tone{ConfigMapKeyRef: &v1alpha1.KeyReference{Name: "siren", Key: "a.wav"}}
	policy, problems := alerts.Compile(&v1alpha1.AlertPolicy{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Spec: v1alpha1.AlertPolicySpec{
		Tones: v1alpha1.SeverityTones{Critical: siren, Error: &v1alpha1.Tone{File: "on-the-node.wav"}, Info: &v1alpha1.Tone{Pattern: v1alpha1.TonePatternLow}}, RecoveryTone: siren,
	}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return policy
}

func sounds(s *shelf) *Sounds {
	return &Sounds{namespace: "checky-system", cache: s, live: server{shelf: s}, decoded: map[string]map[v1alpha1.KeyReference]decodedSound{}}
}

func TestSounds(t *testing.T) {
	good := wav(t)
	for name, tc := range map[string]struct {
		why          string
		cached, live *corev1.ConfigMap
		reason, text string
	}{
		"Good":      {"it can be played", sound("1", map[string][]byte{"a.wav": good}), sound("1", map[string][]byte{"a.wav": good}), "", ""},
		"Text":      {"data is looked at, too", sound("1", nil), &corev1.ConfigMap{ObjectMeta: sound("1", nil).ObjectMeta, Data: map[string]string{"a.wav": "hello"}}, "InvalidTone", "key a.wav of ConfigMap siren"},
		"None":      {"it is not there, or not labelled", nil, nil, "ToneNotFound", `namespace checky-system has no ConfigMap siren with the label checky.dev/tone: "true"`},
		"JustGone":  {"the cache is behind", sound("1", nil), nil, "ToneNotFound", "has no ConfigMap siren"},
		"Unlabeled": {"the cache is behind", sound("1", nil), &corev1.ConfigMap{}, "ToneNotFound", "with the label"},
		"NoKey":     {"the key is missing", sound("1", nil), sound("1", map[string][]byte{"b.wav": good}), "ToneNotFound", "has no key a.wav; add it under binaryData"},
		"Garbage":   {"it is no sound", sound("1", nil), sound("1", map[string][]byte{"a.wav": []byte("hello")}), "InvalidTone", "cannot be played"},
	} {
		t.Run(name, func(t *testing.T) {
			problems, err := sounds(&shelf{cached: tc.cached, live: tc.live}).problems(t.Context(), compiled(t))
			if err != nil {
				t.Fatal(err)
			}
			if tc.reason == "" {
				if len(problems) > 0 {
					t.Errorf("%s: got %+v", tc.why, problems)
				}
				return
			}
			if len(problems) != 2 || problems[0].reason != tc.reason || !strings.Contains(problems[0].text, tc.text) {
				t.Fatalf("%s: got %+v, want %s with %q, for both tones", tc.why, problems, tc.reason, tc.text)
			}
			for i, path := range []string{"spec.tones.critical.configMapKeyRef: ", "spec.recoveryTone.configMapKeyRef: "} {
				if !strings.HasPrefix(problems[i].text, path) {
					t.Errorf("%s: %q does not begin with %s", tc.why, problems[i].text, path)
				}
			}
		})
	}
}

// TestSoundIsReadOnce looks at policies often, as counts do: the file is read for each of its versions, and for each of its objects.
func TestSoundIsReadOnce(t *testing.T) {
	good := map[string][]byte{"a.wav": wav(t)}
	s := &shelf{cached: sound("1", good), live: sound("1", good)}
	of := sounds(s)
	look := func(why string, reads, bad int) {
		t.Helper()
		problems, err := of.problems(t.Context(), compiled(t))
		if err != nil || s.reads != reads || len(problems) != bad {
			t.Fatalf("%s: %v, %d reads, want %d; problems: %+v", why, err, s.reads, reads, problems)
		}
	}
	look("both tones are of one file", 1, 0)
	look("it is known", 1, 0)
	s.cached, s.live = sound("2", nil), sound("2", nil)
	look("it has changed", 2, 2)
	look("that the key is missing is known", 2, 2)
	s.cached = nil
	look("it is gone", 2, 2)
	s.cached, s.live = sound("2", good), sound("2", good)
	s.cached.UID, s.live.UID = "2", "2"
	look("it is another", 3, 0)
	of.forget("p")
	if len(of.decoded) != 0 {
		t.Errorf("a policy that is gone is remembered: %+v", of.decoded)
	}
	s.broken = errAway
	if _, err := of.problems(t.Context(), compiled(t)); !errors.Is(err, errAway) {
		t.Errorf("got %v, which says nothing about the sound", err)
	}
}

func TestNames(t *testing.T) {
	at := func(name string) *v1alpha1.Tone {
		return &v1alpha1.Tone{ConfigMapKeyRef: &v1alpha1.KeyReference{Name: name, Key: "k"}}
	}
	for name, spec := range map[string]v1alpha1.AlertPolicySpec{
		"Info":     {Tones: v1alpha1.SeverityTones{Info: at("siren")}},
		"Warning":  {Tones: v1alpha1.SeverityTones{Info: at("bell"), Warning: at("siren")}},
		"Error":    {Tones: v1alpha1.SeverityTones{Error: at("siren")}},
		"Critical": {Tones: v1alpha1.SeverityTones{Critical: at("siren")}},
		"Recovery": {RecoveryTone: at("siren")},
	} {
		policy := &v1alpha1.AlertPolicy{Spec: spec}
		if !names(policy, "siren") || names(policy, "gong") {
			t.Errorf("%s: siren %t, gong %t", name, names(policy, "siren"), names(policy, "gong"))
		}
	}
}
