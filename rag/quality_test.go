package rag_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/checky-dev/checky"
	"github.com/checky-dev/checky/rag"
)

// judgement is one line of testdata/judged.tsv: a question, and the beginnings of the lines that answer it.
type judgement struct {
	id, question string
	// relevant is empty where nothing in the file answers the question.
	relevant []string
}

func judgements(t *testing.T) []judgement {
	t.Helper()
	content, err := os.ReadFile("testdata/judged.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var list []judgement
	for line := range strings.Lines(string(content)) {
		columns := strings.Split(strings.TrimSpace(line), "\t")
		if len(columns) != 3 {
			t.Fatalf("testdata/judged.tsv: %q has %d columns; want id, question, relevant", line, len(columns))
		}
		j := judgement{id: columns[0], question: columns[1]}
		if columns[2] != "-" {
			j.relevant = strings.Split(columns[2], " | ")
		}
		list = append(list, j)
	}
	return list
}

// rankOf gives the rank of the first relevant hit, from 1; 0 where none is.
func rankOf(hits []rag.Hit, relevant []string) int {
	return 1 + slices.IndexFunc(hits, func(h rag.Hit) bool {
		return slices.ContainsFunc(relevant, func(start string) bool { return strings.HasPrefix(h.Text, start) })
	})
}

// figures are what retrieval reaches on the judged set.
type figures struct {
	// hit1, hit3 and mrr are over the answerable questions: the share of them whose first hit is relevant, that
	// have a relevant one among the first three, and the mean of 1/rank of the first relevant hit.
	hit1, hit3, mrr float64
	// silent is the share of answerable questions, and refused of unanswerable ones, that are answered with nothing.
	silent, refused float64
}

// measure asks the judged questions whose ids begin with one of kinds.
func measure(t *testing.T, threshold float64, kinds string) figures {
	t.Helper()
	library, err := rag.New(checky.KnowledgeName, checky.Knowledge, rag.Options{Threshold: threshold})
	if err != nil {
		t.Fatal(err)
	}
	defer library.Close()
	var f figures
	var answerable, unanswerable float64
	for _, j := range judgements(t) {
		if !strings.Contains(kinds, j.id[:1]) {
			continue
		}
		hits, err := library.Retrieve(context.Background(), rag.Query{Text: j.question}, 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(j.relevant) == 0 {
			unanswerable++
			if len(hits) == 0 {
				f.refused++
			}
			continue
		}
		answerable++
		switch rank := rankOf(hits, j.relevant); {
		case rank == 1:
			f.hit1++
			f.hit3++
			f.mrr++
		case rank > 1:
			if rank <= 3 {
				f.hit3++
			}
			f.mrr += 1 / float64(rank)
		case len(hits) == 0:
			f.silent++
		}
	}
	f.hit1, f.hit3, f.mrr, f.silent = f.hit1/answerable, f.hit3/answerable, f.mrr/answerable, f.silent/answerable
	f.refused /= unanswerable
	return f
}

// TestQuality measures retrieval on the judged set as it ships, threshold included. The floors are a little under what
// was measured when docs/retrieval.md was written: a change that falls below them makes verdicts worse.
func TestQuality(t *testing.T) {
	cases := map[string]struct {
		kinds                   string
		hit1, hit3, mrr, refuse float64
	}{
		"all questions":             {kinds: "fpn", hit1: 0.73, hit3: 0.86, mrr: 0.79, refuse: 0.95},
		"facts of failed rules":     {kinds: "fn", hit1: 0.79, hit3: 0.90, mrr: 0.85, refuse: 0.95},
		"questions that people ask": {kinds: "pn", hit1: 0.67, hit3: 0.82, mrr: 0.74, refuse: 0.95},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := measure(t, rag.DefaultThreshold, c.kinds)
			for _, figure := range []struct {
				name         string
				value, floor float64
			}{
				{"hit@1", got.hit1, c.hit1},
				{"hit@3", got.hit3, c.hit3},
				{"MRR", got.mrr, c.mrr},
				{"unanswerable questions answered with nothing", got.refused, c.refuse},
			} {
				t.Logf("%s: %.3f (floor %.2f)", figure.name, figure.value, figure.floor)
				if figure.value < figure.floor {
					t.Errorf("%s fell to %.3f; the floor is %.2f", figure.name, figure.value, figure.floor)
				}
			}
			t.Logf("answerable questions answered with nothing: %.3f", got.silent)
		})
	}
}

