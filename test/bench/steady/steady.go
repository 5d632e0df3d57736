// Package steady looks at memory over time: every process of an installation under half of the load that it sustains.
//
//	bare client --4 of 5--> API server -> controller -> retention
//	generator   --1 of 5--> facade ----^      └──────-> alertd
//	each second: memory, descriptors; each five: goroutines
//
// Retention keeps the number of Checks level, so that memory that grows is memory that is lost.
package steady

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/test/bench/cluster"
	"github.com/checky-dev/checky/test/bench/load"
	"github.com/checky-dev/checky/test/bench/report"
	"github.com/checky-dev/checky/test/bench/section"
)

// What is sent, and what is kept of it.
const (
	payloadBytes = 600
	teams        = 4
	keptUsually  = 250 // finished Checks in a namespace
	keptQuick    = 25
	probed       = 600 // Checks that find out the rate that is sustained
	posted       = 0.2 // share of the Checks that come by the facade
	audible      = 997 // one Check in so many is to be heard, if it fails
)

// How long it is looked at unless it is asked for, and at the least.
const (
	usual = 4 * time.Minute
	quick = time.Minute
	least = 30 * time.Second
	// telling is how long a trend takes to be told from a heap that finds its size.
	telling = 10 * time.Minute
)

// bench is a run of this section.
type bench struct {
	o        section.Options
	c        *cluster.Cluster
	programs []*cluster.Process
	facade   *cluster.Process
	driver   *cluster.Driver
	length   time.Duration
	kept     int

	sustained, rate float64 // Checks/s
	spans           []cluster.Span
	posts           *load.Result
	samples         []*series
}

// Run measures.
func Run(ctx context.Context, o section.Options) (_ *report.Section, err error) {
	c, err := cluster.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	b := &bench{o: o, c: c, length: usual, kept: keptUsually}
	if o.Quick {
		b.length, b.kept = quick, keptQuick
	}
	if o.Steady != 0 {
		b.length = o.Steady
	}
	if b.length < least {
		return nil, fmt.Errorf("-steady: %s is too short to tell anything; give %s or more", b.length, least)
	}
	if err := b.prepare(ctx); err != nil {
		return nil, err
	}
	if err := b.watch(ctx); err != nil {
		return nil, err
	}
	return b.section(), nil
}

// prepare starts an installation, and finds out what it sustains.
func (b *bench) prepare(ctx context.Context) error {
	names := []string{cluster.Namespace}
	for i := range teams {
		names = append(names, fmt.Sprintf("team-%d", i))
	}
	if err := b.c.Namespaces(ctx, names...); err != nil {
		return err
	}
	policy := &v1alpha1.AlertPolicy{ObjectMeta: metav1.ObjectMeta{Name: "bench"}, Spec: v1alpha1.AlertPolicySpec{
		Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"sound": "yes"}},
	}}
	if err := b.c.Admin.Create(ctx, policy); err != nil {
		return err
	}
	controller, err := b.c.Controller(ctx, fmt.Sprintf("--max-finished-per-namespace=%d", b.kept))
	if err != nil {
		return err
	}
	if b.facade, err = b.c.Facade(ctx, http.DefaultClient); err != nil {
		return err
	}
	alertd, err := b.c.Alertd(ctx)
	if err != nil {
		return err
	}
	b.programs = []*cluster.Process{controller, b.facade, alertd}
	if b.driver, err = b.c.Driver(ctx, cluster.Work{
		Namespaces: names[1:], Name: "operated", Spec: cluster.Orders(payloadBytes, "RuleSet", cluster.Set),
		Labels: func(number int) string {
			if number%audible == 0 {
				return `"sound":"yes"`
			}
			return `"sound":"no"`
		},
	}); err != nil {
		return err
	}
	if _, err := b.driver.Flood(ctx, cluster.Variants); err != nil {
		return errors.Join(err, controller.Ended())
	}
	began := time.Now()
	if _, err := b.driver.Flood(ctx, probed); err != nil {
		return err
	}
	b.sustained = probed / time.Since(began).Seconds()
	b.rate = b.sustained / 2
	b.o.Progress("%s Checks/s are sustained; %s/s are sent for %s", report.Number(b.sustained), report.Number(b.rate), b.length)
	return nil
}

// watch sends the load and samples the processes meanwhile.
func (b *bench) watch(ctx context.Context) error {
	token, err := cluster.SignIn(ctx, http.DefaultClient, b.facade.URL, "steady@example.com")
	if err != nil {
		return err
	}
	address, err := url.Parse(b.facade.URL)
	if err != nil {
		return err
	}
	var requests [][]byte
	for i := range cluster.Variants {
		body := `{"input":` + cluster.Payload(i, payloadBytes) + `,"rule_sets":["` + cluster.Set + `"]}`
		requests = append(requests, load.Request(http.MethodPost, "/v1/check", []byte(body), "Authorization: Bearer "+token, "Prefer: wait=60"))
	}
	group, working := errgroup.WithContext(ctx)
	sampling, stop := context.WithCancel(working)
	defer stop()
	group.Go(func() error {
		defer stop()
		every := time.Duration(float64(time.Second) / (b.rate * (1 - posted)))
		b.spans, err = b.driver.Stream(working, int(math.Ceil(float64(b.length)/float64(every))), every)
		return err
	})
	group.Go(func() (err error) {
		b.posts, err = load.Generate(working, load.Plan{
			Address: address.Host, Connections: cluster.Workers, Requests: requests, Rate: b.rate * posted, Duration: b.length, Want: http.StatusOK,
		})
		if err != nil {
			return err
		}
		return b.posts.Err()
	})
	group.Go(func() error { return b.sample(sampling) })
	err = group.Wait()
	for _, p := range b.programs {
		err = errors.Join(err, p.Ended())
	}
	return err
}
