package program

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

// LogOptions choose what is logged and how.
type LogOptions struct {
	Format string // json or text; empty: json
	Debug  bool
}

// BindFlags makes a flag of each option.
func (o *LogOptions) BindFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.Format, "log-format", "json", "json or text")
	flags.BoolVar(&o.Debug, "log-debug", false, "log more")
}

// Validate says which options cannot be, naming the flag.
func (o *LogOptions) Validate() error {
	if o.Format != "json" && o.Format != "text" {
		return fmt.Errorf("--log-format: %q is not json or text", o.Format)
	}
	return nil
}

// Logger writes structured lines.
func (o *LogOptions) Logger(w io.Writer) logr.Logger {
	options := &slog.HandlerOptions{Level: slog.LevelInfo}
	if o.Debug {
		options.Level = slog.LevelDebug
	}
	var handler slog.Handler = slog.NewJSONHandler(w, options)
	if o.Format == "text" {
		handler = slog.NewTextHandler(w, options)
	}
	return logr.FromSlogHandler(handler)
}

// SetLogger makes a logger the one of the libraries too.
func SetLogger(logger logr.Logger) {
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
}
