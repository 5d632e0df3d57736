package operator_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/alerts/tone"
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
	"github.com/checky-dev/checky/controllers"
)

func policyYAML(name, spec string) string {
	return fmt.Sprintf("apiVersion: checky.dev/v1alpha1\nkind: AlertPolicy\nmetadata: {name: %s}\nspec: %s\n", name, spec)
}

func policy(name string) *v1alpha1.AlertPolicy {
	return &v1alpha1.AlertPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

// readiness waits until a policy's status speaks of its present generation and has a reason, and gives its Ready condition.
func (c *cluster) readiness(name, reason string) *metav1.Condition {
	c.t.Helper()
	p := eventually(c, policy(name), "reason "+reason, func(p *v1alpha1.AlertPolicy) bool {
		ready := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady)
		return p.Status.ObservedGeneration == p.Generation && ready != nil && ready.Reason == reason && ready.ObservedGeneration == p.Generation
	})
	ready := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady)
	if (ready.Status == metav1.ConditionTrue) != (reason == v1alpha1.ReasonValid) {
		c.t.Errorf("reason %s and Ready=%s", reason, ready.Status)
	}
	return ready
}

// alertsOperator runs the operator with the rights that it is deployed with, without those to inputs, and the test's namespace as
// its own.
func (c *cluster) alertsOperator(change ...func(*controllers.Options)) *operator {
	c.t.Helper()
	o := testOptions()
	o.Namespace = c.namespace
	for _, f := range change {
		f(&o)
	}
	return c.startAs(c.deployedConfig(), o)
}

// deployedConfig is that of a user with both roles of role.yaml; the one in checky-system is put into the test's namespace.
func (c *cluster) deployedConfig() *rest.Config {
	c.t.Helper()
	c.operatorConfig() // creates the ClusterRole
	text, err := os.ReadFile("../../config/rbac/role.yaml")
	if err != nil {
		c.t.Fatal(err)
	}
	documents := bytes.Split(text, []byte("\n---\n"))
	role, err := decode(c.Scheme(), string(documents[1]))
	if err != nil {
		c.t.Fatal(err)
	}
	role.SetNamespace(c.namespace)
	user := "controller-of-" + c.namespace
	everywhere, here := bindTo("checky-controller"), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: role.GetName()},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.GetName()},
	}
	everywhere.Name = user
	everywhere.Subjects[0].Name = user
	here.Subjects = everywhere.Subjects
	c.create(role, here, everywhere)
	config, err := controlplanetest.Start(c.t).UserConfig(user)
	if err != nil {
		c.t.Fatal(err)
	}
	return config
}

// TestUnknownTimeZone has a policy that the API server takes and that cannot work.
func TestUnknownTimeZone(t *testing.T) {
	c := newCluster(t)
	c.alertsOperator()
	c.apply(policyYAML("at-night", `{quietHours: [{start: "22:00", end: "06:00", timeZone: Europe/Berln}]}`))
	ready := c.readiness("at-night", v1alpha1.ReasonInvalidPolicy)
	for _, want := range []string{"the alert daemons leave the policy out", "spec.quietHours[0].timeZone", "Europe/Berln"} {
		if !strings.Contains(ready.Message, want) {
			t.Errorf("the message lacks %q: %s", want, ready.Message)
		}
	}
	p := policy("at-night")
	edit(c, p, func() { p.Spec.QuietHours[0].TimeZone = "Europe/Berlin" })
	c.readiness("at-night", v1alpha1.ReasonValid)
	var reasons []string
	events := *c
	events.namespace = metav1.NamespaceDefault // where events on what is of no namespace are
	for _, e := range eventsOf(&events, p) {
		reasons = append(reasons, e.Type+" "+e.Reason)
	}
	if got := strings.Join(reasons, ", "); !strings.Contains(got, "Warning InvalidPolicy") {
		t.Errorf("events: %s", got)
	}
}

// TestSelectorThatCannotWork has what only the compilation refuses.
func TestSelectorThatCannotWork(t *testing.T) {
	c := newCluster(t)
	c.alertsOperator()
	c.apply(policyYAML("selects-badly", `{namespaceSelector: {matchExpressions: [{key: app, operator: Like, values: [x]}]}}`))
	ready := c.readiness("selects-badly", v1alpha1.ReasonInvalidPolicy)
	if !strings.Contains(ready.Message, "spec.namespaceSelector.matchExpressions[0].operator") {
		t.Errorf("the message names no field: %s", ready.Message)
	}
}

