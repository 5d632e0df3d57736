package engine

import (
	"encoding/json"
	"strconv"
	"strings"

	"k8s.io/utils/lru"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
)

// How much a Library keeps. Past that the least recently used is compiled again when it is asked for.
const (
	maxLibrarySets     = 1024
	maxLibraryPrograms = 1024
)

// Library compiles rule sets and keeps the results, so that a set is compiled once a generation and shared by all
// who evaluate. It is safe for concurrent use and bounded.
type Library struct {
	compiler *rules.Compiler
	sets     *lru.Cache
	programs *lru.Cache
}

// NewLibrary makes an empty library.
func NewLibrary(compiler *rules.Compiler) *Library {
	return &Library{compiler: compiler, sets: lru.New(maxLibrarySets), programs: lru.New(maxLibraryPrograms)}
}

// RuleSet compiles a RuleSet.
func (l *Library) RuleSet(s *v1alpha1.RuleSet) *rules.Set {
	return l.compile(generationKey("RuleSet", string(s.UID), s.Generation), s.Name, s.Spec.Rules)
}

// ClusterRuleSet compiles a ClusterRuleSet.
func (l *Library) ClusterRuleSet(s *v1alpha1.ClusterRuleSet) *rules.Set {
	return l.compile(generationKey("ClusterRuleSet", string(s.UID), s.Generation), s.Name, s.Spec.Rules)
}

// Rules compiles a list of rules that is not, or not yet, a version of an object in the cluster: a Check's own, with an empty
// name, or what is being proposed to the API server.
func (l *Library) Rules(name string, list []v1alpha1.Rule) *rules.Set {
	return l.compile("", name, list)
}

// generationKey names a version of an object; it is empty where the object does not come from a cluster.
func generationKey(kind, uid string, generation int64) string {
	if uid == "" {
		return ""
	}
	return kind + "/" + uid + "/" + strconv.FormatInt(generation, 10)
}

func (l *Library) compile(key, name string, list []v1alpha1.Rule) *rules.Set {
	if key == "" {
		text, err := json.Marshal(list)
		if err != nil { // a rule with broken JSON in it: compile it, and so report it, each time
			return l.compiler.Compile(name, list)
		}
		key = name + "/" + rules.Digest(text)
	}
	if set, ok := l.sets.Get(key); ok {
		return set.(*rules.Set) //nolint:forcetypeassert // the cache holds nothing else
	}
	set := l.compiler.Compile(name, list)
	l.sets.Add(key, set)
	return set
}

// Program joins sets into a program. See NewProgram for its errors.
func (l *Library) Program(failOn v1alpha1.Severity, sets ...*rules.Set) (*Program, error) {
	var b strings.Builder
	b.WriteString(string(failOn))
	for _, set := range sets {
		b.WriteString("\n" + set.Digest)
	}
	key := b.String()
	if program, ok := l.programs.Get(key); ok {
		return program.(*Program), nil //nolint:forcetypeassert // the cache holds nothing else
	}
	program, err := NewProgram(failOn, sets...)
	if err == nil {
		l.programs.Add(key, program)
	}
	return program, err
}
