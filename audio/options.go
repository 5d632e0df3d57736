package audio

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/checky-dev/checky/audio/device"
)

// Options are what an operator chooses when the daemon is installed on a node.
type Options struct {
	// NodeName is the node that the daemon runs on, for policies with a nodeSelector, and for Events.
	NodeName string
	// Namespace is Checky's own, where ConfigMaps with sounds are.
	Namespace string
	// StateDir is the folder of the journal; empty: nothing is remembered over a restart.
	StateDir string
	// TonesDir is the folder of sounds that policies name; empty: there is none.
	TonesDir string
	// Device is where sound goes: an ALSA PCM's name, or record:DIR.
	Device string
	// MaxAge is how long ago a Check may have failed, while the daemon was not there, to be announced still.
	MaxAge time.Duration
	// FloodThreshold is how many new failures a minute are told apart; more are one flood signal.
	FloodThreshold int
	// MetricsAddress is where metrics are served; "0" serves none.
	MetricsAddress string
	// HealthAddress is where /livez and /readyz are served; "0" serves none.
	HealthAddress string
}

// DefaultOptions are those of an installed daemon.
func DefaultOptions() Options {
	return Options{
		NodeName:       os.Getenv("NODE_NAME"),
		Namespace:      "checky-system",
		StateDir:       "/var/lib/checky-alertd",
		Device:         "default",
		MaxAge:         15 * time.Minute,
		FloodThreshold: 20,
		MetricsAddress: ":9090",
		HealthAddress:  ":8081",
	}
}

// BindFlags makes a flag of each option.
func (o *Options) BindFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.NodeName, "node-name", o.NodeName, "node that this daemon runs on (default: the environment's NODE_NAME)")
	flags.StringVar(&o.Namespace, "namespace", o.Namespace, "Checky's own namespace, where ConfigMaps with sounds are")
	flags.StringVar(&o.StateDir, "state-dir", o.StateDir, "folder of the journal of what was announced; empty: what was announced is forgotten at a restart")
	flags.StringVar(&o.TonesDir, "tones-dir", o.TonesDir, "folder of WAV and Ogg Vorbis files that policies name (default: there are none)")
	flags.StringVar(&o.Device, "device", o.Device, "where sound goes: the name of an ALSA PCM, such as default or plughw:0,0, or record:DIR to write recordings in place of sound")
	flags.DurationVar(&o.MaxAge, "max-age", o.MaxAge, "how long ago a Check may have failed, while the daemon was not there, to be announced still")
	flags.IntVar(&o.FloodThreshold, "flood-threshold", o.FloodThreshold, "how many new failures a minute are told apart; more are one flood signal")
	flags.StringVar(&o.MetricsAddress, metricsFlag, o.MetricsAddress, `address to serve metrics on, by plain HTTP; "0" serves none`)
	flags.StringVar(&o.HealthAddress, healthFlag, o.HealthAddress, `address to serve /livez and /readyz on; "0" serves none`)
}

// Bounds of the options.
const (
	minMaxAge         = time.Second
	maxMaxAge         = 24 * time.Hour
	maxFloodThreshold = 1000
)

// Validate says which options cannot be, naming the flag.
func (o *Options) Validate() error {
	var problems []error
	if o.NodeName == "" {
		problems = append(problems, errors.New("--node-name: set it, or NODE_NAME in the environment, to the name of the node that this daemon runs on"))
	} else if len(validation.IsDNS1123Subdomain(o.NodeName)) > 0 {
		problems = append(problems, errors.New("--node-name: it is no name that a node can have"))
	}
	if len(validation.IsDNS1123Label(o.Namespace)) > 0 {
		problems = append(problems, errors.New("--namespace: it is no name that a namespace can have"))
	}
	if _, err := device.Parse(o.Device); err != nil {
		problems = append(problems, fmt.Errorf("--device: %w", err))
	}
	if o.MaxAge < minMaxAge || o.MaxAge > maxMaxAge {
		problems = append(problems, fmt.Errorf("--max-age: %s is not between %s and %s", o.MaxAge, minMaxAge, maxMaxAge))
	}
	if o.FloodThreshold < 1 || o.FloodThreshold > maxFloodThreshold {
		problems = append(problems, fmt.Errorf("--flood-threshold: %d is not between 1 and %d", o.FloodThreshold, maxFloodThreshold))
	}
	return errors.Join(append(problems, validateAddress(metricsFlag, o.MetricsAddress), validateAddress(healthFlag, o.HealthAddress))...)
}

// The flags whose addresses are only tried once the daemon runs.
const (
	metricsFlag = "metrics-bind-address"
	healthFlag  = "health-probe-bind-address"
)

func validateAddress(flag, address string) error {
	if address == "0" {
		return nil
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		return fmt.Errorf("--%s: expected HOST:PORT, or 0 for none: %w", flag, err)
	}
	return nil
}
