package operator_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// traffic is what an operator asks of the API server, and what it is answered.
type traffic struct {
	next http.RoundTripper

	mu     sync.Mutex
	within map[string]map[string]int // answered calls, by namespace and "VERB RESOURCE", with /status for one of that
	failed map[string]int            // calls without an answer, by the same but the namespace
}

func (tr *traffic) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := tr.next.RoundTrip(r)
	call := r.Method + " " + resourceOf(r.URL.Path)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if err != nil {
		tr.failed[call]++
		return response, err
	}
	namespace := namespaceOf(r.URL.Path)
	if tr.within[namespace] == nil {
		tr.within[namespace] = map[string]int{}
	}
	if response.StatusCode == http.StatusConflict {
		call += ", a conflict"
	}
	tr.within[namespace][call]++
	return response, nil
}

// namespaceOf is the namespace that a path is within; empty: none.
func namespaceOf(path string) string {
	_, rest, _ := strings.Cut(path, "/namespaces/")
	namespace, _, _ := strings.Cut(rest, "/")
	return namespace
}

// resourceOf is the resource that a path is about: /apis/GROUP/VERSION[/namespaces/NAMESPACE]/RESOURCE[/NAME[/SUBRESOURCE]].
func resourceOf(path string) string {
	parts := strings.Split(strings.TrimPrefix(strings.TrimPrefix(path, "/apis/"), "/api/"), "/")
	if strings.HasPrefix(path, "/apis/") && len(parts) > 1 {
		parts = parts[1:]
	}
	parts = parts[1:]
	if len(parts) > 2 && parts[0] == "namespaces" {
		parts = parts[2:]
	}
	switch len(parts) {
	case 0:
		return path
	case 3:
		return parts[0] + "/" + parts[2]
	default:
		return parts[0]
	}
}

func (tr *traffic) unanswered(call string) int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.failed[call]
}

// in are the calls within a namespace: what other tests have left elsewhere is looked after, too.
func (tr *traffic) in(namespace string) map[string]int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return maps.Clone(tr.within[namespace])
}

// startCounted runs an operator whose traffic is counted.
func (c *cluster) startCounted() (*operator, *traffic) {
	c.t.Helper()
	tr := &traffic{within: map[string]map[string]int{}, failed: map[string]int{}}
	config := c.operatorConfig()
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		tr.next = next
		return tr
	})
	return c.startAs(config, testOptions()), tr
}

// until waits for a condition.
func (c *cluster) until(what string, done func() bool) {
	c.t.Helper()
	err := wait.PollUntilContextTimeout(c.t.Context(), 20*time.Millisecond, patience, true, func(context.Context) (bool, error) { return done(), nil })
	if err != nil {
		c.t.Fatalf("%s: %v", what, err)
	}
}

// compiled waits until the operator knows a rule set.
func (c *cluster) compiled(name string) {
	c.t.Helper()
	eventually(c, &v1alpha1.RuleSet{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: name}}, "its rules are compiled", func(s *v1alpha1.RuleSet) bool {
		return s.Status.ObservedGeneration == s.Generation && s.Status.RuleCount > 0
	})
}

// maxEvents is how many Events of one namespace there are one by one: package flood's burst, and what may be made in the meantime.
const maxEvents = 40

// TestOneWriteACheck counts what an operator writes: a status for each Check, and nothing else for it. What is bad is told in Events, of which
// a flood has few.
func TestOneWriteACheck(t *testing.T) {
	const checks = 200
	c := newCluster(t)
	_, tr := c.startCounted()
	c.apply(orders)
	c.compiled("orders") // a Check that comes before its rules says that it waits
	for i := range checks {
		c.apply(checkYAML(fmt.Sprintf("n-%03d", i), `{input: {amount: 99999, customer: x}, ruleSets: [{name: orders}]}`))
	}
	for i := range checks {
		c.verdict(fmt.Sprintf("n-%03d", i), v1alpha1.PhaseFailure)
	}
	// A verdict can be seen before whoever wrote it has read the answer.
	c.until("all answers are counted", func() bool { return tr.in(c.namespace)["PUT checks/status"] >= checks })
	calls := tr.in(c.namespace)
	t.Logf("calls: %v", calls)
	if n := calls["PUT checks/status"]; n != checks {
		t.Errorf("%d statuses were written for %d Checks", n, checks)
	}
	if n := calls["POST events"]; n > maxEvents {
		t.Errorf("%d Events were made", n)
	}
	for _, known := range []string{"PUT checks/status", "POST events", "PATCH events", "PUT rulesets/status"} {
		delete(calls, known)
	}
	if len(calls) > 0 {
		t.Errorf("it also makes the calls %v", calls)
	}
}

// TestFloodIsSummedUp has more Checks fail than have Events of their own: when the leader stops, one Event tells of the others.
func TestFloodIsSummedUp(t *testing.T) {
	const checks = 60
	c := newCluster(t)
	op, _ := c.startCounted()
	c.apply(orders)
	for i := range checks {
		c.apply(checkYAML(fmt.Sprintf("n-%03d", i), `{input: {amount: 99999, customer: x}, ruleSets: [{name: orders}]}`))
	}
	for i := range checks {
		c.verdict(fmt.Sprintf("n-%03d", i), v1alpha1.PhaseFailure)
	}
	// Verdicts come before their Events: the last of them is in the sum, or has its own, once all are counted.
	c.until("all Events are accounted for", func() bool {
		return counter(t, op, "checky_events_gathered_total", "") >= checks-maxEvents
	})
	gathered := int(counter(t, op, "checky_events_gathered_total", ""))
	op.end(t)
	var sums []eventsv1.Event
	c.until("an Event sums up the others", func() bool {
		list := &eventsv1.EventList{}
		if err := c.List(t.Context(), list, client.InNamespace(c.namespace)); err != nil {
			t.Fatal(err)
		}
		sums = nil
		for _, e := range list.Items {
			if e.Reason == "ManyMore" {
				sums = append(sums, e)
			}
		}
		return len(sums) > 0
	})
	told := 0
	for _, e := range sums {
		n := 0
		if _, err := fmt.Sscan(e.Note, &n); err != nil {
			t.Fatalf("note %q: %v", e.Note, err)
		}
		told += n
		if e.Regarding.Kind != "Check" || !strings.Contains(e.Note, "kubectl get checks") {
			t.Errorf("the sum is about %s: %q", e.Regarding.Kind, e.Note)
		}
	}
	if told < gathered || told > checks {
		t.Errorf("%d Events were gathered, and sums tell of %d", gathered, told)
	}
}
