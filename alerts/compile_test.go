package alerts_test

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
)

func duration(d time.Duration) *metav1.Duration { return &metav1.Duration{Duration: d} }

// many makes n values of one.
func many[T any](n int, value func(i int) T) []T {
	list := make([]T, n)
	for i := range list {
		list[i] = value(i)
	}
	return list
}

// told are the fields and kinds of problems.
func told(problems field.ErrorList) []string {
	var list []string
	for _, p := range problems {
		list = append(list, fmt.Sprintf("%s: %s", p.Field, p.Type))
	}
	return list
}

// TestCompileRefuses holds that what cannot work is refused, by the name of its field, also where the API server's own
// validation was bypassed.
func TestCompileRefuses(t *testing.T) {
	quiet := func(change func(*v1alpha1.QuietHours)) v1alpha1.AlertPolicySpec {
		q := hours("22:00-06:00", "UTC")
		change(&q)
		return v1alpha1.AlertPolicySpec{QuietHours: []v1alpha1.QuietHours{q}}
	}
	tone := func(tone v1alpha1.Tone) v1alpha1.AlertPolicySpec {
		return v1alpha1.AlertPolicySpec{RecoveryTone: &tone}
	}
	const invalid, unsupported, twice, tooMany = ": Invalid value", ": Unsupported value", ": Duplicate value", ": Too many"
	hour := "spec.quietHours[0]."
	cases := map[string]struct {
		spec v1alpha1.AlertPolicySpec
		want []string
	}{
		"unknown severity":     {v1alpha1.AlertPolicySpec{MinSeverity: "loud"}, []string{"spec.minSeverity" + unsupported}},
		"volume above":         {v1alpha1.AlertPolicySpec{Volume: 101}, []string{"spec.volume" + invalid}},
		"volume below":         {v1alpha1.AlertPolicySpec{Volume: -1}, []string{"spec.volume" + invalid}},
		"groupWait below":      {v1alpha1.AlertPolicySpec{GroupWait: duration(-1)}, []string{"spec.groupWait" + invalid}},
		"groupWait above":      {v1alpha1.AlertPolicySpec{GroupWait: duration(5*time.Minute + 1), GroupInterval: duration(time.Hour), RepeatInterval: duration(0)}, []string{"spec.groupWait" + invalid}},
		"groupInterval below":  {v1alpha1.AlertPolicySpec{GroupWait: duration(0), GroupInterval: duration(time.Second - 1)}, []string{"spec.groupInterval" + invalid}},
		"groupInterval above":  {v1alpha1.AlertPolicySpec{GroupInterval: duration(time.Hour + 1), RepeatInterval: duration(0)}, []string{"spec.groupInterval" + invalid}},
		"repeatInterval below": {v1alpha1.AlertPolicySpec{RepeatInterval: duration(-1)}, []string{"spec.repeatInterval" + invalid}},
		"repeatInterval above": {v1alpha1.AlertPolicySpec{RepeatInterval: duration(168*time.Hour + 1)}, []string{"spec.repeatInterval" + invalid}},
		"waits longer than the interval, which has its default": {v1alpha1.AlertPolicySpec{GroupWait: duration(11 * time.Second)}, []string{"spec.groupInterval" + invalid}},
		"repeats before the interval":                           {v1alpha1.AlertPolicySpec{RepeatInterval: duration(9 * time.Second)}, []string{"spec.repeatInterval" + invalid}},

		"bad selectors": {
			v1alpha1.AlertPolicySpec{Selector: expression("team", "Is", "x"), NamespaceSelector: label("a b", "c")},
			[]string{"spec.namespaceSelector.matchLabels" + invalid, "spec.selector.matchExpressions[0].operator" + invalid},
		},
		"a selector without values": {v1alpha1.AlertPolicySpec{Selector: expression("team", "In")}, []string{"spec.selector.matchExpressions[0].values: Required value"}},
		"a selector of too many": {
			v1alpha1.AlertPolicySpec{Selector: &metav1.LabelSelector{MatchExpressions: many(101, func(int) (r metav1.LabelSelectorRequirement) { return })}},
			[]string{"spec.selector" + tooMany},
		},
		"a selector of too many values": {
			v1alpha1.AlertPolicySpec{Selector: expression("team", "In", many(101, func(i int) string { return fmt.Sprint(i) })...)},
			[]string{"spec.selector.matchExpressions[0].values" + tooMany},
		},
		"bad label of nodes": {v1alpha1.AlertPolicySpec{NodeSelector: map[string]string{"room": "a b"}}, []string{"spec.nodeSelector" + invalid}},
		"too many labels of nodes": {
			v1alpha1.AlertPolicySpec{NodeSelector: map[string]string{
				"0": "", "1": "", "2": "", "3": "", "4": "", "5": "", "6": "", "7": "", "8": "", "9": "", "a": "",
				"b": "", "c": "", "d": "", "e": "", "f": "", "g": "", "h": "", "i": "", "j": "", "k": "",
			}},
			[]string{"spec.nodeSelector" + tooMany},
		},

		"a tone that is empty":    {tone(v1alpha1.Tone{}), []string{"spec.recoveryTone" + invalid}},
		"a tone that is two":      {tone(v1alpha1.Tone{Pattern: "low", File: "a.wav"}), []string{"spec.recoveryTone" + invalid}},
		"an unknown pattern":      {tone(v1alpha1.Tone{Pattern: "flood"}), []string{"spec.recoveryTone.pattern" + unsupported}},
		"a file outside":          {tone(v1alpha1.Tone{File: "../a.wav"}), []string{"spec.recoveryTone.file" + invalid}},
		"a file and a line":       {tone(v1alpha1.Tone{File: "a.wav\n"}), []string{"spec.recoveryTone.file" + invalid}},
		"a hidden file":           {tone(v1alpha1.Tone{File: ".a.wav"}), []string{"spec.recoveryTone.file" + invalid}},
		"a long name of a file":   {tone(v1alpha1.Tone{File: strings.Repeat("a", 256)}), []string{"spec.recoveryTone.file" + invalid}},
		"a reference to nothing":  {tone(v1alpha1.Tone{ConfigMapKeyRef: &v1alpha1.KeyReference{Name: "x"}}), []string{"spec.recoveryTone.configMapKeyRef.key" + invalid}},
		"a reference to no name":  {tone(v1alpha1.Tone{ConfigMapKeyRef: &v1alpha1.KeyReference{Name: "a/b", Key: "x"}}), []string{"spec.recoveryTone.configMapKeyRef.name" + invalid}},
		"a tone of each severity": {v1alpha1.AlertPolicySpec{Tones: v1alpha1.SeverityTones{Info: &v1alpha1.Tone{}, Warning: &v1alpha1.Tone{}, Error: &v1alpha1.Tone{}, Critical: &v1alpha1.Tone{}}}, []string{"spec.tones.critical" + invalid, "spec.tones.error" + invalid, "spec.tones.info" + invalid, "spec.tones.warning" + invalid}},

		"start without its zero":  {quiet(func(q *v1alpha1.QuietHours) { q.Start = "7:00" }), []string{hour + "start" + invalid}},
		"start at 24:00":          {quiet(func(q *v1alpha1.QuietHours) { q.Start = "24:00" }), []string{hour + "start" + invalid}},
		"start with a sign":       {quiet(func(q *v1alpha1.QuietHours) { q.Start = "+7:00" }), []string{hour + "start" + invalid}},
		"end after 24:00":         {quiet(func(q *v1alpha1.QuietHours) { q.End = "24:01" }), []string{hour + "end" + invalid}},
		"end at minute 60":        {quiet(func(q *v1alpha1.QuietHours) { q.End = "06:60" }), []string{hour + "end" + invalid}},
		"neither":                 {quiet(func(q *v1alpha1.QuietHours) { q.Start, q.End = "", "" }), []string{hour + "end" + invalid, hour + "start" + invalid}},
		"start equals end":        {quiet(func(q *v1alpha1.QuietHours) { q.End = q.Start }), []string{hour + "end" + invalid}},
		"24:00 twice":             {quiet(func(q *v1alpha1.QuietHours) { q.Start, q.End = "24:00", "24:00" }), []string{hour + "end" + invalid, hour + "start" + invalid}},
		"unknown day":             {quiet(func(q *v1alpha1.QuietHours) { q.Days = []v1alpha1.DayOfWeek{"Mon"} }), []string{hour + "days[0]" + unsupported}},
		"a day twice":             {quiet(func(q *v1alpha1.QuietHours) { q.Days = []v1alpha1.DayOfWeek{monday, monday} }), []string{hour + "days[1]" + twice}},
		"eight days a week":       {quiet(func(q *v1alpha1.QuietHours) { q.Days = many(8, func(int) v1alpha1.DayOfWeek { return monday }) }), []string{hour + "days" + tooMany}},
		"unknown that sounds":     {quiet(func(q *v1alpha1.QuietHours) { q.Severities = []v1alpha1.Severity{"loud"} }), []string{hour + "severities[0]" + unsupported}},
		"a severity twice":        {quiet(func(q *v1alpha1.QuietHours) { q.Severities = []v1alpha1.Severity{"info", "info"} }), []string{hour + "severities[1]" + twice}},
		"too many that sound":     {quiet(func(q *v1alpha1.QuietHours) { q.Severities = many(5, func(int) v1alpha1.Severity { return "info" }) }), []string{hour + "severities" + tooMany}},
		"too many quiet hours":    {v1alpha1.AlertPolicySpec{QuietHours: many(21, func(int) v1alpha1.QuietHours { return hours("22:00-06:00", "UTC") })}, []string{"spec.quietHours" + tooMany}},
		"the second of two hours": {v1alpha1.AlertPolicySpec{QuietHours: []v1alpha1.QuietHours{hours("22:00-06:00", "UTC"), hours("22:00-06:00", "CEST")}}, []string{"spec.quietHours[1].timeZone" + invalid}},
	}
	for reason, tc := range cases {
		t.Run(reason, func(t *testing.T) {
			p, problems := alerts.Compile(&v1alpha1.AlertPolicy{Spec: tc.spec})
			if diff := cmp.Diff(tc.want, told(problems)); diff != "" || p != nil {
				t.Errorf("policy %v, problems (-want +got):\n%s\n%v", p, diff, problems)
			}
		})
	}
}

