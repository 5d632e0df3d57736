//go:build linux

package alertd_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/audio/measure"
)

var kills = flag.Int("kills", 6, "how many times each test kills the daemon in the stretch of time that it is about")

// maxMisses is how often, beside the kills, a daemon may get ahead of a test that wants to kill it in time. Such an attempt is repeated.
const maxMisses = 20

// files are the room's recordings, unfinished ones included.
func (r *room) files(pattern string) []string {
	r.t.Helper()
	files, err := filepath.Glob(filepath.Join(r.recordings, pattern))
	if err != nil {
		r.t.Fatal(err)
	}
	return files
}

// pattern is what a recording holds, be it finished or not.
func (r *room) pattern(file string) string {
	r.t.Helper()
	opened, err := os.Open(file)
	if err != nil {
		r.t.Fatal(err)
	}
	defer opened.Close()
	samples, err := measure.ReadRaw(opened, 1)
	if err != nil {
		r.t.Fatal(err)
	}
	return measure.Analyse(samples, 48000).Pattern
}

// onlyAnnounces waits until a daemon that has just been started has announced a failure, and fails the test if it announces anything else:
// what was announced before the daemon was killed is not heard again.
func (d *daemon) onlyAnnounces(check *v1alpha1.Check) {
	d.t.Helper()
	lines := d.announced(1)
	want := d.namespace + "/" + check.Name
	if got := lines[0]; len(lines) != 1 || got.text("first") != want || got["count"] != 1.0 || got.text("kind") != "First" {
		d.t.Fatalf("the restarted daemon announced %v, want %s once", lines, want)
	}
}

// signal sends a signal to a process.
func signal(t testing.TB, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatalf("%v to %d: %v", s, pid, err)
	}
}

// tooLate counts an attempt that a daemon got ahead of.
func tooLate(t testing.TB, missed *int) {
	t.Helper()
	if *missed++; *missed > maxMisses+*kills {
		t.Fatalf("the daemon got ahead %d times", *missed)
	}
}

// TestKilledBetweenVerdictAndSound kills the daemon while a failure waits for its announcement. The next one announces it, once.
func TestKilledBetweenVerdictAndSound(t *testing.T) {
	c := newCluster(t)
	const wait = time.Second
	c.policy(func(p *v1alpha1.AlertPolicySpec) { p.GroupWait = &metav1.Duration{Duration: wait} })
	r := c.room()
	d := r.start(serving)
	var killed, missed, heard int
	for i := 0; killed < *kills; i++ {
		known := len(d.logged("Announced"))
		check := c.fail(fmt.Sprintf("failure-%d", i), v1alpha1.SeverityError, "x")
		until(t, "the failure is taken in", func() bool {
			return d.metric("checky_alertd_waiting") > 0 || len(d.logged("Announced")) > known
		})
		// The first kill is toward the beginning of groupWait, when what was announced last is in the journal, the last toward its end.
		time.Sleep(wait/10 + wait*7/10*time.Duration(killed)/time.Duration(*kills))
		d.kill()
		if len(r.files("*")) > heard { // a recording is there before its player is
			tooLate(t, &missed)
			c.judge(check, "", "") // nobody is to hear of it again
			heard = len(r.files("*"))
			d = r.start(serving)
			continue
		}
		killed++
		d = r.start(serving)
		d.onlyAnnounces(check)
		heard++
		if files := r.files("*"); len(files) != heard || r.pattern(files[heard-1]) != "medium" {
			t.Fatalf("after kill %d there are the recordings %q, want %d, the last of them medium", killed, files, heard)
		}
	}
	r.nothingIsLeft(d)
	t.Logf("killed between verdict and sound %d times (and %d times too late): after the restart each failure was heard exactly once",
		killed, missed)
}

// TestKilledBetweenSoundAndJournal kills the daemon when the sound was heard to its end, before the daemon knows. The next one announces it
// again: the second time is the last.
func TestKilledBetweenSoundAndJournal(t *testing.T) {
	c := newCluster(t)
	c.policy(nil)
	r := c.room()
	d := r.start(serving)
	heard := map[int]int{} // how many failures were heard so often
	var killed, missed int
	for i := 0; killed < *kills; i++ {
		before, known := len(r.files("*")), len(d.logged("Announced"))
		check := c.fail(fmt.Sprintf("failure-%d", i), v1alpha1.SeverityError, "x")
		if !d.holdsAtSound(known) {
			tooLate(t, &missed)
			d.announced(known + 1)
			heard[len(r.files("*.raw"))-(before-killed)]++
			continue
		}
		d.kill()
		killed++
		parts := r.files("*.part")
		if len(parts) != killed || r.pattern(parts[killed-1]) != "medium" {
			t.Fatalf("kill %d: no whole sound is in the last of %q", killed, parts)
		}
		d = r.start(serving)
		d.onlyAnnounces(check)
		files := r.files("*")
		if last := files[len(files)-1]; !strings.HasSuffix(last, ".raw") || r.pattern(last) != "medium" {
			t.Fatalf("after kill %d the last recording, %s, is not whole", killed, last)
		}
		heard[len(files)-before]++
	}
	r.nothingIsLeft(d)
	if len(heard) > 2 || heard[1] != missed || heard[2] != killed {
		t.Errorf("failures by how often they were heard: %v, want %d twice and %d once", heard, killed, missed)
	}
	t.Logf("killed between sound and journal %d times (and %d times too late, so not killed); failures by how often they were heard: %v",
		killed, missed, heard)
}

