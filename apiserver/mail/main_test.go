package mail

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails where a connection or a queue is left at work.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