// TestCompileTakesTheLimits holds that the ends of each span are in it.
func TestCompileTakesTheLimits(t *testing.T) {
	for reason, spec := range map[string]v1alpha1.AlertPolicySpec{
		"low":           {Volume: 1, GroupWait: duration(0), GroupInterval: duration(time.Second), RepeatInterval: duration(0)},
		"high":          {Volume: 100, GroupWait: duration(5 * time.Minute), GroupInterval: duration(time.Hour), RepeatInterval: duration(168 * time.Hour)},
		"equal":         {GroupWait: duration(time.Minute), GroupInterval: duration(time.Minute), RepeatInterval: duration(time.Minute)},
		"names":         {RecoveryTone: &v1alpha1.Tone{File: strings.Repeat("a", 255)}},
		"twenty hours":  {QuietHours: many(20, func(int) v1alpha1.QuietHours { return hours("23:59-24:00", "America/Argentina/Buenos_Aires") })},
		"every day":     {QuietHours: []v1alpha1.QuietHours{hours("00:00-24:00", "Etc/GMT+5", monday, v1alpha1.DayOfWeek("Tuesday"), v1alpha1.DayOfWeek("Wednesday"), thursday, friday, saturday, sunday)}},
		"100 and a 100": {Selector: expression("team", "In", many(100, func(i int) string { return fmt.Sprint(i) })...)},
	} {
		t.Run(reason, func(t *testing.T) { compiled(t, "p", spec) })
	}
}

