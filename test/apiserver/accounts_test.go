package apiserver_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/apiserver"
	"github.com/checky-dev/checky/apiserver/account"
	restclient "github.com/checky-dev/checky/apiserver/client"
)

// nextPassword is another one that is good enough.
const nextPassword = "seven grey herons stand still"

func credentials(email, password string) string {
	text, err := json.Marshal(map[string]string{"email": email, "password": password})
	if err != nil {
		panic(err) // Strings marshal.
	}
	return string(text)
}

// logIn gives a session's token and its id, or the status.
func (f *facade) logIn(email, password string) (token, id string, status int) {
	f.c.t.Helper()
	answer, text := f.do(http.MethodPost, "/auth/login", "", credentials(email, password))
	var session restclient.Session
	if err := json.Unmarshal([]byte(text), &session); err != nil {
		f.c.t.Fatal(err)
	}
	return session.Token, session.TokenID, answer.StatusCode
}

// works says whether a token does.
func (f *facade) works(token string) bool {
	f.c.t.Helper()
	answer, _ := f.do(http.MethodGet, "/v1/checks", token, "")
	return answer.StatusCode == http.StatusOK
}

// newToken makes an API token by a session.
func (f *facade) newToken(session, name string) restclient.IssuedToken {
	f.c.t.Helper()
	answer, text := f.do(http.MethodPost, "/auth/tokens", session, fmt.Sprintf(`{"name": %q}`, name))
	var issued restclient.IssuedToken
	if err := json.Unmarshal([]byte(text), &issued); err != nil || answer.StatusCode != http.StatusCreated {
		f.c.t.Fatalf("new token: %s %s", answer.Status, text)
	}
	return issued
}

// tokenSecret is the Secret of a token.
func (c *cluster) tokenSecret(id string) *corev1.Secret {
	c.t.Helper()
	secret := &corev1.Secret{}
	if err := c.Get(c.t.Context(), client.ObjectKey{Namespace: system, Name: "checky-token-" + id}, secret); err != nil {
		c.t.Fatal(err)
	}
	return secret
}

// age moves times in a Secret's document into the past, as time would.
func (c *cluster) age(secret *corev1.Secret, document string, by time.Duration, fields ...string) {
	c.t.Helper()
	var record map[string]any
	if err := json.Unmarshal(secret.Data[document], &record); err != nil {
		c.t.Fatal(err)
	}
	for _, path := range fields {
		in := record
		names := strings.Split(path, ".")
		for _, name := range names[:len(names)-1] {
			in = in[name].(map[string]any) //nolint:forcetypeassert // as the facade wrote it
		}
		last := names[len(names)-1]
		at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(in[last]))
		if err != nil {
			c.t.Fatal(err)
		}
		in[last] = at.Add(-by)
	}
	text, err := json.Marshal(record)
	if err != nil {
		c.t.Fatal(err)
	}
	secret.Data[document] = text
	if err := c.Update(c.t.Context(), secret); err != nil {
		c.t.Fatal(err)
	}
}

// accountOf is the Secret of a user's account.
func (c *cluster) accountOf(u *user) *corev1.Secret {
	c.t.Helper()
	var list corev1.SecretList
	if err := c.List(c.t.Context(), &list, client.InNamespace(system), client.MatchingLabels{account.FacadeLabel: "account"}); err != nil {
		c.t.Fatal(err)
	}
	for i := range list.Items {
		if strings.Contains(string(list.Items[i].Data["account.json"]), u.email) {
			return &list.Items[i]
		}
	}
	c.t.Fatal("there is no such account")
	return nil
}

// requestReset asks for a reset as somebody would who wants its link to lead elsewhere, and gives the token of the mail.
func (f *facade) requestReset(p *postOffice, email string) (token string) {
	f.c.t.Helper()
	r := f.request(http.MethodPost, "/auth/password-reset", "", strings.NewReader(fmt.Sprintf(`{"email": %q}`, email)))
	r.Host = "evil.example"
	r.Header.Set("X-Forwarded-Host", "evil.example")
	r.Header.Set("Forwarded", "host=evil.example;proto=http")
	r.Header.Set("Origin", "https://evil.example")
	if answer, body := f.roundTrip(r); answer.StatusCode != http.StatusAccepted {
		f.c.t.Fatalf("reset: %s %s", answer.Status, body)
	}
	to, text := p.next()
	found := resetLink.FindStringSubmatch(text)
	if to != email || found == nil || found[1] != externalURL+"/password-reset" || strings.Contains(text, "evil") {
		f.c.t.Fatalf("the mail is to %s: %s", to, text)
	}
	f.held.keep(map[string]struct{}{found[2]: {}})
	return found[2]
}

