package records

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/checky-dev/checky/cmd/checky/manifest"
	"github.com/checky-dev/checky/rules"
)

// all reads every item, the texts copied.
func all(r reader) (items []Item, err error) {
	for {
		item, err := r.next()
		if errors.Is(err, io.EOF) {
			return items, nil
		}
		if err != nil {
			return items, err
		}
		item.Text = bytes.Clone(item.Text)
		items = append(items, item)
	}
}

func texts(items []Item) (list []string) {
	for _, item := range items {
		text := string(item.Text)
		if item.Problem != "" {
			text = "! " + item.Problem
		}
		list = append(list, fmt.Sprintf("%d: %s", item.Line, text))
	}
	return list
}

func TestNDJSON(t *testing.T) {
	long := `"` + strings.Repeat("x", rules.MaxPayloadBytes-2) + `"`
	cases := map[string]struct {
		reason, text string
		want         []string
	}{
		"Lines":          {"one payload a line", "{\"a\":1}\n[2]\n\"x\"\n", []string{`1: {"a":1}`, "2: [2]", `3: "x"`}},
		"NoLastFeed":     {"the last line need not end", "1\n2", []string{"1: 1", "2: 2"}},
		"CarriageReturn": {"as some programs end lines", "1\r\n2\r\n", []string{"1: 1", "2: 2"}},
		"Blank":          {"blank lines are counted, and passed over", "\n1\n \t\r\n\n2\n\n", []string{"2: 1", "5: 2"}},
		"Mark":           {"a byte order mark is no part of the first payload", "\ufeff1\n2\n", []string{"1: 1", "2: 2"}},
		"MarkLater":      {"elsewhere it is no mark", "1\n\ufeff2\n", []string{"1: 1", "2: \ufeff2"}},
		"Empty":          {"nothing is there", "", nil},
		"OnlyBlank":      {"nothing is there", "\ufeff\n\r\n", nil},
		"NotJSON":        {"that is found out by who decodes it", "{'a'\n1\n", []string{"1: {'a'", "2: 1"}},
		"Longest":        {"a payload of the limit", long + "\n1\n", []string{"1: " + long, "2: 1"}},
		"Spaced":         {"spaces are the payload's own, so that places in it are told as they are", " 1 \t\r\n", []string{"1:  1 \t"}},
		"TooLong":        {"one past the limit is told, and the next is read", long + "1\n2\n", []string{"1: ! " + tooLong, "2: 2"}},
		"FarTooLong":     {"however long it is", strings.Repeat(long, 5) + "\n2\n", []string{"1: ! " + tooLong, "2: 2"}},
		"TooLongAtEnd":   {"also at the end", "1\n" + long + "1", []string{"1: 1", "2: ! " + tooLong}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			for _, in := range []io.Reader{strings.NewReader(tc.text), iotest.DataErrReader(strings.NewReader(tc.text))} {
				items, err := all(newNDJSON(in))
				if diff := cmp.Diff(tc.want, texts(items)); diff != "" || err != nil {
					t.Errorf("%s: %v (-want +got):\n%s", tc.reason, err, diff)
				}
			}
		})
	}
}

