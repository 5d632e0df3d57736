package manifests

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
)

// team is a namespace of somebody's, in the table of who may do what.
const team = "team"

// right is a row of the table: what may be done to what, where, and by whom.
type right struct {
	verbs                                []string
	group, resource, subresource, object string // of a resource; object is the name of one, if it is about one
	path                                 string // or of no resource: a path such as /metrics
	where                                string // a namespace, or "cluster"
	who                                  map[string]bool
}

// String is the row's beginning.
func (r *right) String() string {
	return strings.Join(r.verbs, ", ") + " " + strings.Trim(r.resource+"."+r.group+"/"+r.subresource+" "+r.object+r.path, "./ ") + " in " + r.where
}

// documentedRights reads the table of docs/security.md.
func documentedRights(t *testing.T) []right {
	t.Helper()
	page, err := os.ReadFile("../../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n## Who may do what\n")
	if !found {
		t.Fatal("docs/security.md has no part Who may do what")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var head []string
	var rights []right
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| ---") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if head == nil {
			head = cells
			continue
		}
		rights = append(rights, row(t, head, cells))
	}
	if len(rights) < 30 {
		t.Fatalf("the table has %d rows", len(rights))
	}
	return rights
}

// what is a resource as the table writes it: checks.checky.dev/status, or secrets named checky-webhook-tls.
var what = regexp.MustCompile("^`([a-z]+)(?:\\.([a-z0-9.]+))?(?:/([a-z]+))?`(?: named `([-a-z]+)`)?$")

// row reads one row: resource, verbs, where, and a cell for each who.
func row(t *testing.T, head, cells []string) right {
	t.Helper()
	if len(cells) != len(head) {
		t.Fatalf("a row has %d cells of %d: %v", len(cells), len(head), cells)
	}
	r := right{verbs: strings.Split(cells[1], ", "), where: cells[2], who: map[string]bool{}}
	if m := what.FindStringSubmatch(cells[0]); m != nil {
		r.resource, r.group, r.subresource, r.object = m[1], m[2], m[3], m[4]
	} else if r.path = strings.Trim(cells[0], "`"); !strings.HasPrefix(r.path, "/") {
		t.Fatalf("%q is neither a resource nor a path", cells[0])
	}
	for i, name := range head[3:] {
		switch cell := cells[3+i]; cell {
		case "yes", "-":
			r.who[name] = cell == "yes"
		default:
			t.Fatalf("%s: %s is %q, neither yes nor -", &r, name, cell)
		}
	}
	return r
}

// people are the table's columns that stand for a ClusterRole of Kubernetes' own, into which Checky's are aggregated; each holds what those before it do.
var people = []string{"view", "edit", "admin"}

// user is how the API server knows who a column stands for. People are bound in the namespace team; what is asked of the cluster is asked of
// others, who are bound in all of it.
func user(column, where string) (name string, groups []string) {
	account := func(namespace, name string) (string, []string) {
		return "system:serviceaccount:" + namespace + ":" + name,
			[]string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"}
	}
	switch {
	case column == "controller":
		return account("checky-system", "checky-controller")
	case column == "facade":
		return account("checky-system", "checky-apiserver")
	case column == "alertd":
		return account("checky-system", "checky-alertd")
	case column == "Prometheus":
		return account("monitoring", "prometheus")
	case slices.Contains(people, column) && where == "cluster":
		return column + "-everywhere", []string{"system:authenticated"}
	default:
		return column, []string{"system:authenticated"}
	}
}