// TestPasswordReset sets a new password by a mail's link. The link works once; the old password and the sessions end.
func TestPasswordReset(t *testing.T) {
	office := startPostOffice(t)
	c := newCluster(t)
	f := c.start(office.use)
	u := f.newUser()
	program := f.newToken(u.token, "pipeline")
	token := f.requestReset(office, u.email)
	confirm := func(token, password string) (int, string) {
		answer, text := f.do(http.MethodPost, "/auth/password-reset/confirm", "", fmt.Sprintf(`{"token": %q, "password": %q}`, token, password))
		return answer.StatusCode, text
	}

	if status, text := confirm(token, "too short"); status != http.StatusUnprocessableEntity {
		t.Errorf("a short password: %d %s", status, text)
	}
	if !f.works(u.token) {
		t.Error("the session has ended before its time")
	}
	if status, text := confirm(token, nextPassword); status != http.StatusNoContent {
		t.Fatalf("confirm: %d %s", status, text)
	}
	if status, _ := confirm(token, nextPassword); status != http.StatusUnprocessableEntity {
		t.Errorf("the link works twice: %d", status)
	}
	if _, _, status := f.logIn(u.email, password); status != http.StatusUnauthorized {
		t.Errorf("the old password: %d", status)
	}
	session, _, status := f.logIn(u.email, nextPassword)
	if status != http.StatusOK {
		t.Fatalf("the new password: %d", status)
	}
	if f.works(u.token) || f.works(program.Token) {
		t.Error("what was issued before the address proved itself still works")
	}
	if !f.works(session) {
		t.Error("the new session does not work")
	}

	// A link of an hour ago is too old.
	program = f.newToken(session, "pipeline")
	c.age(c.accountOf(u), "account.json", time.Hour, "lastResetMailAt")
	late := f.requestReset(office, u.email)
	c.age(c.accountOf(u), "account.json", time.Hour, "lastResetMailAt", "reset.expiresAt")
	if status, _ := confirm(late, password); status != http.StatusUnprocessableEntity {
		t.Errorf("an old link: %d", status)
	}
	// A link ends with the next one, and tokens of an address that has proved itself stay.
	first := f.requestReset(office, u.email)
	c.age(c.accountOf(u), "account.json", time.Hour, "lastResetMailAt")
	second := f.requestReset(office, u.email)
	if status, _ := confirm(first, password); status != http.StatusUnprocessableEntity {
		t.Errorf("the link before: %d", status)
	}
	if status, text := confirm(second, password); status != http.StatusNoContent {
		t.Errorf("the second link: %d %s", status, text)
	}
	if f.works(session) || !f.works(program.Token) {
		t.Error("a reset ends sessions, and leaves tokens")
	}
}

// TestResetOfNobody mails nobody who has no account, and one mail a minute to who has.
func TestResetOfNobody(t *testing.T) {
	office := startPostOffice(t)
	f := newCluster(t).start(office.use)
	u := f.newUser()
	for range 3 {
		f.do(http.MethodPost, "/auth/password-reset", "", `{"email": "nobody-at-all@example.com"}`)
		f.do(http.MethodPost, "/auth/password-reset", "", fmt.Sprintf(`{"email": %q}`, u.email))
	}
	last := f.newUser()
	f.do(http.MethodPost, "/auth/password-reset", "", fmt.Sprintf(`{"email": %q}`, last.email))
	// Resets are worked on one after the other, so that the last one's mail comes after all others.
	for _, want := range []string{u.email, last.email} {
		if to, _ := office.next(); to != want {
			t.Fatalf("a mail went to %s, want %s", to, want)
		}
	}
}