func TestCSV(t *testing.T) {
	const lone = "payload: a quote stands in a cell that does not begin with one; put the cell in quotes, and write each quote in it twice"
	const behind = "payload: behind the second quote of a cell stands something else than a delimiter, or there is none; write each quote in a cell twice"
	long := strings.Repeat("x", rules.MaxPayloadBytes-len(`{"a":""}`))
	cases := map[string]struct {
		reason, text string
		comma        rune
		want         []string
	}{
		"Records":        {"cells under their names", "a,b\n1,x\n2,y\n", ',', []string{`2: {"a":1,"b":"x"}`, `3: {"a":2,"b":"y"}`}},
		"Literals":       {"what is a JSON value stays one", "a,b,c,d\n-1.50e3,true,false,0\n", ',', []string{`2: {"a":-1.50e3,"b":true,"c":false,"d":0}`}},
		"Digits":         {"every digit is kept", "a\n10000.000000000000000000001\n", ',', []string{`2: {"a":10000.000000000000000000001}`}},
		"Strings":        {"and what looks like one is a string", "a,b,c,d,e,f,g\n007,+1,.5,1.,True,null,NaN\n", ',', []string{`2: {"a":"007","b":"+1","c":".5","d":"1.","e":"True","f":"null","g":"NaN"}`}},
		"Exponent":       {"a number that payloads cannot have is a string", "a\n1e9999999999999\n", ',', []string{`2: {"a":"1e9999999999999"}`}},
		"Empty":          {"an empty cell is no member", "a,b,c\n,x,\n,,\n", ',', []string{`2: {"b":"x"}`, `3: {}`}},
		"Quoted":         {"quotes, delimiters and ends of lines in a cell", "a,b\n\"x,\"\"y\"\"\n\r\nz\",1\n2,3\n", ',', []string{`2: {"a":"x,\"y\"\n\nz","b":1}`, `5: {"a":2,"b":3}`}},
		"QuotedNumber":   {"quotes say nothing of a cell's type", "a\n\"1\"\n", ',', []string{`2: {"a":1}`}},
		"QuotedEmpty":    {"nor that there is one", "a,b\n\"\",1\n", ',', []string{`2: {"b":1}`}},
		"Spaces":         {"they belong to the cell", "a\n 1\n", ',', []string{`2: {"a":" 1"}`}},
		"CarriageReturn": {"as the RFC ends lines", "a,b\r\n1,x\r\n", ',', []string{`2: {"a":1,"b":"x"}`}},
		"Mark":           {"a byte order mark is no part of a name", "\ufeffa\n1\n", ',', []string{`2: {"a":1}`}},
		"MarkQuoted":     {"nor of a quote", "\ufeff\"a\"\n1\n", ',', []string{`2: {"a":1}`}},
		"Blank":          {"blank lines are counted, and passed over", "\n\r\na\n\n1\n\n\n2", ',', []string{`5: {"a":1}`, `8: {"a":2}`}},
		"ManyBlank":      {"they are no part of a record's size", "a\n" + strings.Repeat("\n", 2*recordAllowance) + "1\n", ',', []string{fmt.Sprintf(`%d: {"a":1}`, 2*recordAllowance+2)}},
		"HeaderOnly":     {"no payload", "a,b\n", ',', nil},
		"Tab":            {"another delimiter", "a\tb\n1,5\tx\n", '\t', []string{`2: {"a":"1,5","b":"x"}`}},
		"TooFew":         {"a cell is missing", "a,b\n1\n2,3\n", ',', []string{"2: ! payload: the record has 1 cells, and the header 2; each cell needs its column", `3: {"a":2,"b":3}`}},
		"TooMany":        {"a column is missing", "a\n1,2\n3\n", ',', []string{"2: ! payload: the record has 2 cells, and the header 1; each cell needs its column", `3: {"a":3}`}},
		"LoneQuote":      {"the rest of its line is passed over", "a,b\n5\" pipe,1\n2,3\n", ',', []string{"2: ! " + lone, `3: {"a":2,"b":3}`}},
		"BehindQuote":    {"the same", "a,b\n\"5\" pipe,1\n2,3\n", ',', []string{"2: ! " + behind, `3: {"a":2,"b":3}`}},
		"Unclosed":       {"nothing is left", "a,b\n1,2\n\"x,3\n4,5\n", ',', []string{`2: {"a":1,"b":2}`, "3: ! " + behind}},
		"NotUTF8":        {"JSON has to be", "a\n\xff\nx\n", ',', []string{"2: ! payload: the cell of column 1 is not valid UTF-8; convert the file", `3: {"a":"x"}`}},
		"Longest":        {"a payload of the limit", "a\n" + long + "\n1\n", ',', []string{`2: {"a":"` + long + `"}`, `3: {"a":1}`}},
		"TooLong":        {"one past the limit is told, and the next is read", "a\n" + long + "x\n1\n", ',', []string{"2: ! " + tooLong, `3: {"a":1}`}},
		"FarTooLong":     {"however long it is", "a\n" + strings.Repeat(long, 5) + "\n1\n", ',', []string{"2: ! " + tooLong + "; is a quote never closed?", `3: {"a":1}`}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			for _, in := range []io.Reader{strings.NewReader(tc.text), iotest.DataErrReader(strings.NewReader(tc.text)), iotest.HalfReader(strings.NewReader(tc.text))} {
				r, err := newTable(in, tc.comma)
				if err != nil {
					t.Fatalf("%s: %v", tc.reason, err)
				}
				items, err := all(r)
				if diff := cmp.Diff(tc.want, texts(items)); diff != "" || err != nil {
					t.Errorf("%s: %v (-want +got):\n%s", tc.reason, err, diff)
				}
			}
		})
	}
}

