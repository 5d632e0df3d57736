//go:build linux

package player_test

import (
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/checky-dev/checky/audio/device"
	"github.com/checky-dev/checky/audio/player"
)

var soak = flag.Int("soak", 300, "how many sounds TestSoak plays")

// TestSoak plays one sound after the other, some of which fail: processes, descriptors, goroutines and memory stay as they are.
func TestSoak(t *testing.T) {
	check := leavesNothing(t)
	dir := folder(t)
	record, missing := parse(t, "record:"+dir), parse(t, "hw:31")
	p := newPlayer()
	var early int
	begin := time.Now()
	for i := range *soak {
		job := player.Job{Pattern: "low", Volume: 50, Device: record}
		fails := i%10 == 9
		if fails {
			job.Device = missing
		}
		if _, err := p.Play(t.Context(), job); (err != nil) != fails {
			t.Fatalf("sound %d: %v", i, err)
		}
		if name := filepath.Join(dir, "burst-0001.raw"); !fails {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
		if i == *soak/3 {
			early = resident(t)
		}
	}
	late := resident(t)
	t.Logf("%d sounds took %v each; resident memory was %d KiB after a third of them, and is %d KiB", *soak, time.Since(begin)/time.Duration(*soak), early, late)
	if late > early+8<<10 {
		t.Errorf("resident memory grew from %d KiB to %d KiB", early, late)
	}
	check()
	goleak.VerifyNone(t)
}

// resident is this process' memory, in KiB.
func resident(t *testing.T) int {
	t.Helper()
	runtime.GC()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kib
}

// BenchmarkPlay is the way from Play to its end: starting the process, the sandbox, ALSA, and no waiting for the sound.
func BenchmarkPlay(b *testing.B) {
	dir := b.TempDir()
	target, err := device.Parse("record:" + dir)
	if err != nil {
		b.Fatal(err)
	}
	p := newPlayer()
	job := player.Job{Pattern: "low", Volume: 50, Device: target}
	var toSound time.Duration
	b.ReportAllocs()
	for b.Loop() {
		begin := time.Now()
		report, err := p.Play(b.Context(), job)
		if err != nil {
			b.Fatal(err)
		}
		toSound += report.Started.Sub(begin)
		if err := os.Remove(filepath.Join(dir, "burst-0001.raw")); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(toSound.Milliseconds())/float64(b.N), "ms-to-sound/op")
}
