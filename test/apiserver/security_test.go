package apiserver_test

import (
	"encoding/json"
	"net/http"
	"testing"
)

// secretOf makes an API token of the user's.
func (u *user) secretOf(t *testing.T, f *facade) (id, secret string) {
	t.Helper()
	answer, body := f.do(http.MethodPost, "/auth/tokens", u.token, `{"name":"pipeline"}`)
	if answer.StatusCode != http.StatusCreated {
		t.Fatalf("make a token: %s %s", answer.Status, body)
	}
	return issued(t, body)
}

func issued(t *testing.T, body string) (id, secret string) {
	t.Helper()
	var token struct {
		ID     string `json:"token_id"`
		Secret string `json:"token"`
	}
	if err := json.Unmarshal([]byte(body), &token); err != nil {
		t.Fatal(err)
	}
	return token.ID, token.Secret
}

// Whoever rotates a token because its text leaked gives the old text a grace, for programs that have it still. The thief has it too,
// and must not get the new one with it.
func TestRotatedTextDoesNotRotate(t *testing.T) {
	f := newCluster(t).start()
	u := f.newUser()
	id, leaked := u.secretOf(t, f)
	answer, body := f.do(http.MethodPost, "/auth/tokens/"+id+"/rotate", leaked, `{"grace_seconds":3600}`)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("rotate: %s %s", answer.Status, body)
	}
	_, fresh := issued(t, body)
	if answer, body = f.do(http.MethodGet, "/v1/checks", leaked, ""); answer.StatusCode != http.StatusOK {
		t.Errorf("the old text in its grace: %s %s", answer.Status, body)
	}
	if answer, body = f.do(http.MethodPost, "/auth/tokens/"+id+"/rotate", leaked, `{"grace_seconds":0}`); answer.StatusCode != http.StatusForbidden {
		t.Errorf("the old text rotates the token: %s %s", answer.Status, body)
	}
	if answer, body = f.do(http.MethodDelete, "/auth/tokens/"+id, leaked, ""); answer.StatusCode != http.StatusForbidden {
		t.Errorf("the old text deletes the token: %s %s", answer.Status, body)
	}
	if answer, body = f.do(http.MethodGet, "/v1/checks", fresh, ""); answer.StatusCode != http.StatusOK {
		t.Errorf("the new text: %s %s", answer.Status, body)
	}
	if answer, body = f.do(http.MethodDelete, "/auth/tokens/"+id, fresh, ""); answer.StatusCode != http.StatusNoContent {
		t.Errorf("the new text deletes the token: %s %s", answer.Status, body)
	}
}
