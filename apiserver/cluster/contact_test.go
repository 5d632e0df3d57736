package cluster

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"
)

// scripted is a contact whose API server answers what the test says.
type scripted struct {
	contact
	clock *clocktesting.FakeClock
	paths []string
	cuts  int
	next  error
}

func newScripted() *scripted {
	fake := clocktesting.NewFakeClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	s := &scripted{clock: fake}
	s.contact = contact{
		state: newFreshness(fake),
		clock: fake,
		log:   logr.Discard(),
		ask: func(_ context.Context, path string) error {
			s.paths = append(s.paths, path)
			return s.next
		},
		cut: func() { s.cuts++ },
	}
	return s
}

// seconds probes once a second with the same outcome.
func (s *scripted) seconds(t *testing.T, n int, outcome error) {
	t.Helper()
	s.next = outcome
	for range n {
		s.clock.Step(time.Second)
		s.probe(t.Context())
	}
}

var errRefused = errors.New("connect: connection refused")

func TestProbePaths(t *testing.T) {
	s := newScripted()
	s.seconds(t, 2, nil)
	s.seconds(t, 2, errRefused)
	s.seconds(t, 2, nil)
	want := []string{"readyz", "livez", "livez", "readyz", "readyz", "livez"}
	if diff := cmp.Diff(want, s.paths); diff != "" {
		t.Errorf("one that was away has to be ready (-want +got):\n%s", diff)
	}
}

func TestSilenceCutsConnections(t *testing.T) {
	seconds := int(silence / time.Second)
	s := newScripted()
	s.seconds(t, 1, nil)
	s.seconds(t, seconds-1, errRefused)
	if s.cuts != 0 || s.state.isLost() {
		t.Fatalf("cut %d times before the silence was long enough", s.cuts)
	}
	s.seconds(t, 1, errRefused)
	if s.cuts != 1 || !s.state.isLost() {
		t.Fatalf("cut %d times at the end of the silence, want 1", s.cuts)
	}
	s.seconds(t, seconds-1, errRefused)
	if s.cuts != 1 {
		t.Fatal("new connections were not given the time that the old ones had")
	}
	s.seconds(t, 1, errRefused)
	if s.cuts != 2 {
		t.Fatal("connections that hang as the old ones did were kept")
	}
	s.seconds(t, 1, nil)
	if _, away := s.state.away(); away || s.state.isLost() {
		t.Error("still away after an answer")
	}
}

func TestAnswersThatCutNothing(t *testing.T) {
	s := newScripted()
	s.seconds(t, 1, nil)
	s.seconds(t, 60, &answerError{code: http.StatusInternalServerError})
	if s.cuts != 0 {
		t.Error("a connection that brings an answer does not hang")
	}
	if _, away := s.state.away(); !away {
		t.Error("a server that says it is not well counts as reachable")
	}
}

func TestProbeThatIsEnded(t *testing.T) {
	s := newScripted()
	s.seconds(t, 1, nil)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	s.next = context.Canceled
	s.probe(ended)
	if _, away := s.state.away(); away {
		t.Error("the end of this process was taken for the API server's")
	}
}

func TestRunProbesEachSecond(t *testing.T) {
	s := newScripted()
	asked := make(chan struct{})
	s.ask = func(context.Context, string) error { asked <- struct{}{}; return nil }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.run(ctx)
	}()
	<-asked
	for range 3 {
		s.clock.Step(probeInterval)
		<-asked
	}
	cancel()
	<-ended
}

func TestProbeAnswers(t *testing.T) {
	cases := map[string]struct {
		reason string
		code   int
		good   bool
	}{
		"ok":           {reason: "it is well", code: 200, good: true},
		"denied":       {reason: "requests are served, if not this one", code: 403, good: true},
		"unknown user": {reason: "the same", code: 401, good: true},
		"no such path": {reason: "a proxy may not pass it on", code: 404, good: true},
		"overloaded":   {reason: "it would refuse other requests too", code: 429},
		"not well":     {reason: "its store is away, or it is starting", code: 500},
		"bad gateway":  {reason: "nobody is behind the proxy", code: 502},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var path string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				path = r.URL.Path
				w.WriteHeader(c.code)
			}))
			defer server.Close()
			ask, err := prober(&rest.Config{Host: server.URL + "/clusters/one"}, server.Client())
			if err != nil {
				t.Fatal(err)
			}
			err = ask(t.Context(), "livez")
			if (err == nil) != c.good {
				t.Errorf("%s: %v", c.reason, err)
			}
			if answer := (*answerError)(nil); err != nil && !errors.As(err, &answer) {
				t.Errorf("%T does not say that there was an answer", err)
			}
			if want := "/clusters/one/livez"; path != want {
				t.Errorf("asked for %s, want %s", path, want)
			}
		})
	}
}
