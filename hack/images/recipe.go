package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// recipe is what one image is made of.
type recipe struct {
	name        string // of the program, its package in cmd and the image
	title       string
	description string
	cgo         bool     // links with C libraries, which it then carries
	packages    []string // Debian's
	data        []string // what it reads of them at run time
}

var recipes = []recipe{
	{
		name: "checky", title: "Checky",
		description: "Checks data on Kubernetes by rules and explains each verdict: the controller, the REST facade and the command line",
		packages:    []string{"base-files", "ca-certificates"},
	},
	{
		name: "checky-alertd", title: "Checky alert daemon",
		description: "Sounds a tone on the node when a Check fails",
		cgo:         true,
		packages:    []string{"base-files", "ca-certificates", "libc6", "libasound2", "libasound2-data"},
		data:        []string{"usr/share/alsa"},
	},
}

func names() []string {
	all := make([]string, len(recipes))
	for i, r := range recipes {
		all[i] = r.name
	}
	return all
}

// build makes the image for each platform.
func (r recipe) build(ctx context.Context, s source, o options) (*built, error) {
	work, err := os.MkdirTemp("", "checky-images-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work) //nolint:errcheck // nothing to lose
	b := &built{recipe: r, images: map[platform]v1.Image{}}
	platforms := o.platforms
	if r.cgo {
		if err := requireDistribution(); err != nil {
			return nil, err
		}
		platforms = []platform{host()}
	}
	d, err := unpack(ctx, o.cache, work, r.packages)
	if err != nil {
		return nil, err
	}
	for _, p := range platforms {
		layers, err := r.layers(ctx, s, p, d)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		if b.images[p], err = r.image(s, p, layers); err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		b.platforms = append(b.platforms, p)
	}
	return b, nil
}

// layers are the image's: what changes with Debian below, what changes with each commit above.
func (r recipe) layers(ctx context.Context, s source, p platform, d debian) ([]v1.Layer, error) {
	below, err := basics(d)
	if err != nil {
		return nil, err
	}
	for _, name := range r.data {
		if err := below.copy(d.dir, name); err != nil {
			return nil, err
		}
	}
	file := filepath.Join(d.dir, "."+r.name+"-"+p.arch)
	if err := s.goBuild(ctx, p, r.cgo, r.name, file); err != nil {
		return nil, err
	}
	if r.cgo {
		if err := below.libraries(d, file); err != nil {
			return nil, err
		}
	}
	above, err := r.program(s, file)
	if err != nil {
		return nil, err
	}
	layers := make([]v1.Layer, 0, 2)
	for _, t := range []tree{below, above} {
		layer, err := t.layer(s.time)
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer)
	}
	return layers, nil
}

// basics are what any program expects: users, a folder for temporary files, the authorities that it trusts.
func basics(d debian) (tree, error) {
	t := tree{}
	t.add("etc/passwd", 0o644, []byte("root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n"))
	t.add("etc/group", 0o644, []byte("root:x:0:\nnonroot:x:65532:\n"))
	t.add("tmp", fs.ModeDir|fs.ModeSticky|0o777, nil)
	certificates, err := d.certificates()
	if err != nil {
		return nil, err
	}
	t.add("etc/ssl/certs/ca-certificates.crt", 0o644, certificates)
	return t, d.record(t)
}

// program is the binary with its licences.
func (r recipe) program(s source, file string) (tree, error) {
	t := tree{}
	body, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	t.add("usr/local/bin/"+r.name, 0o755, body)
	for _, name := range []string{"LICENSE", "THIRD_PARTY_NOTICES.txt"} {
		text, err := os.ReadFile(filepath.Join(s.root, name))
		if err != nil {
			return nil, err
		}
		t.add("usr/share/doc/checky/"+name, 0o644, text)
	}
	return t, nil
}
