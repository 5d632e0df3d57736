package driver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/checky-dev/checky/test/chaos/history"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// byREST posts an order until it is acknowledged, reads it until there is a verdict and then some more, and deletes some.
func (d *Driver) byREST(ctx, drain context.Context, o *order) {
	by := d.users[o.random.IntN(len(d.users))]
	id := d.post(drain, by, o)
	if id == "" {
		d.abandoned.Add(1)
		return
	}
	if o.chance(0.2) { // as one does who is not sure
		d.post(drain, by, o)
	}
	if o.chance(0.3) {
		d.follow(drain, by, o, id)
	}
	for late := 0; late < 3; {
		if !pause(ctx, time.Duration(200+o.random.IntN(1800))*time.Millisecond) {
			return
		}
		call := d.get(drain, by, "/v1/status/"+id, func(c *history.Call) { c.Name, c.Order, c.Key = id, o.id, o.id })
		if call.Answer == "404" {
			return
		}
		if call.Status == "success" || call.Status == "failure" {
			late++
		}
	}
	if o.chance(0.15) {
		d.remove(drain, by, o, id)
	}
}

// result is what matters of a check result.
type result struct {
	ID     string `json:"id"`
	Status string `json:"status"`
}

// post sends an order until it is acknowledged, to one replica after the other, and gives the check's id.
func (d *Driver) post(ctx context.Context, by user, o *order) (id string) {
	path, body := o.body()
	var again retry
	for {
		var r result
		call := d.send(ctx, request{
			kind: history.Post, method: http.MethodPost, path: path, by: by, body: body,
			headers: map[string]string{"Idempotency-Key": o.id, "Prefer": "wait=1"},
			about: func(c *history.Call) {
				c.Key, c.Order, c.Payload, c.Batch, c.Sets, c.TTL = o.id, o.id, o.payload(), o.items, o.sets, o.ttl
			},
			read: func(c *history.Call, text []byte) {
				if json.Unmarshal(text, &r) == nil {
					c.Name, c.Status = r.ID, r.Status
				}
			},
		})
		switch {
		case call.Done():
			return r.ID
		case call.Answer == "409": // it was deleted before it had a verdict
			return ""
		case !again.pause(ctx):
			return ""
		}
	}
}

// body is an order as it is posted, and where.
func (o *order) body() (path, body string) {
	sets, _ := json.Marshal(o.sets) //nolint:errchkjson // a list of strings
	path, body = "/v1/check", `{"input":`+o.payload()
	if o.items > 0 {
		path = "/v1/checks:batch"
		inputs := make([]string, o.items)
		for i, input := range o.inputs() {
			inputs[i] = fmt.Sprintf(`{"name":%q,"input":%s}`, input.Name, input.InputJSON)
		}
		body = `{"inputs":[` + strings.Join(inputs, ",") + "]"
	}
	body += fmt.Sprintf(`,"rule_sets":%s`, sets)
	if o.ttl > 0 {
		body += fmt.Sprintf(`,"ttl_seconds":%d`, o.ttl)
	}
	return path, body + "}"
}

// get reads a check once.
func (d *Driver) get(ctx context.Context, by user, path string, about func(*history.Call)) history.Call {
	var r result
	return d.send(ctx, request{
		kind: history.Status, method: http.MethodGet, path: path, by: by, about: about,
		read: func(c *history.Call, text []byte) {
			if json.Unmarshal(text, &r) == nil {
				c.Status = r.Status
			}
		},
	})
}

// remove deletes an order's check, and tries until it is gone.
func (d *Driver) remove(ctx context.Context, by user, o *order, id string) {
	var again retry
	for {
		call := d.send(ctx, request{
			kind: history.Delete, method: http.MethodDelete, path: "/v1/checks/" + id, by: by,
			about: func(c *history.Call) { c.Name, c.Order, c.Key = id, o.id, o.id },
		})
		if call.Done() || call.Answer == "404" || !again.pause(ctx) {
			return
		}
	}
}

// request is one to a facade.
type request struct {
	kind         history.Kind
	method, path string
	via          string // the replica; empty: they take turns
	by           user
	body         string
	headers      map[string]string
	about        func(*history.Call)         // says what the call is about
	read         func(*history.Call, []byte) // takes the answer's body
}

// send makes one attempt, which is in the history whatever came of it.
func (d *Driver) send(ctx context.Context, r request) history.Call {
	if r.via == "" {
		r.via = d.replicas[int(d.calls.Add(1))%len(d.replicas)]
	}
	call := history.Call{Kind: r.kind, Client: r.by.email, Via: r.via, Begin: d.o.History.Now(), Token: r.by.tokenID}
	if r.about != nil {
		r.about(&call)
	}
	text, err := d.exchange(ctx, &r, &call)
	if err != nil {
		call.Answer, call.Why = history.None, brief(err)
	} else if r.read != nil && call.Done() {
		r.read(&call, text)
	}
	d.tell(call)
	return call
}

