package account

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	lru "github.com/hashicorp/golang-lru/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	toolscache "k8s.io/client-go/tools/cache"
)

// maxGone is how many deleted Secrets are remembered by their uid, so that an event from before the deletion does not
// bring one back.
const maxGone = 10_000

// entry is one Secret, decoded. It is never changed: a new version of the Secret is a new entry. The Secret is the
// cache's own. An entry with neither account nor token is of a broken Secret, and counts as absent.
type entry struct {
	secret  *corev1.Secret
	account *accountRecord
	token   *tokenRecord
	rate    int // calls a minute of the token; 0: the service's
	// fault is what is wrong with the Secret, for the log; empty: nothing.
	fault string
	// used is when the token was last seen, in Unix milliseconds; 0: never. All versions of a Secret share it.
	used *atomic.Int64
}

// ledger is the Secrets as this replica knows them, in memory:
//
//	the cache's events ----> +--------+
//	own writes ------------> | ledger | ----> look-ups, without a copy or an API call
//	live reads ------------> +--------+
//
// What comes later in the API server's order wins, whichever way it came: a replica sees its own writes at once, and a
// late event does not undo them. What did not come by an event yet is unsettled, and looked up after a while, in case
// that no event will come.
type ledger struct {
	log logr.Logger

	mu        sync.RWMutex
	entries   map[string]*entry              // by the Secret's name
	names     map[string]string              // of accounts' Secrets, by the account's id
	tokens    map[string]map[string]struct{} // names of tokens' Secrets, by the account's id
	accounts  int
	sessions  int
	apiTokens int
	unsettled map[string]time.Time // since when, by the Secret's name
	gone      *lru.Cache[types.UID, struct{}]
}

func newLedger(log logr.Logger) *ledger {
	gone, err := lru.New[types.UID, struct{}](maxGone)
	if err != nil {
		panic(err) // The size is positive.
	}
	return &ledger{
		log: log, entries: map[string]*entry{}, names: map[string]string{}, tokens: map[string]map[string]struct{}{},
		unsettled: map[string]time.Time{}, gone: gone,
	}
}

// handler takes the cache's events.
func (l *ledger) handler() toolscache.ResourceEventHandler {
	put := func(obj any) {
		if secret, ok := obj.(*corev1.Secret); ok {
			l.put(secret, time.Time{})
		}
	}
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc:    put,
		UpdateFunc: func(_, obj any) { put(obj) },
		DeleteFunc: func(obj any) {
			if unknown, ok := obj.(toolscache.DeletedFinalStateUnknown); ok {
				obj = unknown.Obj
			}
			if secret, ok := obj.(*corev1.Secret); ok {
				l.remove(secret.Name, secret.UID)
			}
		},
	}
}

// put takes a version of a Secret and returns the latest one that is known; nil where it is deleted. unsettled is when
// it was written or read here; zero: it came by an event. A new fault is logged.
func (l *ledger) put(secret *corev1.Secret, unsettled time.Time) *entry {
	fresh := decode(secret)
	if fresh == nil {
		return nil
	}
	before, after := l.place(fresh, unsettled)
	if after == fresh && fresh.fault != "" && (before == nil || before.fault != fresh.fault) {
		l.log.Info("A Secret is not as the facade wrote it", "secret", secret.Name, "fault", fresh.fault)
	}
	return after
}

// place puts an entry where it belongs, if it is news, and returns what was known before and what is now.
func (l *ledger) place(fresh *entry, unsettled time.Time) (before, after *entry) {
	name, uid := fresh.secret.Name, fresh.secret.UID
	l.mu.Lock()
	defer l.mu.Unlock()
	present := l.entries[name]
	if l.gone.Contains(uid) {
		return present, present
	}
	order := 1
	if present != nil {
		order = compare(fresh.secret, present.secret)
	}
	switch {
	case order < 0:
		return present, present
	case unsettled.IsZero():
		delete(l.unsettled, name)
	case order > 0:
		l.unsettled[name] = unsettled
	}
	if order == 0 {
		return present, present
	}
	if present != nil && present.secret.UID == uid {
		if used := fresh.used.Load(); used > present.used.Load() {
			present.used.Store(used)
		}
		fresh.used = present.used
	}
	l.unindex(name, present)
	l.index(name, fresh)
	return present, fresh
}

