package main

import (
	"testing"

	"github.com/checky-dev/checky/hack/docs/commands"
)

func TestReferenceIsCommitted(t *testing.T) {
	commands.Committed(t, newRootCommand(), "../../docs/reference/checky.md", *update, "max-dry-runs")
}
