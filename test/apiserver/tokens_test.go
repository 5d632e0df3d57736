package apiserver_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/checky-dev/checky/apiserver"
	"github.com/checky-dev/checky/apiserver/account"
	restclient "github.com/checky-dev/checky/apiserver/client"
)

// rotate gives a token a new secret.
func (f *facade) rotate(by, id, body string) (restclient.IssuedToken, int) {
	f.c.t.Helper()
	answer, text := f.do(http.MethodPost, "/auth/tokens/"+id+"/rotate", by, body)
	var issued restclient.IssuedToken
	if answer.StatusCode == http.StatusOK {
		if err := json.Unmarshal([]byte(text), &issued); err != nil {
			f.c.t.Fatal(err)
		}
	}
	return issued, answer.StatusCode
}

// tokens are a user's tokens by their names.
func (f *facade) tokens(session string) map[string]restclient.Token {
	f.c.t.Helper()
	answer, text := f.do(http.MethodGet, "/auth/tokens", session, "")
	var list restclient.TokenList
	if err := json.Unmarshal([]byte(text), &list); err != nil || answer.StatusCode != http.StatusOK {
		f.c.t.Fatalf("tokens: %s %s", answer.Status, text)
	}
	named := map[string]restclient.Token{}
	for _, token := range list.Tokens {
		named[token.Name] = token
	}
	return named
}

// TestTokens makes, lists, rotates and deletes tokens.
func TestTokens(t *testing.T) {
	c := newCluster(t)
	f := c.start()
	u, eve := f.newUser(), f.newUser()
	issued := f.newToken(u.token, "pipeline")
	if !f.works(issued.Token) || !strings.HasPrefix(issued.Token, "cky_"+issued.TokenID+"_") {
		t.Fatalf("issued %s", issued.TokenID)
	}
	listed := f.tokens(u.token)
	if got := listed["pipeline"]; got.TokenID != issued.TokenID || got.Session || !got.ExpiresAt.Equal(issued.ExpiresAt) {
		t.Errorf("listed %+v", got)
	}
	if !listed[""].Session || len(listed) != 2 {
		t.Errorf("listed %+v", listed)
	}

	graceful, status := f.rotate(u.token, issued.TokenID, `{"grace_seconds": 3600}`)
	if status != http.StatusOK || graceful.TokenID != issued.TokenID || !f.works(graceful.Token) || !f.works(issued.Token) {
		t.Errorf("with grace: %d", status)
	}
	c.age(c.tokenSecret(issued.TokenID), "token.json", time.Hour, "previous.expiresAt")
	eventually(t, "the grace has ended", func() bool { return !f.works(issued.Token) })
	if !f.works(graceful.Token) {
		t.Error("the new secret ended with the old one")
	}
	hard, status := f.rotate(u.token, issued.TokenID, `{"grace_seconds": 0}`)
	if status != http.StatusOK || f.works(graceful.Token) || !f.works(hard.Token) {
		t.Errorf("without grace: %d", status)
	}
	daily, status := f.rotate(hard.Token, issued.TokenID, "")
	if status != http.StatusOK || !f.works(hard.Token) || !f.works(daily.Token) {
		t.Errorf("by itself, with the usual grace: %d", status)
	}

	another := f.newToken(u.token, "another")
	for name, tc := range map[string]struct {
		reason, method, path, token, body string
		status                            int
	}{
		"list by program":     {"an API token sees no tokens", "GET", "/auth/tokens", daily.Token, "", 403},
		"make by program":     {"one that leaks must not make others", "POST", "/auth/tokens", daily.Token, `{"name": "more"}`, 403},
		"rotate another's":    {"nor take others over", "POST", "/auth/tokens/" + another.TokenID + "/rotate", daily.Token, "", 403},
		"delete another's":    {"nor end them", "DELETE", "/auth/tokens/" + another.TokenID, daily.Token, "", 403},
		"rotate the old text": {"whoever found the old text must not get the new one", "POST", "/auth/tokens/" + issued.TokenID + "/rotate", hard.Token, "", 403},
		"rotate a stranger's": {"another user's is not there", "POST", "/auth/tokens/" + another.TokenID + "/rotate", eve.token, "", 404},
		"delete a stranger's": {"another user's is not there", "DELETE", "/auth/tokens/" + another.TokenID, eve.token, "", 404},
		"rotate a session":    {"a session is renewed by a log-in", "POST", "/auth/tokens/" + listed[""].TokenID + "/rotate", u.token, "", 422},
		"delete by a session": {"its own account's", "DELETE", "/auth/tokens/" + another.TokenID, u.token, "", 204},
		"delete itself":       {"a program that is done", "DELETE", "/auth/tokens/" + issued.TokenID, daily.Token, "", 204},
		"delete nobody's":     {"no such token", "DELETE", "/auth/tokens/0123456789abcdef", u.token, "", 404},
	} {
		// Those that delete come last, whatever the map's order.
		if tc.status == http.StatusNoContent {
			defer func() {
				if answer, text := f.do(tc.method, tc.path, tc.token, tc.body); answer.StatusCode != tc.status {
					t.Errorf("%s (%s): %s %s", name, tc.reason, answer.Status, text)
				}
				if strings.HasSuffix(tc.path, another.TokenID) && f.works(another.Token) || strings.HasSuffix(tc.path, issued.TokenID) && f.works(daily.Token) {
					t.Errorf("%s: it still works", name)
				}
			}()
			continue
		}
		if answer, text := f.do(tc.method, tc.path, tc.token, tc.body); answer.StatusCode != tc.status {
			t.Errorf("%s (%s): %s %s, want %d", name, tc.reason, answer.Status, text, tc.status)
		}
	}
}