// TestSignUpTwice tells nobody but the address's owner.
func TestSignUpTwice(t *testing.T) {
	office := startPostOffice(t)
	f := newCluster(t).start(office.use)
	u := f.newUser()
	if answer, body := f.do(http.MethodPost, "/auth/signup", "", credentials(u.email, nextPassword)); answer.StatusCode != http.StatusAccepted {
		t.Fatalf("again: %s %s", answer.Status, body)
	}
	if to, text := office.next(); to != u.email || strings.Contains(text, "token=") {
		t.Errorf("the mail is to %s: %s", to, text)
	}
	if _, _, status := f.logIn(u.email, nextPassword); status != http.StatusUnauthorized {
		t.Errorf("the second one's password: %d", status)
	}
	if _, _, status := f.logIn(strings.ToUpper(u.email), password); status != http.StatusOK {
		t.Errorf("the first one's, in capitals: %d", status)
	}
}

// TestChangePassword ends all sessions but the one it is changed in.
func TestChangePassword(t *testing.T) {
	f := newCluster(t).start()
	u := f.newUser()
	other, _, _ := f.logIn(u.email, password)
	program := f.newToken(u.token, "pipeline")
	change := func(token, from, to string) int {
		answer, _ := f.do(http.MethodPut, "/auth/password", token, fmt.Sprintf(`{"current_password": %q, "new_password": %q}`, from, to))
		return answer.StatusCode
	}
	if status := change(program.Token, password, nextPassword); status != http.StatusForbidden {
		t.Errorf("by an API token: %d", status)
	}
	if status := change(u.token, "something else entirely", nextPassword); status != http.StatusUnauthorized {
		t.Errorf("without the present one: %d", status)
	}
	if status := change(u.token, password, nextPassword); status != http.StatusNoContent {
		t.Fatalf("change: %d", status)
	}
	if !f.works(u.token) || f.works(other) || !f.works(program.Token) {
		t.Error("this session goes on, others end, API tokens stay")
	}
	if _, _, status := f.logIn(u.email, password); status != http.StatusUnauthorized {
		t.Errorf("the old password: %d", status)
	}
	if _, _, status := f.logIn(u.email, nextPassword); status != http.StatusOK {
		t.Errorf("the new password: %d", status)
	}
}

// TestDeleteAccount deletes an account with its tokens and Checks, by a log-in of the last minutes.
func TestDeleteAccount(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	f := c.start()
	u, other := f.newUser(), f.newUser()
	program := f.newToken(u.token, "pipeline")
	owner := c.recorded(u.idOf(t, goodOrder)).Labels[v1alpha1.OwnerLabel]
	others := other.idOf(t, goodOrder)
	remove := func(token string) (int, string) {
		answer, text := f.do(http.MethodDelete, "/auth/account", token, "")
		if answer.StatusCode == http.StatusNoContent {
			return answer.StatusCode, ""
		}
		p, _ := problemOf(t, text)
		return answer.StatusCode, *p.Type
	}
	if status, kind := remove(program.Token); status != http.StatusForbidden || kind != "urn:checky:problem:session-required" {
		t.Errorf("by an API token: %d %s", status, kind)
	}
	session, id, _ := f.logIn(u.email, password)
	c.age(c.tokenSecret(id), "token.json", 11*time.Minute, "createdAt")
	eventually(t, "the facade knows that the log-in is of eleven minutes ago", func() bool {
		_, text := f.do(http.MethodGet, "/auth/tokens", u.token, "")
		var list restclient.TokenList
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(list.Tokens, func(listed restclient.Token) bool {
			return listed.TokenID == id && time.Since(listed.CreatedAt) > 10*time.Minute
		})
	})
	if status, kind := remove(session); status != http.StatusForbidden || kind != "urn:checky:problem:recent-login-required" {
		t.Errorf("by an old log-in: %d %s", status, kind)
	}
	if status, kind := remove(u.token); status != http.StatusNoContent {
		t.Fatalf("delete: %d %s", status, kind)
	}
	for name, token := range map[string]string{"this session": u.token, "the old session": session, "the API token": program.Token} {
		if f.works(token) {
			t.Errorf("%s still works", name)
		}
	}
	if _, _, status := f.logIn(u.email, password); status != http.StatusUnauthorized {
		t.Errorf("log in: %d", status)
	}
	var checks v1alpha1.CheckList
	if err := c.List(t.Context(), &checks, client.InNamespace(c.namespace)); err != nil {
		t.Fatal(err)
	}
	if len(checks.Items) != 1 || checks.Items[0].Name != others {
		t.Errorf("%d Checks are left", len(checks.Items))
	}
	var secrets corev1.SecretList
	if err := c.List(t.Context(), &secrets, client.InNamespace(system), client.MatchingLabels{account.AccountLabel: owner}); err != nil {
		t.Fatal(err)
	}
	if len(secrets.Items) > 0 {
		t.Errorf("%d Secrets are left", len(secrets.Items))
	}
	if answer, _ := f.do(http.MethodPost, "/auth/signup", "", credentials(u.email, nextPassword)); answer.StatusCode != http.StatusAccepted {
		t.Errorf("sign up again: %s", answer.Status)
	}
	if _, _, status := f.logIn(u.email, nextPassword); status != http.StatusOK {
		t.Errorf("log in again: %d", status)
	}
}

