package apiserver_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
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

// Whoever takes the facade over has its role. It must not be a way to be the controller, which reads payloads in all namespaces.
func TestRoleIsNoWayToAnother(t *testing.T) {
	c := newCluster(t)
	facade, err := client.New(c.as("checky-apiserver"), client.Options{Scheme: c.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	foreign := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: c.namespace}, StringData: map[string]string{"key": "value"}}
	c.create(foreign)
	// A policy takes a moment to be known.
	waited, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for try := 0; ; try++ {
		err := facade.Create(waited, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: system, Name: fmt.Sprintf("%s-%d", c.namespace, try),
				Annotations: map[string]string{corev1.ServiceAccountNameKey: "checky-controller"},
			},
			Type: corev1.SecretTypeServiceAccountToken,
		})
		if apierrors.IsInvalid(err) || apierrors.IsForbidden(err) {
			break
		}
		if err != nil {
			t.Fatalf("a token of the controller: %v", err)
		}
	}
	foreign.StringData = map[string]string{"key": "other"}
	if err := facade.Update(t.Context(), foreign); !apierrors.IsInvalid(err) && !apierrors.IsForbidden(err) {
		t.Errorf("change a Secret of others: %v", err)
	}
	if err := facade.Delete(t.Context(), foreign); !apierrors.IsInvalid(err) && !apierrors.IsForbidden(err) {
		t.Errorf("delete a Secret of others: %v", err)
	}
	f := c.start()
	user := f.newUser() // Its own it writes.
	if answer, body := f.do(http.MethodDelete, "/auth/account", user.token, ""); answer.StatusCode != http.StatusNoContent {
		t.Errorf("delete the account: %s %s", answer.Status, body)
	}
}

// A verdict on a Secret is an answer about it. Whoever may create Checks where the facade keeps its accounts must not get any.
func TestAccountsAreNoPayloads(t *testing.T) {
	c := newCluster(t)
	c.create(
		&corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "account"}, Type: "checky.dev/account",
			StringData: map[string]string{"account.json": `{"passwordHash":"$argon2id$v=19$"}`},
		},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "other"}, StringData: map[string]string{"account.json": `{"passwordHash":""}`}},
	)
	const rules = `rules: [{name: a, cel: {expression: 'input.passwordHash.startsWith("$")'}}]`
	for name, want := range map[string]struct{ from, reason string }{
		"key":    {"secretKeyRef: {name: account, key: account.json}", v1alpha1.ReasonInputForbidden},
		"object": {"resourceRef: {apiVersion: v1, kind: Secret, name: account}", v1alpha1.ReasonInputForbidden},
		"other":  {"secretKeyRef: {name: other, key: account.json}", v1alpha1.ReasonRulesFailed},
	} {
		c.apply(fmt.Sprintf("apiVersion: checky.dev/v1alpha1\nkind: Check\nmetadata: {name: asks-%s}\nspec: {inputFrom: {%s}, %s}", name, want.from, rules))
		waited, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		err := wait.PollUntilContextCancel(waited, 20*time.Millisecond, true, func(ctx context.Context) (bool, error) {
			var check v1alpha1.Check
			if err := c.Get(ctx, client.ObjectKey{Namespace: c.namespace, Name: "asks-" + name}, &check); err != nil {
				return false, err
			}
			for _, condition := range check.Status.Conditions {
				if condition.Reason == want.reason {
					return true, nil
				}
			}
			return false, nil
		})
		if err != nil {
			t.Errorf("%s: never %s: %v", name, want.reason, err)
		}
	}
}

// TestRevokedTokenEndsItsStreams revokes a token while a stream waits: the verdict that comes then is not sent.
func TestRevokedTokenEndsItsStreams(t *testing.T) {
	c := newCluster(t)
	f := c.start()
	u := f.newUser()
	id, secret := u.secretOf(t, f)
	_, text := f.do(http.MethodPost, "/v1/check", u.token, `{"input": `+goodOrder+`, "rule_sets": ["orders"]}`, "Prefer", "wait=0")
	stream := f.events(t.Context(), "/v1/status/"+resultIn(t, text).ID+"/events", secret)
	if first := <-stream; !strings.Contains(first.data, `"pending"`) {
		t.Fatalf("the first event is %+v", first)
	}
	f.do(http.MethodDelete, "/auth/tokens/"+id, u.token, "")
	c.apply(orders)
	for e := range stream {
		if !strings.Contains(e.data, `"pending"`) {
			t.Errorf("after the token was revoked: %+v", e)
		}
	}
}
