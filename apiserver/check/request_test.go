package check

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
)

// These tests are of internals: they need no cluster, and submit to none.

func references(names ...string) (refs []v1alpha1.RuleSetReference) {
	for _, name := range names {
		refs = append(refs, v1alpha1.RuleSetReference{Name: name})
	}
	return refs
}

func TestInvalidRequests(t *testing.T) {
	const secret = "hunter2"
	good := parseRules(t, fiveModules)
	with := func(change func([]v1alpha1.Rule)) []v1alpha1.Rule {
		list := slices.Clone(good)
		change(list)
		return list
	}
	cases := map[string]struct {
		reason  string
		request Request
		field   string
		message string // a part of it
	}{
		"no input":        {"nothing to check", Request{}, "body.input", "empty"},
		"not JSON":        {"cut off", Request{Input: []byte(`{"a": "` + secret)}, "body.input", "cut off"},
		"two values":      {"a payload is one value", Request{Input: []byte(`1 2`)}, "body.input", "one JSON value"},
		"duplicate name":  {"which one counts?", Request{Input: []byte(`{"a": 1, "a": "` + secret + `"}`)}, "body.input", "twice"},
		"too deep":        {"65 levels", Request{Input: []byte(strings.Repeat("[", 65) + strings.Repeat("]", 65))}, "body.input", "64 levels"},
		"too large":       {"a byte more than the limit", Request{Input: fmt.Appendf(nil, "%*d", rules.MaxPayloadBytes+1, 1)}, "body.input", "262144"},
		"fail_on":         {"no severity", Request{Input: []byte(`1`), FailOn: secret}, "body.fail_on", "critical"},
		"ttl":             {"before it was finished", Request{Input: []byte(`1`), TTLSeconds: new(int32(-1))}, "body.ttl_seconds", "0 or more"},
		"kind":            {"no rule set", Request{Input: []byte(`1`), RuleSets: []v1alpha1.RuleSetReference{{Kind: "Secret", Name: "a"}}}, "body.rule_sets[0].kind", "ClusterRuleSet"},
		"name":            {"no object can have it", Request{Input: []byte(`1`), RuleSets: references("a", "B/../c")}, "body.rule_sets[1].name", "lower-case"},
		"no name":         {"nor this", Request{Input: []byte(`1`), RuleSets: references("")}, "body.rule_sets[0].name", "lower-case"},
		"same set":        {"named twice", Request{Input: []byte(`1`), RuleSets: references("a", "b", "a")}, "body.rule_sets[2].name", "rule_sets[0]"},
		"ambiguous":       {"results could not tell them apart", Request{Input: []byte(`1`), RuleSets: []v1alpha1.RuleSetReference{{Name: "a"}, {Kind: v1alpha1.KindClusterRuleSet, Name: "a"}}}, "body.rule_sets[1].name", "rule_sets[0]"},
		"many sets":       {"21", Request{Input: []byte(`1`), RuleSets: make([]v1alpha1.RuleSetReference, 21)}, "body.rule_sets", "20"},
		"many rules":      {"101", Request{Input: []byte(`1`), Rules: make([]v1alpha1.Rule, 101)}, "body.rules", "100"},
		"bad rule":        {"the first that does not compile, as the request numbers them", Request{Input: []byte(`1`), Rules: with(func(l []v1alpha1.Rule) { l[2].Module, l[4].Name = nil, "?" })}, "body.rules[2]", "exactly one"},
		"same rule":       {"the second of a name", Request{Input: []byte(`1`), Rules: with(func(l []v1alpha1.Rule) { l[0].Name = l[3].Name })}, "body.rules[3]", "same name"},
		"unknown module":  {"and what there is", Request{Input: []byte(`1`), Rules: []v1alpha1.Rule{{Name: "a", Module: &v1alpha1.ModuleRule{Name: "rang"}}}}, "body.rules[0]", "range"},
		"rule severity":   {"no severity", Request{Input: []byte(`1`), Rules: with(func(l []v1alpha1.Rule) { l[1].Severity = "high" })}, "body.rules[1]", "severity"},
		"broken params":   {"no JSON", Request{Input: []byte(`1`), Rules: []v1alpha1.Rule{{Name: "a", Module: &v1alpha1.ModuleRule{Name: "range", Params: v1alpha1.JSON{Raw: []byte(`{`)}}}}}, "body.rules[0]", "module.params"},
		"explain":         {"too long a query", Request{Input: []byte(`1`), Rules: with(func(l []v1alpha1.Rule) { l[1].Explain = &v1alpha1.Explain{Query: strings.Repeat("ä", 257)} })}, "body.rules[1].explain.query", "256"},
		"explain nothing": {"an empty query", Request{Input: []byte(`1`), Rules: with(func(l []v1alpha1.Rule) { l[0].Explain = &v1alpha1.Explain{} })}, "body.rules[0].explain.query", "256"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Log(c.reason)
			s := offline(t)
			_, submitted := s.Submit(t.Context(), "ada", c.request, "", Patience{})
			_, tried := s.DryRun(t.Context(), c.request)
			for way, err := range map[string]error{"submit": submitted, "dry run": tried} {
				refused := (*InvalidError)(nil)
				if !errors.As(err, &refused) {
					t.Fatalf("%s: error %v, want an InvalidError", way, err)
				}
				if refused.Field != c.field || !strings.Contains(refused.Message, c.message) {
					t.Errorf("%s: %s: %s, want %s: ...%s...", way, refused.Field, refused.Message, c.field, c.message)
				}
				if strings.Contains(refused.Message, secret) {
					t.Errorf("%s: the message quotes a value: %s", way, refused.Message)
				}
			}
		})
	}
}

