package operator_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// raw is an object as somebody wrote it, with fields that the types could not hold.
func (c *cluster) raw(text string) *unstructured.Unstructured {
	c.t.Helper()
	object := &unstructured.Unstructured{}
	if err := yaml.UnmarshalStrict([]byte(text), &object.Object); err != nil {
		c.t.Fatal(err)
	}
	if object.GetKind() == "Silence" {
		object.SetNamespace(c.namespace)
	}
	return object
}

// TestAlertSchemasRefuse covers what the API server itself refuses of AlertPolicies and Silences. Each refusal names the field, and says
// what it may be.
func TestAlertSchemasRefuse(t *testing.T) {
	c := newCluster(t)
	for name, tc := range map[string]struct {
		manifest    string
		field, says string
	}{
		"GroupWaitNegative":      {policyYAML("x", `{groupWait: -1s}`), "spec.groupWait", "must be from 0s to 5m"},
		"GroupWaitLong":          {policyYAML("x", `{groupWait: 5m1s, groupInterval: 1h}`), "spec.groupWait", "must be from 0s to 5m"},
		"GroupWaitGarbage":       {policyYAML("x", `{groupWait: soon}`), "spec.groupWait", "must be from 0s to 5m"},
		"GroupWaitNumber":        {policyYAML("x", `{groupWait: 5}`), "spec.groupWait", "string"},
		"GroupIntervalShort":     {policyYAML("x", `{groupWait: 0s, groupInterval: 999ms}`), "spec.groupInterval", "must be from 1s to 1h"},
		"GroupIntervalLong":      {policyYAML("x", `{groupInterval: 61m, repeatInterval: 2h}`), "spec.groupInterval", "must be from 1s to 1h"},
		"GroupIntervalGarbage":   {policyYAML("x", `{groupInterval: 10}`), "spec.groupInterval", "string"},
		"RepeatIntervalNegative": {policyYAML("x", `{repeatInterval: -5m}`), "spec.repeatInterval", "must be from 0s to 168h"},
		"RepeatIntervalLong":     {policyYAML("x", `{repeatInterval: 169h}`), "spec.repeatInterval", "must be from 0s to 168h"},
		"RepeatIntervalGarbage":  {policyYAML("x", `{repeatInterval: 1 day}`), "spec.repeatInterval", "must be from 0s to 168h"},
		"WaitAboveInterval":      {policyYAML("x", `{groupWait: 20s, groupInterval: 15s}`), "spec", "groupInterval must be at least groupWait"},
		"WaitAboveDefault":       {policyYAML("x", `{groupWait: 20s}`), "spec", "groupInterval must be at least groupWait"},
		"RepeatBelowInterval":    {policyYAML("x", `{repeatInterval: 30s, groupInterval: 1m}`), "spec", "repeatInterval must be 0s, for once, or at least groupInterval"},
		"VolumeAbove":            {policyYAML("x", `{volume: 101}`), "spec.volume", "less than or equal to 100"},
		"VolumeBelow":            {policyYAML("x", `{volume: -1}`), "spec.volume", "greater than or equal to 1"},
		"MinSeverity":            {policyYAML("x", `{minSeverity: fatal}`), "spec.minSeverity", "critical"},
		"Pattern":                {policyYAML("x", `{tones: {error: {pattern: evacuation}}}`), "spec.tones.error.pattern", `"low", "medium", "high", "recovery"`},
		"NoTone":                 {policyYAML("x", `{tones: {critical: {}}}`), "spec.tones.critical", "set exactly one of pattern, configMapKeyRef and file"},
		"TwoTones":               {policyYAML("x", `{tones: {info: {pattern: low, file: a.wav}}}`), "spec.tones.info", "set exactly one of"},
		"RecoveryTwoTones":       {policyYAML("x", `{recoveryTone: {pattern: low, configMapKeyRef: {name: a, key: b}}}`), "spec.recoveryTone", "set exactly one of"},
		"RefWithoutKey":          {policyYAML("x", `{tones: {warning: {configMapKeyRef: {name: a, key: ""}}}}`), "spec.tones.warning.configMapKeyRef.key", "at least 1"},
		"FileElsewhere":          {policyYAML("x", `{tones: {error: {file: ../../etc/passwd}}}`), "spec.tones.error.file", "should match"},
		"HiddenFile":             {policyYAML("x", `{tones: {error: {file: .hidden}}}`), "spec.tones.error.file", "should match"},
		"QuietNowhere":           {policyYAML("x", `{quietHours: [{start: "22:00", end: "22:00"}]}`), "spec.quietHours[0]", "start and end must differ; a whole day is 00:00 to 24:00"},
		"QuietStart":             {policyYAML("x", `{quietHours: [{start: "24:00", end: "06:00"}]}`), "spec.quietHours[0].start", "should match"},
		"QuietEnd":               {policyYAML("x", `{quietHours: [{start: "22:00", end: "6:00"}]}`), "spec.quietHours[0].end", "should match"},
		"QuietDay":               {policyYAML("x", `{quietHours: [{start: "22:00", end: "06:00", days: [Mon]}]}`), "spec.quietHours[0].days[0]", "Monday"},
		"QuietDayTwice":          {policyYAML("x", `{quietHours: [{start: "22:00", end: "06:00", days: [Monday, Monday]}]}`), "spec.quietHours[0].days[1]", "Duplicate"},
		"QuietSeverity":          {policyYAML("x", `{quietHours: [{start: "22:00", end: "06:00", severities: [loud]}]}`), "spec.quietHours[0].severities[0]", "critical"},
		"QuietTooMany":           {policyYAML("x", `{quietHours: [`+strings.Repeat(`{start: "22:00", end: "06:00"},`, 21)+`]}`), "spec.quietHours", "at most 20"},

		"EndsBeforeStart":     {silenceYAML("x", `{startsAt: "2026-05-02T00:00:00Z", endsAt: "2026-05-01T00:00:00Z"}`), "spec", "endsAt must be after startsAt"},
		"EndsAtStart":         {silenceYAML("x", `{startsAt: "2026-05-02T02:00:00+02:00", endsAt: "2026-05-02T00:00:00Z"}`), "spec", "endsAt must be after startsAt"},
		"ChecksAndSelector":   {silenceYAML("x", `{endsAt: "2026-05-01T00:00:00Z", checks: [a], selector: {matchLabels: {app: b}}}`), "spec", "set at most one of checks and selector"},
		"NoChecks":            {silenceYAML("x", `{endsAt: "2026-05-01T00:00:00Z", checks: []}`), "spec.checks", "at least 1"},
		"CheckTwice":          {silenceYAML("x", `{endsAt: "2026-05-01T00:00:00Z", checks: [a, a]}`), "spec.checks[1]", "Duplicate"},
		"SilenceSeverity":     {silenceYAML("x", `{endsAt: "2026-05-01T00:00:00Z", severities: [loud]}`), "spec.severities[0]", "critical"},
		"SilenceEndsSometime": {silenceYAML("x", `{endsAt: tomorrow}`), "spec.endsAt", "date-time"},
		"SilenceNoEnd":        {silenceYAML("x", `{comment: for ever}`), "spec.endsAt", "Required"},
		"SilenceComment":      {silenceYAML("x", `{endsAt: "2026-05-01T00:00:00Z", comment: "`+strings.Repeat("x", 1025)+`"}`), "spec.comment", "more than 1024"},
	} {
		t.Run(name, func(t *testing.T) {
			object := c.raw(tc.manifest)
			err := c.Create(t.Context(), object)
			if err == nil {
				_ = c.Delete(t.Context(), object)
				t.Fatal("the API server took it")
			}
			if !strings.Contains(err.Error(), tc.field+":") || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want %s: and %q in it", err, tc.field, tc.says)
			}
		})
	}
}

