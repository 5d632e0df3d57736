package alerts

import (
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// Subject is what a policy or a silence looks at: a failing Check.
type Subject struct {
	Namespace, Name string
	Labels          labels.Set
	NamespaceLabels labels.Set
	Severity        v1alpha1.Severity
}

// Policy is an AlertPolicy that can be used.
type Policy struct {
	Name     string
	Priority int32

	GroupWait      time.Duration
	GroupInterval  time.Duration
	RepeatInterval time.Duration // 0: once

	Volume   int            // percent of full scale
	Recovery *v1alpha1.Tone // nil: none
}