// TestUnclosedQuoteInALongFile: what is held is bounded, and the records behind are read again, with their lines.
func TestUnclosedQuoteInALongFile(t *testing.T) {
	const before, after = 3, 200_000
	text := "a,b\n" + strings.Repeat("1,2\n", before) + "\"x,3\n" + strings.Repeat("1,2\n", after)
	r, err := newTable(strings.NewReader(text), ',')
	if err != nil {
		t.Fatal(err)
	}
	items, err := all(r)
	if err != nil {
		t.Fatal(err)
	}
	bad := items[before]
	if bad.Line != before+2 || !strings.HasSuffix(bad.Problem, "is a quote never closed?") {
		t.Errorf("item %d is %+v", before, bad)
	}
	lost := after - (len(items) - before - 1)
	if lost*len("1,2\n") > recordAllowance+bufferBytes {
		t.Errorf("%d records are lost", lost)
	}
	next, last := items[before+1], items[len(items)-1]
	if next.Line != bad.Line+lost+1 || next.Problem != "" || last.Line != before+after+2 {
		t.Errorf("%d records are lost, the next is on line %d, the last on %d", lost, next.Line, last.Line)
	}
}

func TestCSVHeader(t *testing.T) {
	for name, tc := range map[string]struct{ reason, text, want string }{
		"Empty":     {"there is none", "", "it is empty; the first line of CSV names the columns"},
		"Blank":     {"there is none", "\n\r\n", "it is empty; the first line of CSV names the columns"},
		"NoName":    {"a member needs one", "a,,c\n1,2,3\n", "line 1: the header: column 2 has no name; give it one"},
		"Twice":     {"an object has a name once", "\n\na,b,a\n", "line 3: the header: columns 1 and 3 have the same name; rename one of them"},
		"Quote":     {"it is no record", "a\"b,c\n", "line 1: the header: a quote stands in a cell that does not begin with one; put the cell in quotes, and write each quote in it twice"},
		"NotUTF8":   {"JSON has to be", "\xff\n", "line 1: the header: the name of column 1 is not valid UTF-8; convert the file"},
		"NeverEnds": {"it is bounded", "\"" + strings.Repeat("x", 2*recordAllowance), "line 1: the header: " + strings.TrimPrefix(tooLong, "payload: ") + "; is a quote never closed?"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newTable(strings.NewReader(tc.text), ',')
			fault := (*manifest.Error)(nil)
			if !errors.As(err, &fault) || fault.Error() != tc.want {
				t.Errorf("%s: the error is %v, want %s", tc.reason, err, tc.want)
			}
		})
	}
}

var errBroken = errors.New("the disk is gone")

func TestReadersTellOfAFailedRead(t *testing.T) {
	broken := func(text string) io.Reader {
		return io.MultiReader(strings.NewReader(text), iotest.ErrReader(errBroken))
	}
	items, err := all(newNDJSON(broken("1\n2\n3")))
	if !errors.Is(err, errBroken) || len(items) != 2 {
		t.Errorf("NDJSON: %d items, %v", len(items), err)
	}
	r, err := newTable(broken("a\n1\n2\n3"), ',')
	if err != nil {
		t.Fatal(err)
	}
	if items, err = all(r); !errors.Is(err, errBroken) || len(items) != 2 {
		t.Errorf("CSV: %d items, %v", len(items), err)
	}
	if _, err = newTable(broken("a,"), ','); !errors.Is(err, errBroken) {
		t.Errorf("a header: %v", err)
	}
}

// TestReadersAreBounded: a line without an end takes no more than the limits say.
func TestReadersAreBounded(t *testing.T) {
	const length = 64 << 20
	endless := func() io.Reader { return io.LimitReader(iotest.HalfReader(xs{}), length) }
	nd := newNDJSON(endless())
	if items, err := all(nd); err != nil || len(items) != 1 || items[0].Problem != tooLong || cap(nd.long) > 4*rules.MaxPayloadBytes {
		t.Errorf("NDJSON: %d items, %v; %d bytes are held", len(items), err, cap(nd.long))
	}
	r, err := newTable(io.MultiReader(strings.NewReader("a\n"), endless()), ',')
	if err != nil {
		t.Fatal(err)
	}
	if items, err := all(r); err != nil || len(items) != 1 || items[0].Problem == "" {
		t.Errorf("CSV: %d items, %v", len(items), err)
	}
}

