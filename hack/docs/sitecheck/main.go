// Command sitecheck looks at the documentation's site as it was built: what a browser would follow, load or read out.
//
//	go run ./hack/docs/sitecheck -base /checky/ dist/site
//
// It fails where a link or an anchor leads nowhere, where a page would ask another host for anything, where a page cannot be reached from
// the first one, and where a page's headings jump, or a picture has no words.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
)

func main() {
	base := flag.String("base", "/", "address below which the site lies")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: sitecheck [-base /] DIR")
		os.Exit(2)
	}
	s, err := read(flag.Arg(0), *base)
	if err != nil {
		fmt.Fprintln(os.Stderr, "sitecheck:", err)
		os.Exit(1)
	}
	problems := s.problems()
	slices.Sort(problems)
	for _, p := range slices.Compact(problems) {
		fmt.Fprintln(os.Stderr, "sitecheck:", p)
	}
	fmt.Printf("%d pages, %d links within the site, %d to other sites, %d files that pages load\n", len(s.pages), s.inner, s.outer, s.loads)
	if len(problems) > 0 {
		os.Exit(1)
	}
}
