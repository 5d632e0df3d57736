package check

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/time/rate"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/apiserver/cluster/packed"
)

// ledger is what is known of the Checks that have an owner. The informer of the cache feeds it, and it holds the cache's own objects:
// pointers, no copies; they are packed, and it unpacks what it gives, outside of its lock. It is kept beside the cache because the cache gives
// an owner's Checks only all at once and in no order, and because looking a Check up and following it has to be one step.
type ledger struct {
	namespace string
	// unfinished counts the Checks without a verdict.
	unfinished atomic.Int64

	mu     sync.RWMutex
	byName map[string]*packed.Check
	// byOwner are an owner's Checks, the oldest first.
	byOwner map[string][]*packed.Check
	// waiting counts an owner's Checks without a verdict.
	waiting map[string]int
	// bytes is how much all Checks take, and ownerBytes how much an owner's do.
	bytes      int64
	ownerBytes map[string]int64
	followers  map[string][]*follower

	// told is what callers know of Checks and the watch does not. Get heeds it, lists do not.
	told *floors
	// packer takes in what did not come packed.
	packer *packed.Packer
	// verify paces live reads of Checks whose verdict may just not have come yet.
	verify *rate.Limiter
}

// follower is somebody who waits for what becomes of one name. It keeps the newest state alone, so that a slow one holds nobody up.
type follower struct {
	// wake holds one signal: there is a new state.
	wake chan struct{}
	// check is the last state seen, and gone that it was deleted in it. The ledger's mutex guards both.
	check *packed.Check
	gone  bool
}

func newLedger(namespace string) *ledger {
	return &ledger{
		namespace:  namespace,
		byName:     map[string]*packed.Check{},
		byOwner:    map[string][]*packed.Check{},
		waiting:    map[string]int{},
		ownerBytes: map[string]int64{},
		followers:  map[string][]*follower{},
		told:       newFloors(),
		packer:     packed.New(),
		verify:     rate.NewLimiter(verifiesPerSecond, verifiesAtOnce),
	}
}

func ownerOf(c *v1alpha1.Check) string { return c.Labels[v1alpha1.OwnerLabel] }

// Finished says whether a Check has a verdict on its present spec.
func Finished(c *v1alpha1.Check) bool { return packed.Finished(c) }

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
func (l *ledger) concerns(object any) *packed.Check {
	c, ok := object.(*packed.Check)
	if whole, is := object.(*v1alpha1.Check); is {
		c, ok = l.packer.Pack(whole), true
	}
	if !ok || c.Namespace != l.namespace || !validID(c.Name) {
		return nil
	}
	return c
}

func (l *ledger) put(object any) {
	c := l.concerns(object)
	if c == nil {
		return
	}
	if c.Owner == "" { // somebody has emptied the label, so that it is gone for whoever had it
		l.drop(c)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if old := l.byName[c.Name]; old != nil {
		l.remove(old)
	}
	l.byName[c.Name] = c
	list := l.byOwner[c.Owner]
	at, _ := slices.BinarySearchFunc(list, c, byAge)
	l.byOwner[c.Owner] = slices.Insert(list, at, c)
	l.count(c, 1)
	l.told.reach(c.Name, c.ResourceVersion)
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
func (l *ledger) remove(old *packed.Check) {
	l.count(old, -1)
	list := l.byOwner[old.Owner]
	if at, found := slices.BinarySearchFunc(list, old, byAge); found {
		list = slices.Delete(list, at, at+1)
	}
	if len(list) == 0 {
		delete(l.byOwner, old.Owner)
		return
	}
	l.byOwner[old.Owner] = list
}

// count adds a Check to the bytes, and to those without a verdict if it has none; or, with -1, takes it away.
func (l *ledger) count(c *packed.Check, by int) {
	l.weigh(c, int64(by*c.Bytes))
	if c.Phase != v1alpha1.PhasePending {
		return
	}
	l.unfinished.Add(int64(by))
	if l.waiting[c.Owner] += by; l.waiting[c.Owner] == 0 {
		delete(l.waiting, c.Owner)
	}
}

// weigh counts the bytes of a Check.
func (l *ledger) weigh(c *packed.Check, by int64) {
	l.bytes += by
	if l.ownerBytes[c.Owner] += by; l.ownerBytes[c.Owner] == 0 {
		delete(l.ownerBytes, c.Owner)
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
func byAge(a, b *packed.Check) int {
	return cmp.Or(cmp.Compare(a.Created, b.Created), cmp.Compare(a.Name, b.Name))
}

func (l *ledger) tell(c *packed.Check, gone bool) {
	for _, f := range l.followers[c.Name] {
		f.check, f.gone = c, gone
		select {
		case f.wake <- struct{}{}:
		default: // It has not looked since the last signal, and will see this state when it does.
		}
	}
}

// get gives a Check; nil if the cache has none of that name, or one that is older than what was told already.
func (l *ledger) get(name string) *v1alpha1.Check {
	l.mu.RLock()
	c := l.byName[name]
	behind := c != nil && l.told.above(name, c.ResourceVersion)
	l.mu.RUnlock()
	if c == nil || behind {
		return nil
	}
	return c.Whole()
}

// learn takes note of a state that was read from the API server, and is about to be told.
func (l *ledger) learn(c *v1alpha1.Check) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known := l.byName[c.Name]; known == nil || later(c.ResourceVersion, known.ResourceVersion) {
		l.told.raise(c.Name, c.ResourceVersion)
	}
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
	last, gone := f.check, f.gone
	l.mu.RUnlock()
	if last == nil {
		return nil, gone
	}
	return last.Whole(), gone
}

// page gives an owner's Checks of some phases (none named: of all) that are older than a position, the newest first, and says whether
// there are more than the limit. A verdict on a spec that has changed since is none.
func (l *ledger) page(owner string, before *position, phases []v1alpha1.Phase, limit int) (checks []*v1alpha1.Check, more bool) {
	found, more := l.find(owner, before, phases, limit)
	checks = make([]*v1alpha1.Check, len(found))
	for i, c := range found {
		checks[i] = c.Whole()
	}
	return checks, more
}

func (l *ledger) find(owner string, before *position, phases []v1alpha1.Phase, limit int) (found []*packed.Check, more bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	list := l.byOwner[owner]
	if before != nil {
		at, _ := slices.BinarySearchFunc(list, *before, func(c *packed.Check, p position) int { return -p.compare(c) })
		list = list[:at]
	}
	found = make([]*packed.Check, 0, min(limit, len(list)))
	for _, c := range slices.Backward(list) {
		if len(phases) > 0 && !slices.Contains(phases, c.Phase) {
			continue
		}
		if len(found) == limit {
			return found, true
		}
		found = append(found, c)
	}
	return found, false
}
