//go:build linux

package alertd_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// nobody is the user and the group of the daemon in a Pod.
const nobody = 65532

// confined runs a command on a file system that cannot be written to but for two folders, as that user, in no other group, without capabilities and any
// way to gain rights. The process stays the same.
const confined = `set -e
mount --make-rprivate /
mount --bind "$1" "$1"
mount --bind "$2" "$2"
mount -o remount,bind,ro /
shift 2
exec setpriv --reuid=65532 --regid=65532 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all --ambient-caps=-all "$@"`

// confine has the room's daemons run as in a Pod, each with an environment that says where the cluster is and hardly more. Who is not root is
// unprivileged already.
func (r *room) confine() {
	r.t.Helper()
	base, err := os.MkdirTemp("", "checky-alertd-") // others may enter it, unlike t.TempDir's
	if err == nil {
		err = os.Chmod(base, 0o755)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = os.RemoveAll(base) })
	give := func(path string) {
		if os.Getuid() == 0 {
			if err := os.Chown(path, nobody, nobody); err != nil {
				r.t.Fatal(err)
			}
		}
	}
	r.state, r.recordings = filepath.Join(base, "state"), filepath.Join(base, "recordings")
	if err := errors.Join(os.Mkdir(r.state, 0o700), os.Mkdir(r.recordings, 0o700)); err != nil {
		r.t.Fatal(err)
	}
	give(r.state)
	give(r.recordings)
	r.dress = func(command *exec.Cmd) {
		environment := []string{"PATH=" + os.Getenv("PATH"), "HOME=/"} // as container runtimes set it
		for _, from := range command.Env {
			if kubeconfig, ok := strings.CutPrefix(from, "KUBECONFIG="); ok {
				own := filepath.Join(base, "kubeconfig")
				copyFile(r.t, kubeconfig, own, 0o400)
				give(own)
				environment = append(environment, "KUBECONFIG="+own)
			}
		}
		program := filepath.Join(base, "checky-alertd")
		copyFile(r.t, command.Path, program, 0o755)
		command.Env, command.Path, command.Args[0] = environment, program, program
		if os.Getuid() == 0 {
			command.Args = append([]string{"unshare", "--mount", "/bin/sh", "-c", confined, "sh", r.state, r.recordings}, command.Args...)
			if command.Path, err = exec.LookPath("unshare"); err != nil {
				r.t.Fatal(err)
			}
		}
	}
}

// copyFile replaces what may be there.
func copyFile(t testing.TB, from, to string, mode os.FileMode) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = errors.Join(os.RemoveAll(to), os.WriteFile(to, data, mode), os.Chmod(to, mode))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestUnprivileged has a failure heard by a daemon that has no rights at all, as in a Pod of the restricted Pod Security Standard with a root that is
// read-only; and has it know so after a restart.
func TestUnprivileged(t *testing.T) {
	c := newCluster(t)
	c.policy(nil)
	r := c.room()
	r.confine()
	d := r.start(serving)
	if os.Getuid() == 0 {
		for field, want := range map[string]string{
			"Uid": "65532\t65532\t65532\t65532", "Gid": "65532\t65532\t65532\t65532", "Groups": "", "NoNewPrivs": "1",
			"CapInh": "0000000000000000", "CapPrm": "0000000000000000", "CapEff": "0000000000000000", "CapBnd": "0000000000000000", "CapAmb": "0000000000000000",
		} {
			if got := status(d.pid(), field); got != want {
				t.Errorf("the daemon has %s %q, want %q", field, got, want)
			}
		}
		if err := unix.Access(proc(d.pid(), "root"), unix.W_OK); !errors.Is(err, unix.EROFS) {
			t.Errorf("the daemon's root can be written to: %v", err)
		}
	}
	check := c.fail("a", v1alpha1.SeverityCritical, "x")
	d.announced(1)
	if heard := r.heard(); len(heard) != 1 || heard[0].Pattern != "high" {
		t.Errorf("heard %+v", heard)
	}
	for _, feature := range []string{"no_new_privs", "landlock", "seccomp", "rlimits"} {
		if d.metric("checky_alertd_sandbox_enforced", `feature="`+feature+`"`) != 1 {
			t.Errorf("a player ran without %s", feature)
		}
	}
	if d.metric("process_open_fds") < 1 {
		t.Error("the daemon cannot look at itself")
	}
	until(t, "an Event tells of it", func() bool { return len(c.events(check)) == 1 })
	d.stop()
	again := r.start()
	c.fail("b", v1alpha1.SeverityWarning, "x") // which no policy announces
	c.fail("c", v1alpha1.SeverityError, "x")
	if first := again.announced(1)[0].text("first"); first != c.namespace+"/c" {
		t.Errorf("after the restart, %s is announced", first)
	}
	if heard := r.heard(); len(heard) != 2 || heard[1].Pattern != "medium" {
		t.Errorf("heard %+v", heard)
	}
}

// TestSecluded: nobody of the daemon's own user, as its players are, reads what it holds - its token - or writes to its memory.
func TestSecluded(t *testing.T) {
	r := newCluster(t).room()
	r.confine()
	d := r.start()
	for _, name := range []string{"environ", "mem", "maps", "fd/0", "root/etc/passwd"} {
		command := exec.CommandContext(t.Context(), "head", "-c", "1", proc(d.pid(), name))
		if os.Getuid() == 0 {
			command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		}
		if out, err := command.CombinedOutput(); err == nil || !strings.Contains(string(out), "ermission denied") {
			t.Errorf("%s of process %s: %q, %v", name, strconv.Itoa(d.pid()), out, err)
		}
	}
}
