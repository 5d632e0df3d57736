package mutant

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/checky-dev/checky/test/chaos/plan"
)

func TestEveryMutantIsComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range All() {
		if seen[m.Name] || m.What == "" || m.Rule == "" || m.Twist == nil {
			t.Errorf("%s: %+v", m.Name, m)
		}
		seen[m.Name] = true
		twist := m.Twist()
		if twist.API == nil && twist.Facade == nil && twist.Start == nil {
			t.Errorf("%s does nothing", m.Name)
		}
	}
}

// facade is one that answers each request with what it got.
func facade(t *testing.T) string {
	t.Helper()
	count := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		count++
		w.Header().Set("Key", r.Header.Get("Idempotency-Key"))
		w.Header().Set("Count", string(rune('0'+count)))
		w.WriteHeader(http.StatusOK)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// through sends a request to a facade behind a mutant.
func through(t *testing.T, address, method, path string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Idempotency-Key", "k")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer
}

func TestFacadesThatMisbehave(t *testing.T) {
	twist := func(name string) string {
		for _, m := range All() {
			if m.Name == name {
				address, err := m.Twist().Facade(plan.Facade0, facade(t))
				if err != nil {
					t.Fatal(err)
				}
				return address
			}
		}
		t.Fatal(name)
		return ""
	}
	keys := ""
	forgets := twist("twin")
	for range 6 {
		keys += through(t, forgets, http.MethodPost, "/v1/check").Header.Get("Key") + "."
	}
	if keys != "k.k..k.k.." {
		t.Errorf("twin passes on the keys %s", keys)
	}
	counts := ""
	ages := twist("backwards")
	for range 4 {
		counts += through(t, ages, http.MethodGet, "/v1/status/a").Header.Get("Count")
	}
	if counts != "1213" {
		t.Errorf("backwards answers %s", counts)
	}
	forgives := twist("immortal")
	if a := through(t, forgives, http.MethodDelete, "/auth/tokens/t"); a.StatusCode != http.StatusNoContent || a.Header.Get("Count") != "" {
		t.Errorf("immortal passed the revocation on: %s", a.Status)
	}
}

// TestRewritten has a server that answers with no more than metadata where that is what it is asked for, as the API server does.
func TestRewritten(t *testing.T) {
	var written []map[string]any
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		object, err := decode(r.Body)
		if err != nil {
			t.Error(err)
		}
		written = append(written, object)
		if strings.Contains(r.Header.Get("Accept"), "PartialObjectMetadata") {
			object = map[string]any{"kind": "PartialObjectMetadata"}
		}
		answer(w, http.StatusOK, object)
	}))
	t.Cleanup(server.Close)
	address, authority, err := rewritten().API(plan.Controller0, &rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	client, err := rest.HTTPClientFor(&rest.Config{Host: "https://" + address, TLSClientConfig: rest.TLSClientConfig{CAData: authority}})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "https://"+address+"/apis/checky.dev/v1alpha1/namespaces/default/checks/a/status",
			strings.NewReader(`{"metadata":{"name":"a"},"status":{"phase":"Failure","completionTime":"2000-01-01T00:00:00Z"}}`))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json")
		got, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = got.Body.Close()
		if got.StatusCode != http.StatusOK {
			t.Errorf("it answers %s", got.Status)
		}
	}
	if len(written) != 6 {
		t.Fatalf("5 writes are %d", len(written))
	}
	first, second := written[4], written[5]
	for _, path := range [][]string{{"metadata", "name"}, {"status", "phase"}} {
		if got, want := get(second, path...), get(first, path...); got != want {
			t.Errorf("%v is written again as %v, and was %v", path, got, want)
		}
	}
	if get(first, "status", "completionTime") == get(second, "status", "completionTime") {
		t.Error("the same is written again")
	}
}

func TestMute(t *testing.T) {
	filtered := func(query, body string) string {
		answer := &http.Response{
			StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)),
			Request: &http.Request{URL: &url.URL{Path: "/apis/checky.dev/v1alpha1/checks", RawQuery: query}},
		}
		if err := filter(answer, func(object map[string]any) bool { return get(object, "metadata", "uid") == "b" }); err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(bytes.TrimSpace(text))
	}
	if got, want := filtered("", `{"items":[{"metadata":{"uid":"a"}},{"metadata":{"uid":"b"}}]}`), `{"items":[{"metadata":{"uid":"a"}}]}`; got != want {
		t.Errorf("a list: %s", got)
	}
	event := func(uid string) string { return `{"type":"ADDED","object":{"metadata":{"uid":"` + uid + `"}}}` }
	if got, want := filtered("watch=true", event("a")+"\n"+event("b")+"\n"+event("c")+"\n"), event("a")+"\n"+event("c"); got != want {
		t.Errorf("a watch: %s", got)
	}
}

func TestExcuse(t *testing.T) {
	for text, want := range map[string]string{
		`{"status":{"batch":{"items":[{"phase":"Failure"},{"phase":"Failure"}]},"phase":"Failure"}}`: `{"status":{"batch":{"items":[{"phase":"Success"},{"phase":"Failure"}]},"phase":"Failure"}}`,
		`{"status":{"batch":{"items":[{"phase":"Error"}]},"phase":"Error"}}`:                         `{"status":{"batch":{"items":[{"phase":"Error"}]},"phase":"Error"}}`,
		`{"status":{"phase":"Failure"}}`:                                                             `{"status":{"phase":"Failure"}}`,
	} {
		object, err := decode(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		excuse(object)
		if got, err := json.Marshal(object); err != nil || string(got) != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
}

func TestStarts(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state", "journal.db")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	forgets := forgetful()
	for start, there := range []bool{1: true, 2: false} {
		if start == 0 {
			continue
		}
		if err := forgets.Start(plan.Alertd, start, dir, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); (err == nil) != there {
			t.Errorf("start %d: %v", start, err)
		}
	}
	leaks := leaking()
	for start, want := range map[int]int{1: 0, 2: leakedPerStart} {
		cmd := &exec.Cmd{}
		if err := leaks.Start(plan.Facade0, start, dir, cmd); err != nil || len(cmd.ExtraFiles) != want {
			t.Errorf("start %d: %d descriptors, %v", start, len(cmd.ExtraFiles), err)
		}
		for _, file := range cmd.ExtraFiles {
			_ = file.Close()
		}
	}
}
