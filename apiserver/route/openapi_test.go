package route_test

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/apiserver/route"
)

var update = flag.Bool("update", false, "write the OpenAPI document anew")

// TestDocumentIsCommitted compares the documents with the committed ones: who changes the interface sees it in the change.
func TestDocumentIsCommitted(t *testing.T) {
	for file, document := range map[string]func() ([]byte, error){
		"../openapi.json":            route.Document,
		"../client/openapi-3.0.json": route.Document30,
	} {
		got, err := document()
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is not that of the routes; run make generate (-committed +now):\n%s", file, diff)
		}
	}
}
