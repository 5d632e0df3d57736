package engine

import (
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// weighed is a cache of things that take very different room: it forgets the least recently used until what is left weighs no more
// than its bound. It is safe for concurrent use.
type weighed struct {
	most int

	mu     sync.Mutex
	weight int
	lru    *simplelru.LRU[string, weighedThing]
}

type weighedThing struct {
	value  any
	weight int
}

func newWeighed(most int) *weighed {
	c := &weighed{most: most}
	// It fails for sizes below 1 only. Each eviction, of whatever reason, gives its weight back.
	c.lru, _ = simplelru.NewLRU(math.MaxInt, func(_ string, thing weighedThing) { c.weight -= thing.weight })
	return c
}

func (c *weighed) get(key string) (any, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	thing, ok := c.lru.Get(key)
	return thing.value, ok
}

// add keeps a thing, unless it weighs more than the whole bound.
func (c *weighed) add(key string, value any, weight int) {
	if weight > c.most {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(key)
	c.lru.Add(key, weighedThing{value, weight})
	c.weight += weight
	for c.weight > c.most {
		c.lru.RemoveOldest()
	}
}