// xs never ends.
type xs struct{}

func (xs) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// TestLines: the line of each payload is told, whatever stands between them.
func TestLines(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		gaps := rapid.SliceOf(rapid.SampledFrom([]int{1, 1, 1, 1, 2, 5})).Draw(r, "gaps")
		var lines Lines
		var want []int
		line := rapid.IntRange(0, 3).Draw(r, "first")
		for _, gap := range gaps {
			line += gap
			want = append(want, line)
			lines.Add(line)
		}
		if lines.Len() != len(want) {
			r.Fatalf("%d payloads, want %d", lines.Len(), len(want))
		}
		for i, line := range want {
			if got := lines.Of(i); got != line {
				r.Fatalf("payload %d is on line %d, told is %d", i, line, got)
			}
		}
		if lines.Of(-1) != 0 || lines.Of(len(want)) != 0 {
			r.Fatal("a line is told of a payload that is not there")
		}
	})
}

func TestLinesAreBounded(t *testing.T) {
	var lines Lines
	for i := range maxRuns + 10 {
		lines.Add(2 * i)
	}
	if len(lines.runs) != maxRuns || lines.Of(maxRuns-1) != 2*(maxRuns-1) || lines.Of(maxRuns) != 0 || lines.Last() != 2*(maxRuns+9) {
		t.Errorf("%d runs; payloads %d and %d are on lines %d and %d, the last on %d",
			len(lines.runs), maxRuns-1, maxRuns, lines.Of(maxRuns-1), lines.Of(maxRuns), lines.Last())
	}
}

