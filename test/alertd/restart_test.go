//go:build linux

package alertd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/audio/dispatch"
	"github.com/checky-dev/checky/audio/journal"
)

// again starts the daemon anew, and the scene goes on with it. What was heard by then counts no more.
func (s *scene) again(flags ...string) {
	s.t.Helper()
	s.d = s.d.start(append([]string{"--log-debug"}, flags...)...)
}

// alone is a scene with a daemon of its own, which is started with flags.
func alone(t *testing.T, flags ...string) *scene {
	t.Helper()
	s := &scene{cluster: newCluster(t)}
	s.d = s.room().start(append([]string{"--log-debug"}, flags...)...)
	return s
}

// journaled waits until the journal of the daemon, which runs, says of a Check's failure what became of it. A copy is read: the daemon has the file.
func (s *scene) journaled(check *v1alpha1.Check, state dispatch.EntryState) {
	s.t.Helper()
	until(s.t, "the journal has "+check.Name+" as "+string(state), func() bool {
		file, err := os.ReadFile(filepath.Join(s.d.state, "journal.db"))
		if err != nil {
			s.t.Fatal(err)
		}
		path := filepath.Join(s.t.TempDir(), "copy.db")
		if err := os.WriteFile(path, file, 0o600); err != nil {
			s.t.Fatal(err)
		}
		copied, entries, err := journal.Open(path, journal.Options{})
		if err != nil {
			return false // it was written to meanwhile
		}
		defer copied.Close()
		for _, e := range entries {
			if e.UID == check.UID && e.Key == check.Status.Alert.Key && e.State == state {
				return true
			}
		}
		return false
	})
}

func TestNothingSoundsAgainAfterARestart(t *testing.T) {
	for name, end := range map[string]func(d *daemon){
		"SIGTERM": (*daemon).stop,
		"SIGKILL": (*daemon).kill,
	} {
		t.Run(name, func(t *testing.T) {
			s := alone(t)
			s.ruled(func(p *v1alpha1.AlertPolicySpec) { p.RepeatInterval = seconds(anHour) })
			announced := s.fail("announced", v1alpha1.SeverityCritical, "x")
			s.hears("First critical high announced")
			changes := s.fail("changes", v1alpha1.SeverityError, "x")
			s.hears("First critical high announced", "First error medium changes")
			if name == "SIGKILL" {
				s.journaled(announced, dispatch.Announced)
				s.journaled(changes, dispatch.Announced)
			}
			end(s.d)

			s.explain(announced, "in other words")
			s.judge(changes, v1alpha1.SeverityError, "y")
			s.fail("young", v1alpha1.SeverityError, "x")
			old := s.fail("old", v1alpha1.SeverityCritical, "x")
			s.longAgo(old)
			s.again()
			s.noSound(old, "stale")
			s.together("changes", "young")
			s.settle()
			s.together("changes", "young")
			s.journaled(old, dispatch.Announced)
			end(s.d)

			s.again()
			s.settle()
			s.hears()
			// The old one counts as announced: another verdict on it is heard.
			s.judge(old, v1alpha1.SeverityError, "y")
			s.hears("First error medium old")
		})
	}
}

// together waits until some errors were heard, and holds that nothing else was, and each once. It may be in one announcement or several: one
// that the daemon learns of just after another's announcement waits for the group's interval.
func (s *scene) together(names ...string) {
	s.t.Helper()
	count := 0
	for heard := 0; count < len(names); {
		all := s.announcements(heard + 1)
		heard, count = len(all), 0
		for _, a := range all {
			n, _ := a.line["count"].(float64)
			count += int(n)
			if a.text("kind") != "First" || a.heard.Pattern != "medium" {
				s.t.Errorf("heard %s", a)
			}
		}
	}
	if count != len(names) {
		s.t.Errorf("heard %d failures in %v, want %v", count, s.announcements(0), names)
	}
}

func TestWhatWasHeldSoundsAfterARestartHoweverOldItIs(t *testing.T) {
	s := alone(t)
	s.ruled(nil)
	silence := s.silenced("held", nil)
	held := s.fail("held", v1alpha1.SeverityError, "x")
	s.noSound(held, "silenced")
	s.longAgo(held)
	s.journaled(held, dispatch.Held)
	s.d.kill()
	s.again("--max-age=1m")
	s.noSound(held, "silenced")
	s.settled(silence)
	s.hears()
	s.endsIn(silence, time.Second)
	s.hears("First error medium held")
}

func TestRepeatsGoOnAfterARestart(t *testing.T) {
	s := alone(t)
	s.ruled(func(p *v1alpha1.AlertPolicySpec) { p.RepeatInterval = seconds(2) })
	s.fail("a", v1alpha1.SeverityError, "x")
	s.announcements(1)
	s.d.stop()
	s.again()
	for _, a := range s.announcements(2) {
		if got := a.String(); got != "Repeat error medium a" {
			t.Errorf("heard %q after the restart", got)
		}
	}
}

func TestWithoutAJournalWhatIsYoungIsAnnouncedAgainAfterARestart(t *testing.T) {
	s := alone(t, "--state-dir=")
	s.ruled(nil)
	old := s.fail("old", v1alpha1.SeverityCritical, "x")
	s.hears("First critical high old")
	s.fail("young", v1alpha1.SeverityError, "x")
	s.hears("First critical high old", "First error medium young")
	s.d.stop()
	s.longAgo(old)
	s.again("--state-dir=")
	s.noSound(old, "stale")
	s.settle()
	s.hears("First error medium young")
	if files, err := os.ReadDir(s.d.state); err != nil || len(files) > 0 {
		t.Errorf("the folder of the journal, which was not given, holds %v: %v", files, err)
	}
}

func TestAJournalIsOneDaemons(t *testing.T) {
	s := alone(t)
	second := s.d.launch()
	<-second.done
	if second.err == nil {
		t.Error("the second daemon of one journal ended well")
	}
	said := ""
	for _, l := range second.lines(func(line) bool { return true }) {
		said += l.text("msg") + " " + l.text("err") + "\n"
	}
	if !strings.Contains(said, s.d.state) || !strings.Contains(said, "another") {
		t.Errorf("it does not say what is the matter: %s", said)
	}
	s.ruled(nil)
	s.fail("a", v1alpha1.SeverityError, "x")
	s.hears("First error medium a") // the first one goes on
}

func TestAJournalThatCannotBeReadIsBegunAnew(t *testing.T) {
	s := &scene{cluster: newCluster(t)}
	r := s.room()
	path := filepath.Join(r.state, "journal.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("no journal ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	s.d = r.start("--log-debug")
	s.d.await("Not all of the journal could be read; what was announced may be announced again", 1)
	if _, err := os.Stat(path + ".corrupt"); err != nil {
		t.Errorf("what was there is gone: %v", err)
	}
	s.ruled(nil)
	a := s.fail("a", v1alpha1.SeverityError, "x")
	s.hears("First error medium a")
	s.journaled(a, dispatch.Announced)
}
