package route

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// Versions differ, and do not count what is written in the cluster.
func TestVersions(t *testing.T) {
	of := func(uid, version string) *v1alpha1.Check {
		c := &v1alpha1.Check{}
		c.ObjectMeta = metav1.ObjectMeta{UID: "5b6f5dd2-7a6e-4f0e-9d5f-0c8a6f1f7a11", ResourceVersion: version}
		if uid != "" {
			c.UID = "another"
		}
		return c
	}
	a, b, other := version(of("", "123456")), version(of("", "123457")), version(of("x", "123456"))
	if a == b || a == other || a != version(of("", "123456")) {
		t.Errorf("versions are %s, %s and, of another check, %s", a, b, other)
	}
	if strings.Contains(a, "123456") || etag(of("", "123456")) != `"`+a+`"` {
		t.Errorf("the ETag is %s", etag(of("", "123456")))
	}
}
