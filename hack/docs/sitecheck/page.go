package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/net/html"
)

// page is what is looked at of one page.
type page struct {
	ids          map[string]bool // of its elements
	links, loads []string        // addresses as they stand there
	problems     []string

	headings int  // the level of the last one in the text
	inText   bool // inside of <main>
}

func readPage(file string) (*page, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	root, err := html.Parse(f)
	if err != nil {
		return nil, err
	}
	p := &page{ids: map[string]bool{}}
	p.walk(root)
	return p, nil
}

func (p *page) walk(n *html.Node) {
	if n.Type == html.ElementNode {
		p.look(n)
	}
	outside := p.inText
	p.inText = p.inText || n.Type == html.ElementNode && n.Data == "main"
	for child := range n.ChildNodes() {
		p.walk(child)
	}
	p.inText = outside
}

// loading are the attributes by which elements load something without being asked.
var loading = map[string]string{
	"script": "src", "img": "src", "iframe": "src", "audio": "src", "video": "src", "source": "src", "track": "src", "embed": "src",
	"object": "data", "link": "href", "use": "href",
}

// silent are relations of <link> that load nothing.
var silent = map[string]bool{"canonical": true, "alternate": true, "author": true, "license": true}

func (p *page) look(n *html.Node) {
	if id, ok := attribute(n, "id"); ok {
		p.ids[id] = true
	}
	if address, ok := attribute(n, loading[n.Data]); ok {
		if relation, _ := attribute(n, "rel"); n.Data != "link" || !silent[relation] {
			p.loads = append(p.loads, address)
		}
	}
	switch n.Data {
	case "a":
		if address, ok := attribute(n, "href"); ok {
			p.links = append(p.links, address)
		}
	case "img":
		if _, ok := attribute(n, "alt"); !ok {
			p.problem("a picture has no alt")
		}
	case "svg":
		role, _ := attribute(n, "role")
		if label, _ := attribute(n, "aria-label"); role == "img" && label == "" {
			p.problem("a drawing has no aria-label")
		}
	case "html":
		if lang, _ := attribute(n, "lang"); lang == "" {
			p.problem("its language is not said")
		}
	case "h1", "h2", "h3", "h4", "h5", "h6":
		p.heading(n)
	}
}

// heading sees that headings of the text go down by one level at a time. Beside the text stand those of navigation.
func (p *page) heading(n *html.Node) {
	level := int(n.Data[1] - '0')
	if !p.inText {
		return
	}
	if level > p.headings+1 {
		id, _ := attribute(n, "id")
		p.problem("its headings jump from level %d to %d at %s", p.headings, level, id)
	}
	if level == 1 && p.headings > 0 {
		p.problem("it has more than one heading of level 1")
	}
	p.headings = level
}

func (p *page) problem(format string, args ...any) {
	p.problems = append(p.problems, fmt.Sprintf(format, args...))
}

func attribute(n *html.Node, name string) (value string, ok bool) {
	for _, a := range n.Attr {
		if a.Key == name && name != "" {
			return strings.TrimSpace(a.Val), true
		}
	}
	return "", false
}