// TestProblemsAreBounded holds that neither many mistakes nor a long one makes a long answer, and that it is the same each time.
func TestProblemsAreBounded(t *testing.T) {
	bad := v1alpha1.QuietHours{Start: strings.Repeat("ü", 1<<16), TimeZone: "Local", Days: []v1alpha1.DayOfWeek{"x", "y", "z", "u", "v"}}
	object := &v1alpha1.AlertPolicy{Spec: v1alpha1.AlertPolicySpec{
		MinSeverity: v1alpha1.Severity(strings.Repeat("x", 1<<16)),
		Selector:    &metav1.LabelSelector{MatchLabels: map[string]string{"a b": "c d", "e f": "g h", "i j": "k l"}},
		QuietHours:  many(20, func(int) v1alpha1.QuietHours { return bad }),
	}}
	_, problems := alerts.Compile(object)
	if len(problems) != 100 {
		t.Errorf("%d problems are told, want 100", len(problems))
	}
	for _, p := range problems {
		if text := p.Error(); len(text) > 512 || strings.Contains(text, "\ufffd") {
			t.Errorf("a problem has %d bytes: %.100s", len(text), text)
		}
	}
	for range 10 {
		if _, again := alerts.Compile(object); again.ToAggregate().Error() != problems.ToAggregate().Error() {
			t.Fatalf("the same object has other problems the second time:\n%v\n%v", problems, again)
		}
	}
}

// TestDefaultsAreTheAPIServers holds that a policy that never saw the API server is the one that it would be there.
func TestDefaultsAreTheAPIServers(t *testing.T) {
	data, err := os.ReadFile("../config/crd/bases/checky.dev_alertpolicies.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(data, &crd); err != nil {
		t.Fatal(err)
	}
	defaults := map[string]any{}
	for name, property := range crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties {
		if property.Default != nil {
			var value any
			if err := yaml.Unmarshal(property.Default.Raw, &value); err != nil {
				t.Fatal(err)
			}
			defaults[name] = value
		}
	}
	if len(defaults) == 0 {
		t.Fatal("the resource has no defaults")
	}
	text, err := yaml.Marshal(map[string]any{"spec": defaults})
	if err != nil {
		t.Fatal(err)
	}
	var object v1alpha1.AlertPolicy
	if err := yaml.UnmarshalStrict(text, &object); err != nil {
		t.Fatal(err)
	}
	same := cmp.Exporter(func(reflect.Type) bool { return true })
	if diff := cmp.Diff(compiled(t, "", object.Spec), compiled(t, "", v1alpha1.AlertPolicySpec{}), same); diff != "" {
		t.Errorf("with the API server's defaults, and without (-with +without):\n%s", diff)
	}
}
