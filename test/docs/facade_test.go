package docs_test

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"

	"github.com/checky-dev/checky/apiserver"
	"github.com/checky-dev/checky/apiserver/client"
)

var (
	metricType   = regexp.MustCompile(`(?m)^# TYPE (checky_apiserver_[a-z_]+) `)
	metricOfPage = regexp.MustCompile("`(checky_apiserver_[a-z_]+)")
	problemRow   = regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| ([0-9]{3}) \\|")
	// The code names a problem's type in a call, or in a row of its table.
	problemCall  = regexp.MustCompile(`WithType\("([a-z-]+)"\)`)
	problemEntry = regexp.MustCompile(`(?m)^\t\{[a-z]+\.Err[A-Za-z]+, http\.Status[A-Za-z]+, "([a-z-]+)"`)
	resultRow    = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|")
	routeOfPage  = regexp.MustCompile(`(?m)^\| ([A-Z]+) \| (/[^ ]*) \|`)
	jsonBlock    = regexp.MustCompile("(?ms)^```json$\n(.*?)^```$")
)

// TestFacadeMetricsAreDocumented asks a facade for its metrics. It needs no cluster for that.
func TestFacadeMetricsAreDocumented(t *testing.T) {
	options := apiserver.DefaultOptions()
	options.Serve.Address, options.Serve.DrainDelay = "127.0.0.1:0", 0
	options.MetricsAddress, options.SecureMetrics = "127.0.0.1:0", false
	options.Mailbox, options.RedisURL = io.Discard, "redis://127.0.0.1:1"
	ctx, cancel := context.WithCancel(t.Context())
	server, err := apiserver.New(ctx, &rest.Config{Host: "http://127.0.0.1:1"}, options, logr.Discard(), "test")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	get(t, server.URL()+"/health") // so that there is a request to count
	ofCode := map[string]bool{}
	for _, m := range metricType.FindAllStringSubmatch(get(t, server.MetricsURL()+"/metrics"), -1) {
		ofCode[m[1]] = true
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	onPage := map[string]bool{}
	for _, m := range metricOfPage.FindAllStringSubmatch(read(t, filepath.Join(root, "docs/operations.md")), -1) {
		onPage[m[1]] = true
	}
	if diff := cmp.Diff(ofCode, onPage); diff != "" {
		t.Errorf("docs/operations.md is not what the facade serves (-code +page):\n%s", diff)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestProblemsAreDocumented compares the types of problems with those that the routes write.
func TestProblemsAreDocumented(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(root, "apiserver/route/*.go"))
	if err != nil {
		t.Fatal(err)
	}
	ofCode := map[string]bool{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		text := read(t, path)
		for _, m := range append(problemCall.FindAllStringSubmatch(text, -1), problemEntry.FindAllStringSubmatch(text, -1)...) {
			ofCode[m[1]] = true
		}
	}
	onPage := map[string]bool{}
	for _, m := range problemRow.FindAllStringSubmatch(read(t, filepath.Join(root, "docs/rest.md")), -1) {
		onPage[m[1]] = true
	}
	if diff := cmp.Diff(ofCode, onPage); diff != "" {
		t.Errorf("docs/rest.md has other types of problems than the code (-code +page):\n%s", diff)
	}
}

// document is what is looked at of the OpenAPI document.
type document struct {
	Paths      map[string]map[string]any `json:"paths"`
	Components struct {
		Schemas map[string]struct {
			Properties map[string]any `json:"properties"`
		} `json:"schemas"`
	} `json:"components"`
}

func openAPI(t *testing.T) document {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "apiserver/openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestRoutesAreDocumented(t *testing.T) {
	ofCode := map[string]bool{}
	for path, operations := range openAPI(t).Paths {
		for method := range operations {
			ofCode[strings.ToUpper(method)+" "+path] = true
		}
	}
	onPage := map[string]bool{}
	for _, m := range routeOfPage.FindAllStringSubmatch(read(t, filepath.Join(root, "docs/design/contract.md")), -1) {
		onPage[m[1]+" "+m[2]] = true
	}
	if diff := cmp.Diff(ofCode, onPage); diff != "" {
		t.Errorf("docs/design/contract.md has other routes than the OpenAPI document (-document +page):\n%s", diff)
	}
}

// TestFieldsAreDocumented compares what a request takes and a result has, and reads the example.
func TestFieldsAreDocumented(t *testing.T) {
	page := read(t, filepath.Join(root, "docs/rest.md"))
	schemas := openAPI(t).Components.Schemas
	for heading, schema := range map[string]string{
		"## Making checks": "CheckRequest", "## The result": "CheckResult", "## Batches": "BatchRequest", "## The result of a batch": "BatchItem",
	} {
		_, section, _ := strings.Cut(page, "\n"+heading+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		var onPage []string
		for _, m := range resultRow.FindAllStringSubmatch(section, -1) {
			onPage = append(onPage, m[1])
		}
		slices.Sort(onPage)
		if diff := cmp.Diff(slices.Sorted(maps.Keys(schemas[schema].Properties)), onPage); diff != "" {
			t.Errorf("docs/rest.md, %s, is not %s of the OpenAPI document (-document +page):\n%s", heading, schema, diff)
		}
	}
	examples := jsonBlock.FindAllStringSubmatch(page, -1)
	if len(examples) == 0 {
		t.Error("there is no example of a result")
	}
	for _, example := range examples {
		decoder := json.NewDecoder(strings.NewReader(example[1]))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&client.CheckResult{}); err != nil {
			t.Errorf("docs/rest.md: %v in\n%s", err, example[1])
		}
	}
}

// TestExampleIsDocumented: the client's example is the program of docs/rest.md, which TestConsole runs.
func TestExampleIsDocumented(t *testing.T) {
	body := func(text, begin string) string {
		_, text, found := strings.Cut(text, "\n"+begin+" {\n")
		text, _, ends := strings.Cut(text, "\n}\n")
		if !found || !ends {
			t.Errorf("there is no %s", begin)
		}
		return text
	}
	example := body(read(t, filepath.Join(root, "apiserver/client/example_test.go")), "func Example()")
	if diff := cmp.Diff(example, body(read(t, filepath.Join(root, "docs/rest.md")), "func main()")); diff != "" {
		t.Errorf("docs/rest.md has another program than the client's example (-example +page):\n%s", diff)
	}
}