// TestTokenExpires makes tokens that end when they say.
func TestTokenExpires(t *testing.T) {
	c := newCluster(t)
	f := c.start()
	u := f.newUser()
	at := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Second)
	answer, text := f.do(http.MethodPost, "/auth/tokens", u.token, fmt.Sprintf(`{"name": "n", "expires_at": %q}`, at.Format(time.RFC3339)))
	var issued restclient.IssuedToken
	if err := json.Unmarshal([]byte(text), &issued); err != nil || !issued.ExpiresAt.Equal(at) {
		t.Fatalf("got %s %s", answer.Status, text)
	}
	c.age(c.tokenSecret(issued.TokenID), "token.json", 49*time.Hour, "expiresAt")
	eventually(t, "it has ended", func() bool { return !f.works(issued.Token) })
	if _, listed := f.tokens(u.token)["n"]; listed {
		t.Error("it is still listed")
	}
	if _, status := f.rotate(u.token, issued.TokenID, ""); status != http.StatusNotFound {
		t.Errorf("it can be rotated: %d", status)
	}
}

// TestTooManyTokens stops at as many as an account may have.
func TestTooManyTokens(t *testing.T) {
	f := newCluster(t).start()
	u := f.newUser()
	for i := range account.MaxTokens {
		f.newToken(u.token, fmt.Sprint(i))
	}
	answer, text := f.do(http.MethodPost, "/auth/tokens", u.token, `{"name": "one more"}`)
	if answer.StatusCode != http.StatusConflict {
		t.Errorf("got %s %s", answer.Status, text)
	}
}

// TestRateLimit exhausts a token: it is told so, others are not, and one with a limit of its own has that.
func TestRateLimit(t *testing.T) {
	c := newCluster(t)
	f := c.start(func(o *apiserver.Options) { o.PerMinute = 10 })
	u := f.newUser()
	program := f.newToken(u.token, "pipeline")
	for i := range 10 {
		answer, _ := f.do(http.MethodGet, "/v1/checks", program.Token, "")
		if answer.StatusCode != http.StatusOK || answer.Header.Get("RateLimit-Policy") != `"token";q=10;w=60` ||
			!strings.HasPrefix(answer.Header.Get("RateLimit"), fmt.Sprintf(`"token";r=%d;t=`, 9-i)) {
			t.Errorf("request %d: %s, %s, %s", i, answer.Status, answer.Header.Get("RateLimit-Policy"), answer.Header.Get("RateLimit"))
		}
	}
	for _, route := range []string{
		"GET /v1/checks", "POST /v1/check", "GET /v1/status/" + id26, "GET /v1/status/" + id26 + "/events", "DELETE /v1/checks/" + id26,
		"GET /v1/rule-sets", "GET /auth/tokens", "POST /auth/tokens", "DELETE /auth/tokens/0123456789abcdef",
		"POST /auth/tokens/0123456789abcdef/rotate", "PUT /auth/password", "DELETE /auth/account",
	} {
		method, path, _ := strings.Cut(route, " ")
		answer, text := f.do(method, path, program.Token, "")
		if answer.StatusCode != http.StatusTooManyRequests || answer.Header.Get("Retry-After") == "" || !strings.HasPrefix(answer.Header.Get("RateLimit"), `"token";r=0;t=`) {
			t.Errorf("%s: %s %s, %v", route, answer.Status, text, answer.Header)
		}
	}
	if !f.works(u.token) {
		t.Error("another token of the account has to wait too")
	}

	secret := c.tokenSecret(program.TokenID)
	secret.Annotations = map[string]string{account.RateAnnotation: "1000"}
	if err := c.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the token has a limit of its own", func() bool {
		answer, _ := f.do(http.MethodGet, "/v1/checks", program.Token, "")
		return answer.Header.Get("RateLimit-Policy") == `"token";q=1000;w=60`
	})
	session, _, _ := f.logIn(u.email, password)
	if got := f.tokens(session)["pipeline"].RatePerMinute; got == nil || *got != 1000 {
		t.Errorf("the list says %v", got)
	}
}