func TestKeys(t *testing.T) {
	s := offline(t)
	for name, c := range map[string]struct {
		key  string
		good bool
	}{
		"a UUID":        {"8e03978e-40d5-43e8-bc93-6894a57f9324", true},
		"one character": {"~", true},
		"longest":       {strings.Repeat("k", 255), true},
		"too long":      {strings.Repeat("k", 256), false},
		"a space":       {"a key", false},
		"a line break":  {"key\n", false},
		"not ASCII":     {"schlüssel", false},
		"DEL":           {"\x7f", false},
	} {
		name1, err := s.nameFor("ada", c.key)
		if refused := (*InvalidError)(nil); c.good != (err == nil) || err != nil && (!errors.As(err, &refused) || refused.Field != "header.Idempotency-Key") {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			continue
		}
		again, _ := s.nameFor("ada", c.key)
		other, _ := s.nameFor("bob", c.key)
		if name1 != again || name1 == other || !validID(name1) {
			t.Errorf("%s: %q, again %q, of another %q", name, name1, again, other)
		}
	}
	// The bytes between owner and key belong to neither.
	a, _ := s.nameFor("ab", "c")
	b, _ := s.nameFor("a", "bc")
	if a == b {
		t.Error("two owners share a name")
	}
	first, _ := s.nameFor("ada", "")
	second, _ := s.nameFor("ada", "")
	if first == second || !validID(first) || first != strings.ToLower(first) {
		t.Errorf("ids without a key: %q, %q", first, second)
	}
}

func TestNoOwner(t *testing.T) {
	s := offline(t)
	if _, err := s.Submit(t.Context(), "", Request{Input: []byte(`1`)}, "", Patience{}); !errors.Is(err, errNoOwner) {
		t.Errorf("submit: %v", err)
	}
	if err := s.DeleteAll(t.Context(), ""); !errors.Is(err, errNoOwner) {
		t.Errorf("delete all: %v", err)
	}
	if _, err := owned(&v1alpha1.Check{}, ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("what is nobody's is somebody's: %v", err)
	}
}

// digest is that of a request which has to be valid.
func digest(t testing.TB, s *Service, r Request) string {
	t.Helper()
	c, err := s.checkOf(t.Context(), "ada", "name", &r)
	if err != nil {
		t.Fatal(err)
	}
	return c.Annotations[RequestDigestAnnotation]
}

