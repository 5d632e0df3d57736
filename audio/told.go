//go:build linux

package audio

import (
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// told remembers in which version the log last spoke of the objects of a kind. Policies and silences are looked at anew whenever one of them or
// the node changes, a heartbeat of its kubelet included: the log speaks of each once for each of its generations.
type told map[types.NamespacedName]version

type version struct {
	uid        types.UID
	generation int64
}

// add notes an object, and tells whether it differs from the one of its name in before.
func (t told) add(before told, object client.Object) bool {
	name, now := client.ObjectKeyFromObject(object), version{object.GetUID(), object.GetGeneration()}
	t[name] = now
	return before[name] != now
}
