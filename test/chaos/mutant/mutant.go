package mutant

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"

	"github.com/checky-dev/checky/test/chaos/cluster"
	"github.com/checky-dev/checky/test/chaos/plan"
)

// Mutant is a deliberate bug.
type Mutant struct {
	Name string
	// What is the bug, as one would report it.
	What string
	// Rule is the rule that is to find it, of package check.
	Rule string
	// Faults are what has to happen for the bug to show.
	Faults []plan.Fault
	// Twist puts it into a cluster. It is for one run.
	Twist func() cluster.Twist
}

// All are the deliberate bugs.
func All() []Mutant {
	restart := func(target string) []plan.Fault {
		return []plan.Fault{{ID: 1, Kind: plan.Kill, Target: target, At: 25 * time.Second, For: 2 * time.Second}}
	}
	return []Mutant{
		{Name: "lost", What: "a facade acknowledges a check that it has not stored", Rule: "lost", Twist: lost},
		{Name: "twin", What: "a facade forgets an idempotency key", Rule: "keys", Twist: twin},
		{Name: "flipped", What: "a controller writes Success where the verdict is Failure", Rule: "verdict", Twist: flipped},
		{Name: "excused", What: "a controller writes Success for the worst payload of a batch", Rule: "verdict", Twist: excused},
		{Name: "rewritten", What: "a controller writes a verdict twice", Rule: "verdict", Twist: rewritten},
		{Name: "immortal", What: "a facade acknowledges that a token is revoked, and does not revoke it", Rule: "tokens", Twist: immortal},
		{Name: "backwards", What: "a facade answers a read with what it answered first", Rule: "reads", Twist: backwards},
		{Name: "mute", What: "the alert daemon overlooks failures", Rule: "alerts", Twist: mute},
		{Name: "forgetful", What: "the alert daemon forgets at a restart what it has announced", Rule: "alerts", Faults: restart(plan.Alertd), Twist: forgetful},
		{Name: "leaking", What: "a facade holds descriptors that it does not need", Rule: "machine", Faults: restart(plan.Facade0), Twist: leaking},
	}
}

// every is true at each so manieth call.
func every(n int64) func() bool {
	var calls atomic.Int64
	return func() bool { return calls.Add(1)%n == 0 }
}

// atAPI puts a handler between some processes, by the beginning of their names, and the API server.
func atAPI(processes string, bug func(next http.Handler) http.Handler, answers func(*http.Response) error) cluster.Twist {
	return cluster.Twist{API: func(process string, api *rest.Config) (string, []byte, error) {
		if !strings.HasPrefix(process, processes) {
			return "", nil, nil
		}
		return betweenAPI(api, bug, answers)
	}}
}

// atFacades puts a handler between clients and facades.
func atFacades(bug func(next http.Handler) http.Handler) cluster.Twist {
	return cluster.Twist{Facade: func(_, address string) (string, error) { return betweenFacade(address, bug) }}
}

func lost() cluster.Twist {
	now := every(7)
	return atAPI("facade", func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/checks") || !now() {
				next.ServeHTTP(w, r)
				return
			}
			object, err := decode(r.Body)
			if err != nil {
				next.ServeHTTP(w, r)
				return
			}
			set(object, fmt.Sprintf("00000000-0000-4000-8000-%012d", time.Now().UnixNano()%1e12), "metadata", "uid")
			set(object, "1", "metadata", "resourceVersion")
			set(object, float64(1), "metadata", "generation")
			set(object, time.Now().UTC().Format(time.RFC3339), "metadata", "creationTimestamp")
			answer(w, http.StatusCreated, object)
		})
	}, nil)
}

func twin() cluster.Twist {
	now := every(3)
	return atFacades(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && now() {
				r.Header.Del("Idempotency-Key")
			}
			next.ServeHTTP(w, r)
		})
	})
}

// ofStatus is whether a request writes a Check's status.
func ofStatus(r *http.Request) bool {
	return r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/checks/") && strings.HasSuffix(r.URL.Path, "/status")
}

