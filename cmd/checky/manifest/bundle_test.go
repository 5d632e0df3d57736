package manifest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/config"
)

func write(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// schemas are of files that do not depend on the folder a test is in.
var schemas = NewSchemas(config.Files)

func load(stdin string, targets, rules []string) (*Bundle, error) {
	l := Loader{Reader: &Reader{Stdin: strings.NewReader(stdin)}, Schemas: schemas, Namespace: "default"}
	return l.Load(targets, rules)
}

const (
	head   = "apiVersion: checky.dev/v1alpha1\n"
	check  = head + "kind: Check\nmetadata: {name: c}\n"
	set    = head + "kind: RuleSet\nmetadata: {name: s}\n"
	aRule  = "{name: a, module: {name: required}}"
	object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: '1'}\n"
)

func TestLoad(t *testing.T) {
	cases := map[string]struct {
		reason         string
		stdin          string
		files          map[string]string
		targets, rules []string
		want           []string // the targets, then the sets
	}{
		"PayloadsInOrder": {
			"they are reported as they were given", "", map[string]string{"b.json": "1", "a.yaml": "2\n---\n3", "c": "{}"}, []string{"b.json", "a.yaml", "c"}, nil,
			[]string{"b.json 1", "a.yaml#1 2", "a.yaml#2 3", "c {}"},
		},
		"Folder": {
			"its YAML and JSON files by name, and nothing else", "", map[string]string{"d/b.yml": "2", "d/a.json": "1", "d/c.yaml": "3", "d/d.txt": "4", "d/e/f.yaml": "5", "d/empty.yaml": ""}, []string{"d"}, nil,
			[]string{"d/a.json 1", "d/b.yml 2", "d/c.yaml 3"},
		},
		"Stdin": {"JSON or YAML", "a: 1", nil, []string{"-"}, nil, []string{`stdin {"a":1}`}},
		"ObjectsWithoutChecks": {
			"they are payloads", "", map[string]string{"a.yaml": object + "---\n1"}, []string{"a.yaml"}, nil,
			[]string{`a.yaml#1 {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"a":"1"}}`, "a.yaml#2 1"},
		},
		"ObjectsWithChecks": {
			"Checks refer to them", "", map[string]string{"a.yaml": object + "---\n1\n---\n" + check + "spec: {input: 1}"}, []string{"a.yaml"}, nil,
			[]string{"a.yaml#2 1", "a.yaml#3 Check default/c"},
		},
		"ObjectsOfOneName": {
			"of staging and production: payloads both", "", map[string]string{"staging/a.yaml": object, "prod/a.yaml": strings.Replace(object, "'1'", "'2'", 1)}, []string{"staging/a.yaml", "prod/a.yaml"}, nil,
			[]string{`staging/a.yaml {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"a":"1"}}`, `prod/a.yaml {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"a":"2"}}`},
		},
		"Lists": {
			"items are documents", "", map[string]string{"a.json": `{"apiVersion": "v1", "kind": "List", "items": [{"a": 1}, {"a": 2}]}`}, []string{"a.json"}, nil,
			[]string{`a.json#1 {"a":1}`, `a.json#2 {"a":2}`},
		},
		"Sets": {
			"of all files, the same one once", "", map[string]string{
				"r.yaml": set + "spec: {rules: [" + aRule + "]}\n---\n" + head + "kind: ClusterRuleSet\nmetadata: {name: s}\nspec: {rules: [" + aRule + "]}",
				"p.yaml": "rules: [" + aRule + "]", "d/r.yaml": set + "spec: {rules: [" + aRule + "]}", "d/x.yaml": object,
			}, []string{"d"}, []string{"d", "r.yaml", "p.yaml", "p.yaml"},
			[]string{`d/x.yaml {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"a":"1"}}`, "set  / 1 given", "set ClusterRuleSet /s 1 given", "set RuleSet default/s 1 given"},
		},
		"NoNamespaceForCluster": {
			"a ClusterRuleSet has none", "", map[string]string{"r.yaml": head + "kind: ClusterRuleSet\nmetadata: {name: s, annotations: {checky.dev/default: 'true'}}\nspec: {rules: [" + aRule + "]}"}, []string{"r.yaml"}, nil,
			[]string{"set ClusterRuleSet /s 1"},
		},
		"LongList": {
			"past MaxDocuments", "", map[string]string{"a.json": `{"apiVersion": "v1", "kind": "List", "items": [1` + strings.Repeat(",1", MaxDocuments) + `]}`}, []string{"a.json"}, nil,
			[]string{"a.json problem " + tooManyDocuments},
		},
		"Unreadable": {
			"a payload that cannot be read is a target", "", map[string]string{"a.yaml": "a: b: c", "b.json": "{"}, []string{"a.yaml", "b.json"}, nil,
			[]string{"a.yaml problem it is not YAML: mapping values are not allowed in this context", "b.json problem it ends in the middle of a value; was it cut off?"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			write(t, tc.files)
			b, err := load(tc.stdin, tc.targets, tc.rules)
			if err != nil {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			if diff := cmp.Diff(tc.want, describeBundle(b)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func describeBundle(b *Bundle) []string {
	var lines []string
	for i := range b.Targets {
		switch x := &b.Targets[i]; {
		case x.Check != nil:
			lines = append(lines, fmt.Sprintf("%s Check %s/%s", x.Name(), x.Check.Namespace, x.Check.Name))
		case x.Root == nil:
			lines = append(lines, x.Name()+" problem "+x.Problem.Problem)
		default:
			lines = append(lines, x.Name()+" "+string(x.Root.JSON()))
		}
	}
	for _, s := range b.Sets {
		line := fmt.Sprintf("set %s %s/%s %d", s.Kind, s.Namespace, s.Name, len(s.Rules))
		if s.Given {
			line += " given"
		}
		if s.Default {
			line += " default"
		}
		lines = append(lines, line)
	}
	return lines
}

func TestLoadRefuses(t *testing.T) {
	cases := map[string]struct {
		reason string
		text   string
		want   string // as a target a.yaml
	}{
		"UnknownField":     {"it would be pruned silently", check + "spec:\n  input: 1\n  ruleset: []", "a.yaml:6: spec.ruleset: there is no such field; correct its spelling, or remove it"},
		"UnknownMeta":      {"it would be pruned silently", head + "kind: Check\nmetadata:\n  name: c\n  label: {}\nspec: {input: 1}", "a.yaml:5: metadata.label: there is no such field; correct its spelling, or remove it"},
		"WrongType":        {"the schema says so", check + "spec:\n  input: 1\n  suspend: yes", `a.yaml:6: spec.suspend: Invalid value: "string": spec.suspend in body must be of type boolean: "string"`},
		"Enumeration":      {"the schema says so", check + "spec:\n  input: 1\n  failOn: fatal", `a.yaml:6: spec.failOn: Unsupported value: "fatal": supported values: "info", "warning", "error", "critical"`},
		"NoSpec":           {"the schema says so", check, `a.yaml:1: spec: Required value`},
		"NoName":           {"a Check is named", head + "kind: Check\nmetadata: {}\nspec: {input: 1}", "a.yaml:3: metadata.name: it is missing; give the object a name"},
		"BadName":          {"Kubernetes refuses it", head + "kind: Check\nmetadata: {name: A_b}\nspec: {input: 1}", "a.yaml:3: metadata.name: use lower-case letters, digits, - and ., 253 at most, a letter or digit at both ends"},
		"BadNamespace":     {"Kubernetes refuses it", head + "kind: Check\nmetadata: {name: a, namespace: a.b}\nspec: {input: 1}", "a.yaml:3: metadata.namespace: use lower-case letters, digits and -, 63 at most, a letter or digit at both ends"},
		"TwoWays":          {"a CEL rule of the schema", check + "spec:\n  input: 1\n  rules:\n  - name: a\n    cel: {expression: 'true'}\n    module: {name: required}", `a.yaml:7: spec.rules[0]: Invalid value: set exactly one of module, cel and jsonSchema`},
		"SameRuleTwice":    {"a list map", check + "spec:\n  input: 1\n  rules:\n  - " + aRule + "\n  - " + aRule, `a.yaml:8: spec.rules[1]: Duplicate value: {"name":"a"}`},
		"EmptySet":         {"the schema says so", set + "spec: {rules: []}", "a.yaml:4: spec.rules: Invalid value: 0: spec.rules in body should have at least 1 items"},
		"OtherKind":        {"most likely a slip", head + "kind: Ruleset\nmetadata: {name: a}", "a.yaml:2: kind: it is not one of Check, RuleSet, ClusterRuleSet, AlertPolicy and Silence"},
		"NoKind":           {"most likely a slip", head + "metadata: {name: a}", "a.yaml:1: kind: it is not one of Check, RuleSet, ClusterRuleSet, AlertPolicy and Silence"},
		"OtherVersion":     {"a version of tomorrow", "apiVersion: checky.dev/v2\nkind: Check", "a.yaml:1: apiVersion: this version of checky knows checky.dev/v1alpha1 only"},
		"CheckTwice":       {"one of them would win", check + "spec: {input: 1}\n---\n" + check + "spec: {input: 2}", "a.yaml:6: Check c is there twice, first at a.yaml:1, and not the same; keep one of them"},
		"SetTwice":         {"one of them would win, and is told once", set + "spec: {rules: [" + aRule + "]}\n---\n" + set + "spec: {rules: [" + aRule + ", {name: b, module: {name: required}}]}", "a.yaml:6: RuleSet s is there twice, first at a.yaml:1, and not the same; keep one of them"},
		"TimeZone":         {"no schema knows them all", head + "kind: AlertPolicy\nmetadata: {name: a}\nspec:\n  quietHours:\n  - {start: '20:00', end: '07:00', timeZone: Europe/Atlantis}", `a.yaml:6: spec.quietHours[0].timeZone: Invalid value: "Europe/Atlantis": is not a known time zone: use an IANA name such as Europe/Berlin`},
		"TwoTones":         {"a CEL rule of the schema", head + "kind: AlertPolicy\nmetadata: {name: a}\nspec:\n  recoveryTone: {pattern: low, file: a.wav}", `a.yaml:5: spec.recoveryTone: Invalid value: set exactly one of pattern, configMapKeyRef and file`},
		"EndsBeforeStart":  {"a CEL rule of the schema", head + "kind: Silence\nmetadata: {name: a}\nspec: {startsAt: '2026-11-22T10:00:00Z', endsAt: '2026-11-22T09:00:00Z'}", `a.yaml:4: spec: Invalid value: endsAt must be after startsAt`},
		"NumberPastFloats": {"it is no number of seconds", check + "spec: {input: 1, ttlSecondsAfterFinished: 1e400}", `a.yaml:1: Invalid value: "": Checked value must be of type integer with format int32 in spec.ttlSecondsAfterFinished`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			write(t, map[string]string{"a.yaml": tc.text})
			_, err := load("", []string{"a.yaml"}, nil)
			got := ""
			if err != nil {
				got, _, _ = strings.Cut(err.Error(), "\n")
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// A rule set of a folder whose apiVersion is wrong is refused: passed over, it would let everything pass.
func TestLoadRefusesMisspeltSetsOfFolders(t *testing.T) {
	for _, kind := range []string{"RuleSet", "ClusterRuleSet"} {
		for _, version := range []string{"", "apiVersion: chcky.dev/v1alpha1\n"} {
			write(t, map[string]string{
				"rules/a.yaml": set + "spec: {rules: [" + aRule + "]}",
				"rules/b.yaml": version + "kind: " + kind + "\nmetadata: {name: t}\nspec: {rules: [" + aRule + "]}",
				"rules/c.yaml": object,
			})
			_, err := load("1", []string{"-"}, []string{"rules"})
			if err == nil || err.Error() != "rules/b.yaml:1: apiVersion: this version of checky knows checky.dev/v1alpha1 only" {
				t.Errorf("%s of %q: %v", kind, version, err)
			}
		}
	}
}

// A Check as `kubectl get -o yaml` prints it can be checked again.
func TestLoadTakesALiveCheck(t *testing.T) {
	text := head + `kind: Check
metadata:
  name: c
  namespace: shop
  uid: 0b5d9a55-6d5c-4f4c-9a3f-0d0b3b1b3b3b
  resourceVersion: "7"
  generation: 2
  creationTimestamp: "2026-01-31T12:00:00Z"
  managedFields: [{manager: kubectl, operation: Update, fieldsType: FieldsV1, fieldsV1: {"f:spec": {}}}]
spec: {failOn: error, input: {a: 12345678901234567890}, rules: [{name: a, severity: error, module: {name: required}}]}
status: {phase: Success, observedGeneration: 2, ofAnotherVersion: true}
`
	b, err := load(text, []string{"-"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(b.Targets[0].Check.Spec.Input.Raw); got != `{"a":12345678901234567890}` {
		t.Errorf("the input is %s", got)
	}
}

func TestReaderRefuses(t *testing.T) {
	write(t, map[string]string{"a.json": "1", "many/x.txt": ""})
	if err := os.Symlink("nowhere", "many/b.json"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"none":   "there is no such file or folder; correct the path",
		"many":   "b.json: no such file or directory",
		"a.json": "",
	} {
		got := ""
		if _, err := (&Reader{}).Read(path); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("Read(%q): error %q, want %q", path, got, want)
		}
	}
	r := &Reader{Stdin: strings.NewReader("1"), files: MaxFiles - 2}
	if _, err := r.Read("-"); err != nil {
		t.Error(err)
	}
	if _, err := r.Read("-"); err == nil {
		t.Error("standard input can be read twice")
	}
	if _, err := r.Read("a.json"); err != nil {
		t.Error(err)
	}
	if _, err := r.Read("a.json"); err == nil {
		t.Error("more than MaxFiles can be read")
	}
	r = &Reader{bytes: MaxTotalBytes - 1}
	if _, err := r.Read("a.json"); err != nil {
		t.Error(err)
	}
	if _, err := r.Read("a.json"); err == nil {
		t.Error("more than MaxTotalBytes can be read")
	}
}

// endless is a file that never ends, as /dev/zero does.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestReaderIsBounded(t *testing.T) {
	files, err := (&Reader{Stdin: endless{}}).Read("-")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(files[0].Text); n != MaxFileBytes+1 || !files[0].TooLong() {
		t.Errorf("%d bytes were read", n)
	}
	if d := Split(files[0]); len(d) != 1 || d[0].Problem == nil {
		t.Errorf("it is split into %d documents", len(d))
	}
}

func TestBundleFinds(t *testing.T) {
	b, err := load(check+"spec: {input: 1}\n---\n"+object+"---\n"+set+"spec: {rules: ["+aRule+"]}", []string{"-"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if b.Set(v1alpha1.KindRuleSet, "default", "s") == nil || b.Set(v1alpha1.KindRuleSet, "other", "s") != nil || b.Set(v1alpha1.KindClusterRuleSet, "default", "s") != nil {
		t.Error("a set is found by kind, namespace and name alone")
	}
	if len(b.Objects("v1", "ConfigMap", "default", "c")) != 1 || len(b.Objects("v1", "ConfigMap", "other", "c")) != 0 {
		t.Error("an object is found by kind, namespace and name alone")
	}
	if len(b.Objects("checky.dev/v1alpha1", "Check", "default", "c")) != 1 {
		t.Error("a Check can be an input, too")
	}
}

// Whatever is given as a manifest: it is taken, or refused with a place in the file.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		check + "spec: {input: 1}", check + "spec: {input: {a: 1e400}, ttlSecondsAfterFinished: -1e999}", set + "spec: {rules: [" + aRule + ", " + aRule + "]}",
		head + "kind: CheckList\nitems: [{kind: Check}]", head + "kind: Check\nmetadata: []", head + "kind: [Check]", head + "kind: Check\nmetadata: {name: 1}\nspec: []",
		set + "spec:\n  rules:\n  - {name: a, jsonSchema: [], cel: {expression: 1}}\nstatus: 1", "rules: {a: b}", object + "data: 1", check + "spec: {ruleSets: [{name: a}, {name: a, kind: ClusterRuleSet}], input: null}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, paths := range [][2][]string{{{"-"}, nil}, {nil, {"-"}}} {
			b, err := load(text, paths[0], paths[1])
			if (b == nil) == (err == nil) {
				t.Fatal("there is neither or both of a bundle and an error")
			}
			if err != nil && !strings.HasPrefix(err.Error(), StandardInput+":") {
				t.Fatalf("%q names no file", err)
			}
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	text := check + "spec: {input: {a: 1}, rules: [" + aRule + "]}"
	b.ReportAllocs()
	for b.Loop() {
		if _, err := load(text, []string{"-"}, nil); err != nil {
			b.Fatal(err)
		}
	}
}
