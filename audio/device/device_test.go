package device

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	cases := map[string]struct {
		reason string
		name   string
		want   string // as String gives it back; empty: an error
	}{
		"Default":        {reason: "the first card", name: "default", want: "default"},
		"Card":           {reason: "device 0 is meant", name: "hw:1", want: "plughw:1,0"},
		"CardAndDevice":  {reason: "hw and plughw are one", name: "hw:1,3", want: "plughw:1,3"},
		"ByID":           {reason: "an id outlives a reboot", name: "plughw:PCH", want: "plughw:CARD=PCH,DEV=0"},
		"Named":          {reason: "as aplay -L prints it", name: "plughw:CARD=PCH,DEV=7", want: "plughw:CARD=PCH,DEV=7"},
		"Record":         {reason: "a folder takes the place of a card", name: "record:/tmp/a/../b", want: "record:/tmp/b"},
		"RecordRealtime": {reason: "a folder that is as slow as a card", name: "record-realtime:/tmp/b", want: "record-realtime:/tmp/b"},

		"Empty":         {reason: "it may be a mistake in a template", name: ""},
		"Pulse":         {reason: "it needs sockets, which a player has not", name: "pulse"},
		"Dmix":          {reason: "it needs shared memory", name: "dmix:0,0"},
		"NoCard":        {reason: "a card has to be named", name: "hw:"},
		"CardTooLarge":  {reason: "ALSA has 32 cards", name: "hw:32"},
		"CardNegative":  {reason: "a sign is none of an id's", name: "hw:-1"},
		"CardPadded":    {reason: "two names for one card", name: "hw:01"},
		"LongID":        {reason: "the kernel's ids have 15 characters", name: "hw:" + strings.Repeat("a", 16)},
		"Injected":      {reason: "a name ends up beside a configuration", name: "hw:0 } pcm.x {"},
		"DeviceNoDigit": {reason: "devices have numbers", name: "hw:0,x"},
		"DeviceLarge":   {reason: "so many there are not", name: "hw:0,256"},
		"Subdevice":     {reason: "the driver chooses a free one", name: "hw:0,0,0"},
		"RecordHere":    {reason: "the daemon's own folder is nobody's wish", name: "record:sounds"},
		"RecordNowhere": {reason: "a folder has to be named", name: "record:"},
		"RecordControl": {reason: "it would be printed", name: "record:/tmp/\x1b[2J"},
		"TooLong":       {reason: "no path is that long", name: "record:/" + strings.Repeat("a", maxName)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(tc.name)
			if tc.want == "" {
				if err == nil {
					t.Fatalf("%s: Parse(%q) = %v, want an error", tc.reason, tc.name, got)
				}
				return
			}
			if err != nil {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			if got.String() != tc.want {
				t.Errorf("%s: Parse(%q) = %s, want %s", tc.reason, tc.name, got, tc.want)
			}
			if again, err := Parse(got.String()); err != nil || again != got {
				t.Errorf("Parse(%q) = %#v, %v; want %#v again", got, again, err, got)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"default", "hw:0", "plughw:CARD=PCH,DEV=0", "record:/tmp", "record-realtime:/tmp", "hw:0,0,0", "hw:CARD=,DEV="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		d, err := Parse(name)
		if err != nil {
			return
		}
		if again, err := Parse(d.String()); err != nil || again != d {
			t.Errorf("Parse(%q) is %#v, and its name %q is %#v, %v", name, d, d.String(), again, err)
		}
	})
}

// machine makes a system of two cards: one whose analogue device is absent or denied, and one by its number alone.
func machine(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

var twoCards = map[string]string{
	"dev/snd/controlC0":  "",
	"dev/snd/pcmC0D0c":   "",
	"dev/snd/pcmC0D3p":   "",
	"dev/snd/pcmC1D0p":   "",
	"dev/snd/timer":      "",
	"dev/snd/pcmC99D0p":  "",
	"dev/snd/pcmC1D0p.x": "",

	"sys/class/sound/controlC0":      "",
	"sys/class/sound/pcmC0D0p/class": "generic",
	"sys/class/sound/pcmC0D3p/class": "generic",
	"sys/class/sound/card0/id":       "PCH\n",
	"sys/class/sound/card1/id":       "no such id!\n",

	"proc/asound/cards":            " 0 [PCH            ]: HDA-Intel - HDA Intel PCH\n                      HDA Intel PCH at 0xf7d10000 irq 30\n",
	"proc/asound/card0/pcm3p/info": "card: 0\ndevice: 3\nid: HDMI 0\nname: HDMI\x1b 0\n",
}

func TestList(t *testing.T) {
	got, err := list(machine(t, twoCards))
	if err != nil {
		t.Fatal(err)
	}
	want := []Card{
		{Index: 0, ID: "PCH", Name: "HDA-Intel - HDA Intel PCH", Playback: []PCM{
			{Device: 0, Path: "/dev/snd/pcmC0D0p", Use: "plughw:CARD=PCH,DEV=0", Access: Absent},
			{Device: 3, Name: "HDMI 0", Path: "/dev/snd/pcmC0D3p", Use: "plughw:CARD=PCH,DEV=3", Access: Open},
		}},
		{Index: 1, Playback: []PCM{
			{Device: 0, Path: "/dev/snd/pcmC1D0p", Use: "plughw:1,0", Access: Open},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestListWithoutSound(t *testing.T) {
	got, err := list(t.TempDir())
	if err != nil || len(got) != 0 {
		t.Errorf("list = %v, %v; want nothing", got, err)
	}
}

func TestPlan(t *testing.T) {
	root := machine(t, twoCards)
	cases := map[string]struct {
		reason, name string
		want         Plan
		err          error
	}{
		"Default": {
			reason: "the first device whose file is there, not the first that the kernel has",
			name:   "default",
			want:   Plan{Config: "card 0 device 3", Paths: []string{"/dev/snd/controlC0", "/dev/snd/pcmC0D3p"}},
		},
		"ByID": {
			reason: "an id becomes a number",
			name:   "hw:PCH,1",
			want:   Plan{Config: "card 0 device 1", Paths: []string{"/dev/snd/controlC0", "/dev/snd/pcmC0D1p"}},
		},
		"ByNumber": {
			reason: "ALSA has the words for a card that is not there",
			name:   "hw:7",
			want:   Plan{Config: "card 7 device 0", Paths: []string{"/dev/snd/controlC7", "/dev/snd/pcmC7D0p"}},
		},
		"UnknownID": {reason: "no card has it", name: "hw:USB", err: ErrNoCard},
		"Record": {
			reason: "the file is open before the sandbox stands; null is a device file",
			name:   "record:/tmp",
			want:   Plan{Config: "type file file 3 format raw", Paths: []string{"/dev/null"}},
		},
		"Realtime": {
			reason: "who plays waits",
			name:   "record-realtime:/tmp",
			want:   Plan{Config: "type file file 3 format raw", Paths: []string{"/dev/null"}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			d, err := Parse(tc.name)
			if err != nil {
				t.Fatal(err)
			}
			got, err := d.plan(root, 3)
			if !errors.Is(err, tc.err) {
				t.Fatalf("%s: error %v, want %v", tc.reason, err, tc.err)
			}
			if text := strings.Join(strings.Fields(got.Config), " "); !strings.Contains(text, tc.want.Config) {
				t.Errorf("%s: configuration %q lacks %q", tc.reason, text, tc.want.Config)
			}
			got.Config = tc.want.Config
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: %s", tc.reason, diff)
			}
		})
	}
}

func TestPlanWithoutSound(t *testing.T) {
	if _, err := (Device{}).plan(t.TempDir(), 3); !errors.Is(err, ErrNoCard) {
		t.Errorf("error %v, want ErrNoCard", err)
	}
}
