package check

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// TestForget deletes Checks before the watch tells of it: one that has been deleted is not found again, and its successor is.
func TestForget(t *testing.T) {
	l := newLedger("checky")
	check := func(uid types.UID) *v1alpha1.Check {
		return &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{
			Namespace: "checky", Name: "01jd3v9w5k8f6m2n4p7q9r1s3t", UID: uid, Labels: map[string]string{v1alpha1.OwnerLabel: "ada"},
		}}
	}
	known := func() (there bool, listed int) {
		page, _ := l.page("ada", nil, nil, MaxLimit)
		return l.get("01jd3v9w5k8f6m2n4p7q9r1s3t") != nil, len(page)
	}
	l.put(check("first"))
	l.forget(check("first"))
	if there, listed := known(); there || listed != 0 || l.unfinished.Load() != 0 || l.waitingOf("ada") != 0 {
		t.Errorf("it is still known: %t, %d listed, %d unfinished", there, listed, l.unfinished.Load())
	}
	l.drop(check("first")) // what the watch then says is nothing new
	l.put(check("second"))
	l.forget(check("first"))
	if there, listed := known(); !there || listed != 1 || l.unfinished.Load() != 1 {
		t.Errorf("its successor is gone: %t, %d listed, %d unfinished", there, listed, l.unfinished.Load())
	}
}

// TestLabelEmptied takes a Check's owner away behind the facade's back: it is nobody's, and counts for nobody, also after it was deleted.
func TestLabelEmptied(t *testing.T) {
	l := newLedger("checky")
	check := func(owner string) *v1alpha1.Check {
		return &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{
			Namespace: "checky", Name: "01jd3v9w5k8f6m2n4p7q9r1s3t", UID: "first", Labels: map[string]string{v1alpha1.OwnerLabel: owner},
		}}
	}
	for name, events := range map[string]func(){
		"changed":             func() { l.put(check("ada")); l.put(check("")) },
		"changed and deleted": func() { l.put(check("ada")); l.put(check("")); l.drop(check("")) },
		"never had one":       func() { l.put(check("")) },
		"deleted in one step": func() { l.put(check("ada")); l.drop(check("")) },
	} {
		t.Run(name, func(t *testing.T) {
			events()
			bytes, ofAda := l.bytesOf("ada")
			if l.get("01jd3v9w5k8f6m2n4p7q9r1s3t") != nil || l.waitingOf("ada") != 0 || l.unfinished.Load() != 0 || bytes != 0 || ofAda != 0 {
				t.Errorf("it is still known: %d waiting, %d unfinished, %d bytes, %d of the owner's", l.waitingOf("ada"), l.unfinished.Load(), bytes, ofAda)
			}
		})
	}
}
