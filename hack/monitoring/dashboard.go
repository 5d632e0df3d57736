package main

// The part of Grafana's dashboard model (schema version 39, Grafana 10.4 and later) that is used here.

type dashboard struct {
	Title         string     `json:"title"`
	UID           string     `json:"uid"`
	Description   string     `json:"description"`
	Tags          []string   `json:"tags"`
	Editable      bool       `json:"editable"`
	GraphTooltip  int        `json:"graphTooltip"` // 1: the crosshair is shared
	Refresh       string     `json:"refresh"`
	SchemaVersion int        `json:"schemaVersion"`
	Time          span       `json:"time"`
	Templating    templating `json:"templating"`
	Panels        []panel    `json:"panels"`
}

type span struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type templating struct {
	List []variable `json:"list"`
}

type variable struct {
	Name       string      `json:"name"`
	Label      string      `json:"label"`
	Type       string      `json:"type"`
	Query      string      `json:"query"`
	Datasource *datasource `json:"datasource,omitempty"`
	Refresh    int         `json:"refresh"` // 1: when the dashboard is loaded; 2: with the time range
	Multi      bool        `json:"multi"`
	IncludeAll bool        `json:"includeAll"`
	AllValue   string      `json:"allValue,omitempty"`
}

type datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

type panel struct {
	ID          int          `json:"id"`
	Type        string       `json:"type"`
	Title       string       `json:"title"`
	Description string       `json:"description,omitempty"`
	GridPos     gridPosition `json:"gridPos"`
	Collapsed   bool         `json:"collapsed,omitempty"`
	Datasource  *datasource  `json:"datasource,omitempty"`
	FieldConfig *fieldConfig `json:"fieldConfig,omitempty"`
	Targets     []target     `json:"targets,omitempty"`
}

// gridPosition is in cells of a grid that is 24 wide.
type gridPosition struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

type fieldConfig struct {
	Defaults fieldDefaults `json:"defaults"`
}

type fieldDefaults struct {
	Unit string   `json:"unit"`
	Min  *float64 `json:"min,omitempty"`
}

type target struct {
	RefID        string      `json:"refId"`
	Datasource   *datasource `json:"datasource"`
	Expr         string      `json:"expr"`
	LegendFormat string      `json:"legendFormat"`
}

// prometheus is whatever the viewer chose: no panel names a data source of its own.
var prometheus = &datasource{Type: "prometheus", UID: "$datasource"}

// row is a heading, and what stands below it.
type row struct {
	title  string
	graphs []graph
}

// graph is one panel.
type graph struct {
	title, description string
	unit               string // of Grafana's list: short, s, bytes, ops, reqps, percentunit, bool, cps
	queries            []query
}

type query struct{ expr, legend string }

const (
	perRow      = 3
	panelWidth  = 24 / perRow
	panelHeight = 7
)

// checky is the dashboard: each row's panels, three beside each other.
func checky() dashboard {
	d := dashboard{
		Title: "Checky", UID: "checky", Description: "Verdicts, the queue, the REST facade and the alert daemons of Checky.",
		Tags: []string{"checky"}, Editable: true, GraphTooltip: 1, Refresh: "30s", SchemaVersion: 39,
		Time: span{From: "now-6h", To: "now"},
		Templating: templating{List: []variable{
			{Name: "datasource", Label: "Data source", Type: "datasource", Query: "prometheus", Refresh: 1},
			{
				Name: "namespace", Label: "Namespace of Checky", Type: "query", Query: `label_values(up{job=~"checky-.*"}, namespace)`,
				Datasource: prometheus, Refresh: 2, Multi: true, IncludeAll: true, AllValue: ".*",
			},
		}},
	}
	y := 0
	for _, r := range rows() {
		d.Panels = append(d.Panels, panel{ID: len(d.Panels) + 1, Type: "row", Title: r.title, GridPos: gridPosition{H: 1, W: 24, Y: y}})
		y++
		for i, g := range r.graphs {
			d.Panels = append(d.Panels, g.panel(len(d.Panels)+1, gridPosition{
				H: panelHeight, W: panelWidth, X: i % perRow * panelWidth, Y: y + i/perRow*panelHeight,
			}))
		}
		y += (len(r.graphs) + perRow - 1) / perRow * panelHeight
	}
	return d
}

func (g graph) panel(id int, at gridPosition) panel {
	zero := 0.0
	p := panel{
		ID: id, Type: "timeseries", Title: g.title, Description: g.description, GridPos: at, Datasource: prometheus,
		FieldConfig: &fieldConfig{Defaults: fieldDefaults{Unit: g.unit, Min: &zero}},
	}
	for i, q := range g.queries {
		p.Targets = append(p.Targets, target{RefID: string(rune('A' + i)), Datasource: prometheus, Expr: q.expr, LegendFormat: q.legend})
	}
	return p
}
