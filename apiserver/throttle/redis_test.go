package throttle

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	clocktesting "k8s.io/utils/clock/testing"
)

// patience is how long a test waits for what should take moments.
const patience = time.Minute

// server is a real redis-server on a Unix socket, that can be killed and started again.
type server struct {
	t      *testing.T
	path   string
	binary string
	dir    string
	cmd    *exec.Cmd
	output bytes.Buffer
}

func startRedis(t *testing.T) *server {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is not in PATH: install it, on Debian and Ubuntu with: apt-get install redis-server")
	}
	dir := t.TempDir()
	s := &server{t: t, binary: binary, dir: dir, path: filepath.Join(dir, "s")}
	t.Cleanup(s.kill)
	s.start()
	return s
}

// start starts the server and waits until it answers.
func (s *server) start() {
	s.t.Helper()
	s.cmd = exec.Command(s.binary, "--port", "0", "--unixsocket", s.path, "--save", "", "--appendonly", "no", "--dir", s.dir)
	s.cmd.Stdout, s.cmd.Stderr = &s.output, &s.output
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: s.path})
	defer client.Close()
	for deadline := time.Now().Add(patience); client.Ping(s.t.Context()).Err() != nil; {
		if time.Now().After(deadline) {
			s.kill()
			s.t.Fatalf("redis-server does not answer:\n%s", s.output.String())
		}
	}
}

// kill ends the server without a word to anybody, and waits until it is gone.
func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

func (s *server) signal(signal syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
}

// replica is a Redis limiter with all that it reports to.
type replica struct {
	*Redis
	clock    *clocktesting.FakePassiveClock
	registry *prometheus.Registry
	mu       sync.Mutex
	lines    []string
}

func (s *server) replica(fallback Limiter) *replica {
	s.t.Helper()
	client, err := OpenRedis("unix://" + s.path)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.replicaOf(client, fallback)
}

// patientReplica has no fallback, and waits for Redis as long as it takes on a machine that is busy elsewhere.
func (s *server) patientReplica() *replica {
	s.t.Helper()
	r := s.replicaOf(redis.NewClient(&redis.Options{Network: "unix", Addr: s.path}), nil)
	r.timeout = patience
	return r
}

func (s *server) replicaOf(client *redis.Client, fallback Limiter) *replica {
	s.t.Helper()
	s.t.Cleanup(func() { client.Close() })
	r := &replica{clock: clocktesting.NewFakePassiveClock(epoch), registry: prometheus.NewRegistry()}
	var err error
	log := funcr.New(func(_, line string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.lines = append(r.lines, line)
	}, funcr.Options{})
	if r.Redis, err = NewRedis(client, fallback, RedisOptions{Log: log, Registerer: r.registry, Clock: r.clock}); err != nil {
		s.t.Fatal(err)
	}
	return r
}

func (r *replica) fallbackCount(t *testing.T) int {
	t.Helper()
	return int(samples(t, r.registry)["checky_apiserver_redis_fallback_total"])
}

// logged are the messages so far.
func (r *replica) logged() (messages []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, line := range r.lines {
		_, after, _ := strings.Cut(line, `"msg"="`)
		message, _, _ := strings.Cut(after, `:`)
		messages = append(messages, message)
	}
	return messages
}

// TestRedisAcrossReplicas asks three replicas for one key at the same time: together they let the limit through, and
// what comes back with time.
func TestRedisAcrossReplicas(t *testing.T) {
	const limit = 30 // one each 2 s
	s := startRedis(t)
	var allowed, refused atomic.Int64
	var wg sync.WaitGroup
	replicas := []*replica{s.patientReplica(), s.patientReplica(), s.patientReplica()}
	began := time.Now()
	for i := range 3 * limit {
		wg.Go(func() {
			d := replicas[i%3].Allow(t.Context(), "key", limit)
			switch {
			case d.Limit != limit || d.Remaining < 0 || d.Remaining >= limit || d.Reset <= 0 || d.Reset > Window+time.Second:
				t.Errorf("decision out of bounds: %+v", d)
			case d.Allowed != (d.RetryAfter == 0):
				t.Errorf("allowed and when to retry disagree: %+v", d)
			case d.Allowed:
				allowed.Add(1)
			default:
				refused.Add(1)
			}
		})
	}
	wg.Wait()
	if most := int64(limit + 1 + time.Since(began)/(Window/limit)); allowed.Load() > most || refused.Load() == 0 {
		t.Errorf("%d were allowed and %d refused, of a limit of %d", allowed.Load(), refused.Load(), limit)
	}
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: s.path})
	defer client.Close()
	keys, err := client.Keys(t.Context(), "*").Result()
	if diff := cmp.Diff([]string{"rate:checky:key"}, keys); err != nil || diff != "" {
		t.Errorf("keys in Redis: %v (-want +got):\n%s", err, diff)
	}
}

// TestRedisPolicy holds that Redis and a Local decide alike.
func TestRedisPolicy(t *testing.T) {
	r := startRedis(t).patientReplica()
	local := NewLocal(nil, clocktesting.NewFakePassiveClock(epoch), 0)
	for i := range 6 {
		want := local.Allow(t.Context(), "key", 5)
		got := r.Allow(t.Context(), "key", 5)
		// Redis has a clock of its own, which may have gone on by some seconds at most before something shows.
		if got.Allowed != want.Allowed || got.Limit != want.Limit || got.Remaining != want.Remaining ||
			got.Reset > want.Reset+time.Second || got.RetryAfter > want.RetryAfter+time.Second {
			t.Errorf("request %d: Redis %+v, Local %+v", i, got, want)
		}
	}
}