// TestAddressLimit exhausts an address that has no token, and one that tries tokens.
func TestAddressLimit(t *testing.T) {
	f := newCluster(t).start(func(o *apiserver.Options) {
		o.AddressPerMinute = 5
		o.Addresses.TrustedProxies = []string{"127.0.0.0/8"}
	})
	for name, tc := range map[string]struct {
		method, path, token, body string
		status                    int
	}{
		"reset":  {"POST", "/auth/password-reset/confirm", "", `{"token": "ckr_guess", "password": "nine brown foxes jump over"}`, 422},
		"tokens": {"GET", "/v1/checks", "cky_guess", "", 401},
	} {
		t.Run(name, func(t *testing.T) {
			from := "192.0.2." + fmt.Sprint(len(name))
			for i := range 6 {
				answer, text := f.do(tc.method, tc.path, tc.token, tc.body, "X-Forwarded-For", from)
				want := tc.status
				if i == 5 {
					want = http.StatusTooManyRequests
				}
				if answer.StatusCode != want {
					t.Fatalf("request %d: %s %s, want %d", i, answer.Status, text, want)
				}
			}
			if answer, _ := f.do(tc.method, tc.path, tc.token, tc.body, "X-Forwarded-For", "203.0.113.9"); answer.StatusCode != tc.status {
				t.Errorf("another address: %s", answer.Status)
			}
		})
	}
}

// TestShedding fills the facade with checks: what is more than it takes is told to come back, and recorded nowhere.
func TestShedding(t *testing.T) {
	c := newCluster(t)
	f := c.start(func(o *apiserver.Options) { o.MaxPendingPerOwner, o.MaxStreams = 2, 1 })
	u := f.newUser()
	var id string
	for range 2 {
		_, text := f.do(http.MethodPost, "/v1/check", u.token, never, "Prefer", "wait=0")
		id = resultIn(t, text).ID
	}
	eventually(t, "there are too many that wait", func() bool {
		answer, text := f.do(http.MethodPost, "/v1/check", u.token, never, "Prefer", "wait=0", "Idempotency-Key", "the-third")
		if answer.StatusCode == http.StatusAccepted { // The facade has not seen the second one come back yet.
			f.do(http.MethodDelete, "/v1/checks/"+resultIn(t, text).ID, u.token, "")
			return false
		}
		return answer.Header.Get("Retry-After") != "" &&
			(answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode == http.StatusServiceUnavailable)
	})
	first := f.events(t.Context(), "/v1/status/"+id+"/events", u.token)
	<-first
	if answer, text := f.do(http.MethodGet, "/v1/status/"+id+"/events", u.token, ""); answer.StatusCode != http.StatusTooManyRequests {
		t.Errorf("a second stream of one user's: %s %s", answer.Status, text)
	}
	other := f.newUser()
	_, text := f.do(http.MethodPost, "/v1/check", other.token, never, "Prefer", "wait=0")
	if answer, text := f.do(http.MethodGet, "/v1/status/"+resultIn(t, text).ID+"/events", other.token, ""); answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a stream of another's: %s %s", answer.Status, text)
	}
	f.do(http.MethodDelete, "/v1/checks/"+id, u.token, "")
	lastOf(first)
}

