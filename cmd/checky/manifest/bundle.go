package manifest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
)

// Bundle is what the files of one run hold.
type Bundle struct {
	// Targets are what to evaluate, in the order of the files.
	Targets []Target
	// Sets are the rule sets of all files, by kind, namespace and name.
	Sets []*Set

	objects map[objectKey][]*Document
}

// Target is a Check or a payload.
type Target struct {
	*Document
	// Check is nil for a payload.
	Check *v1alpha1.Check

	object bool // of a kind that is not Checky's
}

// Set is a RuleSet, a ClusterRuleSet or a bare list of rules.
type Set struct {
	*Document
	// Kind is empty for a bare list.
	Kind v1alpha1.RuleSetKind
	// Namespace is empty for a ClusterRuleSet and a bare list.
	Namespace string
	// Name is empty for a bare list: its rules go by their names alone.
	Name string
	// Default says that it applies to Checks that name no rules.
	Default bool
	// Given says that it comes from -r, and so applies to payloads.
	Given bool
	// Rules as they were written.
	Rules []v1alpha1.Rule
	// Path of the list of rules in the document.
	Path string
}

type objectKey struct{ apiVersion, kind, namespace, name string }

// Loader reads files into a Bundle.
type Loader struct {
	// Reader reads them.
	Reader *Reader
	// Schemas hold manifests against the custom resource definitions.
	Schemas *Schemas
	// Namespace of objects that do not say theirs.
	Namespace string

	bundle   *Bundle
	problems []error
}

// Load reads what -f (targets) and -r (rules) name. Its error joins all problems of flags and manifests, each with its flag or
// file and line. A payload that can't be read is no error, but a Target with a Problem.
func (l *Loader) Load(targets, rules []string) (*Bundle, error) {
	l.bundle = &Bundle{objects: map[objectKey][]*Document{}}
	l.each("-r", rules, l.addRules)
	l.each("-f", targets, l.addTarget)
	if len(l.problems) > 0 {
		return nil, errors.Join(l.problems...)
	}
	b := l.bundle
	// An object of another kind is what Checks refer to; where there is no Check, it is a payload.
	if slices.ContainsFunc(b.Targets, func(t Target) bool { return t.Check != nil }) {
		b.Targets = slices.DeleteFunc(b.Targets, func(t Target) bool { return t.object })
	}
	slices.SortStableFunc(b.Sets, func(x, y *Set) int {
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Name, y.Name))
	})
	return b, nil
}

func (l *Loader) each(flag string, paths []string, add func(*Document)) {
	for _, path := range paths {
		files, err := l.Reader.Read(path)
		if err != nil {
			l.problems = append(l.problems, fmt.Errorf("%s %s: %w", flag, path, err))
			continue
		}
		for _, file := range files {
			documents := Split(file)
			if len(documents) == 0 && !file.Found {
				l.problems = append(l.problems, &Error{File: file.Name, Problem: "it is empty; give a document"})
			}
			for _, d := range documents {
				add(d)
			}
		}
	}
}

// addRules takes a document of -r. In a folder, documents that hold no rules are passed over; a rule set whose apiVersion is
// wrong is not one of them, since what it asks for would silently not be checked.
func (l *Loader) addRules(d *Document) {
	kind := d.Root.String("kind")
	switch {
	case d.Problem != nil:
		l.problems = append(l.problems, d.Problem)
	case isOurs(d.Root.String("apiVersion")) && kind != "Check" && kind != kindAlertPolicy && kind != kindSilence,
		kind == string(v1alpha1.KindRuleSet), kind == string(v1alpha1.KindClusterRuleSet):
		l.addSet(d, true)
	case d.Root.Get("rules") != nil && d.Root.Get("apiVersion") == nil && d.Root.Get("kind") == nil:
		l.addBare(d)
	case !d.File.Found:
		l.problems = append(l.problems, d.Fault(d.Root.Line, "it holds no rules; -r takes a RuleSet, a ClusterRuleSet, or an object with a list named rules"))
	}
}

// addTarget takes a document of -f.
func (l *Loader) addTarget(d *Document) {
	apiVersion, kind := d.Root.String("apiVersion"), d.Root.String("kind")
	switch {
	case d.Problem != nil || (apiVersion == "" || kind == "") && !isOurs(apiVersion):
		l.bundle.Targets = append(l.bundle.Targets, Target{Document: d})
		return
	case !isOurs(apiVersion):
		l.bundle.Targets = append(l.bundle.Targets, Target{Document: d, object: true})
	case kind == "Check":
		l.addCheck(d)
	case kind == kindAlertPolicy || kind == kindSilence:
		l.validateAlerts(d, kind)
		return
	default:
		l.addSet(d, false)
	}
	l.addObject(d, objectKey{apiVersion, kind, cmp.Or(d.Root.String("metadata", "namespace"), l.Namespace), d.Root.String("metadata", "name")})
}

// addObject keeps a document where references find it. Two that are not the same may have one name, such as a Deployment for
// staging and the one for production: they are no problem until a Check refers to them. A Check of another's
// name is, since its verdict would have the other's name.
func (l *Loader) addObject(d *Document, key objectKey) {
	if key.name == "" {
		return // nothing can refer to it
	}
	for _, other := range l.bundle.objects[key] {
		if same(other, d) {
			return
		}
		if key.kind == "Check" && isOurs(key.apiVersion) {
			l.twice(d, other, key.kind, key.name)
			return
		}
	}
	l.bundle.objects[key] = append(l.bundle.objects[key], d)
}

