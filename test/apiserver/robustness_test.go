package apiserver_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/apiserver"
)

// refused holds an answer to a status and a kind of problem, and gives its text.
func refused(t *testing.T, what string, answer *http.Response, body string, status int, kind string) {
	t.Helper()
	if answer.StatusCode != status {
		t.Errorf("%s: %s %.300s, want %d", what, answer.Status, body, status)
		return
	}
	p, _ := problemOf(t, body)
	if got := p.Type; kind != "" && (got == nil || *got != "urn:checky:problem:"+kind) {
		t.Errorf("%s: %s, want %s", what, body, kind)
	}
}

// TestClusterRefuses meets the API server's refusals that are not the caller's: each has an answer of its own, and its cause is in the
// log and nowhere else.
func TestClusterRefuses(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	f := c.start()
	u := f.newUser()
	post := func() (*http.Response, string) {
		return f.do(http.MethodPost, "/v1/check", u.token, byOrders(goodOrder), "Prefer", "wait=0")
	}
	until := func(what string, status int, kind string) {
		t.Helper()
		eventually(t, what, func() bool {
			answer, _ := post()
			return answer.StatusCode != http.StatusAccepted && answer.StatusCode != http.StatusOK
		})
		answer, body := post()
		refused(t, what, answer, body, status, kind)
		if status == http.StatusServiceUnavailable && answer.Header.Get("Retry-After") == "" {
			t.Errorf("%s: when to come back is not said", what)
		}
	}

	policy := &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: c.namespace},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
				Operations: []admissionv1.OperationType{admissionv1.Create},
				Rule:       admissionv1.Rule{APIGroups: []string{"checky.dev"}, APIVersions: []string{"*"}, Resources: []string{"checks"}},
			}}}},
			Validations: []admissionv1.Validation{{Expression: "false", MessageExpression: "'not on a Sunday'"}},
		},
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: c.namespace},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: c.namespace, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			MatchResources: &admissionv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: c.namespace}}},
		},
	}
	c.create(policy, binding)
	until("a policy refuses", http.StatusForbidden, "refused-by-cluster")
	if !strings.Contains(f.log.String(), "not on a Sunday") {
		t.Errorf("the log does not say why:\n%s", f.log)
	}
	c.remove(binding, policy)
	eventually(t, "the policy is gone", func() bool {
		answer, _ := post()
		return answer.StatusCode < http.StatusBadRequest
	})

	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "none"}}
	quota.Spec.Hard = corev1.ResourceList{"count/checks.checky.dev": resource.MustParse("0")}
	c.create(quota)
	quota.Status.Hard, quota.Status.Used = quota.Spec.Hard, quota.Spec.Hard // as the quota controller does, which does not run here
	if err := c.Status().Update(t.Context(), quota); err != nil {
		t.Fatal(err)
	}
	until("there is no room", http.StatusServiceUnavailable, "quota-exceeded")
	c.remove(quota)

	c.remove(&rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "checky-apiserver-checks"}})
	until("a permission is missing", http.StatusServiceUnavailable, "not-set-up")
}

// TestNamespaceIsGone posts into a namespace that is being deleted, and into one that was never there.
func TestNamespaceIsGone(t *testing.T) {
	c := newCluster(t)
	f, server := c.launch(c.cp.RESTConfig())
	if err := server.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	u := f.newUser()
	c.remove(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: c.namespace}})
	eventually(t, "the namespace takes nothing more", func() bool {
		answer, _ := f.do(http.MethodPost, "/v1/check", u.token, never, "Prefer", "wait=0")
		return answer.StatusCode >= http.StatusBadRequest
	})
	answer, body := f.do(http.MethodPost, "/v1/check", u.token, never)
	refused(t, "being deleted", answer, body, http.StatusServiceUnavailable, "not-set-up")

	f, server = c.launch(c.cp.RESTConfig(), func(o *apiserver.Options) { o.CheckNamespace = "nobody-made-it" })
	if err := server.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	answer, body = f.do(http.MethodPost, "/v1/check", u.token, never)
	refused(t, "never there", answer, body, http.StatusServiceUnavailable, "not-set-up")
	if !strings.Contains(f.log.String(), "nobody-made-it") {
		t.Errorf("the log does not say which:\n%s", f.log)
	}
}

