package report

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"math"
	"regexp"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Sizes of a chart, in units of the drawing, of which a page shows about one a pixel.
const (
	chartWidth  = 760
	chartHeight = 400
	barHeight   = 15
	margin      = 12
	textSize    = 13
	titleSize   = 15
)

// paint is a colour that a chart is drawn with and the name that the page's style sheet has for it. Charts are drawn for light and dark: as an
// image one has both sets of colours in itself, and within a page it takes the page's.
type paint struct {
	name, light, dark string
}

// The paints. What is drawn has paints[i] as the colour number i, which nothing else has.
var paints = []paint{
	{"ink", "#1f2328", "#ececf0"},
	{"soft", "#52525b", "#b4b4bd"},
	{"grid", "#d8dcda", "#3a3f42"},
	{"ground", "#ffffff", "#1b1d1f"},
	{"1", "#0b6b4f", "#5fd3a8"},
	{"2", "#b45309", "#f0a35e"},
	{"3", "#1d5fbf", "#7fb2f5"},
	{"4", "#9d2f6f", "#ea8cc0"},
	{"5", "#63636d", "#b0b0b8"},
	{"6", "#7a6a00", "#d9c74a"},
	{"7", "#5b3fb0", "#b49df2"},
	{"8", "#a32020", "#f28b82"},
}

const (
	ink = iota
	soft
	grid
	ground
	firstSeries
)

// coded is the colour by which a paint is known in what the library writes.
func coded(i int) color.Color { return color.NRGBA{R: 0xA1, G: 0xB2, B: uint8(i), A: 255} } //nolint:gosec // there are a dozen

func seriesPaint(i int) int { return firstSeries + i%(len(paints)-firstSeries) }

func (c Chart) file(s *Section) string { return s.ID + "-" + c.ID + ".svg" }

// svg draws the chart.
func (c Chart) svg() ([]byte, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	height := vg.Length(chartHeight)
	if c.Kind == Bars {
		height = vg.Length(110 + len(c.Categories)*(len(c.Series)*barHeight+10))
	}
	p := c.plot()
	canvas := vgsvg.NewWith(vgsvg.UseWH(chartWidth, height))
	area := draw.New(canvas)
	area.SetColor(coded(ground))
	area.Fill(area.Path())
	area = draw.Crop(area, margin, -margin, margin, -margin)
	if len(c.Series) > 1 {
		legend := c.legend()
		width := legend.Rectangle(area).Size().X + margin
		legend.Draw(draw.Crop(area, area.Size().X-width+margin, 0, 0, -3*titleSize))
		p.Draw(draw.Crop(area, 0, -width, 0, 0))
	} else {
		p.Draw(area)
	}
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, err
	}
	return dressed(b.String(), c.Title+". "+c.Alt, float64(height)), nil
}

func (c Chart) validate() error {
	if len(c.Series) == 0 {
		return fmt.Errorf("it has no series")
	}
	for _, s := range c.Series {
		switch {
		case c.Kind == Bars && len(s.Y) != len(c.Categories):
			return fmt.Errorf("series %q has %d values, and there are %d categories", s.Name, len(s.Y), len(c.Categories))
		case c.Kind == Lines && len(s.X) != len(s.Y):
			return fmt.Errorf("series %q has %d values of x and %d of y", s.Name, len(s.X), len(s.Y))
		case len(s.Y) == 0:
			return fmt.Errorf("series %q is empty", s.Name)
		}
		for i, y := range s.Y {
			if math.IsNaN(y) || math.IsInf(y, 0) || c.Y.Log && y <= 0 || c.Kind == Lines && c.X.Log && s.X[i] <= 0 {
				return fmt.Errorf("series %q: value %d cannot be drawn", s.Name, i)
			}
		}
	}
	return nil
}

// face is the font of all texts. Its metrics are those of Arial and Helvetica, which stand in for it where it is not installed.
func face(size vg.Length) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
}

func (c Chart) plot() *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	p.Title.Text = c.Title
	p.Title.Padding = 14
	p.Title.TextStyle.Font = face(titleSize)
	p.Title.TextStyle.Color = coded(ink)
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Color, axis.Tick.Color = coded(soft), coded(soft)
		axis.Label.TextStyle.Color, axis.Tick.Label.Color = coded(soft), coded(ink)
		axis.Label.TextStyle.Font, axis.Tick.Label.Font = face(textSize), face(textSize)
		axis.Label.Padding = 6
		axis.Tick.Length = 4
	}
	if c.Kind == Bars {
		c.plotBars(p)
	} else {
		c.plotLines(p)
	}
	return p
}

