//go:build linux

package alertd_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// unseen is how the daemon's log says that it does not see the cluster.
func unseen(l line) bool { return strings.HasPrefix(l.text("msg"), "The cluster cannot be seen") }

// TestDaemonStartsBeforeTheAPIServer: a node may be up before its control plane, and stay up while that is away.
func TestDaemonStartsBeforeTheAPIServer(t *testing.T) {
	c := newCluster(t)
	c.policy(nil)
	r := c.room()
	door := newDoor(t, c.cp.RESTConfig().Host)
	r.host = "https://" + door.address
	d := r.launch("--health-probe-bind-address=127.0.0.1:0")
	away := d.awaitLines(t, "that the cluster cannot be seen", 1, unseen)[0]
	if !strings.Contains(away.text("err"), "connection refused") {
		t.Errorf("the log does not say why the cluster cannot be seen: %v", away)
	}
	if code := d.ready(); code != http.StatusInternalServerError {
		t.Errorf("/readyz answers %d before the cluster was seen", code)
	}
	door.open()
	d.await("Watching", 1)
	c.fail("a", v1alpha1.SeverityCritical, "a")
	d.announced(1)
	d.await("The cluster can be seen again", 1)
	if code := d.ready(); code != http.StatusOK {
		t.Errorf("/readyz answers %d", code)
	}
	door.close()
	d.awaitLines(t, "that the cluster cannot be seen", 2, unseen)
	if code := d.ready(); code != http.StatusInternalServerError {
		t.Errorf("/readyz answers %d while the API server is away", code)
	}
	d.stop() // also while it is away
}

// TestDaemonWaitsForItsRole: a DaemonSet may be applied before its role, or before Checky's kinds.
func TestDaemonWaitsForItsRole(t *testing.T) {
	c := newCluster(t)
	c.policy(nil)
	r := c.room()
	r.account = "alertd-of-" + c.namespace
	d := r.launch()
	away := d.awaitLines(t, "that the cluster cannot be seen", 1, unseen)[0]
	if text := away.text("err"); !strings.Contains(text, "list Namespace") || !strings.Contains(text, "forbidden") {
		t.Errorf("the log does not say what is forbidden: %s", text)
	}
	subjects := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: r.account, Namespace: system}}
	c.create(
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: r.account},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "checky-alertd"}, Subjects: subjects,
		},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: r.account, Namespace: system},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "checky-alertd"}, Subjects: subjects,
		},
	)
	c.fail("a", v1alpha1.SeverityCritical, "a")
	d.announced(1)
	d.stop()
}

// ready is what /readyz answers.
func (d *daemon) ready() int {
	d.t.Helper()
	serving := d.awaitLines(d.t, "where its health is served", 1, func(l line) bool { return l.text("what") == "health" })[0]
	request, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, "http://"+serving.text("address")+"/readyz", http.NoBody)
	if err != nil {
		d.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// door is an address that leads to the API server while it is open.
type door struct {
	t       *testing.T
	address string
	server  string

	mu       sync.Mutex
	listener net.Listener
	passing  []net.Conn
}

// newDoor makes one that is closed.
func newDoor(t *testing.T, server string) *door {
	t.Helper()
	to, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	d := &door{t: t, server: to.Host, address: "127.0.0.1:0"}
	d.open()
	d.address = d.listener.Addr().String()
	d.close()
	t.Cleanup(d.close)
	return d
}

func (d *door) open() {
	d.t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", d.address)
	if err != nil {
		d.t.Fatal(err)
	}
	d.mu.Lock()
	d.listener = listener
	d.mu.Unlock()
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			d.pass(in)
		}
	}()
}

func (d *door) pass(in net.Conn) {
	dialer := net.Dialer{Timeout: time.Minute}
	out, err := dialer.DialContext(context.Background(), "tcp", d.server)
	if err != nil {
		_ = in.Close()
		return
	}
	d.mu.Lock()
	d.passing = append(d.passing, in, out)
	d.mu.Unlock()
	for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
		go func() {
			_, _ = io.Copy(way[0], way[1]) // it ends when either side does
			_ = way[0].Close()
		}()
	}
}

// close closes it, and what passes.
func (d *door) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	_ = d.listener.Close() // it may be closed
	for _, c := range d.passing {
		_ = c.Close()
	}
	d.passing = nil
}

func TestDaemonSaysThatItsNodeIsNotThere(t *testing.T) {
	d := newCluster(t).room().start("--node-name=nowhere")
	if said := d.logged("There is no node of this name (--node-name); AlertPolicies with a nodeSelector do not hold here"); len(said) != 1 {
		t.Errorf("it says so %d times", len(said))
	}
	d.stop()
}

// TestWhatPlaysAtTheEndLeavesItsEvent: a daemon that is told to end while a tone plays finishes all that belongs to it.
func TestWhatPlaysAtTheEndLeavesItsEvent(t *testing.T) {
	c := newCluster(t)
	c.policy(nil)
	d := c.room().start()
	check := c.fail("a", v1alpha1.SeverityCritical, "a")
	for { // until it plays; or has played, on a machine that is too busy to see it
		begun, err := filepath.Glob(filepath.Join(d.recordings, "*"))
		if err != nil {
			t.Fatal(err)
		}
		if len(begun) > 0 {
			break
		}
		select {
		case <-d.done:
			t.Fatalf("the daemon ended: %v", d.err)
		case <-time.After(time.Millisecond):
		}
	}
	d.stop()
	if len(d.logged("Announced")) != 1 || len(c.events(check)) != 1 {
		t.Errorf("announced %d times, with the events %q", len(d.logged("Announced")), c.events(check))
	}
}
