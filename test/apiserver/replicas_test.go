package apiserver_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/checky-dev/checky/apiserver"
)

// TestTwoReplicas does at one replica what has to hold at the other.
func TestTwoReplicas(t *testing.T) {
	office := startPostOffice(t)
	c := newCluster(t)
	c.apply(orders)
	a, b := c.start(office.use), c.start(office.use)

	const email = "two-replicas@example.com"
	if answer, text := a.do(http.MethodPost, "/auth/signup", "", credentials(email, password)); answer.StatusCode != http.StatusAccepted {
		t.Fatalf("sign up: %s %s", answer.Status, text)
	}
	session, _, status := b.logIn(email, password)
	if status != http.StatusOK {
		t.Fatalf("log in at the other: %d", status)
	}
	if !a.works(session) {
		t.Error("a session made at one is not known at the other")
	}
	issued := a.newToken(session, "pipeline")
	if !b.works(issued.Token) {
		t.Error("a token made at one is not known at the other")
	}
	u := a.as(email, issued.Token)
	id := u.idOf(t, goodOrder)
	if answer, _ := b.do(http.MethodGet, "/v1/status/"+id, issued.Token, ""); answer.StatusCode != http.StatusOK {
		t.Errorf("a check made at one, read at the other: %s", answer.Status)
	}

	rotated, _ := b.rotate(session, issued.TokenID, `{"grace_seconds": 0}`)
	eventually(t, "the old text has ended at the other", func() bool { return !a.works(issued.Token) })
	eventually(t, "the new text works at the other", func() bool { return a.works(rotated.Token) })
	a.do(http.MethodDelete, "/auth/tokens/"+issued.TokenID, session, "")
	eventually(t, "the deleted token has ended at the other", func() bool { return !b.works(rotated.Token) })

	token := a.requestReset(office, email)
	if answer, text := b.do(http.MethodPost, "/auth/password-reset/confirm", "", fmt.Sprintf(`{"token": %q, "password": %q}`, token, nextPassword)); answer.StatusCode != http.StatusNoContent {
		t.Fatalf("confirm at the other: %s %s", answer.Status, text)
	}
	if answer, _ := a.do(http.MethodPost, "/auth/password-reset/confirm", "", fmt.Sprintf(`{"token": %q, "password": %q}`, token, password)); answer.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("the link works at each replica once: %s", answer.Status)
	}
	eventually(t, "the session has ended at both", func() bool { return !a.works(session) && !b.works(session) })
	if _, _, status := a.logIn(email, password); status != http.StatusUnauthorized {
		t.Errorf("the old password at the other: %d", status)
	}
	session, _, status = a.logIn(email, nextPassword)
	if status != http.StatusOK {
		t.Fatalf("the new password at the other: %d", status)
	}
	if answer, text := b.do(http.MethodDelete, "/auth/account", session, ""); answer.StatusCode != http.StatusNoContent {
		t.Fatalf("delete: %s %s", answer.Status, text)
	}
	eventually(t, "the account has ended at the other", func() bool { return !a.works(session) })
	if n := c.count(); n != 0 {
		t.Errorf("%d Checks are left", n)
	}
}

// TestIdempotencyRace posts one request from many clients at two replicas at once: there is one Check, and all are told of it.
func TestIdempotencyRace(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	replicas := []*facade{c.start(), c.start()}
	u := replicas[0].newUser()
	if !replicas[1].works(u.token) {
		t.Fatal("the other replica does not know the user")
	}
	const clients = 32
	ids := make([]string, clients)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			answer, err := send(t.Context(), replicas[i%2].http, http.MethodPost, replicas[i%2].url+"/v1/check", u.token, byOrders(goodOrder),
				"Idempotency-Key", "one-of-many", "Prefer", "wait=60")
			switch {
			case err != nil:
				t.Error(err)
			case answer.status != http.StatusOK:
				t.Errorf("got %d %s", answer.status, answer.body)
			default:
				ids[i] = *answer.result().ID
			}
		})
	}
	wg.Wait()
	for _, id := range ids[1:] {
		if id != ids[0] {
			t.Errorf("got %s and %s", ids[0], id)
		}
	}
	if n := c.count(); n != 1 {
		t.Errorf("there are %d Checks", n)
	}
}

