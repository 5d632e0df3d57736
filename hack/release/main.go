package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// versions are those of semantic versioning with a v before them, as Git tags have it.
var versions = regexp.MustCompile(`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$`)

// release is what is asked for.
type release struct {
	version string    // with its v
	dir     string    // holds bin/OS_ARCH/PROGRAM, and gets the rest
	root    string    // the checkout: LICENSE, THIRD_PARTY_NOTICES.txt
	krew    string    // the template of the plugin's manifest; empty: none is written
	at      time.Time // of the commit
}

func main() {
	r, epoch := release{}, int64(0)
	flag.StringVar(&r.version, "version", "", "the version, as v0.1.0")
	flag.StringVar(&r.dir, "dir", "", "the folder with bin/OS_ARCH/PROGRAM, where everything else is written")
	flag.StringVar(&r.root, "root", ".", "the checkout")
	flag.StringVar(&r.krew, "krew", "", "the template of the plugin's manifest for krew; without it none is written")
	flag.Int64Var(&epoch, "epoch", 0, "the commit's time, in seconds since 1970")
	flag.Parse()
	r.at = time.Unix(epoch, 0).UTC()
	if err := r.run(); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func (r release) run() error {
	if !versions.MatchString(r.version) {
		return fmt.Errorf("-version %q is no version: it is a v and three numbers, as v0.1.0 or v0.2.0-rc.1", r.version)
	}
	if r.dir == "" {
		return errors.New("-dir is missing")
	}
	programs, err := filepath.Glob(filepath.Join(r.dir, "bin", "*_*", "*"))
	if err != nil {
		return err
	}
	if len(programs) == 0 {
		return fmt.Errorf("there is no program in %s: run hack/release/build.sh", filepath.Join(r.dir, "bin", "OS_ARCH"))
	}
	slices.Sort(programs)
	var written []string
	for _, program := range programs {
		name := r.archiveName(program)
		files, err := r.archiveWithBOM(program, name)
		if err != nil {
			return fmt.Errorf("%s: %w", program, err)
		}
		written = append(written, files...)
	}
	sums, err := writeChecksums(r.dir, written)
	if err != nil {
		return err
	}
	return r.writeKrew(sums)
}

// archiveName is the name of a program's archive without its ending: program, version, system and architecture.
func (r release) archiveName(program string) string {
	platform := filepath.Base(filepath.Dir(program))
	return strings.TrimSuffix(filepath.Base(program), ".exe") + "_" + r.version + "_" + platform
}

// archiveWithBOM writes the archive of a program and its bill of materials; it returns their names.
func (r release) archiveWithBOM(program, name string) ([]string, error) {
	contents := []entry{
		{name: filepath.Base(program), path: program, mode: 0o755},
		{name: "LICENSE", path: filepath.Join(r.root, "LICENSE"), mode: 0o644},
		{name: "THIRD_PARTY_NOTICES.txt", path: filepath.Join(r.root, "THIRD_PARTY_NOTICES.txt"), mode: 0o644},
	}
	pack, file := writeTarGz, name+".tar.gz"
	if strings.HasSuffix(program, ".exe") {
		pack, file = writeZip, name+".zip"
	}
	if err := create(filepath.Join(r.dir, file), func(out *os.File) error { return pack(out, contents, r.at) }); err != nil {
		return nil, err
	}
	bom, err := describe(program, r.version, r.at)
	if err != nil {
		return nil, err
	}
	if err := create(filepath.Join(r.dir, name+".cdx.json"), func(out *os.File) error { return writeBOM(out, bom) }); err != nil {
		return nil, err
	}
	return []string{file, name + ".cdx.json"}, nil
}

// create writes a file whole, or says why not.
func create(path string, write func(*os.File) error) (err error) {
	out, err := os.Create(path) // #nosec G304 -- in the folder that -dir names
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	return write(out)
}
