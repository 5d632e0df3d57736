//go:build linux

package audio

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/audio/dispatch"
)

// manySilences is a cache that holds them.
type manySilences struct {
	cache.Cache
	items []v1alpha1.Silence
}

func (m manySilences) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	list.(*v1alpha1.SilenceList).Items = m.items //nolint:forcetypeassert // nothing else is asked for
	return nil
}

// TestSilencesOfANamespaceAreBounded: a namespace has one more than are looked at, each of another Check, and another namespace has one.
func TestSilencesOfANamespaceAreBounded(t *testing.T) {
	d := &daemon{log: logr.Discard(), began: time.Now(), news: make(chan struct{}, 1), state: dispatch.New(dispatch.Options{})}
	d.state.SetPolicies(d.now(), []*alerts.Policy{alerts.Default()})
	held := manySilences{}
	add := func(namespace string, i int) {
		name := fmt.Sprintf("%05d", i)
		held.items = append(held.items, v1alpha1.Silence{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(namespace + name)},
			Spec:       v1alpha1.SilenceSpec{Checks: []string{name}, EndsAt: metav1.NewTime(time.Now().Add(time.Hour))},
		})
		d.state.Observe(d.now(), dispatch.Alert{
			UID: types.UID(namespace + name), Namespace: namespace, Name: name, Key: "k", Since: time.Now(), Severity: v1alpha1.SeverityError, Completed: time.Now(),
		}, false)
	}
	for i := maxSilences; i >= 0; i-- {
		add("crowded", i)
	}
	add("other", 7)
	d.cache = held
	d.silences(t.Context())
	silent := map[string]int{}
	for _, s := range d.state.Next(d.now()).Suppressed {
		if s.Reason == dispatch.ReasonSilenced {
			silent[s.Alert.Namespace]++
			if s.Alert.Namespace == "crowded" && s.Alert.Name == fmt.Sprintf("%05d", maxSilences) {
				t.Error("the last by name silences")
			}
		}
	}
	if diff := cmp.Diff(map[string]int{"crowded": maxSilences, "other": 1}, silent); diff != "" {
		t.Errorf("silent are (-want +got)\n%s", diff)
	}
}
