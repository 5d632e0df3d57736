package driver

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/test/chaos/history"
	"github.com/checky-dev/checky/test/chaos/observe"
)

// byKubectl creates a Check, edits some of them, and deletes some.
func (d *Driver) byKubectl(ctx, drain context.Context, o *order) {
	if !d.createCheck(drain, o) {
		d.abandoned.Add(1)
		return
	}
	for o.source == "" && o.chance(0.25) && pause(ctx, time.Duration(1+o.random.IntN(8))*time.Second) {
		o.amount = o.draw(60, 600, 6000, 60000)
		if !d.editCheck(drain, o) {
			return
		}
	}
	if o.chance(0.08) && pause(ctx, time.Duration(1+o.random.IntN(15))*time.Second) {
		d.deleteCheck(drain, o)
	}
}

// createCheck creates a Check, and again until the API server says that it is there.
func (d *Driver) createCheck(ctx context.Context, o *order) bool {
	check := &v1alpha1.Check{
		ObjectMeta: metav1.ObjectMeta{Namespace: d.o.Namespace, Name: o.id},
	}
	o.fill(&check.Spec)
	for _, set := range o.sets {
		check.Spec.RuleSets = append(check.Spec.RuleSets, v1alpha1.RuleSetReference{Kind: v1alpha1.KindRuleSet, Name: set})
	}
	if o.ttl > 0 {
		check.Spec.TTLSecondsAfterFinished = &o.ttl
	}
	var again retry
	for {
		made := check.DeepCopy()
		call := d.kubeCall(history.KubeCreate, o)
		err := d.kube.Create(ctx, made)
		d.answered(&call, made, err)
		switch {
		case err == nil || apierrors.IsAlreadyExists(err): // an attempt before has made it, though it was not told so
			return true
		case !again.pause(ctx):
			return false
		}
	}
}

// fill puts what is to be checked into a spec.
func (o *order) fill(spec *v1alpha1.CheckSpec) {
	switch {
	case o.source != "":
		spec.InputFrom = &v1alpha1.InputSource{ConfigMapKeyRef: &v1alpha1.KeyReference{Name: o.source, Key: observe.SourceKey}}
	case o.items > 0:
		spec.Inputs = o.inputs()
	default:
		spec.InputJSON = o.payload()
	}
}

// isIn tells whether a spec has it.
func (o *order) isIn(spec *v1alpha1.CheckSpec) bool {
	if o.items > 0 {
		return observe.BatchText(spec.Inputs) == o.payload()
	}
	return spec.InputJSON == o.payload()
}

// editCheck gives a Check another payload, as kubectl edit does: read, change, write, and anew where somebody else has written. false: it is
// not there any more.
func (d *Driver) editCheck(ctx context.Context, o *order) bool {
	var again retry
	for {
		check := &v1alpha1.Check{}
		err := d.kube.Get(ctx, client.ObjectKey{Namespace: d.o.Namespace, Name: o.id}, check)
		switch {
		case apierrors.IsNotFound(err):
			return false // its time to live is over
		case err == nil && o.isIn(&check.Spec):
			return true // an attempt before has changed it, though it was not told so
		case err == nil:
			o.fill(&check.Spec)
			call := d.kubeCall(history.KubeUpdate, o)
			err = d.kube.Update(ctx, check)
			d.answered(&call, check, err)
		}
		if err == nil || apierrors.IsNotFound(err) {
			return err == nil
		}
		if !again.pause(ctx) {
			return false
		}
	}
}

func (d *Driver) deleteCheck(ctx context.Context, o *order) {
	var again retry
	for {
		check := &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{Namespace: d.o.Namespace, Name: o.id}}
		call := d.kubeCall(history.KubeDelete, o)
		err := d.kube.Delete(ctx, check)
		d.answered(&call, nil, err)
		if err == nil || apierrors.IsNotFound(err) || !again.pause(ctx) {
			return
		}
	}
}

// kubeCall begins a call to the API server about an order's Check.
func (d *Driver) kubeCall(kind history.Kind, o *order) history.Call {
	call := history.Call{Kind: kind, Client: "kubectl", Via: "kube-apiserver", Begin: d.o.History.Now(), Name: o.id, Order: o.id}
	if kind != history.KubeDelete {
		call.Payload, call.Batch, call.Source, call.Sets, call.TTL = o.payload(), o.items, o.source, o.sets, o.ttl
	}
	return call
}

