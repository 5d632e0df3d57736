package check

import (
	"errors"
	"fmt"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

// Deleting makes no room in etcd at once: what was written lately counts too.
func TestPace(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Now())
	const perSecond, atOnce = MinBytesPerSecond, MinBytesPerSecond * secondsAtOnce
	p := newPace(clock, perSecond)
	const large = 256 << 10
	write := func(owner string) (written int, err error) {
		for err = p.allow(owner, large); err == nil; err = p.allow(owner, large) {
			written += large
		}
		return written, err
	}
	if n, err := write("ada"); n != atOnce/maxBytesPart || !errors.Is(err, ErrOwnerBytes) {
		t.Errorf("one owner writes %d bytes: %v", n, err)
	}
	clock.Step(time.Minute)
	if n, _ := write("ada"); n > 60*perSecond/maxBytesPart {
		t.Errorf("a minute later: %d", n)
	}
	all := 0
	for i := range 10 {
		n, err := write(fmt.Sprint(i))
		all += n
		if err == nil || i == 9 && !errors.Is(err, ErrBytes) {
			t.Errorf("owner %d: %v", i, err)
		}
	}
	if all > atOnce {
		t.Errorf("ten owners write %d bytes at once", all)
	}
}