// TestRedisAway kills Redis and starts it again, stops it without killing it and lets it go on.
func TestRedisAway(t *testing.T) {
	const away, back = "Redis is away", "Redis is back"
	s := startRedis(t)
	local := NewLocal(replicas(3), clocktesting.NewFakePassiveClock(epoch), 0)
	r := s.replica(local)
	// byRedis tells who decided: the limit of the answer is the whole one, or this replica's third of it.
	byRedis := func() bool {
		d := r.Allow(t.Context(), "key", 900)
		if d.Limit != 900 && d.Limit != 300 {
			t.Errorf("decision with a limit of %d", d.Limit)
		}
		return d.Limit == 900
	}
	// A decision waits for 50 ms only, which a machine that is busy elsewhere may take: so it is tried again, as it
	// would be.
	untilBack := func() {
		t.Helper()
		for deadline := time.Now().Add(patience); !byRedis(); r.clock.SetTime(r.clock.Now().Add(RedisCooldown)) {
			if time.Now().After(deadline) {
				t.Fatal("Redis is not asked again")
			}
		}
	}
	untilBack()
	r.mu.Lock()
	r.lines = nil
	r.mu.Unlock()

	for name, fault := range map[string]struct{ begin, end func() }{
		"Killed":  {s.kill, s.start},
		"Stopped": {func() { s.signal(syscall.SIGSTOP) }, func() { s.signal(syscall.SIGCONT) }},
	} {
		t.Run(name, func(t *testing.T) {
			before := r.fallbackCount(t)
			fault.begin()
			for range 10 {
				if byRedis() {
					t.Error("Redis decided while it was away")
				}
			}
			if n := r.fallbackCount(t) - before; n != 10 {
				t.Errorf("%d decisions were counted as local, not 10", n)
			}
			r.clock.SetTime(r.clock.Now().Add(RedisCooldown)) // for one probe, which fails too
			for range 2 {
				if byRedis() {
					t.Error("Redis decided while it was away")
				}
			}
			fault.end()
			if byRedis() {
				t.Error("Redis was asked before the breaker's time was up")
			}
			r.clock.SetTime(r.clock.Now().Add(RedisCooldown))
			untilBack()
		})
	}
	if diff := cmp.Diff([]string{away, back, away, back}, r.logged()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// TestRedisRefusesCalls is a Redis that answers, but not the question.
func TestRedisRefusesCalls(t *testing.T) {
	s := startRedis(t)
	r := s.replica(NewLocal(replicas(3), clocktesting.NewFakePassiveClock(epoch), 0))
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: s.path})
	defer client.Close()
	if err := client.ConfigSet(t.Context(), "requirepass", "a password that the facade was not told").Err(); err != nil {
		t.Fatal(err)
	}
	if d := r.Allow(t.Context(), "key", 900); d.Limit != 300 || !d.Allowed {
		t.Errorf("decision: %+v", d)
	}
	if n := r.fallbackCount(t); n != 1 {
		t.Errorf("%d decisions were counted as local", n)
	}
}

func TestOpenRedis(t *testing.T) {
	for name, url := range map[string]string{
		"NoURL": "localhost:6379", "OtherScheme": "http://user:hunter2@localhost", "BadPort": "redis://user:hunter2@localhost:port",
		"BadOption": "redis://user:hunter2@localhost?hunter2=1", "ControlCharacter": "redis://user:hunter2@local\nhost",
	} {
		_, err := OpenRedis(url)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	client, err := OpenRedis("rediss://user:hunter2@redis.example:6380/3")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if o := client.Options(); o.Addr != "redis.example:6380" || o.DB != 3 || o.TLSConfig == nil || !o.ContextTimeoutEnabled || o.MaxRetries != 0 {
		t.Errorf("options: %s, %d, TLS %v", o.Addr, o.DB, o.TLSConfig != nil)
	}
}

// TestBreaker walks through its states.
func TestBreaker(t *testing.T) {
	clk := clocktesting.NewFakePassiveClock(epoch)
	b := &breaker{clock: clk, cooldown: time.Second}
	want := func(what string, call, probe bool) {
		t.Helper()
		if c, p := b.enter(); c != call || p != probe {
			t.Errorf("%s: call %v, probe %v", what, c, p)
		}
	}
	left := func(what string, probe, failed, changed bool) {
		t.Helper()
		if c := b.leave(probe, failed); c != changed {
			t.Errorf("%s: changed %v", what, c)
		}
	}
	want("closed", true, false)
	want("closed, a second call", true, false)
	left("a call fails", false, true, true)
	left("a call that began before fails too", false, true, false)
	want("open", false, false)
	left("a call that began before succeeds", false, false, false)
	want("still open", false, false)
	clk.SetTime(epoch.Add(time.Second))
	want("after the cooldown", true, true)
	want("while the probe is under way", false, false)
	left("the probe fails", true, true, false)
	want("open for another cooldown", false, false)
	clk.SetTime(epoch.Add(2 * time.Second))
	want("after another cooldown", true, true)
	left("the probe succeeds", true, false, true)
	want("closed again", true, false)
	left("a call succeeds", false, false, false)
}

// BenchmarkRedisAway is a decision while the breaker is open: what a dead Redis costs.
func BenchmarkRedisAway(b *testing.B) {
	client, err := OpenRedis("unix://" + filepath.Join(b.TempDir(), "nobody"))
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	r, err := NewRedis(client, NewLocal(nil, nil, 0), RedisOptions{Clock: clocktesting.NewFakePassiveClock(epoch)})
	if err != nil {
		b.Fatal(err)
	}
	r.Allow(b.Context(), "key", DefaultPerMinute)
	b.ReportAllocs()
	for b.Loop() {
		r.Allow(b.Context(), "key", DefaultPerMinute)
	}
}
