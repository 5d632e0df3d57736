package alerts

import (
	"maps"
	"slices"
	"strings"
)

// MaxLabels is how many labels of a Check are looked at: the first by their names. An object may have a megabyte of them.
const MaxLabels = 64

// Labels are those of a Check's labels that selectors see.
func Labels(all map[string]string) map[string]string {
	if len(all) <= MaxLabels {
		return all
	}
	first := make(map[string]string, MaxLabels)
	for _, name := range slices.Sorted(maps.Keys(all))[:MaxLabels] {
		first[strings.Clone(name)] = strings.Clone(all[name]) // which lets go of the rest
	}
	return first
}