// TestAlertSchemasTake covers what is just within the limits, and the defaults.
func TestAlertSchemasTake(t *testing.T) {
	c := newCluster(t)
	for name, manifest := range map[string]string{
		"Empty":     policyYAML("takes-empty", `{}`),
		"Least":     policyYAML("takes-least", `{groupWait: 0s, groupInterval: 1s, repeatInterval: 0s, volume: 1}`),
		"Most":      policyYAML("takes-most", `{groupWait: 5m, groupInterval: 1h, repeatInterval: 168h, volume: 100}`),
		"WholeDay":  policyYAML("takes-day", `{quietHours: [{start: "00:00", end: "24:00", days: [Sunday]}]}`),
		"Fractions": policyYAML("takes-fractions", `{groupWait: 1.5s}`),
		"Silence":   silenceYAML("takes", `{endsAt: "2026-05-01T00:00:00Z"}`),
	} {
		t.Run(name, func(t *testing.T) {
			object := c.raw(manifest)
			c.create(object)
			if object.GetKind() == "Silence" {
				return
			}
			p := policy(object.GetName())
			if err := c.Get(t.Context(), client.ObjectKeyFromObject(p), p); err != nil {
				t.Fatal(err)
			}
			s := &p.Spec
			if s.MinSeverity == "" || s.Volume == 0 || s.GroupWait == nil || s.GroupInterval == nil || s.RepeatInterval == nil {
				t.Errorf("defaults are missing: %+v", s)
			}
			for _, q := range s.QuietHours {
				if q.TimeZone != "UTC" {
					t.Errorf("time zone %q", q.TimeZone)
				}
			}
		})
	}
}
