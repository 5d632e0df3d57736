// Command print writes the licences of what is linked into a program to standard output. The environment's GOOS, GOARCH
// and CGO_ENABLED are those of the program.
//
//	go -C hack/images run ./notices/print -root "$PWD" -package ./cmd/checky
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/checky-dev/checky/hack/images/notices"
)

func main() {
	root := flag.String("root", "../..", "the folder of the program's go.mod")
	name := flag.String("package", "./cmd/checky", "the program's package")
	flag.Parse()
	if err := notices.Write(context.Background(), os.Stdout, notices.Program{Root: *root, Package: *name}); err != nil {
		fmt.Fprintln(os.Stderr, "notices:", err)
		os.Exit(1)
	}
}
