package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	root      string
	out       string
	version   string
	image     string // "" is all of them
	registry  string
	platforms []platform
	docker    bool
	oci       bool
	cache     string
}

func parse(args []string, errOut io.Writer) (options, error) {
	o := options{}
	flags := flag.NewFlagSet("images", flag.ContinueOnError)
	flags.SetOutput(errOut)
	flags.StringVar(&o.root, "root", "../..", "the checkout")
	flags.StringVar(&o.out, "out", "", "the folder that the archives are written to")
	flags.StringVar(&o.version, "version", "", "the release, as v0.1.0: the images' tag, and what --version prints")
	flags.StringVar(&o.image, "image", "", "this image alone: "+strings.Join(names(), " or "))
	flags.StringVar(&o.registry, "registry", "ghcr.io/checky-dev", "where the images' names begin")
	flags.StringVar(&o.cache, "cache", "", "the folder of downloaded packages (default: checky/images in the user's cache folder)")
	platforms := flags.String("platform", host().String(), "linux/amd64, linux/arm64, or both with a comma between; checky-alertd is built for this machine's alone")
	format := flags.String("format", "docker,oci", "docker: an archive, NAME.tar, of this machine's architecture; oci: a layout, the folder NAME.oci, of all platforms")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	for _, f := range strings.Split(*format, ",") {
		switch f {
		case "docker":
			o.docker = true
		case "oci":
			o.oci = true
		default:
			return o, fmt.Errorf("-format %q: must be docker, oci or docker,oci", f)
		}
	}
	for _, name := range strings.Split(*platforms, ",") {
		p, err := parsePlatform(name)
		if err != nil {
			return o, err
		}
		if !slices.Contains(o.platforms, p) {
			o.platforms = append(o.platforms, p)
		}
	}
	return o, o.validate(flags.Args())
}

func (o *options) validate(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case o.out == "":
		return errors.New("-out: set the folder that the archives are written to")
	case o.version == "":
		return errors.New("-version: set the release, as v0.1.0")
	case o.image != "" && !slices.Contains(names(), o.image):
		return fmt.Errorf("-image %q: must be %s", o.image, strings.Join(names(), " or "))
	case o.docker && !slices.Contains(o.platforms, host()):
		return fmt.Errorf("-format docker: the archive is %s's, which -platform lacks; take -format oci", host())
	}
	return nil
}

func run(ctx context.Context, args []string, out, errOut io.Writer) error {
	o, err := parse(args, errOut)
	if err != nil {
		return err
	}
	s, err := readSource(ctx, o.root, o.version)
	if err != nil {
		return err
	}
	if o.cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("-cache: %w", err)
		}
		o.cache = filepath.Join(user, "checky", "images")
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil { //nolint:gosec // what is built is for all to read
		return fmt.Errorf("-out: %w", err)
	}
	for _, r := range recipes {
		if o.image != "" && o.image != r.name {
			continue
		}
		built, err := r.build(ctx, s, o)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		if err := built.write(o, out); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	return nil
}
