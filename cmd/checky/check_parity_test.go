package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	kyaml "k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/checky-dev/checky"
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/config"
	checkcontroller "github.com/checky-dev/checky/controllers/check"
	"github.com/checky-dev/checky/controllers/metrics"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rag"
	"github.com/checky-dev/checky/rules/builtin"
)

// everything may be watched.
type everything struct{}

func (everything) Watch(context.Context, schema.GroupVersionKind) error { return nil }

// statuses writes them as a client does.
type statuses struct{ client.Client }

func (s statuses) WriteStatus(ctx context.Context, check *v1alpha1.Check, status *v1alpha1.CheckStatus) (version string, err error) {
	written := check.DeepCopy()
	written.Status = *status
	err = s.Status().Update(ctx, written)
	return written.ResourceVersion, err
}

// samplesInCluster are the samples' objects, as a client would send them.
func samplesInCluster(t *testing.T) []client.Object {
	t.Helper()
	entries, err := config.Files.ReadDir("samples")
	if err != nil {
		t.Fatal(err)
	}
	var objects []client.Object
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".yaml") || entry.Name() == "kustomization.yaml" {
			continue
		}
		text, err := config.Files.ReadFile("samples/" + entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		decoder := kyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
		for {
			object := &unstructured.Unstructured{}
			err := decoder.Decode(object)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", entry.Name(), err)
			}
			if len(object.Object) > 0 {
				storeSecret(t, object)
				objects = append(objects, object)
			}
		}
	}
	return objects
}

// storeSecret moves a Secret's stringData into its data, as the API server does.
func storeSecret(t *testing.T, object *unstructured.Unstructured) {
	t.Helper()
	written, _, err := unstructured.NestedStringMap(object.Object, "stringData")
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range written {
		if err := unstructured.SetNestedField(object.Object, base64.StdEncoding.EncodeToString([]byte(value)), "data", key); err != nil {
			t.Fatal(err)
		}
	}
	unstructured.RemoveNestedField(object.Object, "stringData")
}

// verdictsOfTheController runs the controller over the samples.
func verdictsOfTheController(t *testing.T, now time.Time) map[string]v1alpha1.CheckStatus {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1alpha1.Check{}).WithObjects(samplesInCluster(t)...).Build()
	library, err := rag.New(checky.KnowledgeName, checky.Knowledge, rag.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = library.Close() })
	meters, err := metrics.New(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	clock := clocktesting.NewFakePassiveClock(now)
	r := &checkcontroller.Reconciler{
		Client: c, Live: c, Statuses: statuses{c}, Inputs: everything{},
		Engine:  &engine.Engine{Retriever: library, RetrievalTimeout: knowledgeTimeout},
		Library: engine.NewLibrary(builtin.New()),
		Events:  events.NewFakeRecorder(1000), Metrics: meters, Clock: clock,
	}
	list := &v1alpha1.CheckList{}
	if err := c.List(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	statuses := map[string]v1alpha1.CheckStatus{}
	for _, check := range list.Items {
		key := types.NamespacedName{Namespace: check.Namespace, Name: check.Name}
		for clock.SetTime(now); len(check.Status.Conditions) == 0; { // rules that are missing are waited for a moment
			result, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: key})
			if err != nil {
				t.Fatalf("%s: %v", key, err)
			}
			if err := c.Get(t.Context(), key, &check); err != nil {
				t.Fatal(err)
			}
			clock.SetTime(clock.Now().Add(result.RequeueAfter))
		}
		statuses[key.String()] = check.Status
	}
	return statuses
}

// The samples get from files what the controller gives them, byte for byte. What it waits for is an Error here,
// with its message.
func TestCheckGivesTheControllersVerdicts(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	want := verdictsOfTheController(t, now)
	_, out, errOut := runChecky(t, "", "check", "-f", "../../config/samples", "-o", "json", "--now", now.Format(time.RFC3339))
	var got []struct {
		Name string `json:"name"`
		v1alpha1.Verdict
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v: %s", err, errOut)
	}
	if len(got) != len(want) || len(got) == 0 {
		t.Errorf("%d verdicts, the controller gives %d", len(got), len(want))
	}
	for _, g := range got {
		status := want[g.Name]
		if status.Phase == v1alpha1.PhasePending {
			i := slices.IndexFunc(status.Conditions, func(c metav1.Condition) bool { return c.Type == v1alpha1.ConditionComplete })
			head, _, _ := strings.Cut(g.Explanation, "\n")
			if diff := cmp.Diff("Error: "+status.Conditions[i].Message, head); g.Phase != v1alpha1.PhaseError || diff != "" {
				t.Errorf("%s: phase %s (-controller +got):\n%s", g.Name, g.Phase, diff)
			}
			continue
		}
		if g.Name == "default/deployment-web" { // the API server adds fields to the object
			g.InputDigest, status.InputDigest = "", ""
		}
		controllers, err := json.Marshal(&status.Verdict)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := json.Marshal(&g.Verdict)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(controllers), string(ours)); diff != "" {
			t.Errorf("%s (-controller +got):\n%s", g.Name, diff)
		}
	}
}
