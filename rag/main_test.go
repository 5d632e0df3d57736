package rag

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails where something is left running.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
