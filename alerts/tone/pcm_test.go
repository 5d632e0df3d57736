package tone

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestJoin(t *testing.T) {
	const gap = 2 * time.Second / SampleRate // of two samples
	cases := map[string]struct {
		reason string
		gap    time.Duration
		parts  []PCM
		want   PCM
	}{
		"none":      {reason: "nothing has no gap", gap: gap},
		"one":       {reason: "there is nothing to part it from", gap: gap, parts: []PCM{{1, 2}}, want: PCM{1, 2}},
		"two":       {reason: "a gap parts them", gap: gap + 1, parts: []PCM{{1}, {2}}, want: PCM{1, 0, 0, 2}},
		"three":     {reason: "each is parted from the next", gap: gap + 1, parts: []PCM{{1}, {2}, {3}}, want: PCM{1, 0, 0, 2, 0, 0, 3}},
		"no gap":    {reason: "one follows the other", parts: []PCM{{1}, {2}}, want: PCM{1, 2}},
		"below one": {reason: "a gap cannot be negative", gap: -time.Second, parts: []PCM{{1}, {2}}, want: PCM{1, 2}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, Join(c.gap, c.parts...)); diff != "" {
				t.Errorf("%s: %s", c.reason, diff)
			}
		})
	}
}

func TestScale(t *testing.T) {
	in := PCM{0, 1, -1, 100, -32768, 32767}
	cases := map[int]PCM{
		100: in,
		50:  {0, 1, -1, 50, -16384, 16384},
		1:   {0, 0, 0, 1, -328, 328},
		0:   {0, 0, 0, 1, -328, 328},
		900: in,
	}
	for volume, want := range cases {
		if diff := cmp.Diff(want, in.Scale(volume)); diff != "" {
			t.Errorf("at %d %%: %s", volume, diff)
		}
	}
}

func TestLengthAndBytes(t *testing.T) {
	if got := make(PCM, SampleRate/4).Length(); got != 250*time.Millisecond {
		t.Errorf("a quarter of a second lasts %v", got)
	}
	if diff := cmp.Diff([]byte{0x34, 0x12, 0xFF, 0xFF, 0x00, 0x80}, PCM{0x1234, -1, -32768}.Bytes()); diff != "" {
		t.Error(diff)
	}
}

// What is written as WAV is read back as it was.
func TestWAVIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pcm := PCM(rapid.SliceOfN(rapid.Int16(), 1, 2000).Draw(t, "samples"))
		var file bytes.Buffer
		if err := pcm.WriteWAV(&file); err != nil {
			t.Fatal(err)
		}
		back, err := Decode(file.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(pcm, back); diff != "" {
			t.Fatal(diff)
		}
	})
}

type full struct{ room int }

func (f *full) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

func TestWriteWAVTellsOfAFullDisk(t *testing.T) {
	for _, room := range []int{0, 44, 45} {
		if err := (PCM{1, 2, 3}).WriteWAV(&full{room: room}); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("with room for %d bytes: %v", room, err)
		}
	}
}
