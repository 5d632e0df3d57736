package journal

import (
	"os"
	"testing"
)

// childVariable is set for the processes that tests start from this binary: to what they are to do.
const childVariable = "CHECKY_JOURNAL_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childVariable) {
	case "write":
		writeForEver(os.Args[1])
	case "full disk":
		fillDisk(os.Args[1], true)
	case "limited files":
		fillDisk(os.Args[1], false)
	default:
		os.Exit(m.Run())
	}
}
