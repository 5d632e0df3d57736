package check

import (
	"fmt"
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

// TestTold holds that the ledger gives nothing that is older than what was told, until it has caught up, and that it remembers so many.
func TestTold(t *testing.T) {
	l := newLedger("n")
	state := func(version string) *v1alpha1.Check {
		return &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{
			Namespace: "n", Name: "01jd3v9w5k8f6m2n4p7q9r1s3t", UID: "u", ResourceVersion: version, Labels: map[string]string{v1alpha1.OwnerLabel: "ada"},
		}}
	}
	version := func() string {
		if c := l.get(state("").Name); c != nil {
			return c.ResourceVersion
		}
		return ""
	}
	l.learn(state("20"))
	l.learn(state("15")) // by another, who was slower
	for _, step := range []struct{ event, want string }{{"10", ""}, {"15", ""}, {"20", "20"}, {"25", "25"}} {
		l.put(state(step.event))
		if got := version(); got != step.want {
			t.Errorf("after version %s: %q, want %q", step.event, got, step.want)
		}
	}
	if l.learn(state("24")); version() != "25" || l.told.of.Len() != 0 {
		t.Errorf("what is older than the ledger is held against it: %q", version())
	}
	for i := range maxFloors + 10 {
		c := state("30")
		c.Name = fmt.Sprintf("%026d", i)
		l.learn(c)
	}
	if n := l.told.of.Len(); n != maxFloors {
		t.Errorf("%d floors", n)
	}
}