// plotBars lays the bars along, a group for each category from the top down: names of engines are long.
func (c Chart) plotBars(p *plot.Plot) {
	low, high := c.valueRange()
	set(&p.X, c.Y, low, high)
	p.Y.Min, p.Y.Max = -0.6, float64(len(c.Categories))-0.4
	names := make([]string, len(c.Categories))
	for i, name := range c.Categories {
		names[len(names)-1-i] = name
	}
	net := newGrid()
	net.Horizontal.Color = nil
	p.Add(net, bars{chart: c, low: low})
	p.NominalY(names...)
	p.X.Padding = 4
}

func (c Chart) plotLines(p *plot.Plot) {
	low, high := c.valueRange()
	set(&p.Y, c.Y, low, high)
	left, right := math.Inf(1), math.Inf(-1)
	for _, s := range c.Series {
		for _, x := range s.X {
			left, right = min(left, x), max(right, x)
		}
	}
	set(&p.X, c.X, left, right)
	p.X.Min, p.X.Max = left, right
	p.Add(newGrid())
	for i, s := range c.Series {
		p.Add(c.line(i, s))
		if len(s.X) <= 20 { // more points are a curve by themselves
			p.Add(c.points(i, s))
		}
	}
}

func newGrid() *plotter.Grid {
	style := draw.LineStyle{Color: coded(grid), Width: 0.75}
	return &plotter.Grid{Vertical: style, Horizontal: style}
}

func (c Chart) line(i int, s Series) *plotter.Line {
	line := &plotter.Line{XYs: pairs(s), LineStyle: draw.LineStyle{Color: coded(seriesPaint(i)), Width: 2}}
	if i >= len(paints)-firstSeries { // a second round through the colours
		line.Dashes = []vg.Length{6, 4}
	}
	return line
}

func (c Chart) points(i int, s Series) *plotter.Scatter {
	return &plotter.Scatter{XYs: pairs(s), GlyphStyle: draw.GlyphStyle{Color: coded(seriesPaint(i)), Radius: 3, Shape: draw.CircleGlyph{}}}
}

func pairs(s Series) plotter.XYs {
	list := make(plotter.XYs, len(s.X))
	for i := range s.X {
		list[i] = plotter.XY{X: s.X[i], Y: s.Y[i]}
	}
	return list
}

// valueRange is what the axis of values shows: from 0, or from the power of ten below the least one.
func (c Chart) valueRange() (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, s := range c.Series {
		for _, y := range s.Y {
			low, high = min(low, y), max(high, y)
		}
	}
	if c.Y.Log {
		return math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10, math.Ceil(math.Log10(high*1.01)))
	}
	if high <= 0 {
		high = 1
	}
	return min(low, 0), high * 1.05
}

func set(axis *plot.Axis, a Axis, low, high float64) {
	axis.Label.Text = a.Label
	axis.Min, axis.Max = low, high
	axis.Tick.Marker = ticks{plot.DefaultTicks{}}
	if a.Log {
		axis.Scale = plot.LogScale{}
		axis.Tick.Marker = ticks{plot.LogTicks{Prec: -1}}
	}
}

// ticks writes the numbers of an axis as those of the tables are.
type ticks struct{ plot.Ticker }

// Ticks implements plot.Ticker.
func (t ticks) Ticks(low, high float64) []plot.Tick {
	list := t.Ticker.Ticks(low, high)
	for i := range list {
		if list[i].Label != "" {
			list[i].Label = Number(list[i].Value)
		}
	}
	return list
}

func (c Chart) legend() plot.Legend {
	legend := plot.NewLegend()
	legend.Top, legend.Left = true, true
	legend.Padding = 5
	legend.TextStyle.Font, legend.TextStyle.Color = face(textSize), coded(ink)
	for i, s := range c.Series {
		if c.Kind == Bars {
			legend.Add(s.Name, swatch(i))
			continue
		}
		thumbs := []plot.Thumbnailer{c.line(i, s)}
		if len(s.X) <= 20 {
			thumbs = append(thumbs, c.points(i, s))
		}
		legend.Add(s.Name, thumbs...)
	}
	return legend
}

// swatch is the piece of a legend that shows the colour of bars.
type swatch int

