package manifests

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// madeLater are objects that a rendering refers to and does not have: who makes them is said here.
var madeLater = map[string]string{
	"Secret/checky-system/checky-webhook-tls":          "the controller, or cert-manager",
	"Secret/checky-system/checky-apiserver-tls":        "the controller, or cert-manager",
	"Secret/checky-system/checky-apiserver-env":        "whoever has secrets for the facade; it is optional",
	"Secret/checky-system/checky-apiserver-public-tls": "cert-manager, for the Ingress or the Gateway",
}

// index are the names of what a rendering has: KIND/NAMESPACE/NAME.
func index(objects []*unstructured.Unstructured) map[string]bool {
	has := map[string]bool{}
	for _, object := range objects {
		has[strings.Join([]string{object.GetKind(), object.GetNamespace(), object.GetName()}, "/")] = true
	}
	return has
}

// TestPodsFindWhatTheyName looks up the ServiceAccounts, Secrets and ConfigMaps of every Pod.
func TestPodsFindWhatTheyName(t *testing.T) {
	for _, r := range renderings(t) {
		has := index(r.objects)
		for _, w := range workloads(t, r.objects) {
			spec, named := &w.pods.Spec, []string{"ServiceAccount/" + w.meta.Namespace + "/" + w.pods.Spec.ServiceAccountName}
			for i := range spec.Volumes {
				volume := &spec.Volumes[i]
				if volume.Secret != nil {
					named = append(named, "Secret/"+w.meta.Namespace+"/"+volume.Secret.SecretName)
				}
				if volume.ConfigMap != nil {
					named = append(named, "ConfigMap/"+w.meta.Namespace+"/"+volume.ConfigMap.Name)
				}
			}
			for i := range spec.Containers {
				for _, from := range spec.Containers[i].EnvFrom {
					if from.SecretRef != nil {
						named = append(named, "Secret/"+w.meta.Namespace+"/"+from.SecretRef.Name)
					}
				}
			}
			for _, name := range named {
				if !has[name] && madeLater[name] == "" {
					t.Errorf("%s: %s names %s, which nobody makes", r.name, w.name, name)
				}
			}
		}
	}
}

// TestMountsHaveVolumes looks up the volumes of every mount, and holds that a mounted ConfigMap is a folder: a subPath is never updated.
func TestMountsHaveVolumes(t *testing.T) {
	for _, r := range renderings(t) {
		for _, w := range workloads(t, r.objects) {
			volumes, mounted := map[string]bool{}, map[string]bool{}
			for i := range w.pods.Spec.Volumes {
				volumes[w.pods.Spec.Volumes[i].Name] = true
			}
			for i := range w.pods.Spec.Containers {
				for _, mount := range w.pods.Spec.Containers[i].VolumeMounts {
					mounted[mount.Name] = true
					if mount.SubPath != "" || mount.SubPathExpr != "" {
						t.Errorf("%s: %s mounts %s by a subPath", r.name, w.name, mount.Name)
					}
				}
			}
			if diff := cmp.Diff(volumes, mounted); diff != "" {
				t.Errorf("%s: %s (-volumes +mounts):\n%s", r.name, w.name, diff)
			}
		}
	}
}

// selected are the workloads whose Pods have the labels.
func selected(w []workload, namespace string, selector map[string]string) []workload {
	var found []workload
	for _, candidate := range w {
		if candidate.meta.Namespace == namespace && labels.SelectorFromSet(selector).Matches(labels.Set(candidate.pods.Labels)) {
			found = append(found, candidate)
		}
	}
	return found
}

// port looks a port up that a Service, a probe or a policy names; nil: the container has none.
func port(spec *corev1.PodSpec, wanted intstr.IntOrString) *corev1.ContainerPort {
	for i := range spec.Containers {
		for j := range spec.Containers[i].Ports {
			candidate := &spec.Containers[i].Ports[j]
			if wanted.Type == intstr.String && candidate.Name == wanted.StrVal || wanted.Type == intstr.Int && candidate.ContainerPort == wanted.IntVal {
				return candidate
			}
		}
	}
	return nil
}

