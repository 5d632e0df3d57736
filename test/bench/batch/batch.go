// Package batch measures how many payloads get a durable verdict a second where one object carries many, beside objects of one payload
// each.
//
//	Check{spec.inputs: 500 payloads} --bare client--> API server -> controller -> status.batch
//	POST /v1/checks:batch {inputs: 500 payloads} -> facade -> the same
package batch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/test/bench/cluster"
	"github.com/checky-dev/checky/test/bench/load"
	"github.com/checky-dev/checky/test/bench/report"
	"github.com/checky-dev/checky/test/bench/section"
)

// payloads is how many a batch has, and payloadBytes how large each is.
const (
	payloads     = 500
	payloadBytes = 300
)

// wanted is the target, in payload verdicts a second.
const wanted = 5000

// connections is how many connections post batches to the facade.
const connections = 4

// sizes are how much is measured.
type sizes struct {
	rounds, single, batches int
	posted                  time.Duration
}

func sizesOf(o section.Options) sizes {
	if o.Quick {
		return sizes{rounds: 1, single: 150, batches: 12, posted: 3 * time.Second}
	}
	return sizes{rounds: 3, single: 500, batches: 60, posted: 6 * time.Second}
}

// bench is a run of this section.
type bench struct {
	sizes

	o                section.Options
	c                *cluster.Cluster
	controller       *cluster.Process
	facade           *cluster.Process
	singles, batched *cluster.Driver
	texts            *cluster.Driver

	one, object, text, post []measured
	refused                 string // why there is no figure of the facade's; empty: there is one
}

// measured is one round.
type measured struct {
	perSecond float64                  // payload verdicts
	used      map[string]cluster.Usage // none of the facade's rounds
	verdicts  int
}

// Run measures.
func Run(ctx context.Context, o section.Options) (_ *report.Section, err error) {
	c, err := cluster.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	b := &bench{sizes: sizesOf(o), o: o, c: c}
	if err := b.prepare(ctx); err != nil {
		return nil, err
	}
	requests, err := b.requests(ctx)
	if err != nil {
		return nil, err
	}
	for i := range b.rounds {
		if err := b.round(ctx, requests); err != nil {
			return nil, err
		}
		post := "none"
		if len(b.post) > 0 {
			post = report.Number(b.post[i].perSecond)
		}
		b.o.Progress("round %d of %d: %s verdicts/s by single Checks, %s by batches, %s by batches of texts, %s by POST", i+1, b.rounds,
			report.Number(b.one[i].perSecond), report.Number(b.object[i].perSecond), report.Number(b.text[i].perSecond), post)
	}
	return b.section(), b.profiled(ctx)
}

// profiled has the controller work once more while its processor time is looked at.
func (b *bench) profiled(ctx context.Context) error {
	length := time.Duration(float64(b.batches*payloads) / b.text[0].perSecond * float64(time.Second))
	var profile []byte
	done := make(chan error, 1)
	go func() {
		var err error
		profile, err = b.controller.Profile(ctx, max(length.Truncate(time.Second), time.Second))
		done <- err
	}()
	_, err := b.flood(ctx, b.texts, b.batches)
	return errors.Join(err, <-done, b.o.KeepProfile("controller-batches", profile))
}

func (b *bench) prepare(ctx context.Context) (err error) {
	if err := b.c.Namespaces(ctx, cluster.Namespace); err != nil {
		return err
	}
	if b.controller, err = b.c.Controller(ctx); err != nil {
		return err
	}
	if b.facade, err = b.c.Facade(ctx, http.DefaultClient); err != nil {
		return err
	}
	namespaces := []string{cluster.Namespace}
	if b.singles, err = b.c.Driver(ctx, cluster.Work{
		Namespaces: namespaces, Name: "single", Spec: cluster.Orders(payloadBytes, "RuleSet", cluster.Set),
	}); err != nil {
		return err
	}
	for _, form := range []struct {
		name   string
		inputs string
		driver **cluster.Driver
	}{{"value", inputsOf(asValue), &b.batched}, {"text", inputsOf(asText), &b.texts}} {
		spec := `{"inputs":[` + form.inputs + `],"ruleSets":[{"kind":"RuleSet","name":"` + cluster.Set + `"}]}`
		if *form.driver, err = b.c.Driver(ctx, cluster.Work{
			Namespaces: namespaces, Name: form.name, Spec: func(int) string { return spec },
		}); err != nil {
			return err
		}
	}
	if _, err := b.flood(ctx, b.singles, cluster.Variants); err != nil {
		return err
	}
	return errors.Join(b.first(ctx, b.batched), b.first(ctx, b.texts))
}

