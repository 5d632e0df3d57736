package check

import (
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
	"k8s.io/utils/clock"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/apiserver/cluster/packed"
)

// How much of etcd, which takes 2 GiB unless told otherwise and then takes no more writes of anybody's, Checks may fill. What is there
// counts, and what was written lately: etcd keeps each version for some 5 minutes, deleted or not, and a Check has three.
const (
	// DefaultMaxBytes is how much all Checks may take together, as they are stored. Replicas and controllers hold them in memory too.
	DefaultMaxBytes = 256 << 20
	// maxBytesPart is which part of all bytes one owner's may be.
	maxBytesPart = 4
	// DefaultMaxBytesPerSecond is how much of payloads and rules may be stored in the long run, in this replica.
	DefaultMaxBytesPerSecond = 512 << 10
	// secondsAtOnce is of how many seconds that may be stored in one go.
	secondsAtOnce = 128
	// MinBytesPerSecond lets an owner store the largest batch in one go; MaxBytesPerSecond is more than any etcd takes.
	MinBytesPerSecond = 64 << 10
	MaxBytesPerSecond = 1 << 30
	// maxWriters is how many owners' bytes are counted. Past that the one that wrote least recently is forgotten.
	maxWriters = 10_000
)

// pace bounds the bytes that are written: all of them, and each owner's.
type pace struct {
	clock     clock.PassiveClock
	perSecond int64
	all       *rate.Limiter

	mu    sync.Mutex
	owner *lru.Cache[string, *rate.Limiter]
}

func newPace(c clock.PassiveClock, perSecond int64) *pace {
	p := &pace{clock: c, perSecond: perSecond, all: limiter(perSecond)}
	p.owner, _ = lru.New[string, *rate.Limiter](maxWriters) // It fails for sizes below 1 only.
	return p
}

func limiter(perSecond int64) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(perSecond), int(perSecond)*secondsAtOnce)
}

func (p *pace) of(owner string) *rate.Limiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, ok := p.owner.Get(owner)
	if !ok {
		l = limiter(p.perSecond / maxBytesPart)
		p.owner.Add(owner, l)
	}
	return l
}

// allow says whether an owner may write so many bytes now: nil, ErrOwnerBytes or ErrBytes.
func (p *pace) allow(owner string, bytes int) error {
	now := p.clock.Now()
	theirs := p.of(owner).ReserveN(now, bytes)
	if !theirs.OK() || theirs.DelayFrom(now) > 0 {
		theirs.CancelAt(now)
		return ErrOwnerBytes
	}
	if !p.all.AllowN(now, bytes) {
		theirs.CancelAt(now) // What was not written does not count.
		return ErrBytes
	}
	return nil
}

// room says whether there is room for another Check of its owner's: nil, ErrOwnerBytes or ErrBytes.
func (s *Service) room(check *v1alpha1.Check) error {
	bytes := packed.Weigh(check)
	all, owners := s.checks.bytesOf(ownerOf(check))
	if owners+int64(bytes) > s.o.MaxBytes/maxBytesPart {
		return ErrOwnerBytes
	}
	if all+int64(bytes) > s.o.MaxBytes {
		return ErrBytes
	}
	// The pace is about texts: how many Checks there are is limited by their number.
	return s.pace.allow(ownerOf(check), bytes-packed.Overhead)
}
