package dispatch

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
)

// Moment is an instant by two clocks. Mono orders and measures; Wall is what people and the API server go by, and may
// jump.
type Moment struct {
	Mono time.Duration // since the daemon's start
	Wall time.Time
}

// Alert is a Check that fails. Key and Since together with the UID are its identity: a re-evaluation that finds the same
// facts is the same failure, a changed verdict is another one, and so is the same one after a success.
type Alert struct {
	UID             types.UID
	Namespace, Name string
	Labels          map[string]string
	Key             string    // status.alert.key: a hash of the facts
	Since           time.Time // last transition of the condition Passed, to the second
	Severity        v1alpha1.Severity
	Completed       time.Time // status.completionTime, to the second
	AcknowledgedBy  string    // annotation checky.dev/acknowledged-by
}

// EntryState is what became of a failure so far.
type EntryState string

// The states.
const (
	// Held: it was held back by quiet hours, a silence or an acknowledgement, and may still be announced.
	Held EntryState = "Held"
	// Announced: it was heard, or is not to be.
	Announced EntryState = "Announced"
)

// Entry is what the journal keeps of a failure: one for each Check.
type Entry struct {
	UID          types.UID  `json:"-"`
	Key          string     `json:"key"`
	Since        time.Time  `json:"since"`
	State        EntryState `json:"state"`
	At           time.Time  `json:"at"`                     // wall clock: of the last announcement, or of the holding back
	Stale        bool       `json:"stale,omitempty"`        // Announced: it was not heard, and never is to be
	Acknowledged string     `json:"acknowledged,omitempty"` // Held: one older than the failure, which does not hold it back
}

// Kind is why something sounds.
type Kind string

// The kinds of announcement.
const (
	First    Kind = "First"    // failures that were not announced before
	Repeat   Kind = "Repeat"   // failures that last
	Flood    Kind = "Flood"    // more failures in a minute than would be told apart
	Recovery Kind = "Recovery" // Checks that pass again
)

// MaxListed is how many alerts an announcement lists.
const MaxListed = 100

// Announcement is one thing to be heard.
type Announcement struct {
	ID       uint64
	Kind     Kind
	Policy   *alerts.Policy
	Severity v1alpha1.Severity // the worst
	Tone     v1alpha1.Tone
	Alerts   []Alert // the worst first; at most MaxListed of them
	Count    int     // how many it covers
}

// Result is how playing an announcement ended.
type Result string

// The results.
const (
	Played      Result = "Played"
	Interrupted Result = "Interrupted"
	Failed      Result = "Failed"
)

// Reason is why an alert makes no sound, or not yet.
type Reason string

// The reasons.
const (
	ReasonQuiet        Reason = "quiet"        // quiet hours
	ReasonSilenced     Reason = "silenced"     // a Silence
	ReasonAcknowledged Reason = "acknowledged" // somebody has taken it on
	ReasonStale        Reason = "stale"        // it failed too long ago, while the daemon was not there
	ReasonFlood        Reason = "flood"        // it is covered by a flood signal
	ReasonOverflow     Reason = "overflow"     // more fail than are followed
	ReasonUnmatched    Reason = "unmatched"    // no policy selects it
)

// Suppression is an alert that makes no sound, or not yet. It is told once for each failure and reason.
type Suppression struct {
	Alert  Alert
	Policy string
	Reason Reason
}

// FloodSummary is a flood that is over.
type FloodSummary struct {
	Count  int           // failures that it covered: by its signal, and without a sound after it
	Began  time.Time     // wall clock: when its signal began
	Lasted time.Duration // from then to the last failure that it covered
}

// Decision is what to do now. Where Interrupt is set, Play is not: what is worse is started by the Next that follows
// Done, and Wake is now.
type Decision struct {
	Play       *Announcement // to be started now: nothing else plays
	Interrupt  bool          // what plays is to be stopped; it ends by Done, as anything does
	Remember   []Entry       // to be kept in the journal
	Forget     []types.UID   // to be dropped from the journal
	Suppressed []Suppression
	Inquire    []Alert       // these are gone, and their policy has a recovery tone: do they pass, or are they deleted?
	Over       *FloodSummary // a flood has ended
	Room       bool          // there is room again for failures that were not followed: all are to be told once more, by Observe
	Wake       time.Duration // Mono at which to ask again at the latest
}
