package program

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
)

func TestProfilesAreForLoopbackAlone(t *testing.T) {
	for address, tc := range map[string]struct {
		reason string
		want   string
	}{
		"":                 {"it is off", ""},
		"127.0.0.1:6060":   {"a loopback address", ""},
		"127.8.9.1:0":      {"all of 127.0.0.0/8 is", ""},
		"[::1]:6060":       {"that of IPv6", ""},
		"localhost:6060":   {"its name", ""},
		":6060":            {"all interfaces", `--pprof: "" is not a loopback address`},
		"0.0.0.0:6060":     {"all interfaces", `--pprof: "0.0.0.0" is not a loopback address`},
		"[::]:6060":        {"all interfaces", `--pprof: "::" is not a loopback address`},
		"10.1.2.3:6060":    {"another machine reaches it", "give 127.0.0.1:PORT"},
		"checky.test:6060": {"a name may stand for anything", "is not a loopback address"},
		"127.0.0.1":        {"there is no port", "--pprof: expected HOST:PORT"},
	} {
		t.Run(address, func(t *testing.T) {
			err := (&profileOptions{Address: address}).Validate()
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: %v, want %q", tc.reason, err, tc.want)
			}
		})
	}
}

// TestProfiles asks a real server for each kind of profile, and once it has ended for none.
func TestProfiles(t *testing.T) {
	p, err := newProfiler(t.Context(), "127.0.0.1:0", logr.Discard())
	if err != nil {
		t.Fatal(err)
	}
	if got := runtime.SetMutexProfileFraction(-1); got != mutexFraction {
		t.Errorf("one in %d contended locks is recorded, want %d", got, mutexFraction)
	}
	for _, name := range []string{"heap", "goroutine", "allocs", "mutex", "block", "profile?seconds=1"} {
		body := get(t, p.url+name)
		reader, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if profile, err := io.ReadAll(reader); err != nil || len(profile) == 0 {
			t.Errorf("%s has %d bytes: %v", name, len(profile), err)
		}
	}
	if index := string(get(t, p.url)); !strings.Contains(index, "mutex") {
		t.Errorf("the index is %q", index)
	}
	p.stop()
	if response, err := http.Get(p.url); err == nil {
		_ = response.Body.Close()
		t.Error("it still serves once it is stopped")
	}
	if got := runtime.SetMutexProfileFraction(-1); got != 0 {
		t.Errorf("one in %d contended locks is recorded still", got)
	}
}

func get(t *testing.T, url string) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, response.Status, err)
	}
	return body
}

// nothing are options without a flag.
type nothing struct{}

func (nothing) BindFlags(*pflag.FlagSet) {}
func (nothing) Validate() error          { return nil }

// TestServerRefusesOpenProfiles: a server does not begin where its profiles would be open to others.
func TestServerRefusesOpenProfiles(t *testing.T) {
	command := Server(&cobra.Command{Use: "server"}, nothing{}, func(context.Context, *rest.Config) error {
		t.Error("it runs")
		return nil
	})
	var errOut bytes.Buffer
	code := Run(command, []string{"--pprof", ":6060"}, nil, io.Discard, &errOut)
	if code != ExitUsage || !strings.Contains(errOut.String(), "--pprof") {
		t.Errorf("exit code %d: %s", code, &errOut)
	}
}