func flipped() cluster.Twist {
	now := every(5)
	return atAPI("controller", func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if ofStatus(r) {
				if object, err := decode(r.Body); err == nil {
					if get(object, "status", "phase") == "Failure" && now() {
						set(object, "Success", "status", "phase")
					}
					replace(r, object)
				}
			}
			next.ServeHTTP(w, r)
		})
	}, nil)
}

func excused() cluster.Twist {
	return atAPI("controller", func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if ofStatus(r) {
				if object, err := decode(r.Body); err == nil {
					excuse(object)
					replace(r, object)
				}
			}
			next.ServeHTTP(w, r)
		})
	}, nil)
}

// excuse flips the verdict of the first payload of those that a batch's status shows, and nothing else.
func excuse(check map[string]any) {
	items, _ := get(check, "status", "batch", "items").([]any)
	if len(items) == 0 {
		return
	}
	if worst, ok := items[0].(map[string]any); ok && worst["phase"] == "Failure" {
		worst["phase"] = "Success"
	}
}

func rewritten() cluster.Twist {
	now := every(5)
	return atAPI("controller", func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !ofStatus(r) || !now() {
				next.ServeHTTP(w, r)
				return
			}
			accept := r.Header.Get("Accept")
			r.Header.Set("Accept", "application/json") // a controller asks for no more than metadata, and the second write is of all
			first := &recorder{header: http.Header{}}
			next.ServeHTTP(first, r)
			r.Header.Set("Accept", accept)
			object, err := decode(&first.body)
			if first.code != http.StatusOK || err != nil {
				http.Error(w, "the first of two writes failed", http.StatusInternalServerError)
				return
			}
			set(object, time.Now().UTC().Add(time.Second).Format(time.RFC3339), "status", "completionTime")
			replace(r, object)
			next.ServeHTTP(w, r)
		})
	}, nil)
}

func immortal() cluster.Twist {
	return atFacades(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodDelete && strings.HasPrefix(r.URL.Path, "/auth/tokens/") {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
}

func backwards() cluster.Twist {
	var mu sync.Mutex
	kept := map[string]*recorder{} // the first answers, by path
	now := every(2)
	return atFacades(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet || !strings.HasPrefix(r.URL.Path, "/v1/status/") {
				next.ServeHTTP(w, r)
				return
			}
			mu.Lock()
			first := kept[r.URL.Path]
			mu.Unlock()
			if first == nil || !now() {
				fresh := &recorder{header: http.Header{}}
				next.ServeHTTP(fresh, r)
				mu.Lock()
				if kept[r.URL.Path] == nil && fresh.code == http.StatusOK {
					kept[r.URL.Path] = &recorder{header: fresh.header.Clone(), code: fresh.code, body: *bytes.NewBuffer(bytes.Clone(fresh.body.Bytes()))}
				}
				mu.Unlock()
				fresh.play(w)
				return
			}
			first.play(w)
		})
	})
}

func mute() cluster.Twist {
	overlooked := func(object map[string]any) bool {
		uid, _ := get(object, "metadata", "uid").(string)
		return uid != "" && uid[len(uid)-1]%2 == 0
	}
	return atAPI("alertd", nil, func(answer *http.Response) error { return filter(answer, overlooked) })
}

func forgetful() cluster.Twist {
	return cluster.Twist{Start: func(process string, start int, dir string, _ *exec.Cmd) error {
		if process != plan.Alertd || start < 2 {
			return nil
		}
		return os.Remove(filepath.Join(dir, "state", "journal.db"))
	}}
}

// leakedPerStart is how many descriptors a leaking process has too many, for each time that it was started.
const leakedPerStart = 64

func leaking() cluster.Twist {
	return cluster.Twist{Start: func(process string, start int, _ string, cmd *exec.Cmd) error {
		if process != plan.Facade0 {
			return nil
		}
		for range leakedPerStart * (start - 1) {
			file, err := os.Open(os.DevNull)
			if err != nil {
				return err
			}
			cmd.ExtraFiles = append(cmd.ExtraFiles, file)
		}
		return nil
	}}
}
