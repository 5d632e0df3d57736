//go:build linux

package sandbox

import "fmt"

// Report says what is enforced.
type Report struct {
	NoNewPrivs bool     `json:"noNewPrivs"`
	Landlock   int      `json:"landlock"` // version of the kernel's interface that is enforced; 0: none
	Seccomp    bool     `json:"seccomp"`
	Rlimits    bool     `json:"rlimits"`
	Missing    []string `json:"missing,omitempty"` // what is not enforced, for people, with what follows from it
}

// Features are the parts by name, and whether each is enforced.
func (r Report) Features() map[string]bool {
	return map[string]bool{"no_new_privs": r.NoNewPrivs, "rlimits": r.Rlimits, "landlock": r.Landlock > 0, "seccomp": r.Seccomp}
}

// Known tells the report of a process that got so far from none: where nothing at all can be enforced, that is in Missing.
func (r Report) Known() bool {
	return r.NoNewPrivs || r.Rlimits || r.Landlock > 0 || r.Seccomp || len(r.Missing) > 0
}

// outcome is how the parts went.
type outcome struct {
	noNewPrivs, rlimits, landlock, seccomp error
	abi                                    int // the kernel's Landlock
}

// Versions of Landlock's interface, by what came with them.
const (
	abiTruncate = 3 // truncating files
	abiTCP      = 4
	abiIoctl    = 5 // ioctl on devices
	abiScope    = 6 // signals, abstract unix sockets
	abiUnix     = 9 // unix sockets in the file system
	abiUDP      = 10
)

// report tells what is missing. What Landlock of an older kernel leaves open is told only where seccomp does not close it.
func (o outcome) report() Report {
	r := Report{NoNewPrivs: o.noNewPrivs == nil, Rlimits: o.rlimits == nil, Seccomp: o.seccomp == nil}
	if o.landlock == nil {
		r.Landlock = o.abi
	}
	add := func(format string, arguments ...any) {
		r.Missing = append(r.Missing, fmt.Sprintf(format, arguments...))
	}
	if o.noNewPrivs != nil {
		add("no_new_privs: %v", o.noNewPrivs)
	}
	if o.rlimits != nil {
		add("rlimits: %v", o.rlimits)
	}
	switch {
	case o.abi == 0:
		add("landlock: the kernel has none, or it is not among the security modules that it was booted with: a player may open what its user may")
	case o.landlock != nil:
		add("landlock: %v: a player may open what its user may", o.landlock)
	}
	if o.seccomp == nil {
		return r
	}
	add("seccomp: %v: a player may make every system call", o.seccomp)
	for _, part := range []struct {
		abi  int
		what string
	}{
		{abiTruncate, "truncating files"},
		{abiTCP, "TCP"},
		{abiIoctl, "ioctl on devices"},
		{abiScope, "signals to other processes"},
		{abiUnix, "unix sockets"},
		{abiUDP, "UDP"},
	} {
		if r.Landlock > 0 && r.Landlock < part.abi {
			add("landlock: version %d of the kernel's interface does not refuse %s; version %d does", r.Landlock, part.what, part.abi)
		}
	}
	return r
}
