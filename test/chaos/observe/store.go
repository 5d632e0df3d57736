package observe

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/test/chaos/history"
)

// SourceKey is the key of a ConfigMap that Checks take their payload from.
const SourceKey = "payload"

// BatchText is what stands for the payload of a batch.
func BatchText(inputs []v1alpha1.BatchInput) string {
	text, err := json.Marshal(inputs)
	if err != nil {
		return "none: " + err.Error()
	}
	return string(text)
}

// watchAgain is how long a watch that has ended waits before the next.
const watchAgain = 100 * time.Millisecond

// Store follows objects of one kind.
type Store struct {
	client    client.WithWatch
	namespace string
	history   *history.Log
	revision  string                   // from where to watch on; empty: list first
	known     map[string]client.Object // the last version of each, by UID
}

// Watch makes a Store of a namespace. Run follows it.
func Watch(c client.WithWatch, namespace string, log *history.Log) *Store {
	return &Store{client: c, namespace: namespace, history: log, known: map[string]client.Object{}}
}

// Run follows the kind of a list until the context ends.
func (s *Store) Run(ctx context.Context, kind client.ObjectList) {
	for {
		if s.revision == "" {
			s.list(ctx, kind)
		}
		if s.revision != "" {
			s.watch(ctx, kind)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(watchAgain):
		}
	}
}

// list takes in all there is, where the watch cannot go on.
func (s *Store) list(ctx context.Context, kind client.ObjectList) {
	list, ok := kind.DeepCopyObject().(client.ObjectList)
	if !ok || s.client.List(ctx, list, client.InNamespace(s.namespace)) != nil {
		return // it is tried again
	}
	present := map[string]bool{}
	_ = meta.EachListItem(list, func(object runtime.Object) error { // the function gives no error
		if o, ok := object.(client.Object); ok {
			present[string(o.GetUID())] = true
			if last := s.known[string(o.GetUID())]; last == nil || last.GetResourceVersion() != o.GetResourceVersion() {
				s.see(history.Listed, o)
			}
		}
		return nil
	})
	for uid, o := range s.known {
		if !present[uid] {
			s.see(history.Vanished, o)
		}
	}
	s.revision = list.GetResourceVersion()
}

// watch takes in what happens until the watch ends.
func (s *Store) watch(ctx context.Context, kind client.ObjectList) {
	raw := &metav1.ListOptions{ResourceVersion: s.revision, AllowWatchBookmarks: true}
	w, err := s.client.Watch(ctx, kind, &client.ListOptions{Namespace: s.namespace, Raw: raw})
	if err != nil {
		s.refused(err)
		return
	}
	defer w.Stop()
	for event := range w.ResultChan() {
		object, ok := event.Object.(client.Object)
		if event.Type == watch.Error || !ok {
			s.refused(apierrors.FromObject(event.Object))
			return
		}
		s.revision = object.GetResourceVersion()
		if event.Type != watch.Bookmark {
			s.see(string(event.Type), object)
		}
	}
}

// refused has the watch begin with a list where the server does not know any more what has happened.
func (s *Store) refused(err error) {
	if apierrors.IsGone(err) || apierrors.IsResourceExpired(err) || apierrors.IsInvalid(err) {
		s.revision = ""
	}
}

// see puts a version of an object into the history.
func (s *Store) see(how string, object client.Object) {
	uid := string(object.GetUID())
	if how == string(watch.Deleted) || how == history.Vanished {
		delete(s.known, uid)
	} else {
		s.known[uid] = object
	}
	seen := &history.Seen{Type: how, Name: object.GetName(), UID: uid, Generation: object.GetGeneration()}
	seen.Revision, _ = strconv.ParseUint(object.GetResourceVersion(), 10, 64)
	switch o := object.(type) {
	case *v1alpha1.Check:
		ofCheck(seen, o)
	case *corev1.ConfigMap:
		seen.Kind, seen.Payload = "ConfigMap", o.Data[SourceKey]
	case *v1alpha1.RuleSet:
		seen.Kind, seen.Rules = "RuleSet", o.Spec.Rules
	}
	s.history.Add(history.Entry{Seen: seen})
}

// ofCheck adds what is kept of a Check.
func ofCheck(seen *history.Seen, check *v1alpha1.Check) {
	seen.Kind, seen.Payload, seen.TTL = "Check", string(check.Spec.InputText()), check.Spec.TTLSecondsAfterFinished
	switch from := check.Spec.InputFrom; {
	case len(check.Spec.Inputs) > 0:
		seen.Payload = BatchText(check.Spec.Inputs)
	case from != nil && from.ConfigMapKeyRef != nil:
		seen.Source = from.ConfigMapKeyRef.Name
	}
	for _, set := range check.Spec.RuleSets {
		seen.Sets = append(seen.Sets, set.Name)
	}
	// As the facade names versions (apiserver/route), so that what it answers can be told to be older or newer.
	sum := sha256.Sum256([]byte(seen.UID + "." + check.ResourceVersion))
	seen.ETag = hex.EncodeToString(sum[:16])
	status := &check.Status
	seen.Verdict = &history.Verdict{
		Phase: status.Phase, Generation: status.ObservedGeneration, Rules: status.RulesDigest, Input: status.InputDigest,
		Digest: Digest(&status.Verdict), Status: digestOf(status),
	}
	if status.CompletionTime != nil {
		seen.Verdict.Completed = status.CompletionTime.Time
	}
	if status.Alert != nil {
		seen.Verdict.AlertKey, seen.Verdict.Severity = status.Alert.Key, status.Alert.Severity
	}
	if complete := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionComplete); complete != nil {
		seen.Verdict.Reason = complete.Reason
	}
	if explained := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionExplained); explained != nil {
		seen.Verdict.Unsearched = explained.Reason == v1alpha1.ReasonRetrievalFailed
	}
	if passed := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionPassed); passed != nil {
		seen.Verdict.Since = passed.LastTransitionTime.Time
	}
}

// Digest is a verdict's: of all of it, explanation and passages included.
func Digest(v *v1alpha1.Verdict) string { return digestOf(v) }

func digestOf(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return "none: " + err.Error()
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// Final puts what the store holds of a kind into the history.
func Final(ctx context.Context, c client.WithWatch, namespace string, log *history.Log, kind client.ObjectList) error {
	list, _ := kind.DeepCopyObject().(client.ObjectList) // a list's copy is one
	if err := c.List(ctx, list, client.InNamespace(namespace)); err != nil {
		return err
	}
	s := Watch(c, namespace, log)
	return meta.EachListItem(list, func(object runtime.Object) error {
		if o, ok := object.(client.Object); ok {
			s.see(history.Final, o)
		}
		return nil
	})
}