// TestReadinessNamesWhatIsMissing starts a facade that may read nothing.
func TestReadinessNamesWhatIsMissing(t *testing.T) {
	c := newCluster(t)
	stranger, err := c.cp.UserConfig("nobody")
	if err != nil {
		t.Fatal(err)
	}
	f, _ := c.launch(stranger)
	want := "not ready: not read yet: Check (a permission is missing), ClusterRuleSet (a permission is missing), RuleSet (a permission is missing), Secret (a permission is missing)"
	var text string
	eventually(t, "readiness names each kind", func() bool {
		answer, body := f.do(http.MethodGet, "/readyz", "", "")
		text = body
		return answer.StatusCode == http.StatusServiceUnavailable && strings.Count(body, "permission") == 4
	})
	if text != want {
		t.Errorf("got %s\nwant %s", text, want)
	}
	if answer, body := f.do(http.MethodPost, "/v1/check", "nothing", never); answer.StatusCode == http.StatusInternalServerError {
		t.Errorf("before it is ready: %s %s", answer.Status, body)
	}
}

// TestWhatPassesForNotGiven sends parameters that a mistake has emptied: nothing is recorded.
func TestWhatPassesForNotGiven(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	f := c.start()
	u := f.newUser()
	for name, request := range map[string]struct {
		query   string
		headers []string
		field   string
	}{
		"no value":       {"?dry_run=", nil, "query.dry_run"},
		"two values":     {"?dry_run=true&dry_run=false", nil, "query.dry_run"},
		"no truth value": {"?dry_run=yes", nil, "query.dry_run"},
		"no key":         {"", []string{"Idempotency-Key", ""}, "header.Idempotency-Key"},
	} {
		answer, body := f.do(http.MethodPost, "/v1/check"+request.query, u.token, byOrders(goodOrder), request.headers...)
		refused(t, name, answer, body, http.StatusUnprocessableEntity, "")
		if _, fields := problemOf(t, body); len(fields) != 1 || fields[0] != request.field {
			t.Errorf("%s: %s", name, body)
		}
	}
	if n := c.count(); n != 0 {
		t.Errorf("%d were recorded", n)
	}
	var query strings.Builder
	for i := range 300 {
		fmt.Fprintf(&query, "&x%d=1", i)
	}
	answer, body := f.do(http.MethodGet, "/v1/checks?limit=1"+query.String(), u.token, "")
	refused(t, "300 unknown parameters", answer, body, http.StatusUnprocessableEntity, "")
}

// TestPreferLines spreads a preference over header lines, as proxies do.
func TestPreferLines(t *testing.T) {
	c := newCluster(t)
	f := c.start()
	u := f.newUser()
	r := f.request(http.MethodPost, "/v1/check", u.token, strings.NewReader(never))
	r.Header.Set("Content-Type", "application/json")
	r.Header["Prefer"] = []string{"return=representation", "respond-async", "wait=0"}
	answer, err := f.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got := answer.Header.Get("Preference-Applied"); answer.StatusCode != http.StatusAccepted || got != "respond-async, wait=0" {
		t.Errorf("%s, applied %q", answer.Status, got)
	}
}

// TestDeletedWhileWaiting deletes a check whose caller waits: they are told, and can send it again under the same key.
func TestDeletedWhileWaiting(t *testing.T) {
	c := newCluster(t)
	f := c.start()
	u := f.newUser()
	type got struct {
		answer *http.Response
		body   string
	}
	done := make(chan got, 1)
	go func() {
		answer, body := f.do(http.MethodPost, "/v1/check", u.token, never, "Prefer", "wait=60", "Idempotency-Key", "order-1")
		done <- got{answer, body}
	}()
	var id string
	eventually(t, "the check is listed", func() bool {
		list, err := u.ListChecksWithResponse(t.Context(), nil)
		if err == nil && list.JSON200 != nil && len(list.JSON200.Checks) == 1 {
			id = list.JSON200.Checks[0].ID
		}
		return id != ""
	})
	if answer, body := f.do(http.MethodDelete, "/v1/checks/"+id, u.token, ""); answer.StatusCode != http.StatusNoContent {
		t.Fatalf("delete: %s %s", answer.Status, body)
	}
	if answer, body := f.do(http.MethodGet, "/v1/status/"+id, u.token, ""); answer.StatusCode != http.StatusNotFound {
		t.Errorf("right after its deletion: %s %s", answer.Status, body)
	}
	waited := <-done
	refused(t, "deleted", waited.answer, waited.body, http.StatusConflict, "check-deleted")
	again, body := f.do(http.MethodPost, "/v1/check", u.token, never, "Prefer", "wait=0", "Idempotency-Key", "order-1")
	if again.StatusCode != http.StatusAccepted || resultIn(t, body).ID != id {
		t.Errorf("again: %s %s", again.Status, body)
	}
}

