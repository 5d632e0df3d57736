package packed

import (
	"time"
	"unique"

	lru "github.com/hashicorp/golang-lru/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/intern"
)

// Bounds of what is held whole besides what waits for its verdict: at most 16 MiB.
const (
	// maxRecent is how many Checks with a verdict are.
	maxRecent = 256
	// maxRecentBytes is how many bytes of JSON one of them may have, all of its metadata included.
	maxRecentBytes = 64 << 10
)

// Packer packs Checks. It is safe for concurrent use.
type Packer struct {
	recent *lru.Cache[*Check, *v1alpha1.Check]
}

// New makes a Packer.
func New() *Packer {
	recent, _ := lru.New[*Check, *v1alpha1.Check](maxRecent) // It fails for sizes below 1 only.
	return &Packer{recent: recent}
}

// Check is a Check as it is held. Nobody changes it.
type Check struct {
	// Namespace and Name of the Check.
	Namespace, Name string
	// UID of the Check.
	UID types.UID
	// ResourceVersion of this state of it.
	ResourceVersion string
	// Owner is its v1alpha1.OwnerLabel; empty: it has none.
	Owner string
	// Created is its creation time, in seconds since 1970.
	Created int64
	// Phase is what it counts as: PhasePending unless it has a verdict on its present spec.
	Phase v1alpha1.Phase
	// Bytes is about how much it takes as it is stored.
	Bytes int

	packer      *Packer
	whole       *v1alpha1.Check // set where it is not packed
	passages    []unique.Handle[v1alpha1.Passage]
	rulesDigest unique.Handle[string]
	text        []byte
}

// Pack takes a Check in. Nobody may change it afterwards.
func (p *Packer) Pack(c *v1alpha1.Check) *Check {
	packed := &Check{
		Namespace: intern.String(c.Namespace), Name: c.Name, UID: c.UID, ResourceVersion: c.ResourceVersion,
		Owner:   intern.String(c.Labels[v1alpha1.OwnerLabel]),
		Created: c.CreationTimestamp.Unix(), Phase: phaseOf(c), Bytes: Weigh(c), packer: p,
	}
	if packed.Phase == v1alpha1.PhasePending {
		packed.whole = c
		return packed
	}
	size, err := packed.pack(c)
	if err != nil { // it came as JSON, so it can be written as such
		packed.whole = c
		return packed
	}
	p.remember(packed, c, size)
	return packed
}

// Transform is an informer's transform of Checks, which gives a *Check of each.
func (p *Packer) Transform(object any) (any, error) {
	if c, ok := object.(*v1alpha1.Check); ok {
		return p.Pack(c), nil
	}
	return object, nil // what is packed already, or no object at all
}

// Whole gives all of a Check, which nobody may change. It panics if what was packed cannot be read, which no input can bring about.
func (c *Check) Whole() *v1alpha1.Check {
	if c.whole != nil {
		return c.whole
	}
	if whole, ok := c.packer.recent.Get(c); ok {
		return whole
	}
	whole, size, err := c.unpack()
	if err != nil {
		panic(err)
	}
	c.packer.remember(c, whole, size)
	return whole
}

// remember keeps a Check at hand whole, unless it is large: its size is that of all it has, which what Bytes goes by may be a small part of.
func (p *Packer) remember(packed *Check, whole *v1alpha1.Check, size int) {
	if size <= maxRecentBytes {
		p.recent.Add(packed, whole)
	}
}

// GetObjectMeta is by what an informer knows the object: its place and its version. It implements metav1.ObjectMetaAccessor.
func (c *Check) GetObjectMeta() metav1.Object {
	return &metav1.ObjectMeta{
		Namespace: c.Namespace, Name: c.Name, UID: c.UID, ResourceVersion: c.ResourceVersion,
		CreationTimestamp: metav1.Time{Time: time.Unix(c.Created, 0)},
	}
}

// Finished says whether a Check has a verdict on its present spec.
func Finished(c *v1alpha1.Check) bool {
	return c.Status.Phase.Finished() && c.Status.ObservedGeneration == c.Generation
}

func phaseOf(c *v1alpha1.Check) v1alpha1.Phase {
	if !Finished(c) {
		return v1alpha1.PhasePending
	}
	for _, phase := range []v1alpha1.Phase{v1alpha1.PhaseSuccess, v1alpha1.PhaseFailure, v1alpha1.PhaseError} {
		if c.Status.Phase == phase {
			return phase // the constant, not a copy
		}
	}
	return v1alpha1.PhasePending
}
