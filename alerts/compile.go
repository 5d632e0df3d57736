package alerts

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// What a policy has where a field is unset, as the API server sets it too.
const (
	defaultMinSeverity = v1alpha1.SeverityError
	defaultVolume      = 80
)

// interval is what a duration of a policy may be.
type interval struct {
	unset, low, high time.Duration
	span             string // low and high in words
}

var (
	groupWait      = interval{time.Second, 0, 5 * time.Minute, "from 0s to 5m"}
	groupInterval  = interval{10 * time.Second, time.Second, time.Hour, "from 1s to 1h"}
	repeatInterval = interval{5 * time.Minute, 0, 168 * time.Hour, "from 0s to 168h"}
)

// Bounds of a policy's lists and strings, beyond which it is refused. Those that the resource's schema has are the same there.
const (
	maxNodeLabels = 20
	maxQuietHours = 20
	maxFileName   = 255
)

var (
	fileName     = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)
	tonePatterns = []v1alpha1.TonePattern{
		v1alpha1.TonePatternLow, v1alpha1.TonePatternMedium, v1alpha1.TonePatternHigh, v1alpha1.TonePatternRecovery,
	}
)

// Compile makes a policy of its object, or says what is wrong with each field of it. Unset fields get their defaults, also where
// the API server did not set them, save the time zone of quiet hours: it has no default here, because what is empty by mistake
// would move them by hours. What the object's schema refuses is refused here as well, for objects that bypassed it. At most
// maxProblems are told.
func Compile(object *v1alpha1.AlertPolicy) (*Policy, field.ErrorList) {
	spec, path := &object.Spec, field.NewPath("spec")
	var c checker
	p := &Policy{
		Name:           object.Name,
		Priority:       spec.Priority,
		GroupWait:      c.interval(path.Child("groupWait"), spec.GroupWait, groupWait),
		GroupInterval:  c.interval(path.Child("groupInterval"), spec.GroupInterval, groupInterval),
		RepeatInterval: c.interval(path.Child("repeatInterval"), spec.RepeatInterval, repeatInterval),
		Volume:         c.volume(path.Child("volume"), spec.Volume),
		checks:         c.selector(path.Child("selector"), spec.Selector),
		namespaces:     c.selector(path.Child("namespaceSelector"), spec.NamespaceSelector),
		nodes:          c.nodes(path.Child("nodeSelector"), spec.NodeSelector),
		lowest:         c.lowest(path.Child("minSeverity"), spec.MinSeverity),
		quiet:          c.quietHours(path.Child("quietHours"), spec.QuietHours),
	}
	if p.GroupWait > p.GroupInterval {
		c.add(field.Invalid(path.Child("groupInterval"), p.GroupInterval.String(), "must be at least groupWait"))
	}
	if p.RepeatInterval > 0 && p.RepeatInterval < p.GroupInterval {
		c.add(field.Invalid(path.Child("repeatInterval"), p.RepeatInterval.String(),
			"must be 0s, for once, or at least groupInterval"))
	}
	c.tones(path, spec, p)
	if len(c.problems) > 0 {
		return nil, c.told()
	}
	return p, nil
}

// tones sets what is heard for each severity, and for a recovery.
func (c *checker) tones(path *field.Path, spec *v1alpha1.AlertPolicySpec, p *Policy) {
	p.tones = patterns()
	each := path.Child("tones")
	set := []*v1alpha1.Tone{1: spec.Tones.Info, 2: spec.Tones.Warning, 3: spec.Tones.Error, 4: spec.Tones.Critical}
	for rank, tone := range set {
		if tone != nil {
			p.tones[rank] = *c.tone(each.Child(string(severities[rank])), tone)
			p.named = append(p.named, NamedTone{each.Child(string(severities[rank])), p.tones[rank]})
		}
	}
	if spec.RecoveryTone != nil {
		p.Recovery = c.tone(path.Child("recoveryTone"), spec.RecoveryTone)
		p.named = append(p.named, NamedTone{path.Child("recoveryTone"), *p.Recovery})
	}
}

// tone gives a copy of a tone, and adds what is wrong with it.
func (c *checker) tone(path *field.Path, tone *v1alpha1.Tone) *v1alpha1.Tone {
	set := 0
	if tone.Pattern != "" {
		set++
		if !slices.Contains(tonePatterns, tone.Pattern) {
			c.add(field.NotSupported(path.Child("pattern"), tone.Pattern, tonePatterns))
		}
	}
	if ref := tone.ConfigMapKeyRef; ref != nil {
		set++
		at := path.Child("configMapKeyRef")
		c.words(at.Child("name"), ref.Name, validation.IsDNS1123Subdomain)
		c.words(at.Child("key"), ref.Key, validation.IsConfigMapKey)
	}
	if tone.File != "" {
		set++
		if len(tone.File) > maxFileName || !fileName.MatchString(tone.File) {
			c.add(field.Invalid(path.Child("file"), tone.File, fmt.Sprintf("must be the name of a file in the folder of sounds, "+
				"of letters, digits, '.', '_' and '-', not begin with '.' or '-', and have at most %d characters", maxFileName)))
		}
	}
	if set != 1 {
		c.add(field.Invalid(path, field.OmitValueType{}, "set exactly one of pattern, configMapKeyRef and file"))
	}
	return tone.DeepCopy()
}

func (c *checker) interval(path *field.Path, d *metav1.Duration, may interval) time.Duration {
	switch {
	case d == nil:
		return may.unset
	case d.Duration < may.low || d.Duration > may.high:
		c.add(field.Invalid(path, d.Duration.String(), "must be "+may.span))
	}
	return d.Duration
}

func (c *checker) volume(path *field.Path, percent int32) int {
	switch {
	case percent == 0:
		return defaultVolume
	case percent < 1 || percent > 100:
		c.add(field.Invalid(path, percent, "must be from 1 to 100, in percent of full scale"))
	}
	return int(percent)
}

func (c *checker) lowest(path *field.Path, severity v1alpha1.Severity) int {
	if severity == "" {
		severity = defaultMinSeverity
	}
	c.severity(path, severity)
	return Rank(severity)
}
