package driver

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/test/chaos/history"
	"github.com/checky-dev/checky/test/chaos/observe"
)

// contents are what is in a source, in turn: by any version of the rules one of them passes, and another does not.
func contents(wave, number, version int) string {
	return payloadText(source(wave, number), []int{50, 500, 5000, 50000}[(number+version)%4], 3)
}

// putSource has a source be there with a content, and tries until it is.
func (d *Driver) putSource(ctx context.Context, wave, number, version int) bool {
	name := source(wave, number)
	var again retry
	for {
		object := &corev1.ConfigMap{}
		err := d.kube.Get(ctx, client.ObjectKey{Namespace: d.o.Namespace, Name: name}, object)
		call := history.Call{
			Kind: history.Source, Client: "kubectl", Via: "kube-apiserver", Begin: d.o.History.Now(), Name: name, Payload: contents(wave, number, version),
		}
		switch {
		case err == nil:
			object.Data = map[string]string{observe.SourceKey: call.Payload}
			err = d.kube.Update(ctx, object)
			d.answered(&call, object, err)
		case apierrors.IsNotFound(err):
			object = &corev1.ConfigMap{
				ObjectMeta: metav1.ObjectMeta{Namespace: d.o.Namespace, Name: name}, Data: map[string]string{observe.SourceKey: call.Payload},
			}
			err = d.kube.Create(ctx, object)
			d.answered(&call, object, err)
		}
		if err == nil {
			return true
		}
		if !again.pause(ctx) {
			return false
		}
	}
}
