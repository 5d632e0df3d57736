package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"github.com/checky-dev/checky/cmd/checky/controlplane"
	"github.com/checky-dev/checky/config"
)

// commands are the command lines of the control plane's servers, by the programs' names.
type commands map[string][]string

// found is a control plane that has run once: its certificates, kinds and roles are there.
type found struct {
	*controlplane.ControlPlane
	commands commands
}

// foundControlPlane has the project's own package set a control plane up in a folder, with Checky's kinds and roles, and ends it again.
func foundControlPlane(ctx context.Context, dir, assets string, log io.Writer) (*found, error) {
	cp, err := controlplane.Start(ctx, controlplane.Options{Dir: dir, Assets: assets, Log: log})
	if err != nil {
		return nil, err
	}
	f := &found{ControlPlane: cp}
	err = f.install(ctx)
	if err == nil {
		f.commands, err = commandsOf(dir, "etcd", "kube-apiserver")
	}
	if err := errors.Join(err, cp.Stop()); err != nil {
		return nil, err
	}
	// What a process has written is the kernel's, and outlives it: only a machine's end would need the disk to be waited for.
	f.commands["etcd"] = append(f.commands["etcd"], "--unsafe-no-fsync")
	return f, nil
}

func (f *found) install(ctx context.Context) error {
	objects, err := controlplane.Manifests(config.Files, append([]string{"crd/bases"}, config.Rights...)...)
	if err != nil {
		return err
	}
	for _, name := range []string{system, Namespace} {
		namespace := &unstructured.Unstructured{}
		namespace.SetAPIVersion("v1")
		namespace.SetKind("Namespace")
		namespace.SetName(name)
		objects = append([]*unstructured.Unstructured{namespace}, objects...)
	}
	return controlplane.Install(ctx, f.RESTConfig(), objects)
}

// commandsOf are the command lines of this machine's processes of some programs that work in a folder.
func commandsOf(dir string, programs ...string) (commands, error) {
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, err
	}
	commands := commands{}
	for _, path := range all {
		line, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended since
		}
		var args []string
		for arg := range bytes.SplitSeq(bytes.TrimSuffix(line, []byte{0}), []byte{0}) {
			args = append(args, string(arg))
		}
		name := filepath.Base(args[0])
		if slices.Contains(programs, name) && bytes.Contains(line, []byte(dir+"/")) {
			commands[name] = args
		}
	}
	if len(commands) != len(programs) {
		return nil, fmt.Errorf("of %v only %d run in %s", programs, len(commands), dir)
	}
	return commands, nil
}

// serviceAccount is the configuration of a client that is one of Checky's service accounts.
func (f *found) serviceAccount(name string) (*rest.Config, error) {
	return f.UserConfig("system:serviceaccount:"+system+":"+name, "system:serviceaccounts", "system:serviceaccounts:"+system)
}

// awaitURL asks a URL until it answers 200.
func awaitURL(ctx context.Context, client *http.Client, url string) error {
	for {
		last := ask(ctx, client, url, nil)
		if last == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w: %w", url, context.Cause(ctx), last)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// askTimeout and askBytes bound one answer to ask.
const (
	askTimeout = 5 * time.Second
	askBytes   = 4 << 20
)

// ask gets a URL. read, if it is not nil, takes the answer's body.
func ask(ctx context.Context, client *http.Client, url string, read func(io.Reader) error) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // what matters of it is read
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	if read == nil {
		return nil
	}
	return read(io.LimitReader(answer.Body, askBytes))
}
