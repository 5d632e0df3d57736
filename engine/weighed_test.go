package engine

import (
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// TestWeighed compares the cache with a list, the most recently used last: of those that fit, what is kept is what the list keeps, and
// it never weighs more than the bound.
func TestWeighed(t *testing.T) {
	const most = 20
	rapid.Check(t, func(t *rapid.T) {
		c := newWeighed(most)
		weights := map[string]int{}
		var used []string
		use := func(key string) {
			used = append(slices.DeleteFunc(used, func(k string) bool { return k == key }), key)
		}
		sum := func() (n int) {
			for _, key := range used {
				n += weights[key]
			}
			return n
		}
		for range rapid.IntRange(0, 50).Draw(t, "steps") {
			key := strconv.Itoa(rapid.IntRange(0, 9).Draw(t, "key"))
			if rapid.Bool().Draw(t, "get") {
				_, found := c.get(key)
				if found != slices.Contains(used, key) {
					t.Fatalf("%s is kept: %t, want %v", key, found, used)
				}
				if found {
					use(key)
				}
				continue
			}
			weight := rapid.IntRange(1, most+1).Draw(t, "weight")
			c.add(key, key, weight)
			if weight > most {
				continue
			}
			weights[key] = weight
			use(key)
			for sum() > most {
				used = used[1:]
			}
		}
		if c.weight != sum() || c.lru.Len() != len(used) {
			t.Fatalf("%d things of weight %d are kept, want %v of %d", c.lru.Len(), c.weight, used, sum())
		}
	})
}
