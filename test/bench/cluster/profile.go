package cluster

import (
	"cmp"
	"slices"
	"strings"

	"github.com/google/pprof/profile"
)

// Group is a share of a profile that people know by one name: what its functions' names begin with.
type Group struct {
	Name     string
	Prefixes []string
}

// Share is a group's part of a profile, from 0 to 1.
type Share struct {
	Name string
	Part float64
}

// What are the groups of what a processor does, looked for from where it is outwards: JSON that allocates counts as memory.
var What = []Group{
	{"memory: allocation and garbage collection", []string{
		"runtime.mallocgc", "runtime.gcBgMarkWorker", "runtime.gcAssistAlloc", "runtime.bgsweep", "runtime.bgscavenge", "runtime.gcStart", "runtime.wbBufFlush",
		"runtime.(*mheap)", "runtime.(*mcache)", "runtime.scanobject", "runtime.gcDrain", "runtime.(*sweepLocked)",
	}},
	{"system calls", []string{"internal/runtime/syscall", "syscall.", "runtime.netpoll", "runtime.epollwait"}},
	{"waking and scheduling", []string{
		"runtime.futex", "runtime.mcall", "runtime.schedule", "runtime.findRunnable", "runtime.ready", "runtime.mstart", "runtime.usleep", "runtime.osyield",
		"runtime.selectgo", "runtime.chansend", "runtime.chanrecv",
	}},
	{"encryption (TLS)", []string{"crypto/", "vendor/golang.org/x/crypto"}},
	{"JSON", []string{"encoding/json", "sigs.k8s.io/json", "github.com/json-iterator", "github.com/go-json-experiment", "k8s.io/apimachinery/pkg/runtime/serializer/json", "internal/json"}},
	{"HTTP", []string{"net/http", "golang.org/x/net/http2", "net/textproto", "mime", "bufio", "net/url", "vendor/golang.org/x/net"}},
	{"retrieval", []string{"github.com/checky-dev/checky/rag", "github.com/blevesearch"}},
	{"rules and engine", []string{"github.com/checky-dev/checky/rules", "github.com/checky-dev/checky/engine", "github.com/google/cel-go"}},
	{"logging", []string{"log/slog", "github.com/go-logr"}},
	{"reflection", []string{"reflect.", "k8s.io/apimachinery/third_party/forked/golang/reflect"}},
	{"Kubernetes' libraries", []string{"k8s.io/", "sigs.k8s.io/"}},
	{"Checky's own", []string{"github.com/checky-dev/checky"}},
}

// Who are the groups of what it is done for, the first that has to do with it.
var Who = []Group{
	{"garbage collection", []string{"runtime.gcBgMarkWorker", "runtime.bgsweep", "runtime.bgscavenge"}},
	{"write of the status", []string{"github.com/checky-dev/checky/controllers/check.(*Reconciler).publish"}},
	{"evaluation", []string{"github.com/checky-dev/checky/controllers/check.(*Reconciler).evaluate"}},
	{"gathering of rules and input", []string{"github.com/checky-dev/checky/controllers/check.(*Reconciler).gather"}},
	{"read from the cache", []string{"github.com/checky-dev/checky/controllers/check.(*Reconciler).load"}},
	{"events and log", []string{"github.com/checky-dev/checky/controllers/check.(*Reconciler).announce", "k8s.io/client-go/tools/events", "k8s.io/client-go/tools/record"}},
	{"retention", []string{"github.com/checky-dev/checky/controllers/retention"}},
	{"alert policies", []string{"github.com/checky-dev/checky/controllers/alertpolicy"}},
	{"watch: reading, decoding, keeping", []string{"k8s.io/client-go/tools/cache.(*Reflector)", "k8s.io/client-go/tools/cache.(*controller)", "k8s.io/apimachinery/pkg/watch", "k8s.io/client-go/tools/cache.(*sharedIndexInformer)"}},
	{"informers' handlers", []string{"k8s.io/client-go/tools/cache.(*processorListener)", "k8s.io/client-go/tools/cache.(*sharedProcessor)"}},
	{"queue", []string{"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"}},
	{"other reconciliation", []string{"sigs.k8s.io/controller-runtime/pkg/internal/controller"}},
	{"connections to the API server", []string{"net/http.(*http2", "net/http/internal/http2", "golang.org/x/net/http2.(*ClientConn)", "golang.org/x/net/http2.(*clientConn", "crypto/tls"}},
	{"requests of its clients", []string{"net/http.(*conn).serve", "net/http.(*connReader)"}},
	{"waking and scheduling", []string{"runtime.mcall", "runtime.mstart", "runtime.systemstack", "runtime.schedule", "runtime.findRunnable"}},
}

// Shares splits a CPU profile by groups, the largest first; what belongs to none is the rest. Of What the first function decides, from
// where the processor was outwards; of Who the first group that any function of the goroutine belongs to.
func Shares(text []byte, groups []Group, find Find) ([]Share, error) {
	p, err := profile.ParseData(text)
	if err != nil {
		return nil, err
	}
	parts, all := map[string]float64{}, 0.0
	for _, sample := range p.Sample {
		value := float64(sample.Value[len(sample.Value)-1])
		name := find(functions(sample), groups)
		if name == "" {
			name = "the rest"
		}
		parts[name] += value
		all += value
	}
	shares := make([]Share, 0, len(parts))
	for name, part := range parts {
		shares = append(shares, Share{name, part / max(all, 1)})
	}
	slices.SortFunc(shares, func(a, b Share) int { return cmp.Or(-cmp.Compare(a.Part, b.Part), strings.Compare(a.Name, b.Name)) })
	return shares, nil
}

// Find names the group of a sample, of whose functions the first is where the processor was. Empty: it is of none.
type Find func(functions []string, groups []Group) string

// ByFunction is the group of the first function that has one.
func ByFunction(functions []string, groups []Group) string {
	for _, name := range functions {
		for _, group := range groups {
			if group.has(name) {
				return group.Name
			}
		}
	}
	return ""
}

// ByGroup is the first group that has a function.
func ByGroup(functions []string, groups []Group) string {
	for _, group := range groups {
		if slices.ContainsFunc(functions, group.has) {
			return group.Name
		}
	}
	return ""
}

func (g Group) has(function string) bool {
	return slices.ContainsFunc(g.Prefixes, func(prefix string) bool { return strings.HasPrefix(function, prefix) })
}

// functions are those of a sample, from where the processor was outwards.
func functions(sample *profile.Sample) []string {
	var names []string
	for _, location := range sample.Location {
		for _, line := range location.Line {
			if line.Function != nil {
				names = append(names, line.Function.Name)
			}
		}
	}
	return names
}
