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
	// maxLooseBytes bounds the rules that are not of objects in the cluster, as JSON: anybody sends as many of them as they like. What is
	// compiled takes up to 50 times as much memory.
	maxLooseBytes = 1 << 20
)

// Library compiles rule sets and keeps the results, so that a set is compiled once a generation and shared by all
// who evaluate. It is safe for concurrent use and bounded.
type Library struct {
	compiler *rules.Compiler
	sets     *lru.Cache
	programs *lru.Cache
	// loose are the sets that are not of objects, and the programs with such sets: apart, so that they push none of the others out.
	loose *weighed
}

// NewLibrary makes an empty library.
func NewLibrary(compiler *rules.Compiler) *Library {
	return &Library{compiler: compiler, sets: lru.New(maxLibrarySets), programs: lru.New(maxLibraryPrograms), loose: newWeighed(maxLooseBytes)}
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
		return l.compileLoose(name, list)
	}
	if set, ok := l.sets.Get(key); ok {
		return set.(*rules.Set) //nolint:forcetypeassert // the cache holds nothing else
	}
	set := l.compiler.Compile(name, list)
	l.sets.Add(key, set)
	return set
}

func (l *Library) compileLoose(name string, list []v1alpha1.Rule) *rules.Set {
	text, err := json.Marshal(list)
	if err != nil { // a rule with broken JSON in it: compile it, and so report it, each time
		return l.compiler.Compile(name, list)
	}
	key := "set " + name + "/" + rules.Digest(text)
	if set, ok := l.loose.get(key); ok {
		return set.(*rules.Set) //nolint:forcetypeassert // the keys of programs begin in another way
	}
	set := l.compiler.Compile(name, list)
	l.loose.add(key, set, weightOf(set))
	return set
}

// setOverhead and ruleOverhead are what a set and a rule weigh besides their text, in bytes of it.
const (
	setOverhead  = 1 << 10
	ruleOverhead = 256
)

// weightOf is how much of the bound on loose rules a set takes.
func weightOf(set *rules.Set) int { return setOverhead + ruleOverhead*len(set.Rules) + set.Bytes }

// Program joins sets into a program. See NewProgram for its errors.
func (l *Library) Program(failOn v1alpha1.Severity, sets ...*rules.Set) (*Program, error) {
	loose := 0
	var b strings.Builder
	b.WriteString("program " + string(failOn))
	for _, set := range sets {
		b.WriteString("\n" + set.Digest)
		if set.Name == "" { // a Check's own rules
			loose += weightOf(set)
		}
	}
	key := b.String()
	if loose > 0 {
		return l.looseProgram(key, loose, failOn, sets)
	}
	if program, ok := l.programs.Get(key); ok {
		return program.(*Program), nil //nolint:forcetypeassert // the cache holds nothing else
	}
	program, err := NewProgram(failOn, sets...)
	if err == nil {
		l.programs.Add(key, program)
	}
	return program, err
}

func (l *Library) looseProgram(key string, weight int, failOn v1alpha1.Severity, sets []*rules.Set) (*Program, error) {
	if program, ok := l.loose.get(key); ok {
		return program.(*Program), nil //nolint:forcetypeassert // the keys of sets begin in another way
	}
	program, err := NewProgram(failOn, sets...)
	if err == nil {
		l.loose.add(key, program, weight)
	}
	return program, err
}
