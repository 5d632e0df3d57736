package driver

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/controllers"
	"github.com/checky-dev/checky/test/chaos/history"
	"github.com/checky-dev/checky/test/chaos/observe"
)

// What bounds the driver.
const (
	maxUnderWay   = 512                    // orders; what comes on top is not begun, and counted
	callTimeout   = 15 * time.Second       // of one attempt
	tryAgain      = 300 * time.Millisecond // at first, and twice as long each time, up to
	tryAgainMost  = 2400 * time.Millisecond
	drainPatience = 90 * time.Second // for what was begun, after the context's end
	accounts      = 3
	editEvery     = 6 * time.Second  // the RuleSet that most Checks name
	seasonEvery   = 15 * time.Second // the RuleSet that comes and goes
	sourceEvery   = 5 * time.Second  // a ConfigMap that payloads are taken from
	maxItems      = 12               // payloads of a batch
	revokeEvery   = 4 * time.Second
	grace         = 4 * time.Second // of a rotated token
	streamTimeout = 30 * time.Second
	usedFor       = 16 * time.Second // a revoked token, so that its end can be told from a delay
	useEvery      = 800 * time.Millisecond
)

// Options say who uses what.
type Options struct {
	History *history.Log
	// User is a configuration for people with kubectl.
	User *rest.Config
	// Facades are the replicas' URLs, by name.
	Facades map[string]string
	// Namespace is where Checks are made.
	Namespace string
	// Rate is how many orders begin a second.
	Rate float64
	// Seed is what is random in payloads and in what is done to a Check.
	Seed uint64
}

// Driver drives.
type Driver struct {
	o        Options
	kube     client.Client
	web      *http.Client
	streams  *http.Client // without a timeout of its own
	replicas []string     // names, sorted
	users    []user
	calls    atomic.Int64 // of REST, to take turns
	wave     atomic.Int64 // that the newest order is of

	held      atomic.Int64 // orders that were not begun, since too many were under way
	abandoned atomic.Int64 // orders that were never acknowledged
}

// New makes a driver, with its RuleSets and accounts. Nothing is to fail meanwhile.
func New(ctx context.Context, o Options) (*Driver, error) {
	scheme, err := controllers.Scheme()
	if err != nil {
		return nil, err
	}
	config := rest.CopyConfig(o.User)
	config.Timeout, config.QPS = callTimeout, -1
	d := &Driver{o: o, web: &http.Client{Timeout: callTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: maxUnderWay}}}
	d.streams = &http.Client{Transport: d.web.Transport}
	if d.kube, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		return nil, err
	}
	for name := range o.Facades {
		d.replicas = append(d.replicas, name)
	}
	slices.Sort(d.replicas)
	if err := d.makeWave(ctx, 0); err != nil {
		return nil, err
	}
	for i := range accounts {
		made, err := d.signUp(ctx, fmt.Sprintf("user-%d@example.com", i))
		if err != nil {
			return nil, err
		}
		d.users = append(d.users, made)
	}
	return d, nil
}

// Held is how many orders were not begun, since too many were under way.
func (d *Driver) Held() int64 { return d.held.Load() }

// Abandoned is how many orders were never acknowledged.
func (d *Driver) Abandoned() int64 { return d.abandoned.Load() }

// Run drives until the context ends, and returns when all that was begun by then is over.
func (d *Driver) Run(ctx context.Context) {
	drain, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(drainPatience, cancel) })()
	var group sync.WaitGroup
	group.Go(func() { d.makeWaves(ctx, drain) })
	group.Go(func() { d.editSets(ctx, drain) })
	group.Go(func() { d.comeAndGo(ctx, drain) })
	group.Go(func() { d.editSources(ctx, drain) })
	group.Go(func() { d.revokeTokens(ctx, drain) })
	slots := make(chan struct{}, maxUnderWay)
	ticker := time.NewTicker(time.Duration(float64(time.Second) / d.o.Rate))
	defer ticker.Stop()
	for number := 0; ; number++ {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			group.Wait()
			d.web.CloseIdleConnections() // what the facades hold after that is theirs
			return
		}
		select {
		case slots <- struct{}{}:
			d.wave.Store(int64(d.waveOf(number)))
			group.Go(func() {
				defer func() { <-slots }()
				d.order(ctx, drain, number)
			})
		default:
			d.held.Add(1)
		}
	}
}

