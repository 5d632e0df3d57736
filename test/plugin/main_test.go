// Package plugin_test runs the real kubectl-checky against a real kube-apiserver and etcd, and the real operator.
package plugin_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/controlplane"
	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
	"github.com/checky-dev/checky/controllers"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	controlplanetest.Main(m)
}

var update = flag.Bool("update", false, "write the golden files anew")

// patience is how long a test waits for what should take moments, on a busy machine.
const patience = 2 * time.Minute

var namespaces atomic.Int64

// cluster is a namespace of a test's own, and the plugin that goes there.
type cluster struct {
	client.WithWatch
	t         *testing.T
	cp        *controlplane.ControlPlane
	namespace string
	plugin    string
	dir       string // where the plugin runs
	env       []string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	cp := controlplanetest.Start(t)
	scheme, err := controllers.Scheme()
	if err != nil {
		t.Fatal(err)
	}
	config := cp.RESTConfig()
	config.QPS = -1
	admin, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{
		WithWatch: admin, t: t, cp: cp, namespace: fmt.Sprintf("plugin-%02d", namespaces.Add(1)),
		plugin: controlplanetest.Build(t, "kubectl-checky"), dir: t.TempDir(),
		env: append(os.Environ(), "KUBECONFIG="+cp.Kubeconfig(), "HOME="+t.TempDir()),
	}
	c.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: c.namespace}})
	return c
}

func (c *cluster) create(objects ...client.Object) {
	c.t.Helper()
	for _, o := range objects {
		if err := c.Create(c.t.Context(), o); err != nil {
			c.t.Fatalf("create %T %s: %v", o, o.GetName(), err)
		}
	}
}

// operate runs the operator until the test ends.
func (c *cluster) operate() {
	c.t.Helper()
	o := controllers.DefaultOptions()
	o.MetricsAddress, o.HealthAddress = "0", "0"
	o.Knowledge = "testdata/knowledge.txt" // so that what is compared changes with nothing else
	ctx, cancel := context.WithCancel(context.WithoutCancel(c.t.Context()))
	mgr, err := controllers.New(ctx, c.cp.RESTConfig(), o, prometheus.NewRegistry())
	if err != nil {
		cancel()
		c.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	c.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			c.t.Errorf("the operator ended: %v", err)
		}
	})
}

const ordersRules = `
rules:
- name: amount-range
  module: {name: range, params: {field: $.amount, min: 0, exclusiveMin: true, max: 10000}}
- name: customer
  severity: warning
  module: {name: required, params: {field: $.customer}}
`

// orders is a rule set that a payload can fail by an error, and by a warning alone.
func (c *cluster) orders() {
	c.t.Helper()
	set := &v1alpha1.RuleSet{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "orders"}}
	if err := yaml.UnmarshalStrict([]byte(ordersRules), &set.Spec); err != nil {
		c.t.Fatal(err)
	}
	c.create(set)
}

// payload makes a Check of a payload as text.
func (c *cluster) payload(name, text string) *v1alpha1.Check {
	return &v1alpha1.Check{
		ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: name},
		Spec:       v1alpha1.CheckSpec{InputJSON: text, RuleSets: []v1alpha1.RuleSetReference{{Kind: v1alpha1.KindRuleSet, Name: "orders"}}},
	}
}

// until waits for a state of a Check.
func (c *cluster) until(name, what string, is func(*v1alpha1.Check) bool) *v1alpha1.Check {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	check := &v1alpha1.Check{}
	err := wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		check = &v1alpha1.Check{}
		if err := c.Get(ctx, client.ObjectKey{Namespace: c.namespace, Name: name}, check); err != nil {
			return false, client.IgnoreNotFound(err)
		}
		return is(check), nil
	})
	if err != nil {
		c.t.Fatalf("%s: %s: %v\n%+v", name, what, err, check.Status)
	}
	return check
}

func (c *cluster) phase(name string, phase v1alpha1.Phase) *v1alpha1.Check {
	c.t.Helper()
	return c.until(name, string(phase), func(k *v1alpha1.Check) bool {
		return k.Status.Phase == phase && k.Status.ObservedGeneration == k.Generation
	})
}

// checks are those of the namespace.
func (c *cluster) checks() []v1alpha1.Check {
	c.t.Helper()
	var list v1alpha1.CheckList
	if err := c.List(c.t.Context(), &list, client.InNamespace(c.namespace)); err != nil {
		c.t.Fatal(err)
	}
	return list.Items
}

// file writes a file where the plugin runs.
func (c *cluster) file(name, text string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// answer is what the plugin printed, and its exit code.
type answer struct {
	out, err string
	code     int
}

// command is the plugin with arguments, in the test's namespace.
func (c *cluster) command(args ...string) *exec.Cmd {
	command := exec.CommandContext(c.t.Context(), c.plugin, append(args, "--namespace", c.namespace)...)
	command.Dir, command.Env = c.dir, c.env
	return command
}

func (c *cluster) run(args ...string) answer { return c.runWith("", args...) }

func (c *cluster) runWith(stdin string, args ...string) answer {
	c.t.Helper()
	var out, errOut bytes.Buffer
	command := c.command(args...)
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(stdin), &out, &errOut
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.t.Fatal(err)
	}
	return answer{out.String(), errOut.String(), command.ProcessState.ExitCode()}
}

// must is run where nothing should go wrong.
func (c *cluster) must(args ...string) string {
	c.t.Helper()
	a := c.run(args...)
	if a.code != 0 || a.err != "" {
		c.t.Fatalf("kubectl checky %s: %d\n%s%s", strings.Join(args, " "), a.code, a.err, a.out)
	}
	return a.out
}

var (
	aTime = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	anAge = regexp.MustCompile(`\b\d+s( ago\)| +)`)
)

// golden compares what people read with a file.
func (c *cluster) golden(name, got string) {
	c.t.Helper()
	got = strings.ReplaceAll(got, c.namespace, "NAMESPACE")
	got = anAge.ReplaceAllStringFunc(aTime.ReplaceAllString(got, "TIME"), func(age string) string {
		if strings.HasSuffix(age, ")") {
			return "AGE ago)"
		}
		return "AGE   "
	})
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		c.t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		c.t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
