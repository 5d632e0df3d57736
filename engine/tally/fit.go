package tally

import (
	"encoding/json"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
)

// Fit gives as many of the worst payloads as a verdict tells of: at most rules.MaxBatchResults, which take at most
// rules.MaxBatchResultBytes as JSON. Of the last one results may be left out. It leaves the list as it is.
func Fit(list []v1alpha1.BatchItem) []v1alpha1.BatchItem {
	list = list[:min(len(list), rules.MaxBatchResults)]
	items, room := make([]v1alpha1.BatchItem, 0, len(list)), rules.MaxBatchResultBytes
	for _, item := range list {
		results := len(item.Results)
		size := sizeOf(&item)
		for size > room && len(item.Results) > 1 {
			last := len(item.Results) - 1
			item.Results = item.Results[:last:last]
			item.Truncated++
			size = sizeOf(&item)
		}
		if size > room {
			break
		}
		room -= size
		items = append(items, item)
		if len(item.Results) < results {
			break
		}
	}
	return items
}

// sizeOf is the length of a value as JSON, with a comma.
func sizeOf(value *v1alpha1.BatchItem) int {
	text, _ := json.Marshal(value) //nolint:errchkjson // it is made of strings and numbers
	return len(text) + 1
}
