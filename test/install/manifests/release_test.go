package manifests

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/checky-dev/checky/cmd/checky/controlplane"
)

// cluster is an API server that knows nothing of Checky, and Helm for it.
type cluster struct {
	t     *testing.T
	cp    *controlplane.ControlPlane
	chart *chart.Chart
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	cp, err := controlplane.Start(t.Context(), controlplane.Options{Log: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cp.Stop(); err != nil {
			t.Error(err)
		}
	})
	loaded, err := loader.Load(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	return &cluster{t: t, cp: cp, chart: loaded}
}

// helm is Helm's state in a namespace, kept in Secrets as usual.
func (c *cluster) helm(namespace string) *action.Configuration {
	c.t.Helper()
	flags := genericclioptions.NewConfigFlags(false)
	kubeconfig := c.cp.Kubeconfig()
	flags.KubeConfig, flags.Namespace = &kubeconfig, &namespace
	var configuration action.Configuration
	if err := configuration.Init(flags, namespace, "secret", c.t.Logf); err != nil {
		c.t.Fatal(err)
	}
	return &configuration
}

// install is helm install NAME charts/checky -n NAMESPACE --create-namespace, and returns the notes.
func (c *cluster) install(name, namespace, values string) (string, error) {
	c.t.Helper()
	install := action.NewInstall(c.helm(namespace))
	install.ReleaseName, install.Namespace, install.CreateNamespace = name, namespace, true
	made, err := install.RunWithContext(c.t.Context(), c.chart, parse(c.t, values))
	if err != nil {
		return "", err
	}
	return made.Info.Notes, nil
}

// upgrade is helm upgrade checky charts/checky.
func (c *cluster) upgrade(values string) {
	c.t.Helper()
	upgrade := action.NewUpgrade(c.helm(namespace))
	upgrade.Namespace = namespace
	if _, err := upgrade.RunWithContext(c.t.Context(), releaseName, c.chart, parse(c.t, values)); err != nil {
		c.t.Fatal(err)
	}
}

// must runs kubectl, and returns what it printed.
func (c *cluster) must(in string, args ...string) string {
	c.t.Helper()
	out, err := kubectl(c.t, c.cp, []byte(in), args...)
	if err != nil {
		c.t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// has fails the test unless something of an object is what it should be.
func (c *cluster) has(want, jsonpath string, args ...string) {
	c.t.Helper()
	if got := c.must("", append([]string{"get", "-o", "jsonpath=" + jsonpath}, args...)...); !strings.Contains(got, want) {
		c.t.Errorf("%s of %s: %s, want %s", jsonpath, strings.Join(args, " "), got, want)
	}
}

// gone fails the test if there is an object.
func (c *cluster) gone(args ...string) {
	c.t.Helper()
	if out, err := kubectl(c.t, c.cp, nil, append([]string{"get"}, args...)...); err == nil || !strings.Contains(out, "NotFound") {
		c.t.Errorf("%s: %v, %s; want it gone", strings.Join(args, " "), err, out)
	}
}

// people's own, which no release may take away.
const peoples = `
apiVersion: checky.dev/v1alpha1
kind: RuleSet
metadata: {name: orders, namespace: checky}
spec: {rules: [{name: amount, cel: {expression: input.amount < 100}}]}
`

// TestRelease goes the way of a release on a real API server: installed, changed, refused a second time, taken away, installed again.
func TestRelease(t *testing.T) {
	c := newCluster(t)
	notes, err := c.install(releaseName, namespace, "")
	if err != nil {
		t.Fatal(err)
	}
	c.must(peoples, "apply", "-f", "-")
	c.takesNotes(notes)
	c.has("2", "{.spec.replicas}", "-n", namespace, "deployment/checky-controller")

	// The controller has put its authority into the webhooks.
	authority, err := os.ReadFile(c.cp.AuthorityFile())
	if err != nil {
		t.Fatal(err)
	}
	bundle := base64.StdEncoding.EncodeToString(authority)
	c.must("", "patch", "validatingwebhookconfiguration", "checky-validating-webhook-configuration", "--type=json",
		"-p", `[{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": "`+bundle+`"}]`)
	c.upgrade(`{controller: {replicas: 3}, apiserver: {signUp: false, autoscaling: {enabled: true}}, alertd: {enabled: true}, knowledge: {content: a line}}`)
	c.has("3", "{.spec.replicas}", "-n", namespace, "deployment/checky-controller")
	c.has("--sign-up=false", "{.spec.template.spec.containers[0].args}", "-n", namespace, "deployment/checky-apiserver")
	c.has("a line", "{.data}", "-n", namespace, "configmap/checky-knowledge")
	c.has("checky-alertd", "{.metadata.name}", "-n", namespace, "daemonset/checky-alertd")
	c.has("2", "{.spec.minReplicas}", "-n", namespace, "horizontalpodautoscaler/checky-apiserver")
	c.has("2", "{.spec.replicas}", "-n", namespace, "deployment/checky-apiserver")
	c.must("", "-n", namespace, "scale", "deployment/checky-apiserver", "--replicas=7") // as the autoscaler would
	c.upgrade(`{apiserver: {autoscaling: {enabled: true}}}`)
	c.has("7", "{.spec.replicas}", "-n", namespace, "deployment/checky-apiserver")
	c.has(bundle, "{.webhooks[0].clientConfig.caBundle}", "validatingwebhookconfiguration/checky-validating-webhook-configuration")
	c.gone("-n", namespace, "daemonset/checky-alertd")
	c.gone("-n", namespace, "configmap/checky-knowledge")
	c.upgrade(`{webhooks: {enabled: false}}`)
	c.gone("validatingwebhookconfiguration/checky-validating-webhook-configuration")
	c.has("2", "{.spec.replicas}", "-n", namespace, "deployment/checky-apiserver")

	if _, err := c.install("second", "elsewhere", ""); err == nil || !strings.Contains(err.Error(), "invalid ownership metadata") {
		t.Errorf("a second Checky in the cluster: %v", err)
	}

	if _, err := action.NewUninstall(c.helm(namespace)).Run(releaseName); err != nil {
		t.Fatal(err)
	}
	c.gone("-n", namespace, "deployment/checky-controller")
	c.gone("clusterrole/checky-controller")
	c.has("orders", "{.metadata.name}", "-n", "checky", "ruleset/orders")
	if _, err := c.install(releaseName, namespace, ""); err != nil {
		t.Errorf("installed again: %v", err)
	}
	c.has("orders", "{.metadata.name}", "-n", "checky", "ruleset/orders")
}

// TestReleaseTakesOver changes over from kubectl apply -k, as docs/helm.md says: the Deployments stay the same objects.
func TestReleaseTakesOver(t *testing.T) {
	c := newCluster(t)
	c.must("", "apply", "-k", filepath.Join(configs, "default"))
	uid := c.must("", "get", "-n", namespace, "deployment/checky-apiserver", "-o", "jsonpath={.metadata.uid}")
	if _, err := c.install(releaseName, namespace, ""); err == nil || !strings.Contains(err.Error(), "invalid ownership metadata") {
		t.Errorf("what is not Helm's: %v", err)
	}
	install := action.NewInstall(c.helm(namespace))
	install.ReleaseName, install.Namespace, install.TakeOwnership = "taken", namespace, true
	if _, err := install.RunWithContext(t.Context(), c.chart, map[string]any{}); err != nil {
		t.Fatal(err)
	}
	c.has(uid, "{.metadata.uid}", "-n", namespace, "deployment/checky-apiserver")
}

// takesNotes holds the object in the notes to being one that the API server takes.
func (c *cluster) takesNotes(notes string) {
	c.t.Helper()
	_, object, _ := strings.Cut(commands(notes), "echo '")
	object, _, found := strings.Cut(object, "' | kubectl apply -f -\n")
	if !found {
		c.t.Fatalf("the notes have no object:\n%s", notes)
	}
	c.must(object, "apply", "--dry-run=server", "--validate=strict", "-f", "-")
}

// TestChartNamesWhatItInstalls holds what Artifact Hub is told of the chart to what the chart installs: images of its version, and every kind.
func TestChartNamesWhatItInstalls(t *testing.T) {
	loaded, err := loader.Load(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	told := loaded.Metadata.Annotations
	objects, err := Helm(chartDir, parse(t, `{alertd: {enabled: true}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range workloads(t, objects) {
		if image := w.pods.Spec.Containers[0].Image; !strings.Contains(told["artifacthub.io/images"], "image: "+image+"\n") {
			t.Errorf("Chart.yaml: artifacthub.io/images lacks %s", image)
		}
	}
	for _, object := range objects {
		if object.GetKind() == "CustomResourceDefinition" && !strings.Contains(told["artifacthub.io/crds"], "name: "+object.GetName()+",") {
			t.Errorf("Chart.yaml: artifacthub.io/crds lacks %s", object.GetName())
		}
	}
}
