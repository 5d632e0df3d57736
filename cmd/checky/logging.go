package main

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

// logOptions choose what is logged and how.
type logOptions struct {
	format string
	debug  bool
}

func (o *logOptions) bindFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.format, "log-format", "json", "json or text")
	flags.BoolVar(&o.debug, "log-debug", false, "log more")
}

func (o *logOptions) validate() error {
	if o.format != "json" && o.format != "text" {
		return fmt.Errorf("--log-format: %q is not json or text", o.format)
	}
	return nil
}

// logger writes structured lines.
func (o *logOptions) logger(w io.Writer) logr.Logger {
	options := &slog.HandlerOptions{Level: slog.LevelInfo}
	if o.debug {
		options.Level = slog.LevelDebug
	}
	var handler slog.Handler = slog.NewJSONHandler(w, options)
	if o.format == "text" {
		handler = slog.NewTextHandler(w, options)
	}
	return logr.FromSlogHandler(handler)
}

// setLogger makes a logger the one of the libraries too.
func setLogger(logger logr.Logger) {
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
}
