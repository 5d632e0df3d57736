//go:build linux

package audio

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// TestOnChange holds that what is written all the time, a Node's status and a policy's, has nobody look at all failures anew.
func TestOnChange(t *testing.T) {
	node := func(uid, version, zone string) any {
		n := metadataOf("Node")
		n.UID, n.ResourceVersion, n.Labels = "n", version, map[string]string{"zone": zone}
		if uid != "" {
			n.UID = "other"
		}
		return n
	}
	policy := func(generation int64, matching int32) any {
		p := &v1alpha1.AlertPolicy{ObjectMeta: metav1.ObjectMeta{UID: "p", Generation: generation}}
		p.Status.MatchingChecks = matching
		return p
	}
	for name, tc := range map[string]struct {
		reason      string
		differ      matters
		before, now any
		want        bool
	}{
		"Heartbeat":    {"a kubelet writes its Node every few seconds", labelsChanged, node("", "1", "a"), node("", "2", "a"), false},
		"NodeLabelled": {"nodeSelectors go by labels", labelsChanged, node("", "1", "a"), node("", "2", "b"), true},
		"NodeReplaced": {"it is another node, even where it looks the same", labelsChanged, node("", "1", "a"), node("other", "2", "a"), true},
		"Counted":      {"the controller writes how many Checks a policy selects", specChanged, policy(1, 1), policy(1, 2), false},
		"Edited":       {"another spec", specChanged, policy(1, 1), policy(2, 1), true},
	} {
		t.Run(name, func(t *testing.T) {
			called := false
			handler := onChange(tc.differ, func() { called = true })
			handler.OnUpdate(tc.before, tc.now)
			if called != tc.want {
				t.Errorf("called: %t; %s", called, tc.reason)
			}
		})
	}
	called := 0
	handler := onChange(labelsChanged, func() { called++ })
	handler.OnAdd(node("", "1", "a"), true)
	handler.OnDelete(node("", "1", "a"))
	if called != 2 {
		t.Errorf("called %d times for one that came and went", called)
	}
}
