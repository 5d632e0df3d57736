package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/checky-dev/checky"
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/report"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rag"
	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/rules/builtin"
	"github.com/checky-dev/checky/rules/cel"
	"github.com/checky-dev/checky/rules/format"
)

// writer asks compiler and engine what the pages show.
type writer struct {
	compiler *rules.Compiler
	engine   *engine.Engine
}

// rulePages gives the pages about ways of writing rules, by their names below the documentation's folder.
func rulePages() (map[string]string, error) {
	knowledge, err := rag.New(checky.KnowledgeName, checky.Knowledge, rag.Options{})
	if err != nil {
		return nil, err
	}
	defer knowledge.Close() //nolint:errcheck // it was only read
	w := &writer{compiler: builtin.New(), engine: &engine.Engine{Retriever: knowledge, RetrievalTimeout: time.Minute}}
	pages := map[string]string{"modules.md": w.index()}
	for _, m := range w.compiler.Modules() {
		if pages["modules/"+m.Name+".md"], err = w.modulePage(m); err != nil {
			return nil, fmt.Errorf("module %s: %w", m.Name, err)
		}
	}
	for name := range samples {
		if pages["modules/"+name+".md"] == "" {
			return nil, fmt.Errorf("hack/docs/samples.go has a sample of %s, which is no module", name)
		}
	}
	if pages["modules/cel.md"], err = w.celPage(); err != nil {
		return nil, fmt.Errorf("cel: %w", err)
	}
	if pages["modules/json-schema.md"], err = w.schemaPage(); err != nil {
		return nil, fmt.Errorf("jsonSchema: %w", err)
	}
	return pages, nil
}

// index is the page for looking up.
func (w *writer) index() string {
	var b strings.Builder
	b.WriteString("# Modules\n\nEvery module with its parameters, as `checky rules -o markdown` prints them. The page of a module shows what it says of payloads that pass and fail, and of\n" +
		"parameters that are wrong. Rules that need more are written in [CEL](modules/cel.md) or as a [JSON Schema](modules/json-schema.md); [rules.md](rules.md) tells what all rules share.\n")
	for _, m := range w.compiler.Modules() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n%s\n%s\nSee it [at work](modules/%s.md).\n", m.Name, m.Summary, parameters(m), example("module: "+m.Example), m.Name)
	}
	return b.String()
}

// parameters is the table of a module's parameters.
func parameters(m *rules.Module) string {
	var b strings.Builder
	b.WriteString("| parameter | type | meaning |\n| --- | --- | --- |\n")
	list := m.Params
	if !slices.ContainsFunc(list, func(p rules.Param) bool { return p.Name == rules.FieldParam.Name }) {
		list = append([]rules.Param{rules.FieldParam}, list...)
	}
	for _, p := range list {
		doc := p.Doc
		if p.Name == rules.FieldParam.Name && m.FieldDefault != "" {
			doc += " Default " + m.FieldDefault + "."
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", p.Name, inCell(p.Type), inCell(doc))
	}
	return b.String()
}

// inCell keeps a text in its cell of a table.
func inCell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text)
}

func example(text string) string { return "```yaml\n" + text + "\n```\n" }

func (w *writer) modulePage(m *rules.Module) (string, error) {
	s, there := samples[m.Name]
	if !there {
		return "", fmt.Errorf("there is no sample of it in hack/docs/samples.go")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Module %s\n\n%s\n\n## Parameters\n\n%s", m.Name, m.Summary, parameters(m))
	s.rule = "module: " + m.Example
	for i, params := range s.wrong {
		s.wrong[i] = "module: {name: " + m.Name + ", params: " + params + "}"
	}
	if err := w.show(&b, &s); err != nil {
		return "", err
	}
	b.WriteString("\n## See also\n\n[All modules](../modules.md) with their parameters, and [what all rules share](../rules.md#what-all-rules-share): severity, guards, messages.\n")
	return b.String(), nil
}

// show writes the example, what it says of payloads, and what is said of rules that are wrong.
func (w *writer) show(b *strings.Builder, s *sample) error {
	name := "example"
	if kind, err := ruleOf(name, s.rule); err == nil && kind.Module != nil {
		name = kind.Module.Name
	}
	fmt.Fprintf(b, "\n## Example\n\n%s", example("rules:\n- name: "+name+"\n  "+strings.ReplaceAll(s.rule, "\n", "\n  ")))
	b.WriteString("\nWith these rules in `rules.yaml`, `checky check -f payload.json -r rules.yaml` prints, for\n")
	for _, p := range []struct {
		title, payload string
		phase          v1alpha1.Phase
	}{{"a payload that passes", s.pass, v1alpha1.PhaseSuccess}, {"one that fails", s.fail, v1alpha1.PhaseFailure}} {
		printed, err := w.check(name, s.rule, p.payload, p.phase)
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "\n%s:\n\n```json\n%s\n```\n\n```text\n%s```\n", p.title, p.payload, printed)
	}
	b.WriteString("\n## What is refused\n\nSuch a rule does not compile. It is refused where the webhooks are installed, and shows in the rule set's status. In a Check that uses it its outcome is error,\nand such a Check is never a Success.\n")
	for _, wrong := range s.wrong {
		rule, err := ruleOf(name, wrong)
		if err != nil {
			return err
		}
		problems := w.compiler.Compile("", []v1alpha1.Rule{rule}).Errors
		if len(problems) == 0 {
			return fmt.Errorf("%s is not wrong", wrong)
		}
		// No yaml: these are the blocks whose rules a test compiles.
		fmt.Fprintf(b, "\n```text\n%s\n\n%s\n```\n", wrong, problems[0].Message)
	}
	return nil
}

