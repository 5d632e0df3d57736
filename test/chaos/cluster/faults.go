package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	checky "github.com/checky-dev/checky"
	"github.com/checky-dev/checky/test/chaos/history"
	"github.com/checky-dev/checky/test/chaos/plan"
	"github.com/checky-dev/checky/test/chaos/proxy"
)

// knowledgeFile is what controllers and facades explain verdicts with, in the cluster's folder.
const knowledgeFile = "rag-content.txt"

// policyPatience is how long the webhooks' failurePolicy is tried to be changed.
const policyPatience = 30 * time.Second

// Run has a plan happen, each fault when it is due, and returns when the last is over.
func (c *Cluster) Run(ctx context.Context, p plan.Plan) {
	var group sync.WaitGroup
	for _, f := range p.Faults {
		select {
		case <-time.After(f.At - c.o.History.Now()):
		case <-ctx.Done():
			group.Wait()
			return
		}
		group.Go(func() { c.happen(ctx, f) })
	}
	group.Wait()
}

// happen has one fault begin, and be over after its time.
func (c *Cluster) happen(ctx context.Context, f plan.Fault) {
	entry := history.Fault{ID: f.ID, Kind: string(f.Kind), Target: f.Target, State: history.Begun}
	entry.Process = c.playedBy(ctx, f.Target)
	// Before it takes effect: whoever reads the history takes what came of it for its doing.
	tell := func(state, note string) {
		told := entry
		told.State, told.Note = state, note
		c.o.History.Add(history.Entry{Fault: &told})
	}
	tell(history.Begun, "")
	over, err := c.inflict(ctx, f, entry.Process)
	if err != nil {
		tell(history.Left, err.Error())
		return
	}
	select {
	case <-time.After(f.For):
	case <-ctx.Done():
	}
	note := ""
	if err := over(); err != nil {
		note = err.Error()
	}
	tell(history.Over, note)
}

// playedBy is the process that plays a part; any other target is its own.
func (c *Cluster) playedBy(ctx context.Context, target string) string {
	if target != plan.Leader && target != plan.Follower {
		return target
	}
	leads := plan.Controller0
	if c.leads(ctx, plan.Controller1) {
		leads = plan.Controller1
	}
	if target == plan.Leader {
		return leads
	}
	return map[string]string{plan.Controller0: plan.Controller1, plan.Controller1: plan.Controller0}[leads]
}

// leads tells whether a controller says that it holds the lease.
func (c *Cluster) leads(ctx context.Context, name string) bool {
	values, err := c.scrape(ctx, name)
	return err == nil && values["leader_election_master_status"] == 1
}

// inflict has a fault begin; over ends it.
func (c *Cluster) inflict(ctx context.Context, f plan.Fault, process string) (over func() error, err error) {
	simple := func(mend func()) (func() error, error) { return func() error { mend(); return nil }, nil }
	switch f.Kind {
	case plan.Kill:
		return simple(c.processes[process].kill())
	case plan.Stop:
		return simple(c.processes[process].pause())
	case plan.Delay:
		return simple(c.links[f.Target].Break(proxy.Fault{Late: f.Late}))
	case plan.Cut:
		return simple(c.links[f.Target].Break(proxy.Fault{Cut: true}))
	case plan.HalfOpen:
		return simple(c.links[f.Target].Break(proxy.Fault{HalfOpen: true}))
	case plan.FullDisk:
		return c.disk.fill()
	case plan.Garbage:
		return c.spoilKnowledge()
	case plan.WebhookDown:
		return c.stopWebhook(ctx, admissionv1.FailurePolicyType(f.Target))
	}
	return nil, fmt.Errorf("%s is no kind of fault", f.Kind)
}

// spoilKnowledge puts bytes into the knowledge file that are no text, as a disk or a careless copy would.
func (c *Cluster) spoilKnowledge() (over func() error, err error) {
	garbage := make([]byte, 64<<10)
	for i := range garbage {
		garbage[i] = byte(i*31+i>>8) | 0x80
	}
	put := func(text []byte) error { return os.WriteFile(c.path(knowledgeFile), text, 0o600) }
	return func() error { return put(checky.Knowledge) }, put(garbage)
}

// stopWebhook has nobody answer the API server, which takes or refuses what it is told by policy.
func (c *Cluster) stopWebhook(ctx context.Context, policy admissionv1.FailurePolicyType) (over func() error, err error) {
	set := func(policy admissionv1.FailurePolicyType) error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), policyPatience)
		defer cancel()
		for {
			err := c.failurePolicy(ctx, policy)
			if err == nil || ctx.Err() != nil {
				return err
			}
		}
	}
	if err := set(policy); err != nil {
		return nil, errors.Join(err, set(admissionv1.Ignore))
	}
	mend := c.links[plan.Webhook].Break(proxy.Fault{Cut: true})
	return func() error {
		mend()
		return set(admissionv1.Ignore)
	}, nil
}

// HTTP is a client without connections of before.
func (c *Cluster) HTTP() *http.Client { return c.web }
