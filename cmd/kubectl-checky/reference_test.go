package main

import (
	"flag"
	"testing"

	"github.com/checky-dev/checky/hack/docs/commands"
)

var update = flag.Bool("update", false, "write the page of the commands")

func TestReferenceIsCommitted(t *testing.T) {
	commands.Committed(t, newRootCommand(), "../../docs/reference/kubectl-checky.md", *update)
}
