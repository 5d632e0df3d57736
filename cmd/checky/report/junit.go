package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
)

// The elements and attributes are those that Jenkins' schema junit-10 knows.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string           `xml:"name,attr"`
	Tests      int              `xml:"tests,attr"`
	Failures   int              `xml:"failures,attr"`
	Errors     int              `xml:"errors,attr"`
	Skipped    int              `xml:"skipped,attr"`
	File       string           `xml:"file,attr,omitempty"`
	Properties *junitProperties `xml:"properties"`
	Cases      []junitCase      `xml:"testcase"`
	Out        string           `xml:"system-out,omitempty"`
}

type junitProperties struct {
	List []junitProperty `xml:"property"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Name    string     `xml:"name,attr"`
	Class   string     `xml:"classname,attr"`
	Failure *junitFact `xml:"failure"`
	Error   *junitFact `xml:"error"`
	Skipped *junitFact `xml:"skipped"`
	Out     string     `xml:"system-out,omitempty"`
}

type junitFact struct {
	Type    string `xml:"type,attr,omitempty"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// writeJUnit writes one testsuite for each input and one testcase for each rule. A warning is a testcase that
// passes, with the warning as its output: JUnit knows no other. An input that could not be evaluated at all is a testcase with an
// error. A rule whose results a long verdict left out is a skipped testcase that says so. The testcases of many payloads are the
// worst payloads, and not the rules.
func writeJUnit(w io.Writer, r *Report, _ Options) error {
	suites := junitSuites{Name: "checky", Suites: make([]junitSuite, len(r.Inputs))}
	for i := range r.Inputs {
		s := counted(suiteOf(&r.Inputs[i]))
		suites.Tests += s.Tests
		suites.Failures += s.Failures
		suites.Errors += s.Errors
		suites.Suites[i] = s
	}
	text, err := xml.MarshalIndent(&suites, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(visible(w, xmlEscape), "%s%s\n", xml.Header, text)
	return err
}

func suiteOf(in *Input) junitSuite {
	if in.Verdict.Batch != nil {
		return batchSuite(in)
	}
	s := junitSuite{Name: in.Name, Out: in.Verdict.Explanation}
	s.File, _ = in.locate("")
	byRule := in.results()
	for _, rule := range in.Rules {
		s.Cases = append(s.Cases, caseOf(in, rule, byRule[rule.ID]))
	}
	if len(in.Rules) == 0 {
		s.Cases = []junitCase{{Name: "evaluation", Class: in.Name, Error: &junitFact{
			Type: in.Reason, Message: headline(in), Text: in.Verdict.Explanation,
		}}}
	}
	return s
}

// counted fills in how many testcases of which kind there are.
func counted(s junitSuite) junitSuite {
	s.Tests = len(s.Cases)
	for i := range s.Cases {
		switch c := &s.Cases[i]; {
		case c.Failure != nil:
			s.Failures++
		case c.Error != nil:
			s.Errors++
		case c.Skipped != nil:
			s.Skipped++
		}
	}
	return s
}

func headline(in *Input) string {
	line, _, _ := strings.Cut(in.Verdict.Explanation, "\n")
	return strings.TrimPrefix(line, string(in.Verdict.Phase)+": ")
}

func caseOf(in *Input, rule Rule, results []v1alpha1.Result) junitCase {
	c := junitCase{Name: rule.ID, Class: in.Name}
	if len(results) == 0 {
		c.Skipped = &junitFact{Message: fmt.Sprintf("not listed: a verdict keeps at most %d results, the worst first", rules.MaxResults)}
		return c
	}
	text := describe(in, results)
	switch first := results[0]; first.Outcome {
	case v1alpha1.OutcomeFail:
		c.Failure = &junitFact{Type: string(first.Severity), Message: placed(first), Text: text}
	case v1alpha1.OutcomeError:
		c.Error = &junitFact{Type: string(first.Severity), Message: first.Message, Text: text}
	case v1alpha1.OutcomeSkip:
		c.Skipped = &junitFact{Message: "its when is false"}
	case v1alpha1.OutcomeWarn:
		c.Out = "warning (" + string(first.Severity) + "):\n" + text
	}
	return c
}

// placed is a result's message with its place before it.
func placed(r v1alpha1.Result) string {
	if r.Path == "" {
		return r.Message
	}
	return r.Path + ": " + r.Message
}

// describe lists findings, and then the passages that help.
func describe(in *Input, results []v1alpha1.Result) string {
	var b strings.Builder
	for _, r := range results {
		b.WriteString(placed(r) + "\n")
	}
	for _, text := range passagesOf(in, results) {
		b.WriteString(text + "\n")
	}
	return b.String()
}

// passagesOf are the passages that the results cite, each once.
func passagesOf(in *Input, results []v1alpha1.Result) []string {
	var texts []string
	seen := map[string]bool{}
	for _, r := range results {
		for _, id := range r.Passages {
			if text := in.passage(id); text != "" && !seen[id] {
				seen[id] = true
				texts = append(texts, text)
			}
		}
	}
	return texts
}
