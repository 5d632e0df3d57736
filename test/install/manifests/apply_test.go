package manifests

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/checky-dev/checky/cmd/checky/controlplane"
	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
)

func TestMain(m *testing.M) { controlplanetest.Main(m) }

// borrowed are the kinds of others whose definitions come with their Go modules, by the module: what the opt-ins make of them is looked at by
// the API server too. The operator's of Prometheus are not among them; their Go types are what those are held to.
var borrowed = map[string][]string{
	"github.com/cert-manager/cert-manager": {"deploy/crds/cert-manager.io_certificates.yaml", "deploy/crds/cert-manager.io_issuers.yaml"},
	"sigs.k8s.io/gateway-api": {
		"config/crd/standard/gateway.networking.k8s.io_gateways.yaml",
		"config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
		"config/crd/standard/gateway.networking.k8s.io_backendtlspolicies.yaml",
	},
}

// borrow has the API server serve the kinds of others.
func borrow(t *testing.T, cp *controlplane.ControlPlane) {
	t.Helper()
	for module, files := range borrowed {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
		if err != nil {
			t.Fatal(module, err)
		}
		for _, file := range files {
			file = filepath.Join(strings.TrimSpace(string(out)), file)
			if out, err := kubectl(t, cp, nil, "apply", "--server-side", "-f", file); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if out, err := kubectl(t, cp, nil, "wait", "--for=condition=Established", "--timeout=60s", "-f", file); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		}
	}
}

// foreign tells whether a rendering has a kind that the API server does not know.
func foreign(objects []*unstructured.Unstructured) bool {
	return slices.ContainsFunc(objects, func(object *unstructured.Unstructured) bool {
		return strings.HasPrefix(object.GetAPIVersion(), "monitoring.coreos.com/")
	})
}

// kubectl runs the kubectl that belongs to the control plane, as the administrator.
func kubectl(t *testing.T, cp *controlplane.ControlPlane, in []byte, args ...string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), cp.KubectlPath(), args...)
	command.Env = append(os.Environ(), "KUBECONFIG="+cp.Kubeconfig())
	command.Stdin = bytes.NewReader(in)
	out, err := command.CombinedOutput()
	return string(out), err
}

// TestAPIServerTakesEveryOverlay has a real API server look at every object of every overlay, admission and defaults included, and refuse
// unknown fields; nothing is stored but the namespaces, without which nothing in them can be looked at.
func TestAPIServerTakesEveryOverlay(t *testing.T) {
	cp := controlplanetest.Start(t)
	if out, err := kubectl(t, cp, nil, "apply", "--server-side", "-k", filepath.Join(configs, "namespaces")); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	borrow(t, cp)
	asked := 0
	for _, r := range renderings(t) {
		if foreign(r.objects) {
			continue
		}
		asked++
		text, err := list(r.objects)
		if err != nil {
			t.Fatal(err)
		}
		out, err := kubectl(t, cp, text, "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
		if err != nil {
			t.Errorf("%s: %v\n%s", r.name, err, out)
		}
		if strings.Contains(out, "Warning") {
			t.Errorf("%s: the API server warns:\n%s", r.name, out)
		}
	}
	for _, overlay := range overlays { // as people do it, with the kustomize that is in kubectl
		if out, err := kubectl(t, cp, nil, "apply", "--server-side", "--dry-run=server", "-k", filepath.Join(configs, overlay)); err != nil {
			t.Errorf("config/%s: %v\n%s", overlay, err, out)
		}
	}
	if out, err := kubectl(t, cp, nil, "apply", "--server-side", "--dry-run=server", "-f", filepath.Join(configs, "samples")); err != nil {
		t.Errorf("config/samples: %v\n%s", err, out)
	}
	if asked < len(overlays) {
		t.Errorf("%d renderings were looked at", asked)
	}
}

// list is the List of objects that kubectl takes from its input.
func list(objects []*unstructured.Unstructured) ([]byte, error) {
	items := make([]any, len(objects))
	for i, object := range objects {
		items[i] = object.Object
	}
	return json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
}

// installation is config/with-alertd on the package's control plane, for tests that ask the API server about it.
var installation struct {
	once sync.Once
	err  error
	out  string
}

// install installs config/with-alertd once. No Pod comes of it: there is no node.
func install(t *testing.T) *controlplane.ControlPlane {
	t.Helper()
	cp := controlplanetest.Start(t)
	installation.once.Do(func() {
		installation.out, installation.err = kubectl(t, cp, nil, "apply", "--server-side", "-k", filepath.Join(configs, "with-alertd"))
	})
	if installation.err != nil {
		t.Fatalf("%v\n%s", installation.err, installation.out)
	}
	return cp
}

// aggregate runs the part of kube-controller-manager that fills in aggregated ClusterRoles, until the test ends.
func aggregate(t *testing.T, cp *controlplane.ControlPlane) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var log bytes.Buffer
	command := exec.CommandContext(ctx, filepath.Join(filepath.Dir(cp.KubectlPath()), "kube-controller-manager"),
		"--kubeconfig="+cp.Kubeconfig(), "--controllers=clusterrole-aggregation-controller", "--leader-elect=false",
		"--bind-address=127.0.0.1", "--secure-port=0")
	command.Stderr = &log
	if err := command.Start(); err != nil {
		t.Fatalf("kube-controller-manager: %v; hack/controlplane/build.sh node builds it", err)
	}
	t.Cleanup(func() {
		cancel()
		_ = command.Wait() // it was killed
		if t.Failed() {
			t.Logf("kube-controller-manager:\n%s", log.String())
		}
	})
}