// holdsAtSound stops the daemon as soon as its player has its job, lets the player play to its end, and tells whether the daemon was
// stopped before it knew that. Otherwise the daemon goes on.
func (d *daemon) holdsAtSound(known int) bool {
	d.t.Helper()
	player := d.playing(known)
	if player == 0 {
		return false
	}
	signal(d.t, d.pid(), syscall.SIGSTOP)
	until(d.t, "the daemon has stopped", d.stopped)
	until(d.t, "the player has ended", func() bool { return ended(player) })
	if strings.HasPrefix(status(player, "State"), "Z") {
		return true
	}
	signal(d.t, d.pid(), syscall.SIGCONT) // it has taken the player's exit code
	return false
}

// playing waits for the daemon's player to have its job, and returns its process; 0: the daemon was first, and has announced more than was
// known.
func (d *daemon) playing(known int) (player int) {
	d.t.Helper()
	until(d.t, "there is a player", func() bool {
		for _, pid := range d.children() {
			if status(pid, "Seccomp") == "2" { // it enters its sandbox when it has read its job, and makes no sound before
				player = pid
			}
		}
		return player != 0 || len(d.logged("Announced")) > known
	})
	return player
}

// TestKilledWhileItSounds kills the daemon in the middle of a sound, which ends with it. The next one has it heard whole.
func TestKilledWhileItSounds(t *testing.T) {
	c := newCluster(t)
	c.policy(nil)
	r := c.room()
	realtime := "--device=record-realtime:" + r.recordings
	d := r.start(serving, realtime)
	var killed, missed int
	for i := 0; killed < *kills; i++ {
		known, unfinished := len(d.logged("Announced")), len(r.files("*.part"))
		check := c.fail(fmt.Sprintf("failure-%d", i), v1alpha1.SeverityError, "x")
		player := d.playing(known)
		until(t, "it sounds", func() bool { return r.sounds(unfinished) || len(d.logged("Announced")) > known })
		d.kill()
		parts := r.files("*.part")
		if player == 0 || len(parts) != unfinished+1 || r.pattern(parts[unfinished]) != "" {
			tooLate(t, &missed)
			c.judge(check, "", "") // nobody is to hear of it again
			d = r.start(serving, realtime)
			continue
		}
		killed++
		until(t, "the player has ended", func() bool { return ended(player) })
		if r.pattern(parts[unfinished]) != "" {
			t.Errorf("kill %d: the player went on to the end without its daemon", killed)
		}
		d = r.start(serving, realtime)
		d.onlyAnnounces(check)
		files := r.files("*")
		if last := files[len(files)-1]; !strings.HasSuffix(last, ".raw") || r.pattern(last) != "medium" {
			t.Fatalf("after kill %d the last recording, %s, is not whole", killed, last)
		}
	}
	r.nothingIsLeft(d)
	t.Logf("killed while it sounds %d times (and %d times too late): each player died with its daemon, and each failure was then heard whole",
		killed, missed)
}

// sounds tells whether sound is being written, where the room has so many older recordings that were not finished.
func (r *room) sounds(older int) bool {
	parts := r.files("*.part")
	if len(parts) <= older {
		return false
	}
	info, err := os.Stat(parts[older])
	return err == nil && info.Size() > 0
}

// nothingIsLeft restarts a daemon in order. All that was announced is in the journal, so one more failure is all that it announces.
func (r *room) nothingIsLeft(d *daemon) {
	r.t.Helper()
	before := len(r.files("*"))
	d.stop()
	d = r.start()
	d.onlyAnnounces(r.fail("marker", v1alpha1.SeverityError, "x"))
	d.stop() // which lets what sounds be heard
	if after := len(r.files("*")); after != before+1 || len(d.logged("Announced")) != 1 {
		r.t.Errorf("after a restart and one more failure there are %d recordings, before %d", after, before)
	}
}