// TestServicesReachPods looks up the Pods and ports of every Service, webhook and probe.
func TestServicesReachPods(t *testing.T) {
	for _, r := range renderings(t) {
		found, services := workloads(t, r.objects), map[string]*corev1.Service{}
		for _, service := range all[corev1.Service](t, r.objects, "Service") {
			services[service.Namespace+"/"+service.Name] = &service
			reached := selected(found, service.Namespace, service.Spec.Selector)
			if len(reached) != 1 {
				t.Errorf("%s: Service %s reaches %d workloads", r.name, service.Name, len(reached))
				continue
			}
			for _, p := range service.Spec.Ports {
				if port(&reached[0].pods.Spec, p.TargetPort) == nil {
					t.Errorf("%s: Service %s has targetPort %s, which %s has not", r.name, service.Name, p.TargetPort.String(), reached[0].name)
				}
			}
		}
		for _, configuration := range all[admissionregistrationv1.ValidatingWebhookConfiguration](t, r.objects, "ValidatingWebhookConfiguration") {
			for i := range configuration.Webhooks {
				to := configuration.Webhooks[i].ClientConfig.Service
				if service := services[to.Namespace+"/"+to.Name]; service == nil || service.Spec.Ports[0].Port != 443 {
					t.Errorf("%s: webhook %s goes to %s/%s, where nothing answers on port 443", r.name, configuration.Webhooks[i].Name, to.Namespace, to.Name)
				}
			}
		}
		for _, w := range found {
			for i := range w.pods.Spec.Containers {
				c := &w.pods.Spec.Containers[i]
				for _, probe := range []*corev1.Probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
					if probe == nil || probe.HTTPGet == nil || port(&w.pods.Spec, probe.HTTPGet.Port) == nil {
						t.Errorf("%s: %s lacks a probe, or its port", r.name, w.name)
					}
				}
			}
		}
	}
}

// TestPoliciesAndBudgetsSelectPods looks up the Pods of every NetworkPolicy and PodDisruptionBudget, and the ports that policies open.
// A policy for a component that is not installed selects nothing.
func TestPoliciesAndBudgetsSelectPods(t *testing.T) {
	open := map[string][]string{} // ports that each component's policy opens, over all renderings
	for _, r := range renderings(t) {
		found := workloads(t, r.objects)
		for _, p := range all[networkingv1.NetworkPolicy](t, r.objects, "NetworkPolicy") {
			if diff := cmp.Diff([]networkingv1.PolicyType{networkingv1.PolicyTypeIngress}, p.Spec.PolicyTypes); diff != "" {
				t.Errorf("%s: NetworkPolicy %s (-want +got):\n%s", r.name, p.Name, diff)
			}
			for _, w := range selected(found, p.Namespace, p.Spec.PodSelector.MatchLabels) {
				open[w.name] = opened(t, &p, w)
			}
		}
		for _, b := range all[policyv1.PodDisruptionBudget](t, r.objects, "PodDisruptionBudget") {
			if guarded := selected(found, b.Namespace, b.Spec.Selector.MatchLabels); len(guarded) != 1 || guarded[0].kind != "Deployment" {
				t.Errorf("%s: PodDisruptionBudget %s guards %d workloads", r.name, b.Name, len(guarded))
			}
			if at := b.Spec.UnhealthyPodEvictionPolicy; at == nil || *at != policyv1.AlwaysAllow {
				t.Errorf("%s: PodDisruptionBudget %s lets a Pod that is not ready stop a drain", r.name, b.Name)
			}
		}
	}
	want := map[string][]string{
		"checky-controller": {"metrics", "webhooks"}, "checky-apiserver": {"https", "metrics"}, "checky-alertd": {"metrics"},
	}
	if diff := cmp.Diff(want, open); diff != "" {
		t.Errorf("what policies open (-want +got):\n%s", diff)
	}
}

func opened(t *testing.T, p *networkingv1.NetworkPolicy, w workload) []string {
	t.Helper()
	var names []string
	for _, rule := range p.Spec.Ingress {
		if len(rule.Ports) == 0 {
			t.Errorf("NetworkPolicy %s has a rule that opens every port", p.Name)
		}
		for _, allowed := range rule.Ports {
			if found := port(&w.pods.Spec, *allowed.Port); found != nil {
				names = append(names, found.Name)
				continue
			}
			t.Errorf("NetworkPolicy %s opens port %s, which %s has not", p.Name, allowed.Port.String(), w.name)
		}
	}
	slices.Sort(names)
	return names
}

// TestBindingsHaveRoles looks up the roles and the ServiceAccounts of every binding.
func TestBindingsHaveRoles(t *testing.T) {
	for _, r := range renderings(t) {
		has := index(r.objects)
		check := func(name, namespace string, role rbacv1.RoleRef, subjects []rbacv1.Subject) {
			t.Helper()
			if role.Kind == "ClusterRole" {
				namespace = ""
			}
			named := []string{role.Kind + "/" + namespace + "/" + role.Name}
			for _, s := range subjects {
				named = append(named, s.Kind+"/"+s.Namespace+"/"+s.Name)
			}
			for _, n := range named {
				if !has[n] {
					t.Errorf("%s: binding %s names %s, which is not there", r.name, name, n)
				}
			}
		}
		for _, b := range all[rbacv1.RoleBinding](t, r.objects, "RoleBinding") {
			check(b.Name, b.Namespace, b.RoleRef, b.Subjects)
		}
		for _, b := range all[rbacv1.ClusterRoleBinding](t, r.objects, "ClusterRoleBinding") {
			check(b.Name, "", b.RoleRef, b.Subjects)
		}
		for _, object := range r.objects {
			if namespace := object.GetNamespace(); namespace != "" && !has["Namespace//"+namespace] {
				t.Errorf("%s: %s %s is in namespace %s, which is not there", r.name, object.GetKind(), object.GetName(), namespace)
			}
		}
	}
}

