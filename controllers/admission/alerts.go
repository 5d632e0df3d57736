package admission

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
)

// policyProblems lists what cannot work in an AlertPolicy. Sounds are not looked at: their ConfigMaps may come after it, and its
// status tells of them.
func policyProblems(policy *v1alpha1.AlertPolicy) field.ErrorList {
	_, problems := alerts.Compile(policy)
	return problems
}

// silenceProblems lists what cannot work in a Silence.
func silenceProblems(silence *v1alpha1.Silence) field.ErrorList {
	_, problems := alerts.CompileSilence(silence)
	return problems
}

// samePolicy knows a spec that is only written in another way, as Go clients write the durations and times that they have read: 5m
// becomes 5m0s, and the generation another.
func samePolicy(before, after *v1alpha1.AlertPolicy) bool {
	return equality.Semantic.DeepEqual(before.Spec, after.Spec)
}

func sameSilence(before, after *v1alpha1.Silence) bool {
	return equality.Semantic.DeepEqual(before.Spec, after.Spec)
}

// silenceWarnings tells whoever writes a Silence that it is over. It is no reason to refuse it: to set the end to now is how a Silence
// is ended before its time, and a backup may hold old ones.
func silenceWarnings(silence *v1alpha1.Silence, now time.Time) admission.Warnings {
	if ends := silence.Spec.EndsAt.Time; !now.Before(ends) {
		return admission.Warnings{fmt.Sprintf("spec.endsAt: %s has passed, so nothing is silent by it; set a later time to silence", ends.UTC().Format(time.RFC3339))}
	}
	return nil
}