// TestFailuresBackOff tries passwords until it has to wait; the right one has to wait as well, and another address has not.
func TestFailuresBackOff(t *testing.T) {
	f := newCluster(t).start(func(o *apiserver.Options) { o.Addresses.TrustedProxies = []string{"127.0.0.0/8"} })
	u := f.newUser()
	logIn := func(email, password, from string) (*http.Response, string) {
		return f.do(http.MethodPost, "/auth/login", "", credentials(email, password), "X-Forwarded-For", from)
	}
	// Each from another address, so that only the account's failures add up.
	status := 0
	for i := 0; status != http.StatusTooManyRequests; i++ {
		answer, text := logIn(u.email, "not the password at all", fmt.Sprintf("198.51.100.%d", i))
		if status = answer.StatusCode; i > 20 {
			t.Fatalf("20 failures, and it is still %s %s", answer.Status, text)
		}
	}
	if answer, text := logIn(u.email, password, "203.0.113.7"); answer.StatusCode != http.StatusTooManyRequests || answer.Header.Get("Retry-After") == "" {
		t.Errorf("the right one: %s %s", answer.Status, text)
	}
	other := f.newUser()
	if answer, text := logIn(other.email, password, "203.0.113.8"); answer.StatusCode != http.StatusOK {
		t.Errorf("another account: %s %s", answer.Status, text)
	}
	// From one address at many accounts.
	status = 0
	for i := 0; status != http.StatusTooManyRequests; i++ {
		answer, text := logIn(fmt.Sprintf("nobody-%d@example.com", i), "not the password at all", "192.0.2.1")
		if status = answer.StatusCode; i > 20 {
			t.Fatalf("20 failures, and it is still %s %s", answer.Status, text)
		}
	}
}

// TestSignUpClosed makes no accounts where nobody may.
func TestSignUpClosed(t *testing.T) {
	f := newCluster(t).start(func(o *apiserver.Options) { o.SignUp = false })
	answer, text := f.do(http.MethodPost, "/auth/signup", "", credentials("ada@example.com", password))
	if p, _ := problemOf(t, text); answer.StatusCode != http.StatusForbidden || *p.Type != "urn:checky:problem:sign-up-closed" {
		t.Errorf("got %s %s", answer.Status, text)
	}
}

// TestNoMailServer answers as ever where no mail can be sent, and logs neither the link nor the address.
func TestNoMailServer(t *testing.T) {
	f := newCluster(t).start(func(o *apiserver.Options) { o.Mailbox = nil })
	if !strings.Contains(f.log.String(), "No mail server is configured") {
		t.Error("it does not say so at the start")
	}
	u := f.newUser()
	if answer, text := f.do(http.MethodPost, "/auth/password-reset", "", fmt.Sprintf(`{"email": %q}`, u.email)); answer.StatusCode != http.StatusAccepted {
		t.Errorf("got %s %s", answer.Status, text)
	}
	eventually(t, "it says that nothing was sent", func() bool {
		return strings.Contains(f.log.String(), "A password reset was not sent: no SMTP server is configured")
	})
	if strings.Contains(f.log.String(), "ckr_") {
		t.Error("the log has a link")
	}
}