// TestVerdictOutlivesItsCheck asks for checks that are deleted with their verdict: whoever waits gets it all the same.
func TestVerdictOutlivesItsCheck(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	f := c.start()
	u := f.newUser()
	for i := range 20 {
		body := `{"input":` + goodOrder + `,"rule_sets":["orders"],"ttl_seconds":0}`
		answer, text := f.do(http.MethodPost, "/v1/check", u.token, body, "Prefer", "wait=60")
		if answer.StatusCode != http.StatusOK || resultIn(t, text).Status != "success" {
			t.Fatalf("%d: %s %s", i, answer.Status, text)
		}
	}
}

// TestLastEvent connects again after the verdict: there is nothing more to come.
func TestLastEvent(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	f := c.start()
	u := f.newUser()
	id := *u.check(t, goodOrder).ID
	_, stream := f.do(http.MethodGet, "/v1/status/"+id+"/events", u.token, "")
	_, rest, _ := strings.Cut(stream, "\nid: ")
	last, _, _ := strings.Cut(rest, "\n")
	for header, status := range map[string]int{last: http.StatusNoContent, "1": http.StatusOK, "": http.StatusOK} {
		answer, body := f.do(http.MethodGet, "/v1/status/"+id+"/events", u.token, "", "Last-Event-ID", header)
		if answer.StatusCode != status || (body == "") != (status == http.StatusNoContent) {
			t.Errorf("after %q: %s %s", header, answer.Status, body)
		}
	}
}

// TestEscapedTooLarge posts an input of the largest size, of which JSON's escapes make six times as much.
func TestEscapedTooLarge(t *testing.T) {
	c := newCluster(t)
	f := c.start()
	u := f.newUser()
	answer, body := f.do(http.MethodPost, "/v1/check", u.token, `{"input":"`+strings.Repeat("<", 256<<10-2)+`","rule_sets":["orders"]}`, "Prefer", "wait=0")
	refused(t, "escaped", answer, body, http.StatusUnprocessableEntity, "")
}

// TestRawRequests sends what Go's client does not: each gets an answer, and its connection ends.
func TestRawRequests(t *testing.T) {
	c := newCluster(t)
	f := c.start()
	u := f.newUser()
	token := "Authorization: Bearer " + u.token + "\r\n"
	for name, request := range map[string]struct {
		text   string
		status int
	}{
		"HTTP/1.0":                       {"GET /v1/checks HTTP/1.0\r\n" + token + "\r\n", http.StatusOK},
		"large, and waits to be told so": {"POST /v1/check HTTP/1.1\r\nHost: checky\r\n" + token + "Expect: 100-continue\r\nContent-Length: 1000000\r\n\r\n", http.StatusRequestEntityTooLarge},
		"no token, and waits":            {"POST /v1/check HTTP/1.1\r\nHost: checky\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n", http.StatusUnauthorized},
		"two lengths":                    {"POST /v1/check HTTP/1.1\r\nHost: checky\r\n" + token + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", http.StatusBadRequest},
		"length and chunks":              {"POST /v1/check HTTP/1.1\r\nHost: checky\r\nConnection: close\r\n" + token + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", http.StatusUnprocessableEntity},
		"options":                        {"OPTIONS /v1/check HTTP/1.1\r\nHost: checky\r\nConnection: close\r\n\r\n", http.StatusMethodNotAllowed},
		"no host":                        {"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n", http.StatusBadRequest},
	} {
		if got := exchange(t, strings.TrimPrefix(f.url, "http://"), request.text); got != request.status {
			t.Errorf("%s: %d, want %d", name, got, request.status)
		}
	}
}

// exchange sends a text, reads to the connection's end, and gives the status of the answer.
func exchange(t *testing.T, address, text string) (status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(conn)
	line, err := reader.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, reader); err != nil {
		t.Errorf("the connection does not end: %v", err)
	}
	status, err = strconv.Atoi(strings.Fields(line)[1])
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// remove deletes objects.
func (c *cluster) remove(objects ...client.Object) {
	c.t.Helper()
	for _, o := range objects {
		if err := c.Delete(c.t.Context(), o); err != nil {
			c.t.Fatalf("delete %T %s: %v", o, o.GetName(), err)
		}
	}
}
