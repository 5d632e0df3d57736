package report

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// example is a report with one of everything.
func example() *Report {
	return &Report{
		Run: Run{
			CPU: "Example CPU", Cores: 2, Memory: 24 << 30, Kernel: "Linux 6.1", Go: "go1.26.8", Load: 0.25, Commit: "0123456789ab",
			Command: "make bench", Began: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Took: 17*time.Minute + 3*time.Second,
		},
		Failures: []string{"Scale: the store is <full>\nand stays so"},
		Sections: []*Section{
			{
				ID: "engines", Title: "Engine", Intro: "One check.", Versions: []string{"example.org/b v1.0.0", "example.org/a v2.0.0"},
				Commit: "0123456789ab", Began: time.Date(2026, 3, 1, 12, 0, 5, 0, time.UTC), Took: 90 * time.Second,
				Targets: []Target{
					AtMost("time of a check", 3, 2.514, "µs").Noted("±1.2%%"),
					AtLeast("faster than others", 30, 28.9, "×"),
					Missing("a cold start", "at most 1×", "there is no tool"),
				},
				Tables: []Table{{
					Title: "Five rules", Columns: Columns("engine", "time"), Caption: "Medians.",
					Rows: [][]string{{"Checky", Nanoseconds(2514)}, {"a|b", Nanoseconds(98765)}},
				}},
				Charts: []Chart{
					{
						ID: "five", Title: "Five rules", Alt: "Time by engine.", Kind: Bars, Y: Axis{Label: "µs", Log: true},
						Categories: []string{"Checky, modules", "another engine", "<floor> & more"},
						Series:     []Series{{Name: "decoded", Y: []float64{2.5, 98.8, 0.3}}, {Name: "from text", Y: []float64{9.5, 120, 8}}},
					},
				},
				Notes: []string{"None."},
			},
			{
				ID: "steady", Title: "Memory over time", Versions: []string{"example.org/a v2.0.0"},
				Charts: []Chart{
					{
						ID: "memory", Title: "Memory", Alt: "A flat line.", Kind: Lines, X: Axis{Label: "minutes"}, Y: Axis{Label: "MiB"},
						Series: []Series{{Name: "controller", X: []float64{0, 10, 20, 30}, Y: []float64{40, 41, 40.5, 41}}},
					},
					{
						ID: "rules", Title: "Rules", Alt: "Rising lines.", Kind: Lines, X: Axis{Label: "rules", Log: true}, Y: Axis{Label: "µs", Log: true},
						Series: []Series{
							{Name: "a", X: []float64{1, 5, 20, 100}, Y: []float64{1, 3, 11, 60}},
							{Name: "b", X: []float64{1, 5, 20, 100}, Y: []float64{90, 150, 700, 3000}},
						},
					},
				},
			},
		},
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got, -update writes it):\n%s", name, diff)
	}
}

