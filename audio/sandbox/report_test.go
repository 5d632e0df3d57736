//go:build linux

package sandbox

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReport(t *testing.T) {
	cases := map[string]struct {
		reason  string
		outcome outcome
		want    Report   // without Missing
		missing []string // how its entries begin
	}{
		"All": {
			reason:  "a recent kernel",
			outcome: outcome{abi: 7},
			want:    Report{NoNewPrivs: true, Landlock: 7, Seccomp: true, Rlimits: true},
		},
		"OldLandlock": {
			reason:  "what the first Landlock leaves open, seccomp closes",
			outcome: outcome{abi: 1},
			want:    Report{NoNewPrivs: true, Landlock: 1, Seccomp: true, Rlimits: true},
		},
		"NoLandlock": {
			reason:  "files can be read that the user may read",
			outcome: outcome{landlock: unix.ENOSYS},
			want:    Report{NoNewPrivs: true, Seccomp: true, Rlimits: true},
			missing: []string{"landlock: the kernel has none"},
		},
		"LandlockFails": {
			reason:  "as where 16 rule sets are stacked already",
			outcome: outcome{abi: 7, landlock: unix.E2BIG},
			want:    Report{NoNewPrivs: true, Seccomp: true, Rlimits: true},
			missing: []string{"landlock: argument list too long"},
		},
		"NoSeccomp": {
			reason:  "then Landlock's version matters",
			outcome: outcome{abi: 4, seccomp: unix.ENOSYS},
			want:    Report{NoNewPrivs: true, Landlock: 4, Rlimits: true},
			missing: []string{"seccomp:", "landlock: version 4 of the kernel's interface does not refuse ioctl", "landlock: version 4 of the kernel's interface does not refuse signals",
				"landlock: version 4 of the kernel's interface does not refuse unix", "landlock: version 4 of the kernel's interface does not refuse UDP"},
		},
		"Nothing": {
			reason:  "each part is told",
			outcome: outcome{noNewPrivs: unix.EINVAL, rlimits: unix.EPERM, landlock: unix.ENOSYS, seccomp: unix.EINVAL},
			missing: []string{"no_new_privs:", "rlimits:", "landlock:", "seccomp:"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := tc.outcome.report()
			if got.NoNewPrivs != tc.want.NoNewPrivs || got.Landlock != tc.want.Landlock || got.Seccomp != tc.want.Seccomp || got.Rlimits != tc.want.Rlimits {
				t.Errorf("%s: %+v, want %+v", tc.reason, got, tc.want)
			}
			if len(got.Missing) != len(tc.missing) {
				t.Fatalf("%s: missing %q, want %q", tc.reason, got.Missing, tc.missing)
			}
			for i, begins := range tc.missing {
				if !strings.HasPrefix(got.Missing[i], begins) {
					t.Errorf("%s: %q, want %q", tc.reason, got.Missing[i], begins)
				}
			}
		})
	}
}