// Thumbnail implements plot.Thumbnailer.
func (s swatch) Thumbnail(c *draw.Canvas) {
	middle := c.Center()
	box := vg.Rectangle{Min: vg.Point{X: c.Max.X - 12, Y: middle.Y - 5}, Max: vg.Point{X: c.Max.X - 2, Y: middle.Y + 5}}
	c.SetColor(coded(seriesPaint(int(s))))
	c.Fill(box.Path())
}

// bars draws groups of bars with their values. The library's own begin at 0, which a logarithmic axis has not.
type bars struct {
	chart Chart
	low   float64
}

// Plot implements plot.Plotter.
func (b bars) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	style := p.X.Tick.Label
	style.Font, style.Color = face(textSize-2), coded(soft)
	style.XAlign, style.YAlign = draw.XLeft, draw.YCenter
	number := len(b.chart.Series)
	for i, s := range b.chart.Series {
		for j, value := range s.Y {
			top := y(float64(len(s.Y)-1-j)) + vg.Length(barHeight)*(vg.Length(number)/2-vg.Length(i))
			box := vg.Rectangle{Min: vg.Point{X: x(b.low), Y: top - barHeight + 2}, Max: vg.Point{X: x(max(value, b.low)), Y: top}}
			c.SetColor(coded(seriesPaint(i)))
			c.Fill(box.Path())
			c.FillText(style, vg.Point{X: box.Max.X + 4, Y: (box.Min.Y + box.Max.Y) / 2}, Number(value))
		}
	}
}

// GlyphBoxes implements plot.GlyphBoxer: the values beside the bars need room.
func (b bars) GlyphBoxes(p *plot.Plot) []plot.GlyphBox {
	style := p.X.Tick.Label
	style.Font = face(textSize - 2)
	var boxes []plot.GlyphBox
	for _, s := range b.chart.Series {
		for _, value := range s.Y {
			boxes = append(boxes, plot.GlyphBox{
				X: p.X.Norm(max(value, b.low)), Y: 0.5, Rectangle: vg.Rectangle{Max: vg.Point{X: style.Width(Number(value)) + 6}},
			})
		}
	}
	return boxes
}

var (
	prologue = regexp.MustCompile(`(?s)^.*?<svg[^>]*>`)
	family   = regexp.MustCompile(`font-family:[^;"]*`)
	variant  = regexp.MustCompile(`font-(variant|weight|style):(none|normal);?`)
	words    = regexp.MustCompile(`<text ([^>]*font-size:(\d+)px[^>]*)>([^<]*)</text>`)
)

// fitted gives each text the length that it was laid out with: where the font is missing, the one that stands in for it may be wider.
func fitted(drawing string) string {
	style := plot.New().Title.TextStyle
	return words.ReplaceAllStringFunc(drawing, func(element string) string {
		parts := words.FindStringSubmatch(element)
		size, err := strconv.Atoi(parts[2])
		if err != nil {
			return element
		}
		style.Font = face(vg.Length(size))
		return fmt.Sprintf(`<text textLength="%.1f" lengthAdjust="spacingAndGlyphs" %s>%s</text>`, style.Width(html.UnescapeString(parts[3])).Points(), parts[1], parts[3])
	})
}

// dressed gives the drawing its colours by name, a title, and a style sheet that says what they are in light and in dark.
func dressed(drawing, title string, height float64) []byte {
	for i, p := range paints {
		r, g, b, _ := coded(i).RGBA()
		drawing = strings.ReplaceAll(drawing, fmt.Sprintf("#%02X%02X%02X", r>>8, g>>8, b>>8), fmt.Sprintf("var(--chart-%s,%s)", p.name, p.light))
	}
	drawing = family.ReplaceAllString(drawing, "font-family:'Liberation Sans',Arial,Helvetica,sans-serif")
	drawing = variant.ReplaceAllString(drawing, "")
	drawing = fitted(drawing)
	light, dark := "", ""
	for _, p := range paints {
		light += fmt.Sprintf(" --chart-%s: %s;", p.name, p.light)
		dark += fmt.Sprintf(" --chart-%s: %s;", p.name, p.dark)
	}
	head := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %.0f">
<title>%s</title>
<style>
svg {%s }
@media (prefers-color-scheme: dark) { svg {%s } }
</style>`, chartWidth, height, html.EscapeString(title), light, dark)
	return []byte(prologue.ReplaceAllLiteralString(drawing, head))
}
