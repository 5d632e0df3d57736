//go:build linux

package alertd_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/checky-dev/checky/alerts/tone"
	"github.com/checky-dev/checky/api/v1alpha1"
)

// wav is a sound file that holds a pattern, so that it is known again when it is heard.
func wav(t *testing.T, name string) []byte {
	t.Helper()
	pattern, ok := tone.ByName(name)
	if !ok {
		t.Fatalf("there is no pattern %s", name)
	}
	var file bytes.Buffer
	if err := pattern.Render(90).WriteWAV(&file); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// tonesDir makes a folder of sounds, and of what is none.
func tonesDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "outside.wav")
	for name, file := range map[string][]byte{
		filepath.Join(dir, "bell.wav"):    wav(t, "recovery"),
		filepath.Join(dir, "garbage.wav"): []byte("RIFF, and then something else"),
		filepath.Join(dir, "large.wav"):   append(wav(t, "recovery"), make([]byte, tone.MaxFileBytes)...),
		outside:                           wav(t, "recovery"),
	} {
		if err := os.WriteFile(name, file, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(dir, "outside.wav")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.wav"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.wav"), 0o600); err != nil { // nobody ever writes to it
		t.Fatal(err)
	}
	return dir
}

// sounds creates the ConfigMaps of Checky's own namespace that hold sounds; they go when the test ends.
func (s *scene) sounds(t *testing.T) {
	t.Helper()
	labelled := map[string]string{v1alpha1.ToneLabel: "true"}
	for _, object := range []*corev1.ConfigMap{
		{ObjectMeta: metav1.ObjectMeta{Name: s.namespace, Labels: labelled}, BinaryData: map[string][]byte{
			"bell.wav": wav(t, "recovery"), "garbage.wav": {0, 1, 2, 3},
		}, Data: map[string]string{"text.wav": "RIFF"}},
		{ObjectMeta: metav1.ObjectMeta{Name: s.namespace + "-unlabelled"}, BinaryData: map[string][]byte{"bell.wav": wav(t, "recovery")}},
	} {
		object.Namespace = system
		s.create(object)
		s.deleteAfter(object)
	}
}

func TestSoundsOfPolicies(t *testing.T) {
	s := &scene{cluster: newCluster(t)}
	s.sounds(t)
	file := func(name string) v1alpha1.Tone { return v1alpha1.Tone{File: name} }
	key := func(object, key string) v1alpha1.Tone {
		return v1alpha1.Tone{ConfigMapKeyRef: &v1alpha1.KeyReference{Name: s.namespace + object, Key: key}}
	}
	cases := map[string]struct {
		reason string
		tone   v1alpha1.Tone
		want   string
	}{
		"config-map":            {"a ConfigMap with the label", key("", "bell.wav"), "recovery"},
		"config-map-missing":    {"there is no such ConfigMap", key("-none", "bell.wav"), ""},
		"config-map-no-key":     {"there is no such key", key("", "none.wav"), ""},
		"config-map-text":       {"text is no sound: only binaryData is", key("", "text.wav"), ""},
		"config-map-garbage":    {"it does not decode", key("", "garbage.wav"), ""},
		"config-map-unlabelled": {"only what is labelled as a sound is read", key("-unlabelled", "bell.wav"), ""},
		"file":                  {"a file of --tones-dir", file("bell.wav"), "recovery"},
		"file-missing":          {"there is no such file", file("none.wav"), ""},
		"file-garbage":          {"it does not decode", file("garbage.wav"), ""},
		"file-large":            {"it is larger than is read", file("large.wav"), ""},
		"file-outside":          {"a symbolic link leads out of the folder", file("outside.wav"), ""},
		"file-folder":           {"a folder is no file", file("folder.wav"), ""},
		"file-pipe":             {"reading a pipe that nobody writes to never ends", file("pipe.wav"), ""},
		"pattern":               {"a pattern by its name", v1alpha1.Tone{Pattern: v1alpha1.TonePatternHigh}, "high"},
	}
	s.d = s.room().start("--log-debug", serving, "--flood-threshold=1000", "--tones-dir="+tonesDir(t))
	unusable := 0
	for name, c := range cases {
		s.another("-"+name, func(p *v1alpha1.AlertPolicySpec) {
			p.Selector, p.Tones.Error = &metav1.LabelSelector{MatchLabels: map[string]string{"tone": name}}, &c.tone
		})
	}
	for name := range cases {
		s.failLabelled(name, v1alpha1.SeverityError, map[string]string{"tone": name})
	}
	heard := map[string]announcement{}
	for _, a := range s.announcements(len(cases)) {
		_, name, _ := strings.Cut(a.text("first"), "/")
		heard[name] = a
	}
	for name, c := range cases {
		want := c.want
		if want == "" {
			unusable++
			want = "medium" // a failure is never silent for want of a file
		}
		if got := heard[name].heard.Pattern; got != want {
			t.Errorf("%s (%s): heard %q, want %q", name, c.reason, got, want)
		}
	}
	if got := s.d.metric("checky_alertd_unusable_tones_total"); int(got) != unusable {
		t.Errorf("%v unusable tones are counted, want %d", got, unusable)
	}
	if got := len(s.d.logged("A sound cannot be used; a pattern is heard instead")); got != unusable {
		t.Errorf("%v unusable tones are logged, want %d", got, unusable)
	}
}

// TestAnEventNamesWhatWasHeard holds that the traces of a sound that could not be had speak of what was heard in its place.
func TestAnEventNamesWhatWasHeard(t *testing.T) {
	s := alone(t)
	s.ruled(func(p *v1alpha1.AlertPolicySpec) { p.Tones.Error = &v1alpha1.Tone{File: "none.wav"} })
	a := s.fail("a", v1alpha1.SeverityError, "x")
	s.hears("First error medium a")
	if got := s.announcements(1)[0].text("tone"); got != "medium" {
		t.Errorf("the log says that the tone was %s", got)
	}
	s.d.stop()
	if notes := s.events(a); len(notes) != 1 || !strings.Contains(notes[0], "tone medium") {
		t.Errorf("the Events say %q", notes)
	}
}

func TestVolumeIsHeard(t *testing.T) {
	s := alone(t)
	policy := s.ruled(func(p *v1alpha1.AlertPolicySpec) { p.Volume = 100 })
	for i, percent := range []int32{100, 50, 10, 1} {
		s.edit(policy, func(p *v1alpha1.AlertPolicySpec) { p.Volume = percent })
		s.failLabelled(string(rune('a'+i)), v1alpha1.SeverityError, nil)
		var loudest = math.Inf(-1)
		for _, pulse := range s.announcements(i + 1)[i].heard.Pulses {
			loudest = max(loudest, pulse.Level)
		}
		if want := 20 * math.Log10(float64(percent)/100); math.Abs(loudest-want) > 0.5 {
			t.Errorf("at %d %% the loudest pulse has %.1f dB, want %.1f", percent, loudest, want)
		}
	}
}