func TestSave(t *testing.T) {
	dir := t.TempDir()
	page, pictures := filepath.Join(dir, "benchmarks.md"), filepath.Join(dir, "pictures", "benchmarks")
	if err := os.MkdirAll(pictures, 0o755); err != nil {
		t.Fatal(err)
	}
	stale := filepath.Join(pictures, "gone-chart.svg")
	if err := os.WriteFile(stale, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := example().Save(page, pictures); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(stale); !errors.Is(err, os.ErrNotExist) {
		t.Error("a chart of an earlier run is still there")
	}
	golden(t, "benchmarks.md", read(t, page))
	for _, name := range []string{"engines-five.svg", "steady-memory.svg", "steady-rules.svg"} {
		golden(t, name, read(t, filepath.Join(pictures, name)))
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// TestChartsAreDressed: every colour is one that a style sheet can change, or a chart would vanish in the dark.
func TestChartsAreDressed(t *testing.T) {
	for _, s := range example().Sections {
		for _, c := range s.Charts {
			drawing, err := c.svg()
			if err != nil {
				t.Fatal(err)
			}
			_, body, _ := strings.Cut(string(drawing), "</style>")
			for _, left := range []string{"#A1B2", "#000000", "Liberation Serif", "fill:black"} {
				if strings.Contains(body, left) {
					t.Errorf("%s: %q is in the drawing", c.ID, left)
				}
			}
			for decoder := xml.NewDecoder(strings.NewReader(string(drawing))); ; {
				if _, err := decoder.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatalf("%s is no XML: %v", c.ID, err)
				}
			}
		}
	}
}

func TestChartsThatCannotBeDrawn(t *testing.T) {
	for name, c := range map[string]Chart{
		"no series":                          {},
		"fewer values than categories":       {Kind: Bars, Categories: []string{"a", "b"}, Series: []Series{{Y: []float64{1}}}},
		"fewer x than y":                     {Kind: Lines, Series: []Series{{X: []float64{1}, Y: []float64{1, 2}}}},
		"nothing to draw":                    {Kind: Lines, Series: []Series{{}}},
		"0 on a logarithmic axis":            {Kind: Bars, Y: Axis{Log: true}, Categories: []string{"a"}, Series: []Series{{Y: []float64{0}}}},
		"0 on a logarithmic horizontal axis": {Kind: Lines, X: Axis{Log: true}, Series: []Series{{X: []float64{0}, Y: []float64{1}}}},
		"a value that is none":               {Kind: Lines, Series: []Series{{X: []float64{1}, Y: []float64{math.NaN()}}}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := c.svg(); err == nil {
				t.Error("it was drawn")
			}
		})
	}
}

func TestSplice(t *testing.T) {
	page := filepath.Join(t.TempDir(), "README.md")
	for name, tc := range map[string]struct{ page, want string }{
		"between the marks": {"a\n<!-- benchmarks -->\nearlier\n<!-- /benchmarks -->\nb\n", ""},
		"no marks":          {"a\n", "are missing"},
		"only the first":    {"a\n<!-- benchmarks -->\nearlier\n", "are missing"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(page, []byte(tc.page), 0o644); err != nil {
				t.Fatal(err)
			}
			err := example().Splice(page)
			if tc.want != "" {
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("got %v, want %q", err, tc.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := read(t, page)
			if !strings.HasPrefix(got, "a\n<!-- benchmarks -->\n| what |") || !strings.HasSuffix(got, "|\n<!-- /benchmarks -->\nb\n") || strings.Contains(got, "earlier") {
				t.Error(got)
			}
		})
	}
}

// TestMerge: sections that did not run come from the run before, in the report's order.
func TestMerge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.json")
	ids := []string{"engines", "scale", "steady"}
	if err := example().Merge(path, ids); err != nil {
		t.Errorf("where there was no run: %v", err)
	}
	if err := example().Keep(path); err != nil {
		t.Fatal(err)
	}
	later := example()
	later.Sections = []*Section{{ID: "scale", Title: "Scale"}, {ID: "steady", Title: "Anew"}}
	if err := later.Merge(path, ids); err != nil {
		t.Fatal(err)
	}
	var titles []string
	for _, s := range later.Sections {
		titles = append(titles, s.Title)
	}
	if diff := cmp.Diff([]string{"Engine", "Scale", "Anew"}, titles); diff != "" {
		t.Error(diff)
	}
	elsewhere := example()
	elsewhere.Run.CPU = "Another CPU"
	if err := elsewhere.Merge(path, ids); err == nil {
		t.Error("figures of two machines were put into one report")
	}
}

func TestFigures(t *testing.T) {
	for got, want := range map[string]string{
		Number(0):                         "0",
		Number(0.000123456):               "0.000123",
		Number(0.25):                      "0.25",
		Number(2.514):                     "2.51",
		Number(10):                        "10",
		Number(99.96):                     "100",
		Number(1234567.8):                 "1,234,568",
		Number(-1234):                     "-1,234",
		Number(math.NaN()):                "–",
		Figure(1.5, "×"):                  "1.5×",
		Figure(12, "%"):                   "12%",
		Figure(15000, "requests/s"):       "15,000 requests/s",
		Nanoseconds(999):                  "999 ns",
		Nanoseconds(2514):                 "2.51 µs",
		Nanoseconds(1.5e6):                "1.5 ms",
		Duration(2500 * time.Millisecond): "2.5 s",
		Bytes(512):                        "512 B",
		Bytes(2048):                       "2 KiB",
		Bytes(24 << 30):                   "24 GiB",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestTargets(t *testing.T) {
	for name, tc := range map[string]struct {
		target Target
		want   bool
	}{
		"the limit itself is met":      {AtMost("t", 3, 3, "µs"), true},
		"above the limit is not":       {AtMost("t", 3, 3.01, "µs"), false},
		"at least the limit is met":    {AtLeast("t", 30, 30, "×"), true},
		"below the limit is not":       {AtLeast("t", 30, 29.9, "×"), false},
		"what is not measured is not":  {Missing("t", "at most 3 µs", "why"), false},
		"what is not a number is none": {AtMost("t", 3, math.NaN(), "µs"), false},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.target.Met != tc.want {
				t.Errorf("%+v", tc.target)
			}
		})
	}
}

// TestPageHasTheChartsColours: within a page of the site a chart takes the page's.
func TestPageHasTheChartsColours(t *testing.T) {
	style := read(t, filepath.Join("..", "..", "..", "docs", ".vitepress", "theme", "style.css"))
	for _, p := range paints {
		if p.name == "ground" { // the page's own
			continue
		}
		for _, colour := range []string{p.light, p.dark} {
			if line := "--chart-" + p.name + ": " + colour + ";"; !strings.Contains(style, line) {
				t.Errorf("docs/.vitepress/theme/style.css lacks %s", line)
			}
		}
	}
}
