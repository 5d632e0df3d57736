// Command licenses writes the notices that the licences of third-party code ask for: what is linked into the released
// programs, on every platform that they are released for, and the texts of its licences, each once.
//
//	go run ./hack/licenses > THIRD_PARTY_NOTICES.txt
//
// It reads the module cache by the go command, and the Go distribution that runs it. A package without a licence in its
// folder or above, up to its module's root, is an error. It does not judge licences; who adds a module does.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "licenses:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	collected := &notices{users: map[string]map[string]bool{}}
	if err := collected.addLinked(ctx); err != nil {
		return err
	}
	if err := collected.addGo(ctx); err != nil {
		return err
	}
	if err := collected.addEmbedded(); err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	collected.write(out)
	return out.Flush()
}
