package observe

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/audio/dispatch"
	"github.com/checky-dev/checky/audio/journal"
	"github.com/checky-dev/checky/test/chaos/history"
)

func begin(t *testing.T) *history.Log {
	t.Helper()
	log, err := history.Begin(filepath.Join(t.TempDir(), "history.jsonl"), 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return log
}

func check(name string) *v1alpha1.Check {
	return &v1alpha1.Check{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: "uid-of-a"},
		Spec:       v1alpha1.CheckSpec{InputJSON: `{"id":"a"}`, RuleSets: []v1alpha1.RuleSetReference{{Name: "orders"}}},
	}
}

// seen are the types of what was seen.
func seen(log *history.Log) []string {
	var types []string
	for _, e := range log.Entries() {
		if e.Seen != nil {
			types = append(types, e.Seen.Type)
		}
	}
	return types
}

func store(t *testing.T) client.WithWatch {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return fake.NewClientBuilder().WithScheme(scheme).Build()
}

func TestWhatAnInterruptedWatchFinds(t *testing.T) {
	c, log := store(t), begin(t)
	s := Watch(c, "shop", log)
	if err := c.Create(t.Context(), check("a")); err != nil {
		t.Fatal(err)
	}
	s.list(t.Context(), &v1alpha1.CheckList{})
	s.list(t.Context(), &v1alpha1.CheckList{}) // nothing is new
	if err := c.Delete(t.Context(), check("a")); err != nil {
		t.Fatal(err)
	}
	s.list(t.Context(), &v1alpha1.CheckList{})
	if got := seen(log); !slices.Equal(got, []string{history.Listed, history.Vanished}) {
		t.Errorf("seen %v", got)
	}
	first := log.Entries()[1].Seen
	if first.Kind != "Check" || first.Payload != `{"id":"a"}` || !slices.Equal(first.Sets, []string{"orders"}) || len(first.ETag) != 32 {
		t.Errorf("seen %+v", first)
	}
}

func TestRun(t *testing.T) {
	c, log := store(t), begin(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		Watch(c, "shop", log).Run(ctx, &v1alpha1.CheckList{})
	}()
	defer func() { cancel(); <-done }()
	if err := c.Create(t.Context(), check("a")); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(time.Minute)
	for len(seen(log)) == 0 {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-deadline:
			t.Fatal("it was never seen")
		}
	}
	if err := Final(t.Context(), c, "shop", log, &v1alpha1.CheckList{}); err != nil {
		t.Fatal(err)
	}
	if got := seen(log); !slices.Contains(got, history.Final) {
		t.Errorf("seen %v", got)
	}
}

func TestTheJournalIsRead(t *testing.T) {
	log, dir := begin(t), t.TempDir()
	path := filepath.Join(dir, "journal.db")
	j, _, err := journal.Open(path, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	entry := dispatch.Entry{UID: "u", Key: "sha256:a", Since: time.Now(), State: dispatch.Announced, At: time.Now()}
	if err := j.Apply([]dispatch.Entry{entry}, nil); err != nil {
		t.Fatal(err)
	}
	recording := filepath.Join(dir, "1.raw")
	if err := os.WriteFile(recording, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a := &Announcements{Journal: path, Recordings: dir, Scratch: t.TempDir(), History: log}
	a.read() // while the journal is open elsewhere
	a.read()
	var heard []*history.Heard
	for _, e := range log.Entries() {
		if e.Heard != nil {
			heard = append(heard, e.Heard)
		}
	}
	if len(heard) != 1 || heard[0].UID != "u" || heard[0].Key != "sha256:a" || heard[0].Reason != "Announced" || heard[0].Source != history.FromJournal {
		t.Errorf("heard %+v", heard)
	}
	if n := a.Recorded(); n != 1 {
		t.Errorf("%d recordings", n)
	}
}
