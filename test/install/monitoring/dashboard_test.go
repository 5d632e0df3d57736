package monitoring

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

type dashboard struct {
	UID    string  `json:"uid"`
	Panels []panel `json:"panels"`
}

type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ H, W, X, Y int }
	Datasource               struct{ UID string }
	FieldConfig              struct{ Defaults struct{ Unit string } }
	Targets                  []struct {
		RefID, Expr, LegendFormat string
		Datasource                struct{ UID string }
	}
}

// units are those of Grafana's that panels may have.
var units = []string{"short", "s", "bytes", "ops", "reqps", "percentunit", "bool"}

const dashboardFile = "config/grafana/dashboard.json"

func loadDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	if err := json.Unmarshal([]byte(read(t, dashboardFile)), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// graphs are the panels that show something.
func graphs(t *testing.T) []panel {
	t.Helper()
	all := slices.DeleteFunc(loadDashboard(t).Panels, func(p panel) bool { return p.Type == "row" })
	if len(all) == 0 {
		t.Fatal("the dashboard shows nothing")
	}
	return all
}

func TestDashboard(t *testing.T) {
	ids, titles := map[int]bool{}, map[string]bool{}
	for _, p := range loadDashboard(t).Panels {
		if p.Title == "" || ids[p.ID] || titles[p.Title] && p.Type != "row" {
			t.Errorf("panel %d %q: expected an id and a title of its own", p.ID, p.Title)
		}
		ids[p.ID] = true
		titles[p.Title] = p.Type != "row"
	}
	for _, p := range graphs(t) {
		if p.Description == "" || !slices.Contains(units, p.FieldConfig.Defaults.Unit) || len(p.Targets) == 0 {
			t.Errorf("%s: expected a description, a query, and a unit of %q", p.Title, units)
		}
		if p.Datasource.UID != "$datasource" {
			t.Errorf("%s: the data source is %q, not the viewer's choice", p.Title, p.Datasource.UID)
		}
		for _, q := range p.Targets {
			if q.Datasource.UID != "$datasource" || q.LegendFormat == "" {
				t.Errorf("%s, %s: expected $datasource and a legend", p.Title, q.RefID)
			}
			for _, s := range selectors(parse(t, p.Title, q.Expr)) {
				if !strings.Contains(s.String(), "namespace=~") {
					t.Errorf("%s, %s: %s is not of the chosen namespace", p.Title, q.RefID, s)
				}
			}
		}
	}
}

// TestPanelsDoNotOverlap lays the panels out on the grid of 24 columns.
func TestPanelsDoNotOverlap(t *testing.T) {
	taken := map[[2]int]string{}
	for _, p := range loadDashboard(t).Panels {
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, found := taken[[2]int{x, y}]; found || x >= 24 {
					t.Fatalf("%s lies on %s, or beyond the edge, at %d, %d", p.Title, other, x, y)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

func TestChartHasTheSameDashboard(t *testing.T) {
	if read(t, dashboardFile) != read(t, "charts/checky/files/dashboard.json") {
		t.Error("run go run ./hack/monitoring")
	}
}