// TestServiceAccounts calls with ServiceAccount tokens: for Checky's audience, and with what RBAC allows.
func TestServiceAccounts(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	f := c.start()
	ada := f.newUser()
	c.create(
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "pipeline"}},
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "reader"}},
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "nobody"}},
		c.role("everything", "create", "get", "list", "delete"), c.binding("everything", "pipeline"),
		c.role("reading", "get", "list"), c.binding("reading", "reader"),
	)
	pipeline, reader, nobody := c.serviceToken("pipeline", "checky"), c.serviceToken("reader", "checky"), c.serviceToken("nobody", "checky")

	id := resultIn(t, mustPost(t, f, f.as("", pipeline), byOrders(badOrder))).ID
	for name, tc := range map[string]struct {
		token, route string
		status       int
	}{
		"own status":           {pipeline, "GET /v1/status/" + id, 200},
		"own list":             {pipeline, "GET /v1/checks", 200},
		"own events":           {pipeline, "GET /v1/status/" + id + "/events", 200},
		"rule sets":            {pipeline, "GET /v1/rule-sets", 200},
		"another's":            {pipeline, "GET /v1/status/" + ada.idOf(t, goodOrder), 404},
		"not theirs":           {reader, "GET /v1/status/" + id, 404},
		"reader lists":         {reader, "GET /v1/checks", 200},
		"reader deletes":       {reader, "DELETE /v1/checks/" + id, 403},
		"nobody reads":         {nobody, "GET /v1/status/" + id, 403},
		"nobody lists":         {nobody, "GET /v1/checks", 403},
		"nobody follows":       {nobody, "GET /v1/status/" + id + "/events", 403},
		"nobody's rule sets":   {nobody, "GET /v1/rule-sets", 403},
		"another audience":     {c.serviceToken("pipeline", "elsewhere"), "GET /v1/checks", 401},
		"the cluster's":        {c.serviceToken("pipeline"), "GET /v1/checks", 401},
		"tokens":               {pipeline, "GET /auth/tokens", 403},
		"delete account":       {pipeline, "DELETE /auth/account", 403},
		"delete":               {pipeline, "DELETE /v1/checks/" + id, 204},
		"somebody else's JSON": {strings.Replace(pipeline, ".", ".e30", 1), "GET /v1/checks", 401},
	} {
		if tc.status == http.StatusNoContent {
			defer func() {
				if answer, text := f.do(http.MethodDelete, strings.TrimPrefix(tc.route, "DELETE "), tc.token, ""); answer.StatusCode != tc.status {
					t.Errorf("%s: %s %s", name, answer.Status, text)
				}
			}()
			continue
		}
		method, path, _ := strings.Cut(tc.route, " ")
		if answer, text := f.do(method, path, tc.token, ""); answer.StatusCode != tc.status {
			t.Errorf("%s: %s %s, want %d", name, answer.Status, text, tc.status)
		}
	}
	for _, token := range []string{reader, nobody} {
		for path, body := range map[string]string{"/v1/check": byOrders(goodOrder), "/v1/checks:batch": batchBody("orders", goodOrder)} {
			if answer, text := f.do(http.MethodPost, path, token, body); answer.StatusCode != http.StatusForbidden {
				t.Errorf("create by %s: %s %s", path, answer.Status, text)
			}
		}
	}
	for _, route := range []string{"POST /auth/tokens", "PUT /auth/password", "POST /auth/tokens/0123456789abcdef/rotate"} {
		method, path, _ := strings.Cut(route, " ")
		answer, text := f.do(method, path, pipeline, "{}")
		if p, _ := problemOf(t, text); answer.StatusCode != http.StatusForbidden || *p.Type != "urn:checky:problem:account-required" {
			t.Errorf("%s: %s %s", route, answer.Status, text)
		}
	}
}

// serviceToken is a ServiceAccount's token for audiences; for none, it is the API server's own.
func (c *cluster) serviceToken(name string, audiences ...string) string {
	c.t.Helper()
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: audiences}}
	owner := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: name}}
	if err := c.SubResource("token").Create(c.t.Context(), owner, request); err != nil {
		c.t.Fatal(err)
	}
	return request.Status.Token
}

func (c *cluster) role(name string, verbs ...string) *rbacv1.Role {
	return &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: name},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{"checky.dev"}, Resources: []string{"checks"}, Verbs: verbs}},
	}
}

func (c *cluster) binding(role, account string) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: role},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: account, Namespace: c.namespace}},
	}
}