func ruleOf(name, text string) (v1alpha1.Rule, error) {
	rule := v1alpha1.Rule{Name: name}
	if err := yaml.UnmarshalStrict([]byte(text), &rule); err != nil {
		return rule, fmt.Errorf("%s: %w", text, err)
	}
	return rule, nil
}

// check prints what the command would. Its verdict must be the one that is expected.
func (w *writer) check(name, text, payload string, want v1alpha1.Phase) (string, error) {
	rule, err := ruleOf(name, text)
	if err != nil {
		return "", err
	}
	program, err := engine.NewProgram("", w.compiler.Compile("", []v1alpha1.Rule{rule}))
	if err != nil {
		return "", err
	}
	if !json.Valid([]byte(payload)) {
		return "", fmt.Errorf("%s is not JSON", payload)
	}
	out := w.engine.Evaluate(context.Background(), engine.Request{Input: []byte(payload), Program: program})
	if out.Retrieval != nil {
		return "", out.Retrieval
	}
	if out.Verdict.Phase != want {
		return "", fmt.Errorf("the verdict on %s is %s: %s", payload, out.Verdict.Phase, out.Verdict.Explanation)
	}
	var b strings.Builder
	err = report.Write(&b, "text", &report.Report{Inputs: []report.Input{{Name: "payload.json", Verdict: out.Verdict, Reason: out.Reason}}}, report.Options{})
	return b.String(), err
}

func (w *writer) celPage() (string, error) {
	var b strings.Builder
	b.WriteString(`# CEL

A rule may be an expression of the [Common Expression Language](https://cel.dev) that gives true where the payload passes. Take it for what relates several
values; a [module](../modules.md) tells better what is wrong with a single one. Expressions see ` + "`input`, the payload, and `now`" + `, the time of the evaluation.
[Writing rules](../rules.md#cel) tells how numbers, missing members and messages work.
`)
	if err := w.show(&b, &celSample); err != nil {
		return "", err
	}
	fmt.Fprintf(&b, `
## Limits

| limit | value |
| --- | --- |
| length of an expression | %d bytes |
| cost of an expression, estimated for lists of %d items and texts of %d bytes, and counted when it runs | %d |
| cost of all expressions of a Check | %d |
| loops in each other | %d |
| length of a regular expression, which must be a literal | %d bytes |
| length of a text that an expression sees or makes | %d bytes |

[Limits](../limits.md) has all of them, and what happens when one is hit.

## Functions

Besides operators, field selection and indexing: CEL's standard library, optional values, strings, math, sets and two-variable comprehensions, and Kubernetes'
libraries for quantities, IP addresses, CIDRs, versions, URLs, regular expressions, lists and formats.

| function | forms | meaning |
| --- | --- | --- |
`, rules.MaxExpressionBytes, cel.TypicalItems, cel.TypicalText, rules.MaxCELCost, rules.MaxCELCostPerCheck, cel.MaxLoops, cel.MaxRegexBytes, cel.MaxText)
	for _, f := range cel.New().Functions() {
		forms := make([]string, len(f.Forms))
		for i, form := range f.Forms {
			forms[i] = "`" + strings.ReplaceAll(strings.ReplaceAll(form, "google.protobuf.", ""), "|", `\|`) + "`"
		}
		if len(forms) == 0 {
			forms = []string{"macro"}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.Name, strings.Join(forms, ", "), inCell(f.Doc))
	}
	return b.String(), nil
}

func (w *writer) schemaPage() (string, error) {
	var b strings.Builder
	b.WriteString(`# JSON Schema

A rule may be a [JSON Schema](https://json-schema.org): draft 2020-12 unless ` + "`$schema`" + ` names draft 4, 6, 7 or 2019-09. Every violated keyword is a finding of its own, at
the value concerned. Nothing is fetched or opened: a ` + "`$ref`" + ` stays within the schema. [Writing rules](../rules.md#json-schema) tells what is asserted and how numbers compare.
`)
	if err := w.show(&b, &schemaSample); err != nil {
		return "", err
	}
	names := format.Names()
	for i, name := range names {
		names[i] = "`" + name + "`"
	}
	fmt.Fprintf(&b, `
## Formats

Those of module [format](format.md): %s.

Those that only schemas have stand in [Writing rules](../rules.md#json-schema). Other names only describe.

## Limits

| limit | value |
| --- | --- |
| length of a schema | %d bytes |
| time of a rule | %s |

[Limits](../limits.md) has all of them, and what happens when one is hit.
`, strings.Join(names, ", "), rules.MaxSchemaBytes, rules.MaxRuleTime)
	return b.String(), nil
}