// TestWhoMayDoWhat asks a real API server, with config/with-alertd installed, for every cell of the table in docs/security.md. Kubernetes'
// roles view, edit and admin are filled in by the real kube-controller-manager.
func TestWhoMayDoWhat(t *testing.T) {
	cp := install(t)
	client, err := kubernetes.NewForConfig(cp.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	bind(t, client)
	aggregate(t, cp)
	waitForAggregation(t, client)
	for _, r := range documentedRights(t) {
		for column, want := range r.who {
			for _, verb := range r.verbs {
				if got := may(t, client, column, verb, &r); got != want {
					t.Errorf("%s may %s (%s): %t, and the page says %t", column, verb, &r, got, want)
				}
			}
		}
	}
}

// bind gives people Kubernetes' roles and Prometheus Checky's.
func bind(t *testing.T, client kubernetes.Interface) {
	t.Helper()
	ctx := t.Context()
	if _, err := client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: team}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	everywhere := func(role string, subject rbacv1.Subject) {
		t.Helper()
		_, err := client.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{GenerateName: role + "-"}, Subjects: []rbacv1.Subject{subject},
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, role := range people {
		everywhere(role, rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: "User", Name: role + "-everywhere"})
		_, err := client.RbacV1().RoleBindings(team).Create(ctx, &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: role}, Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: role}},
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	everywhere("checky-metrics-reader", rbacv1.Subject{Kind: "ServiceAccount", Namespace: "monitoring", Name: "prometheus"})
}

// waitForAggregation waits until Kubernetes' roles hold what Checky's bring. Each takes over what the one before it holds, in a write of its own, which
// may come after the one that brings what is only for it.
func waitForAggregation(t *testing.T, client kubernetes.Interface) {
	t.Helper()
	brought := map[string]right{
		"view":  {group: "checky.dev", resource: "checks", verbs: []string{"get"}, where: team},
		"edit":  {group: "checky.dev", resource: "silences", verbs: []string{"create"}, where: team},
		"admin": {group: "checky.dev", resource: "rulesets", verbs: []string{"create"}, where: team},
	}
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, 2*time.Minute, true, func(context.Context) (bool, error) {
		for i, role := range people {
			for _, from := range people[:i+1] {
				r := brought[from]
				if !may(t, client, role, r.verbs[0], &r) {
					return false, nil
				}
			}
		}
		return true, nil
	})
	if err != nil {
		t.Fatal("Kubernetes' roles do not get what Checky's are labelled to bring: ", err)
	}
}

// may asks by a SubjectAccessReview.
func may(t *testing.T, client kubernetes.Interface, column, verb string, r *right) bool {
	t.Helper()
	var review authorizationv1.SubjectAccessReview
	review.Spec.User, review.Spec.Groups = user(column, r.where)
	if r.path != "" {
		review.Spec.NonResourceAttributes = &authorizationv1.NonResourceAttributes{Path: r.path, Verb: verb}
	} else {
		review.Spec.ResourceAttributes = &authorizationv1.ResourceAttributes{
			Verb: verb, Group: r.group, Resource: r.resource, Subresource: r.subresource, Name: r.object,
		}
		if r.where != "cluster" {
			review.Spec.ResourceAttributes.Namespace = r.where
		}
	}
	answer, err := client.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &review, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Status.Allowed
}

// TestEveryRightIsInTheTable looks up each rule of each role: the table leaves nothing out.
func TestEveryRightIsInTheTable(t *testing.T) {
	told := map[string]bool{}
	for _, r := range documentedRights(t) {
		for _, verb := range r.verbs {
			told[strings.Join([]string{verb, r.group, strings.Trim(r.resource+"/"+r.subresource, "/"), r.path}, " ")] = true
		}
	}
	objects, err := Kustomize(filepath.Join(configs, "with-alertd"))
	if err != nil {
		t.Fatal(err)
	}
	var rules []rbacv1.PolicyRule
	for _, role := range all[rbacv1.ClusterRole](t, objects, "ClusterRole") {
		rules = append(rules, role.Rules...)
	}
	for _, role := range all[rbacv1.Role](t, objects, "Role") {
		rules = append(rules, role.Rules...)
	}
	for _, rule := range rules {
		for _, verb := range rule.Verbs {
			for _, path := range rule.NonResourceURLs {
				if !told[strings.Join([]string{verb, "", "", path}, " ")] {
					t.Errorf("the table of docs/security.md lacks %s %s", verb, path)
				}
			}
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					if !told[strings.Join([]string{verb, group, resource, ""}, " ")] {
						t.Errorf("the table of docs/security.md lacks %s %s of %q", verb, resource, group)
					}
				}
			}
		}
		for _, word := range slices.Concat(rule.Verbs, rule.Resources, rule.APIGroups) {
			if word == "*" {
				t.Errorf("a rule is for everything: %v", rule)
			}
		}
	}
}