// answered ends a call to the API server. object, if it is not nil, is what it answered with.
func (d *Driver) answered(call *history.Call, object client.Object, err error) {
	call.Answer, call.Why = answerOf(err)
	if err == nil && object != nil {
		call.UID, call.Generation = string(object.GetUID()), object.GetGeneration()
	}
	d.tell(*call)
}

// answerOf is the API server's answer behind an error.
func answerOf(err error) (code, why string) {
	var answer apierrors.APIStatus
	switch {
	case err == nil:
		return "200", ""
	case errors.As(err, &answer):
		return strconv.Itoa(int(answer.Status().Code)), string(answer.Status().Reason)
	default:
		return history.None, brief(err)
	}
}

// brief is an error in so many characters that a history stays small.
func brief(err error) string {
	text := err.Error()
	return text[max(0, len(text)-80):]
}

// limits are what a wave's rule set takes, in turn. What it refuses changes, but for what is critical.
var limits = []int{100, 1000, 10000}

func ordersRules(version int) []v1alpha1.Rule {
	limit := limits[version%len(limits)]
	rules := []v1alpha1.Rule{
		rangeRule("amount", "$.amount", limit),
		{Name: "currency", Module: module("enum", `{"field":"$.currency","values":["EUR","GBP","USD"]}`)},
		{Name: "sku", Module: module("pattern", `{"field":"$.items[*].sku","pattern":"^[A-Z]{3}-[0-9]{4}$"}`)},
		{Name: "stock", Severity: v1alpha1.SeverityCritical, CEL: &v1alpha1.CELRule{Expression: "input.stock >= 0"}, Message: "stock must not be negative"},
	}
	return rules
}

func seasonalRules(version int) []v1alpha1.Rule {
	return []v1alpha1.Rule{rangeRule("discount", "$.discount", 1+version%10)}
}

func rangeRule(name, field string, limit int) v1alpha1.Rule {
	return v1alpha1.Rule{Name: name, Module: module("range", fmt.Sprintf(`{"field":%q,"min":0,"max":%d}`, field, limit))}
}

func module(name, params string) *v1alpha1.ModuleRule {
	m := &v1alpha1.ModuleRule{Name: name}
	m.Params.Raw = []byte(params)
	return m
}

// putSet has a rule set be there with rules, and tries until it is.
func (d *Driver) putSet(ctx context.Context, name string, rules []v1alpha1.Rule) bool {
	var again retry
	for {
		set := &v1alpha1.RuleSet{}
		err := d.kube.Get(ctx, client.ObjectKey{Namespace: d.o.Namespace, Name: name}, set)
		call := history.Call{Kind: history.SetUpdate, Client: "kubectl", Via: "kube-apiserver", Begin: d.o.History.Now(), Name: name}
		switch {
		case err == nil:
			set.Spec.Rules = rules
			err = d.kube.Update(ctx, set)
			d.answered(&call, set, err)
		case apierrors.IsNotFound(err):
			set = &v1alpha1.RuleSet{ObjectMeta: metav1.ObjectMeta{Namespace: d.o.Namespace, Name: name}, Spec: v1alpha1.RuleSetSpec{Rules: rules}}
			call.Kind = history.SetCreate
			err = d.kube.Create(ctx, set)
			d.answered(&call, set, err)
		}
		if err == nil {
			return true
		}
		if !again.pause(ctx) {
			return false
		}
	}
}

func (d *Driver) deleteSet(ctx context.Context, name string) {
	var again retry
	for {
		call := history.Call{Kind: history.SetDelete, Client: "kubectl", Via: "kube-apiserver", Begin: d.o.History.Now(), Name: name}
		err := d.kube.Delete(ctx, &v1alpha1.RuleSet{ObjectMeta: metav1.ObjectMeta{Namespace: d.o.Namespace, Name: name}})
		d.answered(&call, nil, err)
		if err == nil || apierrors.IsNotFound(err) || !again.pause(ctx) {
			return
		}
	}
}
