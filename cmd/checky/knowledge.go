package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/checky-dev/checky"
	"github.com/checky-dev/checky/rag"
)

// newKnowledgeCommand makes `checky knowledge`. Its errors are those of flags and files: exit code 2.
func newKnowledgeCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "knowledge",
		Short: "Look into the knowledge file that verdicts are explained with",
		Args:  cobra.NoArgs, // so that a misspelt subcommand is an error
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		SilenceUsage: true,
	}
	command.AddCommand(newKnowledgeSearchCommand())
	return command
}

// knowledgeSearch are the flags and arguments of `checky knowledge search`.
type knowledgeSearch struct {
	file       string
	hits       int
	output     string
	queries    string
	confidence float64
	words      []string
}

func newKnowledgeSearchCommand() *cobra.Command {
	o := knowledgeSearch{}
	command := &cobra.Command{
		Use:   "search [flags] QUERY",
		Short: "Show what would be cited for a question, and how sure that is",
		Long: `Show the lines of a knowledge file that would be cited for a question, the best first, and how sure that is: the
confidence is from 0 to 1. Where no line is relevant enough nothing is cited, which is not an error.

With --queries, the questions are the lines ID<TAB>QUESTION of a file, and each hit is one line
ID<TAB>LINE<TAB>RANK unless -o says otherwise.`,
		Example: `  checky knowledge search amount is above the maximum
  checky knowledge search -f notes.txt -k 5 -o json "duplicate order lines"
  checky knowledge search -f notes.txt -k 10 --queries questions.tsv`,
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.words = args
			if o.queries != "" && !cmd.Flags().Changed("output") {
				o.output = "tsv"
			}
			return o.run(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
	flags := command.Flags()
	flags.StringVarP(&o.file, "file", "f", "", "knowledge file to search, a text file of one entry a line (default: the one built in)")
	flags.IntVarP(&o.hits, "hits", "k", 3, fmt.Sprintf("show at most this many hits, from 1 to %d", rag.MaxHits))
	flags.StringVarP(&o.output, "output", "o", "text", "format: text, json or tsv")
	flags.StringVar(&o.queries, "queries", "", "file of questions, one ID<TAB>QUESTION a line; - reads standard input")
	flags.Float64Var(&o.confidence, "min-confidence", rag.DefaultThreshold,
		"confidence that the first hit needs, from 0 to 1; verdicts are explained with the default")
	return command
}

// question is one thing to search for. Its id is empty unless it comes from a file of queries.
type question struct {
	id, text string
}

func (o *knowledgeSearch) run(ctx context.Context, in io.Reader, out io.Writer) error {
	if err := o.validate(); err != nil {
		return err
	}
	questions, err := o.questions(in)
	if err != nil {
		return err
	}
	library, err := o.open()
	if err != nil {
		return err
	}
	defer func() { _ = library.Close() }()
	buffered := bufio.NewWriter(out)
	p := newHitPrinter(o.output, o.queries != "", library.Stats().File, buffered)
	for _, q := range questions {
		hits, err := library.Retrieve(ctx, rag.Query{Text: q.text}, o.hits)
		if err != nil {
			return fmt.Errorf("search for %q: %w", q.text, err)
		}
		if err := p.print(q, hits); err != nil {
			return err
		}
	}
	return errors.Join(p.close(), buffered.Flush())
}

func (o *knowledgeSearch) validate() error {
	switch {
	case o.hits < 1 || o.hits > rag.MaxHits:
		return fmt.Errorf("-k %d: give a number from 1 to %d", o.hits, rag.MaxHits)
	case !slices.Contains([]string{"text", "json", "tsv"}, o.output):
		return fmt.Errorf("-o %q: give text, json or tsv", o.output)
	case math.IsNaN(o.confidence) || o.confidence < 0 || o.confidence > 1:
		return fmt.Errorf("--min-confidence %v: give a number from 0 to 1", o.confidence)
	case o.queries == "" && len(o.words) == 0:
		return errors.New("there is no QUERY: give what to search for, or --queries with a file of questions")
	case o.queries != "" && len(o.words) > 0:
		return errors.New("there are both a QUERY and --queries: give one of them")
	}
	return nil
}

// open reads the knowledge file of the flags.
func (o *knowledgeSearch) open() (*rag.Library, error) {
	options := rag.Options{Threshold: o.confidence, CacheSize: -1, Compiled: checky.KnowledgeIndex}
	if o.confidence == 0 {
		options.Threshold = -1
	}
	if o.file == "" {
		return rag.New(checky.KnowledgeName, checky.Knowledge, options)
	}
	return openKnowledge("-f", o.file, options)
}

// questions gives what to search for: the arguments as one question, or those of the file of queries.
func (o *knowledgeSearch) questions(in io.Reader) ([]question, error) {
	if o.queries == "" {
		q := question{text: strings.Join(o.words, " ")}
		if fault := faultOf(q.text); fault != "" {
			return nil, errors.New("QUERY: " + fault)
		}
		return []question{q}, nil
	}
	if o.queries != "-" {
		file, err := os.Open(o.queries)
		if err != nil {
			return nil, fmt.Errorf("--queries: %w: name a text file, or - for standard input", err)
		}
		defer func() { _ = file.Close() }() // it is only read
		in = file
	}
	content, err := io.ReadAll(io.LimitReader(in, rag.MaxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("--queries: %w", err)
	}
	if len(content) > rag.MaxFileBytes {
		return nil, fmt.Errorf("--queries %s: it is larger than %d MiB: split it", o.queries, rag.MaxFileBytes>>20)
	}
	return parseQuestions(o.queries, string(content))
}

// parseQuestions reads lines of ID<TAB>QUESTION; blank lines are ignored.
func parseQuestions(name, content string) ([]question, error) {
	var questions []question
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(content, "\ufeff")) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" {
			continue
		}
		id, text, ok := strings.Cut(line, "\t")
		if !ok || id == "" {
			return nil, fmt.Errorf("--queries %s:%d: write an id, a tab and the question", name, number)
		}
		if fault := faultOf(text); fault != "" {
			return nil, fmt.Errorf("--queries %s:%d: %s", name, number, fault)
		}
		questions = append(questions, question{id: id, text: text})
	}
	if len(questions) == 0 {
		return nil, fmt.Errorf("--queries %s: it has no question: write lines of an id, a tab and the question", name)
	}
	return questions, nil
}

// faultOf tells why a text cannot be searched for, and is empty where it can.
func faultOf(text string) string {
	switch {
	case len(text) > rag.MaxQueryBytes:
		return fmt.Sprintf("the question has %d bytes, at most %d are looked at: shorten it", len(text), rag.MaxQueryBytes)
	case !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }):
		return "the question has no word: write what to search for"
	}
	return ""
}
