package report

import (
	"encoding/json"
	"io"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// named is a verdict in a list.
type named struct {
	// Name tells the verdicts of a list apart.
	Name string `json:"name"`
	v1alpha1.Verdict
}

// writeJSON writes what the status of the Check would hold, times and conditions left out: one object, or a list of them with
// their names.
func writeJSON(w io.Writer, r *Report, _ Options) error {
	out := json.NewEncoder(visible(w, jsonEscape))
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	if len(r.Inputs) == 1 && !r.List {
		return out.Encode(&r.Inputs[0].Verdict)
	}
	list := make([]named, len(r.Inputs))
	for i := range r.Inputs {
		list[i] = named{r.Inputs[i].Name, r.Inputs[i].Verdict}
	}
	return out.Encode(list)
}