func same(a, b *Document) bool { return string(a.Root.JSON()) == string(b.Root.JSON()) }

func (l *Loader) twice(d, first *Document, kind, name string) {
	l.problems = append(l.problems, d.Fault(d.Root.Line, "%s %s is there twice, first at %s:%d, and not the same; keep one of them",
		kind, name, first.File.Name, first.Root.Line))
}

func (l *Loader) addCheck(d *Document) {
	check := &v1alpha1.Check{}
	if !l.decode(d, check) {
		return
	}
	check.Namespace = cmp.Or(check.Namespace, l.Namespace)
	check.Name = cmp.Or(check.Name, check.GenerateName)
	l.bundle.Targets = append(l.bundle.Targets, Target{Document: d, Check: check})
}

// validateAlerts says what keeps an AlertPolicy or a Silence from working. It has no other part in a run.
func (l *Loader) validateAlerts(d *Document, kind string) {
	var problems field.ErrorList
	policy, silence := &v1alpha1.AlertPolicy{}, &v1alpha1.Silence{}
	switch {
	case kind == kindAlertPolicy && l.decode(d, policy):
		_, problems = alerts.Compile(policy)
	case kind == kindSilence && l.decode(d, silence):
		_, problems = alerts.CompileSilence(silence)
	}
	for _, problem := range problems {
		l.problems = append(l.problems, d.Fault(d.Root.LineOfField(problem.Field), "%s", clipProblem(problem)))
	}
}

func (l *Loader) addSet(d *Document, given bool) {
	set := &Set{Document: d, Kind: v1alpha1.RuleSetKind(d.Root.String("kind")), Given: given, Path: "spec.rules"}
	var meta *metav1.ObjectMeta
	if set.Kind == v1alpha1.KindClusterRuleSet {
		object := &v1alpha1.ClusterRuleSet{}
		if !l.decode(d, object) {
			return
		}
		meta, set.Rules = &object.ObjectMeta, object.Spec.Rules
	} else {
		object := &v1alpha1.RuleSet{}
		if !l.decode(d, object) {
			return
		}
		meta, set.Rules = &object.ObjectMeta, object.Spec.Rules
		set.Namespace = cmp.Or(meta.Namespace, l.Namespace)
		set.Default = meta.Annotations[v1alpha1.DefaultRuleSetAnnotation] == "true"
	}
	set.Name = meta.Name
	l.keep(set)
}

// keep adds a set. The same one may be given several times, by a file and its folder for instance.
func (l *Loader) keep(set *Set) {
	for _, other := range l.bundle.Sets {
		if other.Kind != set.Kind || other.Namespace != set.Namespace || other.Name != set.Name {
			continue
		}
		if !same(other.Document, set.Document) {
			if set.Kind == "" {
				continue
			}
			l.twice(set.Document, other.Document, string(set.Kind), set.Name)
		}
		other.Given = other.Given || set.Given
		return
	}
	l.bundle.Sets = append(l.bundle.Sets, set)
}

// addBare takes a list of rules without a set around it. It is validated as a RuleSet's spec.
func (l *Loader) addBare(d *Document) {
	name := &Node{Kind: String, Text: "rules"}
	wrapped := &Node{Kind: Object, Line: d.Root.Line, Members: []Member{
		{Name: "apiVersion", Value: &Node{Kind: String, Text: v1alpha1.GroupVersion.String()}},
		{Name: "kind", Value: &Node{Kind: String, Text: string(v1alpha1.KindRuleSet)}},
		{Name: "metadata", Value: &Node{Kind: Object, Members: []Member{{Name: "name", Value: name}}}},
		{Name: "spec", Line: d.Root.Line, Value: d.Root},
	}}
	object := &v1alpha1.RuleSet{}
	if l.decode(&Document{File: d.File, Root: wrapped}, object) {
		l.keep(&Set{Document: d, Given: true, Rules: object.Spec.Rules, Path: "rules"})
	}
}

// decode validates a manifest and reads it into an object of its kind.
func (l *Loader) decode(d *Document, object any) bool {
	if version := d.Root.String("apiVersion"); version != v1alpha1.GroupVersion.String() {
		l.problems = append(l.problems, d.Fault(d.Root.LineOfField("apiVersion"), "apiVersion: this version of checky knows %s only", v1alpha1.GroupVersion))
		return false
	}
	problems, err := l.Schemas.Validate(d.Root)
	if err != nil {
		l.problems = append(l.problems, err)
		return false
	}
	for _, problem := range problems {
		l.problems = append(l.problems, located(d.File, problem))
	}
	if len(problems) > 0 {
		return false
	}
	if err := json.Unmarshal(d.Root.JSON(), object); err != nil {
		l.problems = append(l.problems, d.Fault(d.Root.Line, "%s", strings.TrimPrefix(err.Error(), "json: ")))
		return false
	}
	return true
}

// Set finds a rule set, or nil.
func (b *Bundle) Set(kind v1alpha1.RuleSetKind, namespace, name string) *Set {
	if kind == v1alpha1.KindClusterRuleSet {
		namespace = ""
	}
	for _, set := range b.Sets {
		if set.Kind == kind && set.Namespace == namespace && set.Name == name {
			return set
		}
	}
	return nil
}

// Objects finds documents by what Kubernetes would call them: none, one, or several that are not the same.
func (b *Bundle) Objects(apiVersion, kind, namespace, name string) []*Document {
	return b.objects[objectKey{apiVersion, kind, namespace, name}]
}