// exchange sends a request, and takes the whole answer.
func (d *Driver) exchange(ctx context.Context, r *request, call *history.Call) ([]byte, error) {
	sent, err := http.NewRequestWithContext(ctx, r.method, d.o.Facades[r.via]+r.path, bytes.NewReader([]byte(r.body)))
	if err != nil {
		return nil, err
	}
	if r.by.token != "" {
		sent.Header.Set("Authorization", "Bearer "+r.by.token)
	}
	if r.body != "" {
		sent.Header.Set("Content-Type", "application/json")
	}
	for name, value := range r.headers {
		sent.Header.Set(name, value)
	}
	answer, err := d.web.Do(sent)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // what matters of it is read
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	call.Answer, call.Version = strconv.Itoa(answer.StatusCode), strings.Trim(answer.Header.Get("ETag"), `"`)
	if age, err := strconv.Atoi(answer.Header.Get("Age")); err == nil {
		call.Age = time.Duration(age) * time.Second
	}
	if answer.StatusCode >= http.StatusBadRequest {
		var problem struct {
			Type string `json:"type"`
		}
		if json.Unmarshal(text, &problem) == nil {
			call.Why = strings.TrimPrefix(problem.Type, "urn:checky:problem:")
		}
	}
	return text, nil
}

// user is who calls: with a session, or with a token of the account's.
type user struct {
	email, token, tokenID string
}

// errNotMade is why there is no account or token.
var errNotMade = errors.New("the facade did not make it")

// secret is a token as it is shown this once.
type secret struct {
	Token string `json:"token"`
	ID    string `json:"token_id"`
}

// signUp makes an account, and logs it in.
func (d *Driver) signUp(ctx context.Context, email string) (user, error) {
	credentials := fmt.Sprintf(`{"email":%q,"password":"correct horse battery staple 9"}`, email)
	var again retry
	for {
		who := user{email: email}
		made := d.send(ctx, request{kind: history.SignUp, method: http.MethodPost, path: "/auth/signup", by: who, body: credentials})
		if made.Done() {
			var s secret
			in := d.send(ctx, request{
				kind: history.LogIn, method: http.MethodPost, path: "/auth/login", by: who, body: credentials,
				read: func(c *history.Call, text []byte) {
					if json.Unmarshal(text, &s) == nil {
						c.Token = s.ID
					}
				},
			})
			if in.Done() {
				return user{email: email, token: s.Token, tokenID: s.ID}, nil
			}
		}
		if !again.pause(ctx) {
			return user{}, fmt.Errorf("account %s: %w", email, errNotMade)
		}
	}
}

// revokeTokens makes tokens, and ends each of them.
func (d *Driver) revokeTokens(ctx, drain context.Context) {
	var group sync.WaitGroup
	defer group.Wait()
	for number := 0; pause(ctx, revokeEvery); number++ {
		group.Go(func() { d.tokensLife(ctx, drain, number) })
	}
}

// tokensLife makes a token, uses it at every replica, revokes it, and goes on using it for a while.
func (d *Driver) tokensLife(ctx, drain context.Context, number int) {
	owner := d.users[number%len(d.users)]
	var s secret
	made := d.send(drain, request{
		kind: history.TokenMake, method: http.MethodPost, path: "/auth/tokens", by: owner,
		body: fmt.Sprintf(`{"name":"t-%d"}`, number),
		read: func(c *history.Call, text []byte) {
			if json.Unmarshal(text, &s) == nil {
				c.Token = s.ID
			}
		},
	})
	if !made.Done() {
		return
	}
	token := user{email: owner.email, token: s.Token, tokenID: s.ID}
	d.use(drain, token)
	secrets := []user{token}
	if number%2 == 1 {
		if rotated, ok := d.rotate(drain, owner, token); ok {
			secrets = append(secrets, rotated)
			d.useAll(ctx, drain, secrets, grace*3/2)
		}
	}
	d.revoke(drain, owner, s.ID)
	d.useAll(ctx, drain, secrets, usedFor)
}

// useAll goes on using secrets for a while.
func (d *Driver) useAll(ctx, drain context.Context, secrets []user, long time.Duration) {
	for until := time.Now().Add(long); time.Now().Before(until) && pause(ctx, useEvery); {
		for _, s := range secrets {
			d.use(drain, s)
		}
	}
}

// rotate gives a token another secret, in one attempt: whoever got no answer does not know which secrets there are. false: there is none that
// is known.
func (d *Driver) rotate(ctx context.Context, owner, token user) (rotated user, ok bool) {
	var s secret
	rotated = user{email: owner.email, tokenID: token.tokenID + history.Rotated}
	call := d.send(ctx, request{
		kind: history.TokenRotate, method: http.MethodPost, path: "/auth/tokens/" + token.tokenID + "/rotate", by: owner,
		body:  fmt.Sprintf(`{"grace_seconds":%d}`, int(grace.Seconds())),
		about: func(c *history.Call) { c.Token, c.Next, c.Grace = token.tokenID, rotated.tokenID, grace },
		read:  func(_ *history.Call, text []byte) { _ = json.Unmarshal(text, &s) }, // an empty secret is none
	})
	rotated.token = s.Token
	return rotated, call.Done() && s.Token != ""
}

// use uses a token at every replica.
func (d *Driver) use(ctx context.Context, token user) {
	for _, replica := range d.replicas {
		d.send(ctx, request{kind: history.TokenUse, method: http.MethodGet, path: "/v1/checks?limit=1", via: replica, by: token})
	}
}

// revoke revokes a token, and tries until that is acknowledged.
func (d *Driver) revoke(ctx context.Context, owner user, id string) {
	var again retry
	for {
		call := d.send(ctx, request{
			kind: history.TokenRevoke, method: http.MethodDelete, path: "/auth/tokens/" + id, by: owner,
			about: func(c *history.Call) { c.Token = id },
		})
		if call.Done() || call.Answer == "404" || !again.pause(ctx) {
			return
		}
	}
}