// FuzzNDJSON: the items are the lines that are not blank, each whole and with its number.
func FuzzNDJSON(f *testing.F) {
	for _, text := range []string{"{\"a\":1}\n[2]\n", "\ufeff1\r\n\r\n2", "", "\n\n \t\n", "\xff\n\x00\n", "1\r2\n", "{\n}\n", "\ufeff\ufeff\n", " 1 \n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		items, err := all(newNDJSON(strings.NewReader(text)))
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for i, line := range strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n") {
			if line = strings.TrimRight(line, "\r"); len(line) > rules.MaxPayloadBytes {
				want = append(want, fmt.Sprintf("%d: ! %s", i+1, tooLong))
			} else if strings.Trim(line, " \t") != "" {
				want = append(want, fmt.Sprintf("%d: %s", i+1, line))
			}
		}
		if diff := cmp.Diff(want, texts(items)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// FuzzCSV: what encoding/csv takes in whole comes out as a JSON object a record, of as many members as there are cells with something
// in them; and whatever the text, an item is one or the other, in the order of the lines.
func FuzzCSV(f *testing.F) {
	for _, text := range []string{
		"a,b\n1,x\n", "a,b\r\n\"x,\"\"y\"\"\nz\",true\n", "\ufeffa\n007\n", "a,a\n", "a,\n", "a\n\n1\n\n", "a\n1,2\n", "a\n5\" pipe\n2\n", "a\n\"x",
		"a\n\xff\n", "\xff\n1\n", "\"a\"\n-0.0e+1\n", "a\n\x00\n", "\r\n\ra\n1\n", "a\n\"\"\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := newTable(strings.NewReader(text), ',')
		if err != nil {
			return
		}
		items, err := all(r)
		if err != nil {
			t.Fatal(err)
		}
		last, good := 0, 0
		for _, item := range items {
			if item.Line <= last || (item.Problem == "") == (item.Text == nil) {
				t.Fatalf("after line %d: %+v", last, item)
			}
			last = item.Line
			if item.Problem == "" {
				good++
			}
		}
		if lines := strings.Count(text, "\n") + 1; last > lines {
			t.Errorf("an item is on line %d of %d", last, lines)
		}
		reference := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
		want, err := reference.ReadAll()
		if err != nil || !strings.Contains(text, "\n") || !validUTF8(want) {
			return
		}
		if want = want[1:]; good != len(want) {
			t.Fatalf("%d payloads, and encoding/csv has %d records", good, len(want))
		}
		for i, record := range want {
			payload, err := rules.Decode(items[i].Text)
			if err != nil {
				t.Fatalf("record %d: %v", i, err)
			}
			filled := 0
			for _, cell := range record {
				if cell != "" {
					filled++
				}
			}
			if members := payload.Root().(map[string]any); len(members) != filled {
				t.Errorf("record %d has %d cells, and the payload %d members", i, filled, len(members))
			}
		}
	})
}

func validUTF8(records [][]string) bool {
	for _, record := range records {
		for _, cell := range record {
			if strings.ToValidUTF8(cell, "") != cell {
				return false
			}
		}
	}
	return true
}

func options(t *testing.T, flags map[string]string, paths ...string) *Options {
	t.Helper()
	o, err := parsed(flags, paths...)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestFile(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	nd := write("orders.NDJSON", "{\"id\":\"A-1\"}\n\n{\"id\":2}\n{\"id\":true}\n{\"id\":null}\n{\"id\":[]}\n[]\n{\n{\"id\":\"\"}\n")
	csv := write("orders.csv", "id;n\nA-1;2\n;3\n")
	long := write("long.jsonl", `{"id":"`+strings.Repeat("ä", maxName+1)+`"}`)
	cases := map[string]struct {
		reason, path string
		flags        map[string]string
		stdin        string
		want         []string
	}{
		"Lines":    {reason: "a payload goes by its line", path: nd, want: []string{"line 1", "line 3", "line 4", "line 5", "line 6", "line 7", "line 8", "line 9"}},
		"Field":    {reason: "or by a value that can be told", path: nd, flags: map[string]string{"name-field": "$.id"}, want: []string{"A-1", "2", "true", "line 5", "line 6", "line 7", "line 8", "line 9"}},
		"CSV":      {reason: "a value of CSV, too", path: csv, flags: map[string]string{"name-field": "$.id", "csv-delimiter": ";"}, want: []string{"A-1", "line 3"}},
		"LongName": {reason: "names are bounded as the API server bounds them", path: long, flags: map[string]string{"name-field": "$.id"}, want: []string{strings.Repeat("ä", maxName)}},
		"Stdin":    {reason: "standard input by the flag", path: "-", flags: map[string]string{"input-format": "csv"}, stdin: "a\n1\n", want: []string{"line 2"}},
		"Other":    {reason: "so is a file of another name", path: write("orders.txt", "1\n2\n"), flags: map[string]string{"input-format": "ndjson"}, want: []string{"line 1", "line 2"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := options(t, tc.flags, tc.path)
			documents, many := o.Split([]string{"a.json", tc.path, "folder"})
			if diff := cmp.Diff([]string{"a.json"}, documents[:1]); diff != "" || len(many) == 0 {
				t.Fatalf("%s: %q are documents, %q are not", tc.reason, documents, many)
			}
			files, err := o.OpenAll([]string{tc.path}, strings.NewReader(tc.stdin), false)
			if err != nil {
				t.Fatal(err)
			}
			defer CloseAll(files)
			var names []string
			for {
				item, err := files[0].Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				names = append(names, item.Name)
			}
			if diff := cmp.Diff(tc.want, names); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if size := files[0].Size; tc.path == "-" && size != -1 || tc.path != "-" && size != files[0].Read() {
				t.Errorf("%s: the size is %d, read are %d bytes", tc.reason, size, files[0].Read())
			}
		})
	}
}

func TestOpenAllTellsAllProblems(t *testing.T) {
	folder := t.TempDir()
	bad := filepath.Join(folder, "bad.csv")
	if err := os.WriteFile(bad, []byte("a,a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sub := filepath.Join(folder, "sub.ndjson")
	if err := os.Mkdir(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	none := filepath.Join(folder, "none.ndjson")
	paths := []string{none, bad, sub, "-", "-"}
	_, err := options(t, map[string]string{"input-format": "ndjson"}, paths...).OpenAll(paths, strings.NewReader(""), false)
	want := none + ": there is no such file; correct the path\n" +
		bad + ":1: the header: columns 1 and 2 have the same name; rename one of them\n" +
		sub + ": it is a folder; name the files in it\n" +
		"-f -: standard input can be read only once; give - once"
	if err == nil || err.Error() != want {
		t.Errorf("the error is\n%v\nwant\n%s", err, want)
	}
}
