package account

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"pgregory.net/rapid"
)

// newLedgerEntry is an entry that no Secret is behind.
func newLedgerEntry(token *tokenRecord) *entry {
	return &entry{secret: token.secretOf("test"), token: token, used: &atomic.Int64{}}
}

// version is a Secret of a token at a resource version. Its expiry tells the versions apart.
func version(token tokenRecord, uid string, rv int) *corev1.Secret {
	token.ExpiresAt = time.Unix(int64(rv), 0).UTC()
	secret := token.secretOf("test")
	secret.UID, secret.ResourceVersion = types.UID(uid), strconv.Itoa(rv)
	return secret
}

// Events come in order, own writes and live reads at any time: the ledger never goes back, and ends where the API
// server does.
func TestLedgerConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		token := tokenRecord{ID: newTokenID(), Account: "a", Locator: locator(ann), SHA256: digest{1}}
		name := tokenPrefix + token.ID
		l := newLedger(logr.Discard())
		handler := l.handler()

		// A history of the API server's: lives of one name, each with versions.
		type event struct {
			secret  *corev1.Secret
			deleted bool
		}
		var history []event
		rv := 9 // so that versions of one and of two digits are compared
		for life := range rapid.IntRange(1, 3).Draw(t, "lives") {
			for range rapid.IntRange(1, 4).Draw(t, "versions") {
				rv++
				history = append(history, event{secret: version(token, fmt.Sprint("uid", life), rv)})
			}
			rv++
			history = append(history, event{secret: history[len(history)-1].secret, deleted: true})
		}
		if rapid.Bool().Draw(t, "it is there at the end") {
			history = history[:len(history)-1]
		}

		latest, seen := 0, map[types.UID]bool{}
		for i, e := range history {
			// What a write or a live read told before its event came.
			if ahead := rapid.IntRange(i, len(history)-1).Draw(t, "ahead"); rapid.Bool().Draw(t, "early") && !history[ahead].deleted {
				l.put(history[ahead].secret, time.Now())
				latest = max(latest, ahead)
			}
			switch {
			case !e.deleted && seen[e.secret.UID]:
				handler.OnUpdate(nil, e.secret)
			case !e.deleted:
				handler.OnAdd(e.secret, false)
			case rapid.Bool().Draw(t, "the watch missed it"):
				handler.OnDelete(toolscache.DeletedFinalStateUnknown{Obj: e.secret})
			default:
				handler.OnDelete(e.secret)
			}
			seen[e.secret.UID] = true
			latest = max(latest, i)
			want := history[latest].secret
			got := l.get(name)
			switch {
			case history[latest].deleted && got != nil:
				t.Fatalf("after event %d: deleted, but there", i)
			case !history[latest].deleted && (got == nil || got.secret.ResourceVersion != want.ResourceVersion):
				t.Fatalf("after event %d: want version %s", i, want.ResourceVersion)
			}
		}
		there := 0
		if !history[len(history)-1].deleted {
			there = 1
		}
		if _, _, tokens := l.counts(); tokens != there || len(l.tokensOf("a")) != there || len(l.unsettled) != 0 {
			t.Fatalf("%d tokens are counted, %d found, %d unsettled, want %d, %d, 0", tokens, len(l.tokensOf("a")), len(l.unsettled), there, there)
		}
	})
}

func BenchmarkAuthenticate(b *testing.B) {
	r := newReplica(b, newNamespace(b))
	session := r.user(b, ann)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := r.Authenticate(session.Secret); err != nil {
				b.Error(err)
			}
		}
	})
}
