package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
)

const (
	// maxCompletions is how many names are offered; more letters bring the rest.
	maxCompletions = 200
	// completionTimeout is how long a shell waits for them.
	completionTimeout = 2 * time.Second
)

// kubectlScript is what kubectl (1.26 and later) runs to complete a plugin's words: an executable kubectl_complete-NAME on PATH.
const kubectlScript = `#!/usr/bin/env sh
# Completes "kubectl checky": kubectl calls it by its name, which has to be kubectl_complete-checky.
exec kubectl-checky __complete "$@"
`

func newCompletionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell", "kubectl"}
	return &cobra.Command{
		Use:   "completion (" + strings.Join(shells, " | ") + ")",
		Short: "Print a script that completes commands and names in a shell",
		Long: `Print a script that completes commands, flags and the names of what is in the cluster.

For kubectl checky, with kubectl's own completion, put kubectl's into a folder of PATH as an executable kubectl_complete-checky:

  kubectl checky completion kubectl > ~/.local/bin/kubectl_complete-checky
  chmod +x ~/.local/bin/kubectl_complete-checky

The others are for the program under its own name, kubectl-checky:

  source <(kubectl-checky completion bash)`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			return writeCompletion(cmd.Root(), args[0], cmd.OutOrStdout())
		},
	}
}

func writeCompletion(root *cobra.Command, shell string, out io.Writer) error {
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(out, true)
	case "zsh":
		return root.GenZshCompletion(out)
	case "fish":
		return root.GenFishCompletion(out, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(out)
	}
	_, err := io.WriteString(out, kubectlScript)
	return err
}

type completion = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// complete offers fixed words for a flag.
func complete(command *cobra.Command, flag string, words ...string) {
	must(command.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)))
}

// must is for what only a mistake in this program can make fail.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// completeFlags offers what kubectl does for the flags that lead to the cluster.
func (s *session) completeFlags(root *cobra.Command) {
	must(root.RegisterFlagCompletionFunc("namespace", s.completeObjects("Namespace")))
	for flag, names := range map[string]func(*session) []string{
		"context": (*session).contexts, "cluster": (*session).clusters, "user": (*session).users,
	} {
		must(root.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, _ []string, begin string) ([]string, cobra.ShellCompDirective) {
			return beginning(names(s), begin), cobra.ShellCompDirectiveNoFileComp
		}))
	}
}

// completeChecks offers the names of Checks, each once, for so many arguments.
func (s *session) completeChecks(most int) completion {
	return func(cmd *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		names, directive := s.completeObjects("Check")(cmd, args, begin)
		return slices.DeleteFunc(names, func(name string) bool { return slices.Contains(args, name) }), directive
	}
}

// completeObjects offers the names of a kind's objects. Where they cannot be had in time there are none.
func (s *session) completeObjects(kind string) completion {
	of := v1alpha1.GroupVersion.WithKind(kind)
	if kind == "Namespace" {
		of = corev1.SchemeGroupVersion.WithKind(kind)
	}
	return func(cmd *cobra.Command, _ []string, begin string) ([]string, cobra.ShellCompDirective) {
		ctx := cmd.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := context.WithTimeout(ctx, completionTimeout)
		defer cancel()
		c, err := s.open(io.Discard)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		names, err := c.names(ctx, of, begin)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// names are the first names of a kind that begin so, page by page, without the objects' other fields.
func (c *cluster) names(ctx context.Context, kind schema.GroupVersionKind, begin string) ([]string, error) {
	var options []client.ListOption
	if mapping, err := c.RESTMapper().RESTMapping(kind.GroupKind(), kind.Version); err == nil && mapping.Scope.Name() == "namespace" {
		options = append(options, client.InNamespace(c.namespace))
	}
	var names []string
	kind.Kind += "List"
	_, err := each(ctx, c, func() *metav1.PartialObjectMetadataList {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(kind)
		return list
	}, func(l *metav1.PartialObjectMetadataList) []metav1.PartialObjectMetadata { return l.Items },
		func(o *metav1.PartialObjectMetadata) error {
			if strings.HasPrefix(o.Name, begin) {
				names = append(names, o.Name)
			}
			if len(names) == maxCompletions {
				return errDone
			}
			return nil
		}, options...)
	if err != nil && err != errDone { //nolint:errorlint // it is returned as it is
		return nil, err
	}
	return names, nil
}

func (s *session) contexts() []string {
	raw, _ := s.flags.ToRawKubeConfigLoader().RawConfig() // none where it cannot be read
	return slices.Sorted(maps.Keys(raw.Contexts))
}

func (s *session) clusters() []string {
	raw, _ := s.flags.ToRawKubeConfigLoader().RawConfig() // none where it cannot be read
	return slices.Sorted(maps.Keys(raw.Clusters))
}

func (s *session) users() []string {
	raw, _ := s.flags.ToRawKubeConfigLoader().RawConfig() // none where it cannot be read
	return slices.Sorted(maps.Keys(raw.AuthInfos))
}

func beginning(names []string, begin string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, begin) })
}

// validName says whether an object may have a name, before the API server is asked for it.
func validName(name string) error {
	if problems := validation.IsDNS1123Subdomain(name); len(problems) > 0 {
		return fmt.Errorf("%q is no name of an object: %s", clip(name, maxCell), problems[0])
	}
	return nil
}