// TestThreshold shows what other thresholds would give, and holds the default where it was calibrated: at least 19 of
// 20 unanswerable questions are answered with nothing, which a threshold lower by 0.02 does not reach.
func TestThreshold(t *testing.T) {
	for step := 8; step <= 24; step += 2 {
		threshold := float64(step) / 100
		got := measure(t, threshold, "fpn")
		t.Logf("threshold %.2f: hit@1 %.3f, hit@3 %.3f, MRR %.3f, answerable without answer %.3f, unanswerable refused %.3f",
			threshold, got.hit1, got.hit3, got.mrr, got.silent, got.refused)
	}
	if got := measure(t, rag.DefaultThreshold, "n").refused; got < 0.95 {
		t.Errorf("the default threshold refuses %.3f of the unanswerable questions; raise it until it refuses 0.95", got)
	}
	if got := measure(t, rag.DefaultThreshold-0.02, "n").refused; got >= 0.95 {
		t.Errorf("a threshold lower by 0.02 refuses %.3f of the unanswerable questions; lower the default, as answers are lost", got)
	}
}

// TestQualityOfSmallFiles asks each judged question of a file of ten entries, one of them its answer if it has one: the
// threshold has to mean much the same in a file that somebody has just begun to write.
func TestQualityOfSmallFiles(t *testing.T) {
	const size, floorKept, floorRefused = 10, 0.76, 0.95
	var entries []string
	heading := ""
	for line := range strings.Lines(string(checky.Knowledge)) {
		switch {
		case strings.HasPrefix(line, "## "):
			heading = line
		case !strings.HasPrefix(line, "#") && strings.TrimSpace(line) != "":
			entries = append(entries, heading+line)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	var kept, answerable, refused, unanswerable float64
	for _, j := range judgements(t) {
		var file []string
		for _, e := range entries {
			if len(j.relevant) > 0 && strings.Contains(e, "\n"+j.relevant[0]) {
				file = append(file, e)
			}
		}
		for len(file) < size {
			file = append(file, entries[random.IntN(len(entries))])
		}
		library, err := rag.New("small.txt", []byte(strings.Join(file, "")), rag.Options{})
		if err != nil {
			t.Fatal(err)
		}
		hits, err := library.Retrieve(context.Background(), rag.Query{Text: j.question}, 1)
		if err := errors.Join(err, library.Close()); err != nil {
			t.Fatal(err)
		}
		switch {
		case len(j.relevant) == 0:
			unanswerable++
			if len(hits) == 0 {
				refused++
			}
		default:
			answerable++
			if rankOf(hits, j.relevant) == 1 {
				kept++
			}
		}
	}
	t.Logf("answered with the entry: %.3f (floor %v); unanswerable refused: %.3f (floor %v)", kept/answerable, floorKept, refused/unanswerable, floorRefused)
	if kept/answerable < floorKept || refused/unanswerable < floorRefused {
		t.Error("retrieval from small files fell below its floors")
	}
}

// TestJudgedSetMatchesTheFile makes sure that each judgement names lines that are in the shipped file.
func TestJudgedSetMatchesTheFile(t *testing.T) {
	for _, j := range judgements(t) {
		for _, start := range j.relevant {
			if !strings.Contains(string(checky.Knowledge), "\n"+start) {
				t.Errorf("%s: no line of %s begins with %q", j.id, checky.KnowledgeName, start)
			}
		}
	}
}
