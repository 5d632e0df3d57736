//go:build linux

package audio

import (
	"testing"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
)

// bell is a ConfigMap with a sound of a length.
func bell(uid types.UID, size int) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Name: "bell-" + string(uid), Namespace: "checky-system", UID: uid, ResourceVersion: "7", Labels: map[string]string{"a": "b"},
			Annotations: map[string]string{corev1.LastAppliedConfigAnnotation: "all of it, once more"},
		},
		BinaryData: map[string][]byte{"": make([]byte, size)},
	}
}

func TestShelfHoldsNoMoreThanItMay(t *testing.T) {
	s := newShelf(logr.Discard())
	s.most = 100
	put := func(object *corev1.ConfigMap) bool {
		t.Helper()
		got, err := s.put(object)
		if err != nil {
			t.Fatal(err)
		}
		kept := got.(*corev1.ConfigMap)
		want := &corev1.ConfigMap{ObjectMeta: *object.ObjectMeta.DeepCopy(), BinaryData: kept.BinaryData}
		want.Annotations = nil
		if diff := cmp.Diff(want, kept); diff != "" {
			t.Errorf("kept is (-want +got)\n%s", diff)
		}
		return len(kept.BinaryData) > 0
	}
	steps := []struct {
		reason string
		do     func() bool
		want   bool
	}{
		{"there is room", func() bool { return put(bell("a", 60)) }, true},
		{"there is none", func() bool { return put(bell("b", 41)) }, false},
		{"there is room for a smaller one", func() bool { return put(bell("c", 40)) }, true},
		{"it is there already", func() bool { return put(bell("a", 60)) }, true},
		{"it shrinks", func() bool { return put(bell("a", 10)) }, true},
		{"so there is room", func() bool { return put(bell("b", 41)) }, true},
		{"it grows too large", func() bool { return put(bell("a", 61)) }, false},
		{"what it had is free", func() bool { return put(bell("d", 19)) }, true},
		{"another is gone", func() bool { s.gone(bell("b", 41)); return put(bell("e", 41)) }, true},
		{"it is gone, as one finds out later", func() bool {
			s.gone(toolscache.DeletedFinalStateUnknown{Obj: bell("c", 40)})
			return put(bell("f", 40))
		}, true},
		{"one that was never there is gone", func() bool { s.gone(bell("g", 100)); return put(bell("h", 1)) }, false},
	}
	for _, step := range steps {
		if got := step.do(); got != step.want {
			t.Errorf("%s: kept is %v, with %d bytes held", step.reason, got, s.held)
		}
		if s.held < 0 || s.held > s.most {
			t.Fatalf("%s: %d bytes are held", step.reason, s.held)
		}
	}
	if len(s.of) != 3 {
		t.Errorf("known are %v, want d, e and f", s.of)
	}
	text := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{UID: "t"}, Data: map[string]string{"key": "as text"}}
	if got, err := newShelf(logr.Discard()).put(text); err != nil || got.(*corev1.ConfigMap).Data["key"] != "as text" {
		t.Errorf("a sound in data: %v, %v", got, err)
	}
	if _, err := s.put(&corev1.Pod{}); err == nil {
		t.Error("a Pod was taken for a sound")
	}
}
