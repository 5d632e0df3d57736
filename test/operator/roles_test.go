package operator_test

import (
	"os"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// TestUserRoles asks the API server who may do what by config/rbac/user_roles.yaml. Kubernetes' own roles are left out: nobody aggregates here.
func TestUserRoles(t *testing.T) {
	c := newCluster(t)
	text, err := os.ReadFile("../../config/rbac/user_roles.yaml")
	if err != nil {
		t.Fatal(err)
	}
	who := map[string]string{} // user by role
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		role, err := decode(c.Scheme(), document)
		if err != nil {
			t.Fatal(err)
		}
		user := role.GetName() + "-of-" + c.namespace
		binding := bindTo(role.GetName())
		c.create(role, &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: role.GetName()},
			RoleRef:    binding.RoleRef, Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}},
		})
		everywhere := bindTo(role.GetName())
		everywhere.Subjects[0].Name = "all-" + user
		c.create(everywhere)
		who[strings.TrimPrefix(role.GetName(), "checky-")] = user
	}
	const see, write = "get list watch", "create update patch delete deletecollection"
	for _, tc := range []struct {
		role, resource, verbs string
		want                  bool
	}{
		{"viewer", "silences", see, true},
		{"viewer", "silences", write, false},
		{"viewer", "checks", see, true},
		{"viewer", "checks", write, false},
		{"editor", "silences", write, true},
		{"editor", "silences/status", write, false},
		{"editor", "checks", write, true},
		{"editor", "rulesets", write, false},
		{"admin", "rulesets", write, true},
	} {
		for verb := range strings.FieldsSeq(tc.verbs) {
			if got := c.may(who[tc.role], verb, tc.resource, c.namespace); got != tc.want {
				t.Errorf("%s, %s %s: %t", tc.role, verb, tc.resource, got)
			}
			if c.may(who[tc.role], verb, tc.resource, metav1.NamespaceDefault) {
				t.Errorf("%s may %s %s in another namespace", tc.role, verb, tc.resource)
			}
		}
	}
	for verb := range strings.FieldsSeq(see) {
		if !c.may("all-"+who["viewer"], verb, "alertpolicies", "") {
			t.Errorf("viewers of the cluster may not %s policies", verb)
		}
	}
	for role, user := range who {
		for verb := range strings.FieldsSeq(write) {
			if c.may("all-"+user, verb, "alertpolicies", "") {
				t.Errorf("%s may %s policies, which are for cluster admins", role, verb)
			}
		}
	}
}

// may asks by a SubjectAccessReview.
func (c *cluster) may(user, verb, resource, namespace string) bool {
	c.t.Helper()
	resource, subresource, _ := strings.Cut(resource, "/")
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user,
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: namespace, Verb: verb, Group: v1alpha1.GroupVersion.Group, Resource: resource, Subresource: subresource,
		},
	}}
	if err := c.Create(c.t.Context(), review); err != nil {
		c.t.Fatal(err)
	}
	return review.Status.Allowed
}
