//go:build linux

package alertd_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// healthy is the flag that has a daemon serve its health, at a port of its own.
const healthy = "--health-probe-bind-address=127.0.0.1:0"

// health asks a daemon that was started with healthy.
func (s *scene) health(path string) (code int, text string) {
	s.t.Helper()
	served := s.d.awaitLines(s.t, "where health is served", 1, func(l line) bool { return l.text("msg") == "Serving" && l.text("what") == "health" })
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+served[0].text("address")+path, http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// expectHealth holds what a path answers.
func (s *scene) expectHealth(path string, code int, words ...string) {
	s.t.Helper()
	got, text := s.health(path)
	if got != code {
		s.t.Errorf("%s answers %d, want %d: %s", path, got, code, text)
	}
	for _, word := range words {
		if !strings.Contains(text, word) {
			s.t.Errorf("%s does not say %q: %s", path, word, text)
		}
	}
}

func TestAnnouncementsLeaveTraces(t *testing.T) {
	s := alone(t, serving)
	s.ruled(func(p *v1alpha1.AlertPolicySpec) {
		p.GroupInterval = seconds(anHour)
		p.RecoveryTone = &v1alpha1.Tone{Pattern: v1alpha1.TonePatternRecovery}
	})
	s.silenced("held", func(x *v1alpha1.SilenceSpec) { x.Checks = []string{"held"} })
	first := s.fail("first", v1alpha1.SeverityError, "x")
	s.hears("First error medium first")
	second := s.fail("second", v1alpha1.SeverityError, "x")
	held := s.fail("held", v1alpha1.SeverityCritical, "x")
	warning := s.fail("warning", v1alpha1.SeverityWarning, "x")
	s.noSound(warning, "unmatched")
	s.noSound(held, "silenced")
	if got := s.d.metric("checky_alertd_waiting"); got != 1 {
		t.Errorf("%v failures wait, want 1", got)
	}
	third := s.fail("third", v1alpha1.SeverityCritical, "x")
	s.hears("First error medium first", "First critical high third +1")
	s.judge(first, "", "")
	s.hears("First error medium first", "First critical high third +1", "Recovery error recovery first")

	for series, want := range map[string]float64{
		`checky_alertd_announcements_total kind="first" severity="error" result="played"`:    1,
		`checky_alertd_announcements_total kind="first" severity="critical" result="played"`: 1,
		`checky_alertd_announcements_total kind="recovery" result="played"`:                  1,
		`checky_alertd_announcements_total`:                                                  3,
		`checky_alertd_suppressed_total reason="silenced"`:                                   1,
		`checky_alertd_suppressed_total reason="unmatched"`:                                  1,
		`checky_alertd_suppressed_total`:                                                     2,
		`checky_alertd_verdict_to_sound_seconds_count`:                                       2,
		`checky_alertd_waiting`:                                                              0,
		`checky_alertd_device_ready`:                                                         1,
		`checky_alertd_sandbox_enforced feature="no_new_privs"`:                              1,
		`checky_alertd_sandbox_enforced feature="rlimits"`:                                   1,
		`checky_alertd_unusable_tones_total`:                                                 0,
		`checky_alertd_journal_errors_total`:                                                 0,
		`checky_alertd_events_dropped_total`:                                                 0,
		`checky_alertd_flood_alerts_total`:                                                   0,
	} {
		words := strings.Fields(series)
		if got := s.d.metric(words[0], words[1:]...); got != want {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}
	s.d.stop()
	for check, want := range map[*v1alpha1.Check][]string{
		first: {
			"Announced: tone medium on node node-1, policy " + s.namespace,
			"RecoveryAnnounced: tone recovery on node node-1, policy " + s.namespace,
		},
		second:  {"Announced: tone high on node node-1, policy " + s.namespace + ", with 1 other"},
		third:   {"Announced: tone high on node node-1, policy " + s.namespace + ", with 1 other"},
		held:    nil,
		warning: nil,
	} {
		if diff := cmp.Diff(want, s.events(check)); diff != "" {
			t.Errorf("Events of %s (-want +got):\n%s", check.Name, diff)
		}
	}
}

func TestADeviceThatIsMissingCostsNothingButTime(t *testing.T) {
	s := alone(t, serving, healthy, "--device=plughw:7,0")
	s.ruled(nil)
	s.d.await("The sound device cannot be reached; it is tried again", 2)
	s.expectHealth("/readyz?verbose", http.StatusInternalServerError, "[-]device", "[+]watch", "[+]journal")
	s.expectHealth("/readyz/device", http.StatusInternalServerError, "--device=plughw:7,0: no sound device")
	s.expectHealth("/livez", http.StatusOK)
	if got := s.d.metric("checky_alertd_device_ready"); got != 0 {
		t.Errorf("checky_alertd_device_ready is %v", got)
	}
	a := s.fail("a", v1alpha1.SeverityCritical, "x")
	s.d.await("Could not announce; it is tried again", 2)
	if got := s.d.metric("checky_alertd_announcements_total", `result="failed"`); got < 2 {
		t.Errorf("%v failed announcements are counted", got)
	}
	if got := s.d.metric("checky_alertd_waiting"); got != 1 {
		t.Errorf("%v failures wait, want 1", got)
	}
	s.d.stop()

	// With a device it is heard, once, however long ago that was.
	s.longAgo(a)
	s.again(healthy)
	s.hears("First critical high a")
	s.expectHealth("/readyz", http.StatusOK)
	s.d.stop()
	if notes := s.events(a); len(notes) != 1 {
		t.Errorf("Events: %q, want one: of what was heard", notes)
	}
}

// attributes are what somebody wants to do: "VERB RESOURCE.GROUP" and, after a slash, a subresource.
func attributes(does, namespace string) *authorizationv1.ResourceAttributes {
	verb, what, _ := strings.Cut(does, " ")
	what, subresource, _ := strings.Cut(what, "/")
	resource, group, _ := strings.Cut(what, ".")
	return &authorizationv1.ResourceAttributes{Verb: verb, Resource: resource, Group: group, Subresource: subresource, Namespace: namespace}
}

func TestTheDaemonMayLookAndMakeEventsAndNothingElse(t *testing.T) {
	c := newCluster(t)
	admin := kubernetesClient(t, c.cp.RESTConfig())
	groups := []string{"system:serviceaccounts", "system:serviceaccounts:" + system, "system:authenticated"}
	for does, c := range map[string]struct {
		reason    string
		namespace string
		want      bool
	}{
		"watch checks.checky.dev":                   {"what fails", c.namespace, true},
		"list alertpolicies.checky.dev":             {"what sounds", "", true},
		"watch silences.checky.dev":                 {"what does not", c.namespace, true},
		"get nodes":                                 {"nodeSelector", "", true},
		"list namespaces":                           {"namespaceSelector", "", true},
		"create events.events.k8s.io":               {"the trace of a sound", c.namespace, true},
		"patch events.events.k8s.io":                {"a trace is not changed", c.namespace, false},
		"delete events.events.k8s.io":               {"nor removed", c.namespace, false},
		"list events.events.k8s.io":                 {"others' Events do not concern it", c.namespace, false},
		"create events":                             {"the older Events neither", c.namespace, false},
		"update checks.checky.dev":                  {"it changes no Check", c.namespace, false},
		"patch checks.checky.dev":                   {"not by acknowledging it", c.namespace, false},
		"delete checks.checky.dev":                  {"it removes none", c.namespace, false},
		"update checks.checky.dev/status":           {"it judges nothing", c.namespace, false},
		"update alertpolicies.checky.dev":           {"it makes no rules", "", false},
		"create silences.checky.dev":                {"it silences nothing", c.namespace, false},
		"get rulesets.checky.dev":                   {"rules do not concern it", c.namespace, false},
		"get configmaps":                            {"sounds are in Checky's own namespace", c.namespace, false},
		"get secrets":                               {"no secrets", c.namespace, false},
		"create serviceaccounts/token":              {"no identities", system, false},
		"create pods":                               {"no work", c.namespace, false},
		"patch nodes":                               {"it does not change its node", "", false},
		"update nodes/status":                       {"nor its state", "", false},
		"create tokenreviews.authentication.k8s.io": {"it authenticates nobody", "", false},
	} {
		t.Run(does, func(t *testing.T) {
			review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
				User: "system:serviceaccount:" + system + ":checky-alertd", Groups: groups, ResourceAttributes: attributes(does, c.namespace),
			}}
			review, err := admin.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), review, metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if review.Status.Allowed != c.want {
				t.Errorf("allowed: %t, want %t: %s", review.Status.Allowed, c.want, c.reason)
			}
		})
	}
}

