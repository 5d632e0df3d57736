package main

import (
	"fmt"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// platform is what an image runs on: Linux, and one of the architectures that Checky is built for.
type platform struct{ arch string }

func host() platform { return platform{arch: runtime.GOARCH} }

func parsePlatform(name string) (platform, error) {
	arch, ok := strings.CutPrefix(name, "linux/")
	if !ok || arch != "amd64" && arch != "arm64" {
		return platform{}, fmt.Errorf("-platform %q: must be linux/amd64 or linux/arm64", name)
	}
	return platform{arch: arch}, nil
}

func (p platform) String() string { return "linux/" + p.arch }

// env is what the go command builds for it with.
func (p platform) env(cgo bool) []string {
	enabled := "0"
	if cgo {
		enabled = "1"
	}
	return []string{"GOOS=linux", "GOARCH=" + p.arch, "GOAMD64=v1", "GOARM64=v8.0", "CGO_ENABLED=" + enabled}
}

func (p platform) oci() *v1.Platform { return &v1.Platform{OS: "linux", Architecture: p.arch} }
