package jsonschema

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"

	js "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/checky-dev/checky/rules"
)

// The library looks for what references name, and for names given twice, in the order of Go's maps. Of several faults it tells any, so
// that the same schema would be refused for another reason each time.

// link is a member that names a schema, or refers to one.
type link struct {
	at      string // the object that it is a member of, as a pointer
	keyword string
}

// linkRanks are the keywords in the order in which they are looked at: what others are resolved against first.
var linkRanks = map[string]int{
	"id": 0, "$id": 0, "$schema": 0,
	"$anchor": 1, "$dynamicAnchor": 1, "$recursiveAnchor": 1,
	"$ref": 2, "$dynamicRef": 2, "$recursiveRef": 2,
}

// blame gives the first fault by place, of a schema that does not compile.
func blame(document any) error {
	links := linksIn(document, "", nil)
	slices.SortStableFunc(links, func(a, b link) int { return cmp.Compare(linkRanks[a.keyword], linkRanks[b.keyword]) })
	attempt := func(n int) error {
		off := make(map[link]bool, len(links)-n)
		for _, l := range links[n:] {
			off[l] = true
		}
		_, err := compileWith(&worker{}, without(document, "", off), nil)
		return err
	}
	// More links have no fewer faults, so the first that has one can be searched.
	n := sort.Search(len(links), func(n int) bool { return attempt(n) != nil })
	err := attempt(n)
	if err == nil {
		return nil
	}
	if n == 0 {
		return explainCompile(err, "")
	}
	guilty := links[n-1]
	id, anchor := (*js.DuplicateIDError)(nil), (*js.DuplicateAnchorError)(nil)
	if errors.As(err, &id) || errors.As(err, &anchor) {
		return fmt.Errorf("%s: another schema has the same %s; give each its own", place(guilty.at), guilty.keyword)
	}
	return explainCompile(err, guilty.at)
}

// linksIn lists the links in a value, an object's own before those of its members, and members by their names.
func linksIn(value any, pointer string, links []link) []link {
	switch v := value.(type) {
	case map[string]any:
		names := slices.Sorted(maps.Keys(v))
		for _, name := range names {
			if isLink(name, v[name], pointer) {
				links = append(links, link{pointer, name})
			}
		}
		for _, name := range names {
			links = linksIn(v[name], pointer+"/"+rules.EscapePointer(name), links)
		}
	case []any:
		for i, item := range v {
			links = linksIn(item, pointer+"/"+strconv.Itoa(i), links)
		}
	}
	return links
}

// isLink says whether a member is a link. The draft of all of the schema is none.
func isLink(name string, value any, pointer string) bool {
	_, known := linkRanks[name]
	_, isText := value.(string)
	return known && isText && (name != "$schema" || pointer != "")
}

// without copies a value without some links. References lead to the top in their place, since what stands beside one may count for
// nothing.
func without(value any, pointer string, off map[link]bool) any {
	switch v := value.(type) {
	case map[string]any:
		members := make(map[string]any, len(v))
		for name, member := range v {
			switch {
			case !off[link{pointer, name}]:
				members[name] = without(member, pointer+"/"+rules.EscapePointer(name), off)
			case linkRanks[name] == linkRanks["$ref"]:
				members[name] = "#"
			}
		}
		return members
	case []any:
		items := make([]any, len(v))
		for i, item := range v {
			items[i] = without(item, pointer+"/"+strconv.Itoa(i), off)
		}
		return items
	}
	return value
}
