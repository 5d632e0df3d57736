package observe

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/audio/dispatch"
	"github.com/checky-dev/checky/audio/journal"
	"github.com/checky-dev/checky/test/chaos/history"
)

// journalEvery is how often the journal is looked at.
const journalEvery = 2 * time.Second

// reporter is who makes the alert daemon's Events.
const reporter = "checky.dev/alertd"

// Announcements follows what the alert daemon leaves.
type Announcements struct {
	Journal    string // its file
	Recordings string // folder of what would be heard; emptied as it fills
	Scratch    string // folder for copies
	History    *history.Log

	known   map[string]dispatch.Entry // by UID
	emptied int
}

// Run looks at the journal again and again, until the context ends, and once more then.
func (a *Announcements) Run(ctx context.Context) {
	ticker := time.NewTicker(journalEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			a.read()
			a.empty()
		case <-ctx.Done():
			a.read()
			return
		}
	}
}

// Recorded is how many recordings there were.
func (a *Announcements) Recorded() int {
	a.empty()
	return a.emptied
}

// read puts what is new in the journal into the history. A copy is read: the daemon has the file.
func (a *Announcements) read() {
	text, err := os.ReadFile(a.Journal)
	if err != nil || len(text) == 0 {
		return // it is not there yet
	}
	path := filepath.Join(a.Scratch, "journal-copy.db")
	if os.WriteFile(path, text, 0o600) != nil {
		return
	}
	copied, entries, err := journal.Open(path, journal.Options{})
	if err != nil {
		return // it was written to meanwhile
	}
	defer copied.Close() //nolint:errcheck // it is a copy
	if copied.Recovered() != nil {
		return // the same
	}
	if a.known == nil {
		a.known = map[string]dispatch.Entry{}
	}
	for _, e := range entries {
		uid := string(e.UID)
		if last, ok := a.known[uid]; ok && last.Key == e.Key && last.State == e.State && last.Since.Equal(e.Since) && last.At.Equal(e.At) {
			continue
		}
		a.known[uid] = e
		a.History.Add(history.Entry{Heard: &history.Heard{
			Source: history.FromJournal, UID: uid, Reason: string(e.State), Key: e.Key, Stale: e.Stale, When: a.History.Since(e.At),
		}})
	}
}

// empty deletes finished recordings: a long run has thousands.
func (a *Announcements) empty() {
	files, err := filepath.Glob(filepath.Join(a.Recordings, "*.raw"))
	if err != nil {
		return
	}
	for _, file := range files {
		if os.Remove(file) == nil {
			a.emptied++
		}
	}
}

// Events puts the Events of announcements in a namespace into the history. The API server keeps them for an hour.
func Events(ctx context.Context, c client.Client, namespace string, log *history.Log) error {
	list := &eventsv1.EventList{}
	if err := c.List(ctx, list, client.InNamespace(namespace)); err != nil {
		return fmt.Errorf("list the Events: %w", err)
	}
	for i := range list.Items {
		e := &list.Items[i]
		if !strings.HasPrefix(e.ReportingController, reporter) {
			continue
		}
		log.Add(history.Entry{Heard: &history.Heard{
			Source: history.FromEvent, UID: string(e.Regarding.UID), Name: e.Regarding.Name, Reason: e.Reason, When: log.Since(e.EventTime.Time),
		}})
	}
	return nil
}