// asValue and asText are the two ways in which an object holds a payload.
func asValue(payload string) string { return `"input":` + payload }
func asText(payload string) string  { return `"inputJSON":` + strconv.Quote(payload) }

// inputsOf is the list of a batch's payloads, without its brackets. One in three fails.
func inputsOf(as func(payload string) string) string {
	items := make([]string, payloads)
	for i := range items {
		items[i] = `{"name":"order-` + strconv.Itoa(i) + `",` + as(cluster.Payload(i, payloadBytes)) + `}`
	}
	return strings.Join(items, ",")
}

// first has one batch evaluated, and looks at whether its verdict is one of a batch.
func (b *bench) first(ctx context.Context, d *cluster.Driver) error {
	if _, err := b.flood(ctx, d, 1); err != nil {
		return err
	}
	check := &v1alpha1.Check{}
	if err := b.c.Admin.Get(ctx, d.Keys(1)[0], check); err != nil {
		return err
	}
	failures := 0
	for i := range payloads {
		if cluster.Bad(i) {
			failures++
		}
	}
	if got := check.Status.Batch; got == nil || int(got.Total) != payloads || int(got.Failed) != failures {
		return fmt.Errorf("a batch of %d payloads, %d of them bad, came to %+v", payloads, failures, got)
	}
	return nil
}

// flood has so many Checks done at full speed, and tells how long that took.
func (b *bench) flood(ctx context.Context, d *cluster.Driver, n int) (time.Duration, error) {
	began := time.Now()
	_, err := d.Flood(ctx, n)
	return time.Since(began), errors.Join(err, b.controller.Ended())
}

// requests are the facade's; none where it has no such route.
func (b *bench) requests(ctx context.Context) ([][]byte, error) {
	token, err := cluster.SignIn(ctx, http.DefaultClient, b.facade.URL, "batch@example.com")
	if err != nil {
		return nil, err
	}
	body := `{"inputs":[` + inputsOf(asValue) + `],"rule_sets":["` + cluster.Set + `"]}`
	request := load.Request(http.MethodPost, "/v1/checks:batch", []byte(body), "Authorization: Bearer "+token, "Prefer: wait=60")
	address, err := url.Parse(b.facade.URL)
	if err != nil {
		return nil, err
	}
	conn, err := load.Dial(ctx, address.Host, nil)
	if err != nil {
		return nil, err
	}
	defer conn.Close() //nolint:errcheck // its answer was read
	status, _, err := conn.Exchange(request)
	if err == nil && status != http.StatusOK {
		b.refused = fmt.Sprintf("the facade answers %d", status)
	}
	return [][]byte{request}, err
}

// round measures single Checks, batches, and batches by the facade.
func (b *bench) round(ctx context.Context, requests [][]byte) error {
	for _, w := range []struct {
		driver  *cluster.Driver
		n, each int
		to      *[]measured
	}{{b.singles, b.single, 1, &b.one}, {b.batched, b.batches, payloads, &b.object}, {b.texts, b.batches, payloads, &b.text}} {
		meter, err := b.c.Meter(b.controller)
		if err != nil {
			return err
		}
		took, err := b.flood(ctx, w.driver, w.n)
		if err != nil {
			return err
		}
		m := measured{verdicts: w.n * w.each}
		m.perSecond = float64(m.verdicts) / took.Seconds()
		if m.used, err = meter.Read(); err != nil {
			return err
		}
		*w.to = append(*w.to, m)
	}
	if b.refused != "" {
		return nil
	}
	address, err := url.Parse(b.facade.URL)
	if err != nil {
		return err
	}
	result, err := load.Generate(ctx, load.Plan{
		Address: address.Host, Connections: connections, Requests: requests, Duration: b.posted, Want: http.StatusOK,
	})
	if err != nil {
		return err
	}
	b.post = append(b.post, measured{perSecond: result.PerSecond() * payloads, verdicts: result.Good * payloads})
	return result.Err()
}
