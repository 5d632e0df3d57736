package main

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string // what the error has; empty: none
	}{
		"both formats, this platform":                     {args: []string{"-out", "x", "-version", "v1.0.0"}},
		"no folder":                                       {args: []string{"-version", "v1.0.0"}, want: "-out"},
		"no version":                                      {args: []string{"-out", "x"}, want: "-version"},
		"a name that is no image's":                       {args: []string{"-out", "x", "-version", "v1.0.0", "-image", "check"}, want: "checky or checky-alertd"},
		"a format that there is not":                      {args: []string{"-out", "x", "-version", "v1.0.0", "-format", "zip"}, want: `"zip"`},
		"a system that images are not for":                {args: []string{"-out", "x", "-version", "v1.0.0", "-platform", "windows/amd64"}, want: "windows/amd64"},
		"an argument":                                     {args: []string{"-out", "x", "-version", "v1.0.0", "checky"}, want: `"checky"`},
		"a docker archive, which is of one, of another's": {args: []string{"-out", "x", "-version", "v1.0.0", "-platform", other()}, want: "-format docker"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(test.args, io.Discard)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("want %q, got %v", test.want, err)
			}
		})
	}
}

func other() string {
	if host().arch == "arm64" {
		return "linux/amd64"
	}
	return "linux/arm64"
}

func TestParseEpoch(t *testing.T) {
	at, err := parseEpoch("1700000000")
	if err != nil || !at.Equal(time.Date(2023, 11, 14, 22, 13, 20, 0, time.UTC)) {
		t.Error(at, err)
	}
	for _, bad := range []string{"", "-1", "now", "1.5"} {
		if _, err := parseEpoch(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// TestLayer holds a layer to what makes it the same each time: order, owner, time, and folders above each file.
func TestLayer(t *testing.T) {
	at := time.Unix(1700000000, 0).UTC()
	tr := tree{}
	tr.add("usr/local/bin/x", 0o755, []byte("program"))
	tr.add("tmp", fs.ModeDir|fs.ModeSticky|0o777, nil)
	tr["lib64/ld.so"] = entry{mode: fs.ModeSymlink, target: "/lib/ld.so"}
	layer, err := tr.layer(at)
	if err != nil {
		t.Fatal(err)
	}
	content, err := layer.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	type seen struct {
		Name, Link string
		Mode       int64
		Type       byte
	}
	var got []seen
	r := tar.NewReader(content)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || !h.ModTime.Equal(at) {
			t.Errorf("%s: owner %d:%d, time %s", h.Name, h.Uid, h.Gid, h.ModTime)
		}
		got = append(got, seen{h.Name, h.Linkname, h.Mode, h.Typeflag})
	}
	want := []seen{
		{"lib64/", "", 0o755, tar.TypeDir},
		{"lib64/ld.so", "/lib/ld.so", 0o777, tar.TypeSymlink},
		{"tmp/", "", 0o1777, tar.TypeDir},
		{"usr/", "", 0o755, tar.TypeDir},
		{"usr/local/", "", 0o755, tar.TypeDir},
		{"usr/local/bin/", "", 0o755, tar.TypeDir},
		{"usr/local/bin/x", "", 0o755, tar.TypeReg},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
