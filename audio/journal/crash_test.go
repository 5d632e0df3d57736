package journal

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// The processes that are killed while they write.
const (
	killings = 25
	ring     = 200 // how many entries they write over and over
)

// writeForEver is the child: it applies entry after entry, and prints the number of each that is on disk. The nth entry has the
// UID of the (n modulo ring)th.
func writeForEver(path string) {
	j, _, err := Open(path, Options{})
	if err == nil {
		err = j.Recovered()
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	from, err := strconv.Atoi(os.Args[2])
	for n := from; err == nil; n++ {
		e := entry(n)
		e.UID = entry(n % ring).UID
		if err = j.Apply(append(entriesOf(ring+n%7, ring+n%11), e), nil); err == nil {
			_, err = fmt.Println(n)
		}
	}
	fmt.Println(err)
	os.Exit(1)
}

// TestKilledWhileItWrites kills a process that writes, again and again, and looks for what it had said is on disk.
func TestKilledWhileItWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	chance := rand.New(rand.NewPCG(4, 2))
	acknowledged := make(map[int]int) // the number last written, by its remainder
	next := 0
	for range killings {
		cmd := exec.CommandContext(t.Context(), os.Args[0], path, strconv.Itoa(next))
		cmd.Env = append(os.Environ(), childVariable+"=write")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		last := next + chance.IntN(60)
		for lines.Scan() {
			n, err := strconv.Atoi(lines.Text())
			if err != nil {
				t.Fatal(lines.Text())
			}
			acknowledged[n%ring], next = n, n+1
			if n >= last {
				_ = cmd.Process.Kill() // what it prints until that comes to it is read as well
			}
		}
		var ended *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &ended) || ended.Exited() {
			t.Fatalf("the process ended by itself: %v", err)
		}

		j, entries, err := Open(path, Options{})
		if err != nil || j.Recovered() != nil {
			t.Fatal(err, j.Recovered())
		}
		found := make(map[int]int)
		for _, e := range entries {
			number := int(e.At.Sub(began).Seconds())
			if n := uidNumber(t, e.UID); n < ring {
				found[n] = number
			}
		}
		for remainder, n := range acknowledged {
			if found[remainder] < n {
				t.Fatalf("entry %d is lost: in its place is %d", n, found[remainder])
			}
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		next++ // the one that was being written may be there as well
	}
	t.Logf("%d entries were acknowledged over %d killings", next-killings, killings)
}
