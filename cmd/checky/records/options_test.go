package records

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// parsed are the options of flags for paths of -f.
func parsed(flags map[string]string, paths ...string) (*Options, error) {
	o := &Options{}
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	o.BindFlags(set)
	for name, value := range flags {
		if err := set.Set(name, value); err != nil {
			return nil, err
		}
	}
	return o, o.Validate(paths)
}

func TestOptions(t *testing.T) {
	cases := map[string]struct {
		reason string
		flags  map[string]string
		paths  string
		names  string // what the error names; empty: there is none
	}{
		"None":             {reason: "the defaults do for all files", paths: "a.json b.ndjson c.csv -"},
		"Format":           {reason: "standard input", flags: map[string]string{"input-format": "ndjson"}, paths: "-"},
		"FormatDocument":   {reason: "what is the default can be said", flags: map[string]string{"input-format": "document"}, paths: "-"},
		"FormatUnknown":    {reason: "there is no such form", flags: map[string]string{"input-format": "xml"}, paths: "-", names: "--input-format"},
		"FormatIdle":       {reason: "the names tell the forms, and the flag would do nothing", flags: map[string]string{"input-format": "ndjson"}, paths: "a.json b.csv", names: "--input-format"},
		"Delimiter":        {reason: "a character", flags: map[string]string{"csv-delimiter": ";"}, paths: "a.csv"},
		"DelimiterTab":     {reason: "a word for what is hard to type", flags: map[string]string{"csv-delimiter": "tab"}, paths: "a.csv"},
		"DelimiterEscaped": {reason: "another", flags: map[string]string{"csv-delimiter": `\t`}, paths: "a.csv"},
		"DelimiterWide":    {reason: "any character", flags: map[string]string{"csv-delimiter": "·"}, paths: "a.csv"},
		"DelimiterQuote":   {reason: "it could not be told from quotes", flags: map[string]string{"csv-delimiter": `"`}, paths: "a.csv", names: "--csv-delimiter"},
		"DelimiterFeed":    {reason: "it could not be told from a line's end", flags: map[string]string{"csv-delimiter": "\n"}, paths: "a.csv", names: "--csv-delimiter"},
		"DelimiterLong":    {reason: "it is one", flags: map[string]string{"csv-delimiter": ",,"}, paths: "a.csv", names: "--csv-delimiter"},
		"DelimiterEmpty":   {reason: "it is one", flags: map[string]string{"csv-delimiter": ""}, paths: "a.csv", names: "--csv-delimiter"},
		"DelimiterIdle":    {reason: "there is no CSV", flags: map[string]string{"csv-delimiter": ";"}, paths: "a.ndjson -", names: "--csv-delimiter"},
		"DelimiterStdin":   {reason: "standard input is CSV", flags: map[string]string{"csv-delimiter": ";", "input-format": "csv"}, paths: "-"},
		"Field":            {reason: "a path to one value", flags: map[string]string{"name-field": "$.order.id"}, paths: "a.ndjson"},
		"FieldBad":         {reason: "no path", flags: map[string]string{"name-field": "id"}, paths: "a.ndjson", names: "--name-field"},
		"FieldMany":        {reason: "a name is one value", flags: map[string]string{"name-field": "$.items[*].id"}, paths: "a.ndjson", names: "--name-field"},
		"FieldIdle":        {reason: "a document goes by its file", flags: map[string]string{"name-field": "$.id"}, paths: "a.json", names: "--name-field"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := parsed(tc.flags, strings.Fields(tc.paths)...)
			if (err == nil) != (tc.names == "") || err != nil && !strings.HasPrefix(err.Error(), tc.names) {
				t.Errorf("%s: the error is %v", tc.reason, err)
			}
		})
	}
}

func TestFormOf(t *testing.T) {
	for path, want := range map[string]Form{
		"a.json": Document, "a.yaml": Document, "b/a.YML": Document, "a.ndjson": NDJSON, "a.JSONL": NDJSON, "a.csv": CSV, "-": CSV, "a": CSV, "a.ndjson.txt": CSV,
	} {
		if got := options(t, map[string]string{"input-format": "csv"}, "-").FormOf(path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	if got := options(t, nil, "-").FormOf("folder"); got != Document {
		t.Errorf("a folder is %s", got)
	}
}
