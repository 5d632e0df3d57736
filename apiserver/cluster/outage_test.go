package cluster_test

import (
	"context"
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/apiserver/cluster"
	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
)

func TestOutage(t *testing.T) {
	cases := map[string]struct {
		reason    string
		fail, end func(p *proxy)
	}{
		"refused": {
			reason: "the API server is gone: connections end, and new ones are refused",
			fail:   (*proxy).refuse,
			end:    (*proxy).listen,
		},
		"black hole": {
			reason: "the way to the API server is gone: nothing comes back, also over old connections after it is mended",
			fail:   (*proxy).blackHole,
			end:    (*proxy).open,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Log(c.reason)
			direct := controlplanetest.Start(t).RESTConfig()
			p, through := newProxy(t, direct)
			w := newWorld(t, through, direct)
			w.before()

			c.fail(p)
			caught := w.write("caught")
			w.leave()
			w.change()
			w.during()
			w.isAway(<-caught)
			c.end(p)
			w.after()

			w.stop()
		})
	}
}

// before makes what change changes.
func (w *world) before() {
	w.t.Helper()
	w.create(w.secret("kept"), w.secret("changed"), w.secret("deleted"), w.check("kept"))
	w.eventually("the cache knows the objects", func() bool {
		return w.cached(w.secret("kept")) && w.cached(w.secret("changed")) && w.cached(w.secret("deleted")) && w.cached(w.check("kept"))
	})
	if got := w.gauge("checky_apiserver_kubernetes_reachable", ""); got != 1 {
		w.t.Errorf("reachable is %v before the outage", got)
	}
}

// change makes, changes and deletes objects behind the Cluster's back.
func (w *world) change() {
	w.t.Helper()
	w.create(w.secret("new"), w.check("new"))
	changed := w.secret("changed")
	changed.Data["key"] = []byte("other")
	w.eventually("an object is changed", func() bool { return w.admin.Update(w.t.Context(), changed) == nil })
	w.eventually("an object is deleted", func() bool {
		return client.IgnoreNotFound(w.admin.Delete(w.t.Context(), w.secret("deleted"))) == nil
	})
}

// during is what has to hold while the API server is away.
func (w *world) during() {
	w.t.Helper()
	age, away := w.Away()
	if !away {
		w.t.Error("it does not count as away any more")
	}
	w.eventually("the age grows", func() bool { older, _ := w.Away(); return older > age+cutoff })
	if !w.cached(w.secret("kept")) || !w.cached(w.secret("deleted")) || !w.cached(w.check("kept")) {
		w.t.Error("reads do not go on from the cache")
	}
	if !w.Synced() {
		w.t.Error("what was listed is not known any more")
	}
	w.isAway(<-w.write("refused"))
	canceled, cancel := context.WithCancel(w.t.Context())
	cancel()
	if err := w.Client().Get(canceled, client.ObjectKey{Namespace: w.namespace, Name: "kept"}, &corev1.Secret{}); err == nil {
		w.t.Error("a canceled read succeeded")
	}
	if got := w.gauge("checky_apiserver_kubernetes_reachable", ""); got != 0 {
		w.t.Errorf("reachable is %v during the outage", got)
	}
	if got := w.gauge("checky_apiserver_informer_age_seconds", "Secret"); got <= 0 {
		w.t.Errorf("the age of Secrets is %v during the outage", got)
	}
}

// write creates an object and sends the outcome.
func (w *world) write(name string) <-chan error {
	outcome := make(chan error, 1)
	begun := time.Now()
	go func() {
		err := w.Client().Create(w.t.Context(), w.secret(name))
		w.t.Logf("a write ended after %s: %v", time.Since(begun).Round(10*time.Millisecond), err)
		outcome <- err
	}()
	return outcome
}

func (w *world) isAway(err error) {
	w.t.Helper()
	if !errors.Is(err, cluster.ErrAway) || !cluster.Unreachable(err) {
		w.t.Errorf("a write ended with %v, which is not ErrAway", err)
	}
}

// cutoff is for how long an outage of a test lasts at least: connections that hang are closed by then.
const cutoff = 8 * time.Second

// after is what has to hold as soon as the API server is back.
func (w *world) after() {
	w.t.Helper()
	w.settle()
	w.eventually("the cache catches up", func() bool {
		changed := w.secret("changed")
		return w.cached(w.secret("new")) && w.cached(w.check("new")) && !w.cached(w.secret("deleted")) &&
			w.cached(changed) && string(changed.Data["key"]) == "other"
	})
	for name, want := range map[string]string{"new": "add", "changed": "update", "deleted": "delete"} {
		w.eventually("the last event of "+name+" is "+want, func() bool { return w.seen.last(name) == want })
	}
	if n := w.seen.count("kept"); n == 0 {
		w.t.Error("an object that did not change was never seen")
	}
	w.eventually("a write succeeds", func() bool { return w.Client().Create(w.t.Context(), w.secret("accepted")) == nil })
	w.eventually("what was written is seen", func() bool { return w.cached(w.secret("accepted")) })
	if age, away := w.Away(); away || age != 0 {
		w.t.Errorf("away %v, age %s after the outage", away, age)
	}
	if got := w.gauge("checky_apiserver_kubernetes_reachable", ""); got != 1 {
		w.t.Errorf("reachable is %v after the outage", got)
	}
}

func TestStartDuringOutage(t *testing.T) {
	direct := controlplanetest.Start(t).RESTConfig()
	p, through := newProxy(t, direct)
	p.refuse()
	w := prepare(t, through, direct)
	w.create(w.secret("kept"))
	w.start()
	w.leave()
	if w.Synced() {
		t.Error("synced without a single answer")
	}
	p.listen()
	w.settle()
	if !w.cached(w.secret("kept")) {
		t.Error("synced, and an object is missing")
	}
}
