package check

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	toolscache "k8s.io/client-go/tools/cache"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// ledger is what is known of the Checks that have an owner. The informer of the cache feeds it, and it holds the cache's own objects:
// pointers, no copies. It is kept beside the cache because the cache gives an owner's Checks only all at once and in no order, and
// because looking a Check up and following it has to be one step.
type ledger struct {
	namespace string
	// unfinished counts the Checks without a verdict.
	unfinished atomic.Int64

	mu     sync.RWMutex
	byName map[string]*v1alpha1.Check
	// byOwner are an owner's Checks, the oldest first.
	byOwner map[string][]*v1alpha1.Check
	// waiting counts an owner's Checks without a verdict.
	waiting map[string]int
	// bytes is how much all Checks take, and ownerBytes how much an owner's do.
	bytes      int64
	ownerBytes map[string]int64
	followers  map[string][]*follower
}

// follower is somebody who waits for what becomes of one name. It keeps the newest state alone, so that a slow one holds nobody up.
type follower struct {
	// wake holds one signal: there is a new state.
	wake chan struct{}
	// check is the last state seen, and gone that it was deleted in it. The ledger's mutex guards both.
	check *v1alpha1.Check
	gone  bool
}

func newLedger(namespace string) *ledger {
	return &ledger{
		namespace:  namespace,
		byName:     map[string]*v1alpha1.Check{},
		byOwner:    map[string][]*v1alpha1.Check{},
		waiting:    map[string]int{},
		ownerBytes: map[string]int64{},
		followers:  map[string][]*follower{},
	}
}

func ownerOf(c *v1alpha1.Check) string { return c.Labels[v1alpha1.OwnerLabel] }

// Finished says whether a Check has a verdict on its present spec.
func Finished(c *v1alpha1.Check) bool {
	return c.Status.Phase.Finished() && c.Status.ObservedGeneration == c.Generation
}

// handler feeds the ledger. It never waits for a follower.
func (l *ledger) handler() toolscache.ResourceEventHandler {
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { l.put(object) },
		UpdateFunc: func(_, object any) { l.put(object) },
		DeleteFunc: func(object any) {
			if last, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
				object = last.Obj
			}
			l.drop(object)
		},
	}
}

// concerns gives the Check that an event is about; nil if it is none of the facade's.
func (l *ledger) concerns(object any) *v1alpha1.Check {
	c, ok := object.(*v1alpha1.Check)
	if !ok || c.Namespace != l.namespace || !validID(c.Name) || ownerOf(c) == "" {
		return nil
	}
	return c
}

func (l *ledger) put(object any) {
	c := l.concerns(object)
	if c == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if old := l.byName[c.Name]; old != nil {
		l.remove(old)
	}
	l.byName[c.Name] = c
	list := l.byOwner[ownerOf(c)]
	at, _ := slices.BinarySearchFunc(list, c, byAge)
	l.byOwner[ownerOf(c)] = slices.Insert(list, at, c)
	l.count(c, 1)
	l.tell(c, false)
}

func (l *ledger) drop(object any) {
	c := l.concerns(object)
	if c == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if old := l.byName[c.Name]; old != nil {
		l.remove(old)
		delete(l.byName, c.Name)
	}
	l.tell(c, true)
}

// forget takes out a Check that the API server has deleted. Its followers are told by the watch, of its last state.
func (l *ledger) forget(c *v1alpha1.Check) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if old := l.byName[c.Name]; old != nil && old.UID == c.UID {
		l.remove(old)
		delete(l.byName, c.Name)
	}
}

// remove takes a Check out of all but byName.
func (l *ledger) remove(old *v1alpha1.Check) {
	l.count(old, -1)
	owner := ownerOf(old)
	list := l.byOwner[owner]
	if at, found := slices.BinarySearchFunc(list, old, byAge); found {
		list = slices.Delete(list, at, at+1)
	}
	if len(list) == 0 {
		delete(l.byOwner, owner)
		return
	}
	l.byOwner[owner] = list
}

// count adds a Check to the bytes, and to those without a verdict if it has none; or, with -1, takes it away.
func (l *ledger) count(c *v1alpha1.Check, by int) {
	l.weigh(c, int64(by*bytesOf(c)))
	if Finished(c) {
		return
	}
	l.unfinished.Add(int64(by))
	owner := ownerOf(c)
	if l.waiting[owner] += by; l.waiting[owner] == 0 {
		delete(l.waiting, owner)
	}
}

// weigh counts the bytes of a Check.
func (l *ledger) weigh(c *v1alpha1.Check, by int64) {
	l.bytes += by
	owner := ownerOf(c)
	if l.ownerBytes[owner] += by; l.ownerBytes[owner] == 0 {
		delete(l.ownerBytes, owner)
	}
}

// bytesOf is how much all Checks take, and how much an owner's do.
func (l *ledger) bytesOf(owner string) (all, owners int64) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.bytes, l.ownerBytes[owner]
}

// waitingOf is how many of an owner's Checks have no verdict.
func (l *ledger) waitingOf(owner string) int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.waiting[owner]
}

// byAge orders Checks: the oldest first, and those of one second by name.
func byAge(a, b *v1alpha1.Check) int {
	return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
}

func (l *ledger) tell(c *v1alpha1.Check, gone bool) {
	for _, f := range l.followers[c.Name] {
		f.check, f.gone = c, gone
		select {
		case f.wake <- struct{}{}:
		default: // It has not looked since the last signal, and will see this state when it does.
		}
	}
}

// get gives a Check; nil if the cache has none of that name.
func (l *ledger) get(name string) *v1alpha1.Check {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.byName[name]
}

// follow begins to follow a name, which need not exist yet.
func (l *ledger) follow(name string) *follower {
	f := &follower{wake: make(chan struct{}, 1)}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.followers[name] = append(l.followers[name], f)
	return f
}

func (l *ledger) unfollow(name string, f *follower) {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.followers[name]
	if at := slices.Index(list, f); at >= 0 {
		list = slices.Delete(list, at, at+1)
	}
	if len(list) == 0 {
		delete(l.followers, name)
		return
	}
	l.followers[name] = list
}

// latest is the newest state since follow; nil if there was none.
func (l *ledger) latest(f *follower) (c *v1alpha1.Check, gone bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return f.check, f.gone
}

// phaseOf is what a Check counts as in a list. A verdict on a spec that has changed since is none.
func phaseOf(c *v1alpha1.Check) v1alpha1.Phase {
	if !Finished(c) {
		return v1alpha1.PhasePending
	}
	return c.Status.Phase
}

// page gives an owner's Checks of some phases (none named: of all) that are older than a position, the newest first, and says whether
// there are more than the limit.
func (l *ledger) page(owner string, before *position, phases []v1alpha1.Phase, limit int) (checks []*v1alpha1.Check, more bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	list := l.byOwner[owner]
	if before != nil {
		at, _ := slices.BinarySearchFunc(list, *before, func(c *v1alpha1.Check, p position) int { return -p.compare(c) })
		list = list[:at]
	}
	checks = make([]*v1alpha1.Check, 0, min(limit, len(list)))
	for _, c := range slices.Backward(list) {
		if len(phases) > 0 && !slices.Contains(phases, phaseOf(c)) {
			continue
		}
		if len(checks) == limit {
			return checks, true
		}
		checks = append(checks, c)
	}
	return checks, false
}