// TestSoundHeals takes a sound from nothing to something that can be played, and back; no policy is touched meanwhile.
func TestSoundHeals(t *testing.T) {
	c := newCluster(t)
	c.alertsOperator()
	c.apply(policyYAML("loud", `{tones: {critical: {configMapKeyRef: {name: siren, key: siren.wav}}, error: {file: in-a-folder.wav}}}`))
	says := func(reason string, wants ...string) {
		t.Helper()
		ready := c.readiness("loud", reason)
		for _, want := range wants {
			if !strings.Contains(ready.Message, want) {
				t.Errorf("%s: the message lacks %q: %s", reason, want, ready.Message)
			}
		}
	}
	says(v1alpha1.ReasonToneNotFound, "spec.tones.critical.configMapKeyRef", "namespace "+c.namespace+" has no ConfigMap siren", v1alpha1.ToneLabel)

	siren := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "siren"}, BinaryData: map[string][]byte{"other.wav": []byte("x")}}
	c.create(siren)
	edit(c, siren, func() { siren.Labels = map[string]string{v1alpha1.ToneLabel: "true"} })
	eventually(c, policy("loud"), "the missing key", func(p *v1alpha1.AlertPolicy) bool {
		return strings.Contains(p.Status.Conditions[0].Message, "has no key siren.wav; add it under binaryData")
	})
	edit(c, siren, func() { siren.BinaryData["siren.wav"] = []byte("RIFF, but no sound") })
	says(v1alpha1.ReasonInvalidTone, "spec.tones.critical.configMapKeyRef: key siren.wav of ConfigMap siren", "cannot be played")

	edit(c, siren, func() { siren.BinaryData["siren.wav"] = wav(t) })
	says(v1alpha1.ReasonValid)
	edit(c, siren, func() { siren.Labels = nil })
	says(v1alpha1.ReasonToneNotFound, "has no ConfigMap siren")
	edit(c, siren, func() { siren.Labels = map[string]string{v1alpha1.ToneLabel: "true"} })
	says(v1alpha1.ReasonValid)
	if err := c.Delete(t.Context(), siren); err != nil {
		t.Fatal(err)
	}
	says(v1alpha1.ReasonToneNotFound, "has no ConfigMap siren")
}