// compare tells the order of two versions by their resource versions, which the API server counts upwards for all
// Secrets alike (KEP-5504).
func compare(a, b *corev1.Secret) int {
	order, err := resourceversion.CompareResourceVersion(a.ResourceVersion, b.ResourceVersion)
	if err != nil {
		return 1 // It has no order that can be told: what came later is later.
	}
	return order
}

// decode reads a Secret. nil: it is none of the facade's.
func decode(secret *corev1.Secret) *entry {
	e := &entry{secret: secret, used: &atomic.Int64{}}
	var err error
	switch secret.Labels[FacadeLabel] {
	case kindAccount:
		e.account, err = readAccount(secret)
	case kindToken:
		e.token, err = readToken(secret)
	default:
		return nil
	}
	if err != nil {
		e.fault = "it cannot be read, and is ignored"
		return e
	}
	var ok bool
	if e.rate, ok = rateOf(secret); !ok {
		e.fault = "its annotation " + RateAnnotation + " is not a whole number from 1 to 1,000,000, and is ignored"
	}
	if at, err := time.Parse(time.RFC3339, secret.Annotations[lastUsedAnnotation]); err == nil {
		e.used.Store(at.UnixMilli())
	}
	return e
}

func (l *ledger) index(name string, e *entry) {
	l.entries[name] = e
	switch {
	case e.account != nil:
		l.names[e.account.ID] = name
		l.accounts++
	case e.token != nil:
		of := l.tokens[e.token.Account]
		if of == nil {
			of = map[string]struct{}{}
			l.tokens[e.token.Account] = of
		}
		of[name] = struct{}{}
		l.count(e.token, 1)
	}
}

func (l *ledger) unindex(name string, e *entry) {
	if e == nil {
		return
	}
	delete(l.entries, name)
	switch {
	case e.account != nil:
		delete(l.names, e.account.ID)
		l.accounts--
	case e.token != nil:
		of := l.tokens[e.token.Account]
		delete(of, name)
		if len(of) == 0 {
			delete(l.tokens, e.token.Account)
		}
		l.count(e.token, -1)
	}
}

func (l *ledger) count(t *tokenRecord, n int) {
	if t.Session {
		l.sessions += n
	} else {
		l.apiTokens += n
	}
}

// remove forgets a Secret that was deleted.
func (l *ledger) remove(name string, uid types.UID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone.Add(uid, struct{}{})
	if present := l.entries[name]; present != nil && present.secret.UID == uid {
		l.unindex(name, present)
		delete(l.unsettled, name)
	}
}

// get finds an entry by its Secret's name; nil where there is none.
func (l *ledger) get(name string) *entry {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.entries[name]
}

// account finds an account by its id; nil where there is none.
func (l *ledger) account(id string) *entry {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.entries[l.names[id]]
}

// pair finds a token and its account; nil for what there is not.
func (l *ledger) pair(tokenID string) (token, account *entry) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	// The name is put together here, so that it does not leave the stack.
	token = l.entries[tokenPrefix+tokenID]
	if token == nil || token.token == nil {
		return nil, nil
	}
	return token, l.entries[l.names[token.token.Account]]
}

// tokensOf are an account's tokens, in no order.
func (l *ledger) tokensOf(account string) []*entry {
	l.mu.RLock()
	defer l.mu.RUnlock()
	all := make([]*entry, 0, len(l.tokens[account]))
	for name := range l.tokens[account] {
		all = append(all, l.entries[name])
	}
	return all
}

// counts says how many there are of what.
func (l *ledger) counts() (accounts, sessions, apiTokens int) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.accounts, l.sessions, l.apiTokens
}

// each shows all entries as they are now, under the lock.
func (l *ledger) each(show func(*entry)) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, e := range l.entries {
		show(e)
	}
}

// unsettledSince are names of what was written or read before a time and has not come by an event, at most so many.
func (l *ledger) unsettledSince(t time.Time, most int) []string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	var names []string
	for name, since := range l.unsettled {
		if since.Before(t) && len(names) < most {
			names = append(names, name)
		}
	}
	return names
}

// lookedUp puts off the next look-up of what is unsettled. It stays so until an event comes: it may be deleted yet.
func (l *ledger) lookedUp(name string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.unsettled[name]; ok {
		l.unsettled[name] = now
	}
}
