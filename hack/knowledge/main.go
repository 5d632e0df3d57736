// Command knowledge writes the index of a knowledge file, which ships with it so that programs need not build it at each start.
//
//	go run ./hack/knowledge rag-content.txt > rag-content.idx
package main

import (
	"fmt"
	"os"

	"github.com/checky-dev/checky/rag"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: %s FILE", os.Args[0])
	}
	content, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	compiled, err := rag.Compile(os.Args[1], content)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(compiled)
	return err
}