// TestImagesAreThoseOfTheChart holds the images of all manifests to one version, the chart's.
func TestImagesAreThoseOfTheChart(t *testing.T) {
	chart, err := os.ReadFile("../../../charts/checky/Chart.yaml")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^appVersion: "?(v[^"\s]+)"?$`).FindSubmatch(chart)
	if version == nil {
		t.Fatal("charts/checky/Chart.yaml has no appVersion")
	}
	want := map[string]bool{"ghcr.io/checky-dev/checky:" + string(version[1]): true, "ghcr.io/checky-dev/checky-alertd:" + string(version[1]): true}
	got := map[string]bool{}
	for _, r := range renderings(t) {
		for _, w := range workloads(t, r.objects) {
			for i := range w.pods.Spec.Containers {
				c := &w.pods.Spec.Containers[i]
				got[c.Image] = true
				if c.ImagePullPolicy != corev1.PullIfNotPresent {
					t.Errorf("%s: %s pulls its image %q", r.name, w.name, c.ImagePullPolicy)
				}
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("images (-chart's +manifests'):\n%s", diff)
	}
}

// TestKnowledgeIsACopy holds the component's knowledge file to the one that ships in the binary.
func TestKnowledgeIsACopy(t *testing.T) {
	shipped, err := os.ReadFile("../../../rag-content.txt")
	if err != nil {
		t.Fatal(err)
	}
	copied, err := os.ReadFile(filepath.Join(configs, "knowledge", "rag-content.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if string(shipped) != string(copied) {
		t.Error("config/knowledge/rag-content.txt is not rag-content.txt: run make manifests")
	}
}

// TestDaemonRecords holds the overlay for one's own machine to what it needs there: no card, no label on the node, and a folder for recordings.
func TestDaemonRecords(t *testing.T) {
	objects, err := Kustomize(filepath.Join(configs, "dev"))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range workloads(t, objects) {
		if w.kind != "DaemonSet" {
			continue
		}
		c := &w.pods.Spec.Containers[0]
		if !slices.Contains(c.Args, "--device=record:/var/lib/checky-alertd/sounds") {
			t.Errorf("it does not record: %v", c.Args)
		}
		if len(w.pods.Spec.NodeSelector) > 0 {
			t.Errorf("it runs on nodes with a label alone: %v", w.pods.Spec.NodeSelector)
		}
		for _, list := range []corev1.ResourceList{c.Resources.Requests, c.Resources.Limits} {
			for name := range maps.Keys(list) {
				if strings.Contains(string(name), "/") {
					t.Errorf("it waits for the resource %s", name)
				}
			}
		}
		return
	}
	t.Error("there is no daemon")
}

// TestPodsAreKept holds Deployments and DaemonSets to what keeps Checky there while nodes and versions change.
func TestPodsAreKept(t *testing.T) {
	for _, r := range renderings(t) {
		for _, w := range workloads(t, r.objects) {
			spec := &w.pods.Spec
			wrong := func(format string, args ...any) { t.Errorf(r.name+": "+w.name+": "+format, args...) }
			if spec.EnableServiceLinks == nil || *spec.EnableServiceLinks {
				wrong("every Service of the namespace is in its environment")
			}
			if spec.AutomountServiceAccountToken == nil || !*spec.AutomountServiceAccountToken {
				wrong("whether it has a token is not said")
			}
			for i := range spec.Containers {
				if c := &spec.Containers[i]; c.Resources.Requests.Cpu().IsZero() || c.Resources.Requests.Memory().IsZero() || c.Resources.Limits.Memory().IsZero() {
					wrong("container %s lacks requests or a limit", c.Name)
				}
			}
			var keys []string
			for _, spread := range spec.TopologySpreadConstraints {
				keys = append(keys, spread.TopologyKey)
				if spread.WhenUnsatisfiable != corev1.ScheduleAnyway {
					wrong("a cluster of one node has no room for it")
				}
				if s, err := metav1.LabelSelectorAsSelector(spread.LabelSelector); err != nil || !s.Matches(labels.Set(w.pods.Labels)) {
					wrong("it is spread by other Pods than its own (%v)", err)
				}
			}
			if want := []string{corev1.LabelHostname, corev1.LabelTopologyZone}; w.kind == "Deployment" && !slices.Equal(want, keys) {
				wrong("it is spread over %v", keys)
			}
		}
	}
}