// order is one Check's life: in turn by kubectl's ways and by REST.
func (d *Driver) order(ctx, drain context.Context, number int) {
	o := d.newOrder(number)
	if number%2 == 0 {
		d.byKubectl(ctx, drain, o)
	} else {
		d.byREST(ctx, drain, o)
	}
}

// order is what is to be checked, and what is done to its Check.
type order struct {
	id     string
	random *rand.Rand
	amount int
	stock  int
	items  int    // of a batch; 0: it is none
	source string // the ConfigMap that the payload is taken from; empty: it is sent
	sets   []string
	ttl    int32 // seconds; 0: the controller's default
}

func (d *Driver) newOrder(number int) *order {
	o := &order{
		id:     fmt.Sprintf("o-%06d", number),
		random: rand.New(rand.NewPCG(d.o.Seed, uint64(number)+1)), //nolint:gosec // to be the same for the same seed is what it is for
	}
	wave := d.waveOf(number)
	o.sets = []string{ordersSet(wave)}
	o.amount, o.stock = o.draw(50, 500, 5000, 50000), 3
	if o.chance(0.1) {
		o.sets = append(o.sets, seasonalSet(wave))
	}
	o.ttl = int32(45 + o.random.IntN(60)) //nolint:gosec // small
	switch {
	case o.chance(0.06):
		o.stock, o.ttl = -1, int32(120+o.random.IntN(60)) //nolint:gosec // small
	case o.chance(0.04):
		o.ttl = 0
	}
	switch {
	case o.chance(0.2):
		o.items = 2 + o.random.IntN(maxItems-1)
	case number%2 == 0 && o.chance(0.12):
		o.source = source(wave, o.random.IntN(sources))
	}
	return o
}

func (o *order) chance(p float64) bool  { return o.random.Float64() < p }
func (o *order) draw(values ...int) int { return values[o.random.IntN(len(values))] }

// payload is what is checked. Its id tells it from all others of a run.
func (o *order) payload() string {
	switch {
	case o.source != "":
		return "" // it is in the source
	case o.items > 0:
		return observe.BatchText(o.inputs())
	}
	return payloadText(o.id, o.amount, o.stock)
}

func payloadText(id string, amount, stock int) string {
	return fmt.Sprintf(`{"id":%q,"amount":%d,"currency":"EUR","stock":%d,"discount":5,"items":[{"sku":"LMP-0042","qty":1}]}`, id, amount, stock)
}

// inputs are the payloads of a batch: of each amount that rules tell apart there is one sooner or later, and the last is the order's own.
func (o *order) inputs() []v1alpha1.BatchInput {
	inputs := make([]v1alpha1.BatchInput, o.items)
	for i := range inputs {
		amount, stock := []int{50, 500, 5000, 50000}[(o.amount+i)%4], 3
		if i == o.items-1 {
			amount, stock = o.amount, o.stock
		}
		name := fmt.Sprintf("%s/%d", o.id, i)
		inputs[i] = v1alpha1.BatchInput{Name: name, InputJSON: payloadText(name, amount, stock)}
	}
	return inputs
}

// retry is how long it is until the next attempt.
type retry struct{ after time.Duration }

// pause waits for the next attempt, unless the context ends before.
func (r *retry) pause(ctx context.Context) bool {
	r.after = min(max(2*r.after, tryAgain), tryAgainMost)
	return pause(ctx, r.after)
}

// pause waits; false: the context has ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// tell puts a call into the history.
func (d *Driver) tell(c history.Call) { d.o.History.Add(history.Entry{Call: &c}) }