func wav(t *testing.T) []byte {
	t.Helper()
	pattern, _ := tone.ByName("high")
	var b bytes.Buffer
	if err := pattern.Render(50).WriteWAV(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestMatchingChecks counts failing Checks by labels, namespace and severity, as they fail, are mended and are deleted.
func TestMatchingChecks(t *testing.T) {
	c := newCluster(t)
	c.alertsOperator()
	here := fmt.Sprintf(`namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %s}}`, c.namespace)
	c.apply(policyYAML("all-here", `{`+here+`}`))
	c.apply(policyYAML("orders-here", `{`+here+`, selector: {matchLabels: {app: orders}}}`))
	c.apply(policyYAML("worst-here", `{`+here+`, minSeverity: critical}`))
	c.apply(policyYAML("elsewhere", `{namespaceSelector: {matchLabels: {team: sales}}}`))
	counts := func(why string, want map[string]int32) {
		t.Helper()
		for name, n := range want {
			eventually(c, policy(name), fmt.Sprintf("%s: %d", why, n), func(p *v1alpha1.AlertPolicy) bool {
				return p.Status.MatchingChecks == n && p.Status.ObservedGeneration == p.Generation
			})
		}
	}
	failing := func(name, labels, severity string) {
		c.apply(fmt.Sprintf("apiVersion: checky.dev/v1alpha1\nkind: Check\nmetadata: {name: %s, labels: %s}\n"+
			"spec: {input: text, rules: [{name: n, severity: %s, module: {name: type, params: {field: $, type: number}}}]}\n", name, labels, severity))
	}
	failing("a", "{app: orders}", "critical")
	failing("b", "{app: stock}", "error")
	c.apply(checkYAML("broken", `{input: 1, rules: [{name: bad, module: {name: nonsense}}]}`))
	c.apply(checkYAML("good", "{input: 1, "+trivialRules+"}"))
	c.apply(checkYAML("waits", `{input: 1, ruleSets: [{name: nowhere}]}`))
	counts("three fail", map[string]int32{"all-here": 3, "orders-here": 1, "worst-here": 1, "elsewhere": 0})

	b := c.check("b")
	edit(c, b, func() { b.Labels = map[string]string{"app": "orders"} })
	counts("one was labelled", map[string]int32{"all-here": 3, "orders-here": 2, "worst-here": 1})
	a := c.check("a")
	edit(c, a, func() { a.Spec.Input.Raw = []byte("1") })
	if err := c.Delete(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	counts("one was mended, and one deleted", map[string]int32{"all-here": 1, "orders-here": 0, "worst-here": 0})

	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: c.namespace}}
	edit(c, namespace, func() { namespace.Labels["team"] = "sales" })
	counts("the namespace was labelled", map[string]int32{"elsewhere": 1})
	p := policy("all-here")
	edit(c, p, func() { p.Spec.MinSeverity = v1alpha1.SeverityCritical })
	counts("the policy was changed", map[string]int32{"all-here": 0})
}

// TestManyFailuresAreFewWrites has 300 Checks fail, and watches the policy that selects them: it is not written for each.
func TestManyFailuresAreFewWrites(t *testing.T) {
	const failures = 300
	c := newCluster(t)
	c.alertsOperator()
	c.apply(policyYAML("busy", fmt.Sprintf(`{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %s}}}`, c.namespace)))
	c.readiness("busy", v1alpha1.ReasonValid)
	began := time.Now()
	writes, err := c.Watch(t.Context(), &v1alpha1.AlertPolicyList{}, client.MatchingFields{"metadata.name": "busy"})
	if err != nil {
		t.Fatal(err)
	}
	defer writes.Stop()
	created := make(chan error, 1)
	go func() { created <- c.createFailing(failures) }()
	late, seen := time.After(patience), 0
	for {
		select {
		case err := <-created:
			if err != nil {
				t.Fatal(err)
			}
		case <-late:
			t.Fatal("the count never came to all of them")
		case e := <-writes.ResultChan():
			seen++
			if p, ok := e.Object.(*v1alpha1.AlertPolicy); !ok || p.Status.MatchingChecks < failures {
				continue
			}
			// One is the policy as it was when the watch began.
			if most := 3 + int(time.Since(began)/(10*time.Second)); seen > most {
				t.Errorf("%d writes, want at most %d", seen, most)
			}
			return
		}
	}
}

// createFailing creates Checks that fail.
func (c *cluster) createFailing(n int) error {
	for i := range n {
		k := c.check(fmt.Sprintf("failing-%d", i))
		k.Spec.Input.Raw = []byte(`"text"`)
		k.Spec.Rules = []v1alpha1.Rule{{Name: "n", Module: &v1alpha1.ModuleRule{Name: "type", Params: v1alpha1.JSON{Raw: []byte(`{"field": "$", "type": "number"}`)}}}}
		if err := c.Create(c.t.Context(), k); err != nil {
			return err
		}
	}
	return nil
}

// TestUnchangedPolicyIsNotWritten has a Check fail that no policy selects, and an operator start anew.
func TestUnchangedPolicyIsNotWritten(t *testing.T) {
	c := newCluster(t)
	op := c.alertsOperator()
	c.apply(policyYAML("calm", `{selector: {matchLabels: {app: none}}}`))
	c.readiness("calm", v1alpha1.ReasonValid)
	before := policy("calm")
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(before), before); err != nil {
		t.Fatal(err)
	}
	op.end(t)
	o := testOptions()
	o.Namespace = c.namespace
	c.startAs(c.operatorConfig(), o)
	c.apply(policyYAML("marker", fmt.Sprintf(`{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %s}}}`, c.namespace)))
	c.apply(checkYAML("broken", `{input: 1, rules: [{name: bad, module: {name: nonsense}}]}`))
	eventually(c, policy("marker"), "its count", func(p *v1alpha1.AlertPolicy) bool { return p.Status.MatchingChecks == 1 })
	after := policy("calm")
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(after), after); err != nil || after.ResourceVersion != before.ResourceVersion {
		t.Errorf("a policy was written about which nothing is new: %v", err)
	}
}
