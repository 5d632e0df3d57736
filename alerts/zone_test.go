package alerts_test

import (
	"archive/zip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
)

// problemOf is what Compile says of a time zone; empty where it takes it.
func problemOf(zone string) string {
	_, problems := alerts.Compile(&v1alpha1.AlertPolicy{Spec: v1alpha1.AlertPolicySpec{
		QuietHours: []v1alpha1.QuietHours{hours("22:00-06:00", zone)},
	}})
	if len(problems) == 0 {
		return ""
	}
	return problems.ToAggregate().Error()
}

// TestTimeZonesAreRefusedThatAreNotTheSameEverywhere holds that a policy means the same on each machine, and that the refusal
// says what to write.
func TestTimeZonesAreRefusedThatAreNotTheSameEverywhere(t *testing.T) {
	for reason, zone := range map[string]string{
		"the machine's own":            "Local",
		"the same by other letters":    "local",
		"the same by its file":         "localtime",
		"and by the default of rules":  "posixrules",
		"nothing":                      "",
		"no such city":                 "Europe/Atlantis",
		"a folder of the database":     "Europe",
		"an abbreviation":              "CEST",
		"an offset":                    "+02:00",
		"a rule":                       "CET-1CEST,M3.5.0,M10.5.0/3",
		"zones with leap seconds":      "right/Europe/Berlin",
		"zones again":                  "posix/Europe/Berlin",
		"a list of zones":              "zone.tab",
		"a blank":                      "Europe/Berlin ",
		"a line":                       "Europe/Berlin\n",
		"a byte that ends C's strings": "Europe/Berlin\x00",
		"too long":                     strings.Repeat("a", 65),
	} {
		t.Run(reason, func(t *testing.T) {
			problem := problemOf(zone)
			if !strings.HasPrefix(problem, "spec.quietHours[0].timeZone: Invalid value: ") ||
				!strings.HasSuffix(problem, ": use an IANA name such as Europe/Berlin") {
				t.Errorf("%q: %s", zone, problem)
			}
		})
	}
}

// TestTimeZonesLeadNowhereElse holds that a name reads no file outside of the zone database, be it one that holds a zone.
func TestTimeZonesLeadNowhereElse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "Zone")
	if err := os.WriteFile(file, readZone(t, "Europe/Berlin"), 0o600); err != nil {
		t.Fatal(err)
	}
	up := strings.Repeat("../", 16) + strings.TrimPrefix(file, "/")
	t.Chdir(filepath.Dir(file))
	for _, zone := range []string{
		file, "file://" + file, "/" + file, up, "Europe/" + up, "Europe/./Berlin", "Europe//Berlin", "./Zone", "Zone", `\Zone`,
		"Europe/../Europe/Berlin", "..", ".", "/", "Europe/", "/proc/self/environ", "../../../proc/self/environ",
	} {
		if problemOf(zone) == "" {
			t.Errorf("%q is taken", zone)
		}
	}
}

// TestTimeZonesOfTheDatabaseAreAllTaken holds that no name of a real zone is refused for how it is written.
func TestTimeZonesOfTheDatabaseAreAllTaken(t *testing.T) {
	known := 0
	for _, f := range database(t).File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		known++
		if problem := problemOf(f.Name); problem != "" {
			t.Error(problem)
		}
	}
	if known < 400 {
		t.Errorf("the database has %d zones", known)
	}
}

// database is the one that Go comes with, which is what time/tzdata is made of.
func database(t *testing.T) *zip.Reader {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return &r.Reader
}

func readZone(t *testing.T, name string) []byte {
	t.Helper()
	f, err := database(t).Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := time.LoadLocationFromTZData(name, data); err != nil {
		t.Fatal(err)
	}
	return data
}