func TestRequestDigest(t *testing.T) {
	s := offline(t)
	list := parseRules(t, fiveModules)
	request := func(change func(*Request)) Request {
		r := Request{Input: []byte(`{"a": 1, "b": [true, null]}`), RuleSets: references("x", "y"), Rules: list, TTLSeconds: new(int32(5))}
		change(&r)
		return r
	}
	want := digest(t, s, request(func(*Request) {}))
	same := map[string]func(*Request){
		"white space and order": func(r *Request) { r.Input = []byte(`{ "b":[true,null],"a":1.0 }`) },
		"default of failOn":     func(r *Request) { r.FailOn = v1alpha1.SeverityError },
		"default of kind":       func(r *Request) { r.RuleSets = references("x", "y"); r.RuleSets[0].Kind = v1alpha1.KindRuleSet },
		"order of sets":         func(r *Request) { r.RuleSets = references("y", "x") },
		"order of rules":        func(r *Request) { r.Rules = slices.Clone(list); slices.Reverse(r.Rules) },
		"default of severity":   func(r *Request) { r.Rules = slices.Clone(list); r.Rules[0].Severity = v1alpha1.SeverityError },
		"traceparent":           func(r *Request) { r.TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" },
	}
	for name, change := range same {
		if digest(t, s, request(change)) != want {
			t.Errorf("%s makes another request of it", name)
		}
	}
	other := map[string]func(*Request){
		"a value":       func(r *Request) { r.Input = []byte(`{"a": 2, "b": [true, null]}`) },
		"fewer sets":    func(r *Request) { r.RuleSets = references("x") },
		"another kind":  func(r *Request) { r.RuleSets = references("x", "y"); r.RuleSets[0].Kind = v1alpha1.KindClusterRuleSet },
		"no rules":      func(r *Request) { r.Rules = nil },
		"fewer rules":   func(r *Request) { r.Rules = list[1:] },
		"rule severity": func(r *Request) { r.Rules = slices.Clone(list); r.Rules[0].Severity = v1alpha1.SeverityInfo },
		"failOn":        func(r *Request) { r.FailOn = v1alpha1.SeverityInfo },
		"another ttl":   func(r *Request) { r.TTLSeconds = new(int32(6)) },
		"ttl 0":         func(r *Request) { r.TTLSeconds = new(int32(0)) },
		"no ttl":        func(r *Request) { r.TTLSeconds = nil },
	}
	seen := map[string]string{want: "the request"}
	for _, name := range slices.Sorted(maps.Keys(other)) {
		got := digest(t, s, request(other[name]))
		if before, twice := seen[got]; twice {
			t.Errorf("%s is not told from %s", name, before)
		}
		seen[got] = name
	}
}

// FuzzRequestDigest holds that the digest of a request follows the input's value, and not its text.
func FuzzRequestDigest(f *testing.F) {
	for _, pair := range [][2]string{
		{`1`, `1.0`}, {`{"a":1,"b":2}`, `{"b":2,"a":1}`}, {`"ä"`, `"\u00e4"`}, {`[]`, `{}`}, {`1e400`, `1e401`}, {`{"a":1,"a":1}`, ``}, {"\"\xff\"", `null`},
	} {
		f.Add([]byte(pair[0]), []byte(pair[1]))
	}
	s := offline(f)
	f.Fuzz(func(t *testing.T, a, b []byte) {
		x, errX := s.checkOf(t.Context(), "ada", "name", &Request{Input: a})
		y, errY := s.checkOf(t.Context(), "ada", "name", &Request{Input: b})
		if errX != nil || errY != nil {
			return
		}
		p, _ := rules.Decode(a)
		q, _ := rules.Decode(b)
		canonical := digest(t, s, Request{Input: rules.Canonical(p.Root())})
		if got := x.Annotations[RequestDigestAnnotation]; got != canonical {
			t.Errorf("the canonical text of %q has another digest", a)
		}
		alike := sameRequest(x, y) == nil
		if equal := rules.Equal(p.Root(), q.Root()); alike != equal {
			t.Errorf("%q and %q: equal %t, same request %t", a, b, equal, alike)
		}
		if !bytes.Equal([]byte(x.Spec.InputJSON), a) {
			t.Errorf("the text of %q is not kept", a)
		}
	})
}

func TestRefusal(t *testing.T) {
	const secret = "hunter2"
	kind := v1alpha1.GroupVersion.WithKind("Check").GroupKind()
	checks := schema.GroupResource{Group: v1alpha1.GroupVersion.Group, Resource: "checks"}
	terminating := apierrors.NewForbidden(checks, "x", errors.New("unable to create new content in namespace checky because it is being terminated"))
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause, Field: "metadata.namespace"}}
	policy := apierrors.NewInvalid(kind, "x", nil)
	policy.ErrStatus.Details.Causes = []metav1.StatusCause{{Message: secret}}
	for name, c := range map[string]struct {
		err   error
		field string // empty: it is no InvalidError
		want  error  // nil: the error itself, where it is no InvalidError
	}{
		"a rule":       {apierrors.NewInvalid(kind, "x", field.ErrorList{field.Invalid(field.NewPath("spec", "rules").Index(2).Child("name"), "A", "no")}), "body.rules[2].name", nil},
		"input":        {apierrors.NewInvalid(kind, "x", field.ErrorList{field.Invalid(field.NewPath("spec", "inputJSON"), secret, "no")}), "body.input", nil},
		"a set":        {apierrors.NewInvalid(kind, "x", field.ErrorList{field.Duplicate(field.NewPath("spec", "ruleSets").Index(1), secret)}), "body.rule_sets[1]", nil},
		"the spec":     {apierrors.NewInvalid(kind, "x", field.ErrorList{field.Invalid(field.NewPath("spec"), secret, "no")}), "body", nil},
		"fail on":      {apierrors.NewInvalid(kind, "x", field.ErrorList{field.NotSupported(field.NewPath("spec", "failOn"), secret, []string{"error"})}), "body.fail_on", nil},
		"a ttl":        {apierrors.NewInvalid(kind, "x", field.ErrorList{field.Invalid(field.NewPath("spec", "ttlSecondsAfterFinished"), -1, "no")}), "body.ttl_seconds", nil},
		"unreadable":   {apierrors.NewBadRequest(secret), "body", nil},
		"large":        {apierrors.NewRequestEntityTooLargeError("limit"), "body", nil},
		"too large":    {apierrors.NewInternalError(errors.New("etcdserver: request is too large")), "body", nil},
		"our own":      {apierrors.NewInvalid(kind, "x", field.ErrorList{field.Invalid(field.NewPath("metadata", "labels"), "!", "no")}), "", nil},
		"another word": {apierrors.NewInvalid(kind, "x", field.ErrorList{field.Invalid(field.NewPath("spec", "rulesets"), "!", "no")}), "", nil},
		"denied":       {apierrors.NewUnauthorized("no"), "", ErrNotSetUp},
		"no RBAC":      {apierrors.NewForbidden(checks, "", errors.New("User may not")), "", ErrNotSetUp},
		"no namespace": {apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "checky"), "", ErrNotSetUp},
		"terminating":  {terminating, "", ErrNotSetUp},
		"quota":        {apierrors.NewForbidden(checks, "x", errors.New("exceeded quota: few, requested: count/checks.checky.dev=1")), "", ErrQuota},
		"plugin":       {apierrors.NewForbidden(checks, "x", errors.New("not on a Sunday")), "", ErrRefused},
		"policy":       {policy, "", ErrRefused},
		"webhook":      {&apierrors.StatusError{ErrStatus: metav1.Status{Status: "Failure", Code: 400, Message: "admission webhook denied the request"}}, "", ErrRefused},
		"webhook 403":  {&apierrors.StatusError{ErrStatus: metav1.Status{Status: "Failure", Code: 403, Reason: metav1.StatusReasonForbidden, Message: "no"}}, "", ErrRefused},
		"unavailable":  {unavailable(errNotListed), "", nil},
	} {
		err := refusal(c.err)
		refused := (*InvalidError)(nil)
		switch {
		case !errors.As(err, &refused):
			if c.field != "" || !errors.Is(err, c.err) || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		case refused.Field != c.field:
			t.Errorf("%s: field %s, want %s", name, refused.Field, c.field)
		case strings.Contains(refused.Message, secret):
			t.Errorf("%s: the message quotes a value: %s", name, refused.Message)
		}
	}
}
