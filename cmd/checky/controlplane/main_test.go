package controlplane

import (
	"context"
	"fmt"
	"os"
	"testing"
)

// ownerEnv makes this test binary a program that starts a control plane and then waits to be killed.
const ownerEnv = "CHECKY_TEST_OWNER"

func TestMain(m *testing.M) {
	ExitIfSupervisor()
	if os.Getenv(ownerEnv) != "" {
		os.Exit(own())
	}
	os.Exit(m.Run())
}

// own prints the data folder of a running control plane on standard output, and stays.
func own() int {
	cp, err := Start(context.Background(), Options{Log: os.Stderr})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(cp.Dir())
	err = cp.Wait(context.Background())
	fmt.Fprintln(os.Stderr, "not killed, but:", err)
	return 1
}
