package dispatch

import (
	"fmt"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
)

func (w *world) publish(uid types.UID) {
	var snapshot *Alert
	if a := w.checks[uid]; a != nil {
		x := *a
		snapshot = &x
	}
	w.news[uid] = append(w.news[uid], snapshot)
}

// deliver brings the daemon the oldest news of a Check; or the newest alone, as a watch does that was away.
func (w *world) deliver(uid types.UID, newest bool) {
	news := w.news[uid]
	if len(news) == 0 {
		return
	}
	if newest {
		news = news[len(news)-1:]
	}
	if w.news[uid] = news[1:]; len(news) == 1 {
		delete(w.news, uid)
	}
	if news[0] == nil {
		w.s.Gone(w.now(), uid)
	} else {
		w.s.Observe(w.now(), *news[0], false)
	}
}

func (w *world) drawCheck() types.UID {
	return types.UID(fmt.Sprint("c", rapid.IntRange(0, 7).Draw(w.t, "check")))
}

func (w *world) drawPolicy(name string) *alerts.Policy {
	t := w.t
	pick := func(label string, from ...time.Duration) *metav1.Duration {
		return &metav1.Duration{Duration: rapid.SampledFrom(from).Draw(t, label)}
	}
	object := &v1alpha1.AlertPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}}
	object.Spec.GroupWait = pick("groupWait", 0, time.Second, 30*time.Second)
	object.Spec.GroupInterval = pick("groupInterval", 30*time.Second, time.Minute, 10*time.Minute)
	object.Spec.RepeatInterval = pick("repeatInterval", 0, 0, 10*time.Minute)
	object.Spec.MinSeverity = rapid.SampledFrom([]v1alpha1.Severity{info, info, failing}).Draw(t, "minSeverity")
	if rapid.Bool().Draw(t, "team") {
		selecting("team", rapid.SampledFrom([]string{"x", "y"}).Draw(t, "which"))(&object.Spec)
	}
	if rapid.IntRange(0, 2).Draw(t, "has quiet hours") == 0 {
		quiet("12:20", "17:00", "Europe/Berlin", critical)(&object.Spec)
	}
	if rapid.Bool().Draw(t, "recovery") {
		recovers(&object.Spec)
	}
	p, problems := alerts.Compile(object)
	if len(problems) > 0 {
		t.Fatal(problems.ToAggregate())
	}
	return p
}

func (w *world) drawSilence() *alerts.Silence {
	start := w.wall.Add(w.duration("silence in", 10*time.Minute)).Truncate(time.Second)
	object := &v1alpha1.Silence{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "s"}, Spec: v1alpha1.SilenceSpec{
		StartsAt: &metav1.Time{Time: start}, EndsAt: metav1.Time{Time: start.Add(time.Minute + w.duration("silence for", time.Hour))},
	}}
	if rapid.Bool().Draw(w.t, "of some") {
		object.Spec.Checks = []string{"c1", "c2", "c3"}
	}
	s, problems := alerts.CompileSilence(object)
	if len(problems) > 0 {
		w.t.Fatal(problems.ToAggregate())
	}
	return s
}

// fail makes a Check fail, or have another verdict.
func (w *world) fail(*rapid.T) {
	uid := w.drawCheck()
	since := w.wall.Truncate(time.Second)
	if last, ok := w.since[uid]; ok && !since.After(last) {
		since = last.Add(time.Second)
	}
	w.since[uid] = since
	a := &Alert{
		UID: uid, Namespace: "default", Name: string(uid), Since: since, Completed: w.wall.Truncate(time.Second),
		Key:      rapid.SampledFrom([]string{"k", "l"}).Draw(w.t, "key"),
		Severity: rapid.SampledFrom(severities[1:]).Draw(w.t, "severity"),
		Labels:   map[string]string{"team": rapid.SampledFrom([]string{"x", "y"}).Draw(w.t, "team")},
	}
	if before := w.checks[uid]; before != nil {
		a.AcknowledgedBy = before.AcknowledgedBy
	}
	w.checks[uid] = a
	w.publish(uid)
}

// actions are what may happen.
func (w *world) actions() map[string]func(*rapid.T) {
	deliver := func(*rapid.T) {
		pending := slices.Sorted(maps.Keys(w.news))
		if len(pending) == 0 {
			return
		}
		w.deliver(rapid.SampledFrom(pending).Draw(w.t, "whose"), rapid.Bool().Draw(w.t, "newest alone"))
		if rapid.Bool().Draw(w.t, "next") {
			w.turn()
		}
	}
	change := func(f func(a *Alert)) func(*rapid.T) {
		return func(*rapid.T) {
			uid := w.drawCheck()
			if a := w.checks[uid]; a != nil {
				f(a)
				w.publish(uid)
			}
		}
	}
	pass := func(*rapid.T) { w.pass(w.duration("time", 90*time.Second)) }
	crash := func(*rapid.T) {
		if w.playing != nil && rapid.Bool().Draw(w.t, "after the sound") {
			w.hear()
			for _, f := range w.s.playing.covers {
				w.excused[identityOf(&f.alert)]++
			}
		}
		w.wall = w.wall.Add(w.duration("down", 30*time.Minute))
		w.start()
	}
	return map[string]func(*rapid.T){
		"fail": w.fail, "fail 2": w.fail, "fail 3": w.fail,
		"deliver": deliver, "deliver 2": deliver, "deliver 3": deliver,
		"pass": pass, "pass 2": pass, "pass 3": pass,
		"long":           func(*rapid.T) { w.pass(w.duration("time", time.Hour)) },
		"crash":          crash,
		"evaluate again": change(func(a *Alert) { a.Completed = w.wall.Truncate(time.Second) }),
		"relabel":        change(func(a *Alert) { a.Labels = map[string]string{"team": "z"} }),
		"acknowledge":    change(func(a *Alert) { a.AcknowledgedBy = rapid.SampledFrom([]string{"", "ann", "bob"}).Draw(w.t, "by") }),
		"succeed": func(*rapid.T) {
			uid := w.drawCheck()
			if w.checks[uid] != nil {
				delete(w.checks, uid)
				w.publish(uid)
			}
		},
		"set the clock": func(*rapid.T) {
			w.wall = w.wall.Add(time.Duration(rapid.Int64Range(-10*3600, 10*3600).Draw(w.t, "by seconds")) * time.Second)
			w.turn()
		},
		"policies": func(*rapid.T) {
			w.policies = nil
			for i := range rapid.IntRange(0, 3).Draw(w.t, "how many") {
				w.policies = append(w.policies, w.drawPolicy(fmt.Sprint("p", i)))
			}
			w.s.SetPolicies(w.now(), w.policies)
		},
		"silences": func(*rapid.T) {
			w.silences = nil
			for range rapid.IntRange(0, 2).Draw(w.t, "how many") {
				w.silences = append(w.silences, w.drawSilence())
			}
			w.s.SetSilences(w.now(), w.silences)
		},
	}
}
