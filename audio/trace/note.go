package trace

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/audio/dispatch"
)

// What the API server takes of an Event, in bytes.
const (
	maxNote     = 1024
	maxReason   = 128
	maxInstance = 128
	maxName     = 253
)

// announced are the Events of an announcement: one on each of its first Checks.
func (e *Events) announced(a *dispatch.Announcement) []*eventsv1.Event {
	reason, kind := "Announced", corev1.EventTypeWarning
	switch a.Kind {
	case dispatch.Repeat:
		reason = "AnnouncedAgain"
	case dispatch.Flood:
		reason = "FloodAnnounced"
	case dispatch.Recovery:
		reason, kind = "RecoveryAnnounced", corev1.EventTypeNormal
	case dispatch.First:
	}
	text := e.text(a)
	events := make([]*eventsv1.Event, 0, MaxEvents)
	for i := range a.Alerts[:min(len(a.Alerts), MaxEvents)] {
		alert := &a.Alerts[i]
		event := e.event(corev1.ObjectReference{
			APIVersion: v1alpha1.GroupVersion.String(), Kind: "Check", Namespace: alert.Namespace, Name: alert.Name, UID: alert.UID,
		}, kind, reason, text)
		event.Action = "Play"
		if a.Policy != nil && a.Policy.Name != alerts.DefaultName {
			event.Related = &corev1.ObjectReference{APIVersion: v1alpha1.GroupVersion.String(), Kind: "AlertPolicy", Name: a.Policy.Name}
		}
		events = append(events, event)
	}
	return events
}

// text is the note of an announcement's Events: "tone high on node lab-3, policy ward, with 12 others".
func (e *Events) text(a *dispatch.Announcement) string {
	var b strings.Builder
	fmt.Fprintf(&b, "tone %s", toneName(&a.Tone))
	if a.Kind == dispatch.Flood {
		b.WriteString(" and the flood signal")
	}
	fmt.Fprintf(&b, " on node %s", e.node)
	if a.Policy != nil {
		fmt.Fprintf(&b, ", policy %s", a.Policy.Name)
	}
	switch {
	case a.Kind == dispatch.Flood:
		fmt.Fprintf(&b, ", one for %d failures", a.Count)
	case a.Count == 2:
		b.WriteString(", with 1 other")
	case a.Count > 2:
		fmt.Fprintf(&b, ", with %d others", a.Count-1)
	}
	if a.Count > MaxEvents {
		fmt.Fprintf(&b, " (only the worst %d have an Event)", MaxEvents)
	}
	return b.String()
}

func toneName(t *v1alpha1.Tone) string {
	switch {
	case t.ConfigMapKeyRef != nil:
		return fmt.Sprintf("%s of ConfigMap %s", t.ConfigMapKeyRef.Key, t.ConfigMapKeyRef.Name)
	case t.File != "":
		return t.File
	}
	return string(t.Pattern)
}

// nodeReference is how an Event speaks of the daemon's node. The UID is the node's name, as in the Events of kubelets: the daemon may
// read no node's UID, and `kubectl describe node` looks for both.
func (e *Events) nodeReference() corev1.ObjectReference {
	return corev1.ObjectReference{APIVersion: "v1", Kind: "Node", Name: e.node, UID: types.UID(e.node)}
}

// event is an Event, but for its action. It is in the namespace of what it is about, or for a node in default.
func (e *Events) event(regarding corev1.ObjectReference, kind, reason, note string) *eventsv1.Event {
	namespace := regarding.Namespace
	if namespace == "" {
		namespace = metav1.NamespaceDefault
	}
	now := e.o.Clock.Now()
	return &eventsv1.Event{
		ObjectMeta:          metav1.ObjectMeta{Namespace: namespace, Name: e.name(regarding.Name, now.UnixNano())},
		EventTime:           metav1.NewMicroTime(now),
		ReportingController: controller,
		ReportingInstance:   clip(e.node, maxInstance),
		Reason:              clip(reason, maxReason),
		Regarding:           regarding,
		Note:                clip(note, maxNote),
		Type:                kind,
	}
}

// name is an Event's name: that of what it is about, and a number that this daemon gives once, which is about the time. Two daemons
// that come by the same one in a nanosecond are told apart when the second is told that it exists.
func (e *Events) name(regarding string, now int64) string {
	for {
		last := e.last.Load()
		next := max(now, last+1)
		if e.last.CompareAndSwap(last, next) {
			suffix := "." + strconv.FormatInt(next, 16)
			return strings.TrimRight(clip(regarding, maxName-len(suffix)), "-.") + suffix
		}
	}
}

// clip cuts a text down to so many bytes, at the border of a character.
func clip(text string, length int) string {
	text = strings.ToValidUTF8(text, "?")
	if len(text) <= length {
		return text
	}
	for !utf8.RuneStart(text[length]) {
		length--
	}
	return text[:length]
}
