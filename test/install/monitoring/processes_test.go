package monitoring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"

	"github.com/checky-dev/checky/cmd/checky/controlplane"
	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
)

func TestMain(m *testing.M) { controlplanetest.Main(m) }

const (
	// patience is how long a test waits for what should take moments, on a busy machine.
	patience = 2 * time.Minute
	between  = 50 * time.Millisecond
)

// command is one of Checky's, running as a process of its own.
type command struct {
	t       *testing.T
	metrics string // where they are served
	log     string // the file with what it says
}

// start runs a command, as an administrator, until the test ends. Its metrics are served in the clear, at a port of their own.
func start(t *testing.T, binary, config string, environment []string, args ...string) *command {
	t.Helper()
	c := &command{t: t, metrics: free(t), log: filepath.Join(t.TempDir(), "log")}
	log, err := os.Create(c.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	// It outlives the test's context, so that it is stopped in order.
	process := exec.CommandContext(context.WithoutCancel(t.Context()), controlplanetest.Build(t, binary), append(args, "--metrics-bind-address="+c.metrics)...)
	process.Env = append(append(os.Environ(), "KUBECONFIG="+config), environment...)
	process.Stdout, process.Stderr = log, log
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := process.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Error(err)
		}
		_ = process.Wait() // how it ends is no matter here
		if t.Failed() {
			said, _ := os.ReadFile(c.log)
			t.Logf("%s said:\n%.4000s", args[0], said)
		}
	})
	return c
}

// free is an address that nobody listens at.
func free(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// port is one that nobody listens at.
func port(t *testing.T) string {
	t.Helper()
	_, port, err := net.SplitHostPort(free(t))
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// kubeconfig writes a file that leads to a cluster.
func kubeconfig(t *testing.T, cluster *rest.Config) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := controlplane.WriteKubeconfig(file, cluster, "test"); err != nil {
		t.Fatal(err)
	}
	return file
}

// scrape waits until a command serves its metrics, and until they satisfy.
func (c *command) scrape(satisfy func(map[string]*dto.MetricFamily) bool) map[string]*dto.MetricFamily {
	c.t.Helper()
	return scrape(c.t, http.DefaultClient, "http://"+c.metrics+"/metrics", satisfy)
}

func scrape(t *testing.T, client *http.Client, url string, satisfy func(map[string]*dto.MetricFamily) bool) (families map[string]*dto.MetricFamily) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), between, patience, true, func(ctx context.Context) (bool, error) {
		text, err := get(ctx, client, url)
		if err != nil {
			return false, nil
		}
		defer text.Close()
		parser := expfmt.NewTextParser(model.LegacyValidation)
		families, err = parser.TextToMetricFamilies(text)
		return err == nil && satisfy(families), err
	})
	if err != nil {
		t.Fatalf("scrape %s: %v", url, err)
	}
	return families
}

// get asks for a page that is there.
func get(ctx context.Context, client *http.Client, url string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("%s: %s", url, answer.Status), answer.Body.Close())
	}
	return answer.Body, nil
}

// value is the sum of a family's series that have a label's value; any, where the label is empty.
func value(f *dto.MetricFamily, label, want string) (sum float64) {
	for _, m := range f.GetMetric() {
		found := label == ""
		for _, l := range m.GetLabel() {
			found = found || l.GetName() == label && l.GetValue() == want
		}
		if found {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}
