package check

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/apiserver/cluster/packed"
	"github.com/checky-dev/checky/rules"
)

// Bounds of a request, besides the rules' own in package rules. The API server keeps those on rule sets and queries too.
const (
	// maxRuleSets is how many rule sets a request may name.
	maxRuleSets = 20
	// maxRulesBytes is how long a request's own rules may be together, as JSON: to compile so many takes a processor a third of a second.
	maxRulesBytes = 128 << 10
	// maxQueryRunes is the longest explain.query of a rule.
	maxQueryRunes = 256
	// maxTraceParent is the longest traceparent that is stored; version 00 of it has 55 bytes.
	maxTraceParent = 128
	// maxInputNameRunes is the longest name of a payload of a batch.
	maxInputNameRunes = 253
	// maxStoredBatch is how long the payloads and names of a batch may be as a Check has them, in bytes: as texts in JSON, in which a
	// quotation mark is two bytes. etcd takes 1.5 MiB unless told otherwise, and the verdict has to find room beside them.
	maxStoredBatch = 1152 << 10
)

// validate refuses, by an *InvalidError, what the API server would refuse and what can never be evaluated; what the payloads hold is left
// to digestInput. It gives the request's own rules, compiled; nil where it has none.
func (s *Service) validate(ctx context.Context, r *Request) (own *rules.Set, err error) {
	if r.Inputs != nil {
		if err := validateInputs(r.Inputs); err != nil {
			return nil, err
		}
	}
	switch r.FailOn {
	case "", v1alpha1.SeverityInfo, v1alpha1.SeverityWarning, v1alpha1.SeverityError, v1alpha1.SeverityCritical:
	default:
		return nil, invalid("body.fail_on", "expected info, warning, error or critical")
	}
	if r.TTLSeconds != nil && *r.TTLSeconds < 0 {
		return nil, invalid("body.ttl_seconds", "expected a number of seconds of 0 or more")
	}
	if err := s.validateReferences(r.RuleSets); err != nil {
		return nil, err
	}
	if len(r.Rules) == 0 {
		return nil, nil
	}
	return s.compile(ctx, r.Rules)
}

func (s *Service) validateReferences(refs []v1alpha1.RuleSetReference) error {
	if len(refs) > maxRuleSets {
		return invalid("body.rule_sets", "a check may name at most %d rule sets; name fewer, or make several checks", maxRuleSets)
	}
	for i := range refs {
		field := "body.rule_sets[" + strconv.Itoa(i) + "]"
		switch refs[i].Kind {
		case "", v1alpha1.KindRuleSet, v1alpha1.KindClusterRuleSet:
		default:
			return invalid(field+".kind", "expected RuleSet or ClusterRuleSet")
		}
		// The name of a set that is there needs no second look; it is what most requests have.
		if s.sets.get(refs[i]) == nil && len(validation.IsDNS1123Subdomain(refs[i].Name)) > 0 {
			return invalid(field+".name", "expected the name of a rule set: up to 253 lower-case letters, digits, dots and hyphens")
		}
		for j := range i {
			if refs[j].Name == refs[i].Name {
				return invalid(field+".name", "body.rule_sets[%d] has the same name; name each once, and not a RuleSet and a ClusterRuleSet of one name", j)
			}
		}
	}
	return nil
}

// compile compiles a request's own rules, and refuses the first that does not compile.
func (s *Service) compile(ctx context.Context, list []v1alpha1.Rule) (*rules.Set, error) {
	if len(list) > rules.MaxRulesPerSet {
		return nil, invalid("body.rules", "a check may have at most %d rules of its own; put some into a RuleSet", rules.MaxRulesPerSet)
	}
	for i := range list {
		if explain := list[i].Explain; explain != nil && (explain.Query == "" || len([]rune(explain.Query)) > maxQueryRunes) {
			return nil, invalid("body.rules["+strconv.Itoa(i)+"].explain.query", "expected 1 to %d characters", maxQueryRunes)
		}
	}
	length := packed.WeighRules(list)
	if length > maxRulesBytes {
		return nil, invalid("body.rules", "the rules of a request may have at most %d bytes together; put some into a RuleSet", maxRulesBytes)
	}
	if length > quickRulesBytes {
		leave, err := s.compiles.Enter(ctx)
		if err != nil {
			return nil, err
		}
		defer leave()
	}
	set := s.o.Library.Rules("", list)
	if len(set.Errors) == 0 {
		return set, nil
	}
	first, problem := len(list), error(nil)
	for i, at := range byName(list) { // as the set has them
		if err := set.Rules[i].Err(); err != nil && at < first {
			first, problem = at, err
		}
	}
	return nil, invalid("body.rules["+strconv.Itoa(first)+"]", "%s", rules.ClipBytes(masked(problem.Error(), &list[first]), rules.MaxMessageBytes))
}

// byName gives the places of rules in the order of their names.
func byName(list []v1alpha1.Rule) []int {
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(list[a].Name, list[b].Name) })
	return order
}

// digestInput reads what is to be checked, or refuses it as the rules would. It gives the digest of the payload; of a batch, one of the
// payloads' digests and names in their order.
func digestInput(r *Request) (string, error) {
	if r.Inputs != nil {
		return digestInputs(r.Inputs)
	}
	payload, err := rules.Decode(r.Input)
	if err != nil {
		return "", undecodable("body.input", err)
	}
	return payload.Digest(), nil
}

func undecodable(field string, err error) error {
	return invalid(field, "%s", strings.TrimPrefix(err.Error(), "payload: "))
}

// digestOf is the SHA-256 of a validated request in one form, as sha256:HEX: two requests have the same if and only if
// they ask for the same verdict, kept for the same time. White space, the order of members, of rule sets and of rules, the way a
// number is written, and whether a default is spelled out do not change it. A batch of one payload is another request than the payload.
func digestOf(r *Request, input string, own *rules.Set) string {
	names := make([]string, len(r.RuleSets))
	for i, ref := range r.RuleSets {
		names[i] = string(cmp.Or(ref.Kind, v1alpha1.KindRuleSet)) + "/" + ref.Name
	}
	slices.Sort(names)
	ttl, rulesDigest := "", ""
	if r.TTLSeconds != nil {
		ttl = strconv.Itoa(int(*r.TTLSeconds))
	}
	if own != nil {
		rulesDigest = own.Digest
	}
	kind := "checky request 1"
	if r.Inputs != nil {
		kind = "checky batch 1"
	}
	parts := []string{
		kind, input, rulesDigest,
		string(cmp.Or(r.FailOn, v1alpha1.SeverityError)), ttl, strings.Join(names, ","),
	}
	return rules.Digest([]byte(strings.Join(parts, "\n"))) // none of them has a line break in it
}