// TestTheDaemonMayNotDoMoreThanIsListed holds all that the daemon may do and not every account may.
func TestTheDaemonMayNotDoMoreThanIsListed(t *testing.T) {
	c := newCluster(t)
	nobody, err := c.cp.UserConfig("nobody")
	if err != nil {
		t.Fatal(err)
	}
	everywhere := []string{
		"create events.events.k8s.io",
		"get,list,watch alertpolicies.checky.dev", "get,list,watch checks.checky.dev", "get,list,watch namespaces",
		"get,list,watch nodes", "get,list,watch silences.checky.dev",
	}
	for namespace, want := range map[string][]string{
		c.namespace: everywhere,
		system:      append([]string{"get,list,watch configmaps"}, everywhere...),
	} {
		all := slices.DeleteFunc(may(t, c.as("checky-alertd"), namespace), func(rule string) bool {
			return slices.Contains(may(t, nobody, namespace), rule)
		})
		slices.Sort(want)
		if diff := cmp.Diff(want, all); diff != "" {
			t.Errorf("in %s (-want +got):\n%s", namespace, diff)
		}
	}
}

// may are the rules for an account in a namespace: verbs and a resource each.
func may(t *testing.T, account *rest.Config, namespace string) []string {
	t.Helper()
	review := &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace}}
	review, err := kubernetesClient(t, account).AuthorizationV1().SelfSubjectRulesReviews().Create(t.Context(), review, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var rules []string
	for _, rule := range review.Status.ResourceRules {
		slices.Sort(rule.Verbs)
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				rules = append(rules, strings.TrimSuffix(strings.Join(rule.Verbs, ",")+" "+resource+"."+group, "."))
			}
		}
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}

func kubernetesClient(t *testing.T, cfg *rest.Config) kubernetes.Interface {
	t.Helper()
	c, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
