package plan

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Kind is what goes wrong.
type Kind string

// The kinds of faults.
const (
	Kill        Kind = "kill"         // SIGKILL; started again after the fault's length
	Stop        Kind = "stop"         // SIGSTOP, then SIGCONT
	Delay       Kind = "delay"        // each chunk of bytes on a link arrives late
	Cut         Kind = "cut"          // a link's connections are reset, and new ones too
	HalfOpen    Kind = "half-open"    // a link's connections stay open, and nothing arrives any more
	FullDisk    Kind = "full-disk"    // no room for the alert daemon's journal
	Garbage     Kind = "garbage"      // the knowledge file holds bytes that are no text
	WebhookDown Kind = "webhook-down" // nobody answers the API server's admission requests
)

// The processes. Leader and Follower are parts that the two controllers play in turn.
const (
	Etcd      = "etcd"
	APIServer = "kube-apiserver"
	Leader    = "leader"
	Follower  = "follower"
	Facade0   = "facade-0"
	Facade1   = "facade-1"
	Alertd    = "alertd"

	Controller0 = "controller-0"
	Controller1 = "controller-1"
)

// The links: from a process of the product to the API server by the process's name, and from clients.
const (
	ClientsFacade0 = "clients-facade-0"
	ClientsFacade1 = "clients-facade-1"
	ClientsAPI     = "clients-apiserver"
	Webhook        = "webhook"
)

// What is done to files and the webhook has a target for people alone.
const (
	Journal   = "journal"
	Knowledge = "knowledge"
	Ignore    = "Ignore" // the webhook's failurePolicy meanwhile
	Fail      = "Fail"
)

// Fault is one thing that goes wrong for a while.
type Fault struct {
	ID     int           `json:"id"`
	Kind   Kind          `json:"kind"`
	Target string        `json:"target"`
	At     time.Duration `json:"at"`  // since the run began
	For    time.Duration `json:"for"` // how long it lasts
	// Late is how late the bytes of a Delay arrive.
	Late time.Duration `json:"late,omitempty"`
}

// String is a fault's line.
func (f Fault) String() string {
	line := fmt.Sprintf("%3d %7.1fs  for %5.1fs  %-13s %s", f.ID, f.At.Seconds(), f.For.Seconds(), f.Kind, f.Target)
	if f.Late > 0 {
		line += fmt.Sprintf(" by %s", f.Late)
	}
	return line
}

// Plan is a run's.
type Plan struct {
	Seed   uint64  `json:"seed"`
	Faults []Fault `json:"faults"`
}

// String is the plan, a fault a line.
func (p Plan) String() string {
	var b strings.Builder
	for _, f := range p.Faults {
		fmt.Fprintln(&b, f)
	}
	return b.String()
}

// Options say how long.
type Options struct {
	// Warm is how long nothing fails at the beginning.
	Warm time.Duration
	// Faults is how long faults may begin and last after that.
	Faults time.Duration
	// Quick has each fault of Essential happen once, closer to each other than others.
	Quick bool
}

// How close and how long faults are, in seconds.
const (
	minGap, maxGap       = 1.5, 7.0
	minLength, maxLength = 2.0, 12.0
	// The same of a quick plan.
	quickMinGap, quickMaxGap, quickMaxLength = 1.5, 4.5, 8.0
	// maxLate is how late bytes may arrive, in milliseconds.
	minLate, maxLate = 50, 1500
)

// New makes the plan of a seed.
func New(seed uint64, o Options) Plan {
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // to be the same for the same seed is what it is for
	p := Plan{Seed: seed}
	cards, gap, gapTo, lengthTo := Deck, minGap, maxGap, maxLength
	if o.Quick {
		cards, gap, gapTo, lengthTo = Essential, quickMinGap, quickMaxGap, quickMaxLength
	}
	var deck []Fault
	for at := o.Warm.Seconds(); ; at += between(random, gap, gapTo) {
		length := between(random, minLength, lengthTo)
		if at+length > (o.Warm+o.Faults).Seconds() || o.Quick && len(p.Faults) == len(Essential()) {
			return p
		}
		if len(deck) == 0 {
			deck = cards()
			random.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		}
		f := deck[0]
		deck = deck[1:]
		f.ID, f.At, f.For = len(p.Faults)+1, seconds(at), seconds(length)
		if f.Kind == Delay {
			f.Late = time.Duration(minLate+random.IntN(maxLate-minLate)) * time.Millisecond
		}
		p.Faults = append(p.Faults, f)
	}
}

func between(random *rand.Rand, low, high float64) float64 { return low + random.Float64()*(high-low) }

// seconds is a number of them, to the tenth.
func seconds(s float64) time.Duration { return time.Duration(s*10) * (time.Second / 10) }

// Essential are faults of each kind, against those whom it takes most.
func Essential() []Fault {
	return []Fault{
		{Kind: Kill, Target: Etcd}, {Kind: Kill, Target: APIServer}, {Kind: Kill, Target: Leader}, {Kind: Kill, Target: Facade0}, {Kind: Kill, Target: Alertd},
		{Kind: Stop, Target: Leader}, {Kind: Stop, Target: Facade1}, {Kind: Delay, Target: Controller0}, {Kind: Delay, Target: ClientsFacade0},
		{Kind: Cut, Target: Facade1}, {Kind: Cut, Target: ClientsAPI}, {Kind: HalfOpen, Target: Controller1}, {Kind: HalfOpen, Target: Alertd},
		{Kind: FullDisk, Target: Journal}, {Kind: Garbage, Target: Knowledge}, {Kind: WebhookDown, Target: Ignore}, {Kind: WebhookDown, Target: Fail},
	}
}

// Deck is every fault there is, once, without times.
func Deck() []Fault {
	var deck []Fault
	add := func(kind Kind, targets ...string) {
		for _, target := range targets {
			deck = append(deck, Fault{Kind: kind, Target: target})
		}
	}
	processes := []string{Etcd, APIServer, Leader, Follower, Facade0, Facade1, Alertd}
	links := []string{Controller0, Controller1, Facade0, Facade1, Alertd, ClientsFacade0, ClientsFacade1, ClientsAPI}
	add(Kill, processes...)
	add(Stop, processes...)
	for _, kind := range []Kind{Delay, Cut, HalfOpen} {
		add(kind, links...)
	}
	add(FullDisk, Journal)
	add(Garbage, Knowledge)
	add(WebhookDown, Ignore, Fail)
	return deck
}
