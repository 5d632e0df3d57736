package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/rag"
)

// runKnowledge runs `checky knowledge` with arguments, and gives what it prints.
func runKnowledge(stdin string, args ...string) (string, error) {
	command := newKnowledgeCommand()
	command.SilenceErrors = true
	var out bytes.Buffer
	command.SetIn(strings.NewReader(stdin))
	command.SetOut(&out)
	command.SetErr(&out)
	command.SetArgs(args)
	err := command.ExecuteContext(context.Background())
	return out.String(), err
}

// TestKnowledgeSearch compares what is printed with golden files; -update writes them.
func TestKnowledgeSearch(t *testing.T) {
	const notes, queries = "testdata/knowledge/notes.txt", "testdata/knowledge/queries.tsv"
	cases := map[string]struct {
		reason string
		args   []string
	}{
		"text":         {"The default is for people, and several arguments are one question", []string{"-f", notes, "amount", "above", "the", "maximum"}},
		"nothing":      {"A question that nothing answers is told so, and is no error", []string{"-f", notes, "best pizza in town"}},
		"nothing-json": {"No hit is an empty list, not null", []string{"-f", notes, "-o", "json", "best pizza in town"}},
		"nothing-tsv":  {"No hit is no line", []string{"-f", notes, "-o", "tsv", "best pizza in town"}},
		"json":         {"The shape that docs/retrieval.md gives", []string{"-f", notes, "-o", "json", "-k", "2", "negative amount or amount above the maximum"}},
		"tsv":          {"One line a hit", []string{"-f", notes, "-o", "tsv", "-k", "2", "negative amount or amount above the maximum"}},
		"tag":          {"A tag is searched and not shown", []string{"-f", notes, "price"}},
		"misspelt":     {"Where no word is known, words near it are tried", []string{"-f", notes, "speadsheet"}},
		"everything":   {"No confidence asked for shows all that has a word of the question", []string{"-f", notes, "--min-confidence", "0", "codes and pizza and beer and wine"}},
		"queries":      {"With --queries lines of id, line and rank are the default", []string{"-f", notes, "--queries", queries}},
		"queries-text": {"An output that is asked for is given", []string{"-f", notes, "--queries", queries, "-o", "text", "-k", "1"}},
		"queries-json": {"A list, one element a question", []string{"-f", notes, "--queries", queries, "-o", "json", "-k", "1"}},
		"help":         {"Users read it", []string{"--help"}},
		"one":          {"-k 1 is the best hit alone", []string{"-f", notes, "-k", "1", "-o", "tsv", "amount"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := runKnowledge("", append([]string{"search"}, c.args...)...)
			if err != nil {
				t.Fatalf("%s: %v", c.reason, err)
			}
			golden(t, filepath.Join("testdata", "knowledge", name+".golden"), got)
		})
	}
}

func TestKnowledgeSearchReadsQueriesFromStandardInput(t *testing.T) {
	got, err := runKnowledge("a\tamount above the maximum\n", "search", "-f", "testdata/knowledge/notes.txt", "-k", "1", "--queries", "-")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("a\t4\t1\n", got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestKnowledgeSearchOfTheFileThatShips(t *testing.T) {
	got, err := runKnowledge("", "search", "-k", "1", "-o", "tsv", "email address is not valid")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got, "e-mail address") {
		t.Errorf("the built-in file has an entry about e-mail addresses; got %q", got)
	}
}

func TestKnowledgeSearchRefuses(t *testing.T) {
	folder := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cases := map[string]struct {
		reason string
		args   []string
		// want are parts of the message: the flag, and the fix.
		want []string
	}{
		"no question":    {"There is nothing to search for", nil, []string{"QUERY", "--queries"}},
		"no word":        {"Punctuation finds nothing", []string{"?!"}, []string{"QUERY", "write what to search for"}},
		"long question":  {"What is cut would not be looked at", []string{strings.Repeat("word ", 300)}, []string{"QUERY", "1024", "shorten"}},
		"both":           {"Which one is meant cannot be told", []string{"--queries", "x", "word"}, []string{"QUERY", "--queries", "one of them"}},
		"no hits":        {"0 hits are not worth a search", []string{"-k", "0", "word"}, []string{"-k 0", "1 to 50"}},
		"many hits":      {"Hits are bounded", []string{"-k", "51", "word"}, []string{"-k 51", "1 to 50"}},
		"format":         {"An unknown format is not guessed at", []string{"-o", "yaml", "word"}, []string{`-o "yaml"`, "text, json or tsv"}},
		"confidence":     {"Confidence has bounds", []string{"--min-confidence", "1.5", "word"}, []string{"--min-confidence 1.5", "0 to 1"}},
		"not a number":   {"NaN compares with nothing", []string{"--min-confidence", "NaN", "word"}, []string{"--min-confidence NaN", "0 to 1"}},
		"no file":        {"The file must be there", []string{"-f", filepath.Join(folder, "none"), "word"}, []string{"-f " + filepath.Join(folder, "none") + ": ", "no such file", "name a text file"}},
		"folder":         {"A folder is no file", []string{"-f", folder, "word"}, []string{"-f: ", "not a regular file"}},
		"binary":         {"A binary is no text", []string{"-f", write("binary", "a\nb\x00\n"), "word"}, []string{"-f: ", "binary:2", "NUL"}},
		"no queries":     {"The queries must be there", []string{"--queries", filepath.Join(folder, "none")}, []string{"--queries", "no such file", "name a text file"}},
		"empty queries":  {"A file without questions is a mistake", []string{"--queries", write("empty", "\n")}, []string{"--queries", "no question"}},
		"query, no tab":  {"The line that is wrong is named", []string{"--queries", write("tabs", "a\tword\nb word\n")}, []string{"tabs:2", "a tab"}},
		"query, no word": {"The line that is wrong is named", []string{"--queries", write("words", "a\tword\n\nb\t\n")}, []string{"words:3", "no word"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := runKnowledge("", append([]string{"search"}, c.args...)...)
			if err == nil {
				t.Fatalf("%s: no error; printed %q", c.reason, out)
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%s: %q does not say %q", c.reason, err, part)
				}
			}
			if out != "" {
				t.Errorf("%s: printed %q", c.reason, out)
			}
		})
	}
}

func TestKnowledgeRefusesAnUnknownSubcommand(t *testing.T) {
	if out, err := runKnowledge("", "serch", "word"); err == nil {
		t.Errorf("no error; printed %q", out)
	}
}

func TestKnowledgeSearchKeepsErrorsIdentity(t *testing.T) {
	_, err := runKnowledge("", "search", "-f", "testdata/knowledge/none.txt", "word")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file is fs.ErrNotExist; got %v", err)
	}
	empty := filepath.Join(t.TempDir(), "empty.txt")
	if err := os.WriteFile(empty, []byte("# nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var parse *rag.ParseError
	if _, err := runKnowledge("", "search", "-f", empty, "word"); !errors.As(err, &parse) {
		t.Errorf("a file without entries is a *rag.ParseError; got %v", err)
	}
}
