//go:build linux

package audio

import (
	"fmt"
	"sync"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// maxSounds is how many bytes of sounds from ConfigMaps are held in memory. Of a ConfigMap beyond that only the name is kept, until it changes.
const maxSounds = 32 << 20

// shelf bounds the sounds that the cache holds: whoever may label ConfigMaps as sounds could otherwise use the daemon's memory up, and with
// it keep every failure from being heard.
type shelf struct {
	log  logr.Logger
	most int

	mu   sync.Mutex
	of   map[types.UID]int // bytes
	held int               // in all
}

func newShelf(log logr.Logger) *shelf {
	return &shelf{log: log, most: maxSounds, of: map[types.UID]int{}}
}

// put is the cache's transform of ConfigMaps: it keeps the sounds where there is room, and else the name alone.
func (s *shelf) put(object any) (any, error) {
	from, ok := object.(*corev1.ConfigMap)
	if !ok {
		return nil, fmt.Errorf("expected a ConfigMap, found %T", object)
	}
	kept := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: from.Name, Namespace: from.Namespace, UID: from.UID, ResourceVersion: from.ResourceVersion, Labels: from.Labels,
	}}
	size := 0
	for key, value := range from.BinaryData {
		size += len(key) + len(value)
	}
	for key, value := range from.Data {
		size += len(key) + len(value)
	}
	if s.room(from.UID, size) {
		kept.BinaryData, kept.Data = from.BinaryData, from.Data
	} else {
		s.log.Info("The ConfigMaps with sounds are too large to be held in memory; this one is left out, and a pattern is heard instead. Unlabel some, and change it",
			"configMap", from.Name, "bytes", size, "most", s.most)
	}
	return kept, nil
}

// room takes it for an object, in place of what that has so far.
func (s *shelf) room(uid types.UID, size int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held -= s.of[uid]
	delete(s.of, uid)
	if s.held+size > s.most {
		return false
	}
	if size > 0 {
		s.of[uid] = size
		s.held += size
	}
	return true
}

// gone gives back the room of a ConfigMap that was deleted, or is no longer labelled.
func (s *shelf) gone(object any) { s.room(uidOf(object), 0) }
