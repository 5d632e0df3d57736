package manifests

import (
	"errors"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/checky-dev/checky/apiserver"
	"github.com/checky-dev/checky/audio"
	"github.com/checky-dev/checky/cmd/program"
	"github.com/checky-dev/checky/controllers"
)

// environment is what the fields and variables of the Pods come to, for arguments that name them.
var environment = strings.NewReplacer("$(POD_NAMESPACE)", "checky-system", "$(POD_NAME)", "checky-controller-0")

// TestArgumentsAreTaken gives the arguments of every container to the options of its command, as the command itself does.
func TestArgumentsAreTaken(t *testing.T) {
	t.Setenv("NODE_NAME", "node")
	t.Setenv("POD_NAMESPACE", "checky-system")
	for _, r := range renderings(t) {
		for _, w := range workloads(t, r.objects) {
			for i := range w.pods.Spec.Containers {
				args := w.pods.Spec.Containers[i].Args
				if err := taken(args[0], args[1:]); err != nil {
					t.Errorf("%s: %s: %v", r.name, w.name, err)
				}
			}
		}
	}
}

// TestArgumentsAreRefused holds the test above to what it is for.
func TestArgumentsAreRefused(t *testing.T) {
	for name, args := range map[string][]string{
		"UnknownFlag": {"controller", "--webhook-secrets=x"},
		"NoValue":     {"controller", "--concurrency=many"},
		"Validated":   {"apiserver", "--max-wait=2h"},
		"Variable":    {"controller", "--namespace=$(POD_NAMESPACES)"},
		"Positional":  {"run", "now"},
		"Command":     {"controllers"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := taken(args[0], args[1:]); err == nil {
				t.Errorf("%v are taken", args)
			}
		})
	}
}

// taken tells why a command does not take arguments, if it does not.
func taken(command string, args []string) error {
	var options program.Options
	switch command {
	case "controller":
		o := controllers.DefaultOptions()
		options = &o
	case "apiserver":
		o := apiserver.DefaultOptions()
		options = &o
	case "run":
		o := audio.DefaultOptions()
		options = &o
	default:
		return errors.New("there is no such command: " + command)
	}
	flags := pflag.NewFlagSet(command, pflag.ContinueOnError)
	options.BindFlags(flags)
	var logging program.LogOptions
	logging.BindFlags(flags)
	given := make([]string, len(args))
	for i := range args {
		given[i] = environment.Replace(args[i])
	}
	if err := flags.Parse(given); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return errors.New("an argument that is no flag: " + flags.Arg(0))
	}
	return errors.Join(options.Validate(), logging.Validate())
}