// policy is the limit that a replica says a token has.
func (f *facade) policy(token string) string {
	f.c.t.Helper()
	answer, _ := f.do(http.MethodGet, "/v1/checks", token, "")
	return answer.Header.Get("RateLimit-Policy")
}

// TestSharedLimit has two ready endpoints in the facade's Service: each replica gives half of the limit, and all of it once it
// is alone.
func TestSharedLimit(t *testing.T) {
	c := newCluster(t)
	service := "checky-apiserver-" + c.namespace
	limited := func(o *apiserver.Options) { o.PerMinute, o.Service = 1000, service }
	a, b := c.start(limited), c.start(limited)
	u := a.newUser()
	c.create(&corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: service},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 443}}},
	})
	ready := true
	endpoint := func(ip string) discoveryv1.Endpoint {
		return discoveryv1.Endpoint{Addresses: []string{ip}, Conditions: discoveryv1.EndpointConditions{Ready: &ready}}
	}
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: system, Name: service, Labels: map[string]string{discoveryv1.LabelServiceName: service}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints:   []discoveryv1.Endpoint{endpoint("10.0.0.1"), endpoint("10.0.0.2")},
	}
	c.create(slice)
	for _, f := range []*facade{a, b} {
		eventually(t, "each gives half", func() bool { return f.policy(u.token) == `"token";q=500;w=60` })
	}
	slice.Endpoints = slice.Endpoints[:1]
	if err := c.Update(t.Context(), slice); err != nil {
		t.Fatal(err)
	}
	for _, f := range []*facade{a, b} {
		eventually(t, "the one that is left gives all", func() bool { return f.policy(u.token) == `"token";q=1000;w=60` })
	}
}

// startRedis starts a real server on a Unix socket, and gives its URL.
func startRedis(t testing.TB) string {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is not in PATH: install it, on Debian and Ubuntu with: apt-get install redis-server")
	}
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	var output bytes.Buffer
	server := exec.Command(binary, "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", dir)
	server.Stdout, server.Stderr = &output, &output
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: socket})
	defer client.Close()
	eventually(t, "redis-server answers", func() bool { return client.Ping(t.Context()).Err() == nil })
	return "unix://" + socket
}

// TestExactLimit counts by one Redis at two replicas: what one has let through, the other has not got any more.
func TestExactLimit(t *testing.T) {
	url := startRedis(t)
	c := newCluster(t)
	limited := func(o *apiserver.Options) { o.PerMinute, o.RedisURL = 6, url }
	replicas := []*facade{c.start(limited), c.start(limited)}
	u := replicas[0].newUser()
	// A replica that Redis answers too slowly for counts by itself for a while. On a busy machine that happens: then it is
	// begun again, by a session of its own, which has all of its limit.
	eventually(t, "both count as one", func() bool {
		session, _, _ := replicas[0].logIn(u.email, password)
		var remaining []string
		for i := range 7 {
			answer, _ := replicas[i%2].do(http.MethodGet, "/v1/checks", session, "")
			left, _, _ := strings.Cut(strings.TrimPrefix(answer.Header.Get("RateLimit"), `"token";`), ";")
			remaining = append(remaining, fmt.Sprint(answer.StatusCode, " ", left))
		}
		diff := cmp.Diff([]string{"200 r=5", "200 r=4", "200 r=3", "200 r=2", "200 r=1", "200 r=0", "429 r=0"}, remaining)
		if diff != "" {
			t.Logf("-want +got, once more:\n%s", diff)
		}
		return diff == ""
	})
}
