package manifests

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	yamlv3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"
)

// effects say for each value of the chart what it may be changed to, and which values have to stand beside that for it to matter, as YAML.
var effects = map[string]struct{ to, beside string }{
	"global.imageRegistry":                                 {`mirror.example.com`, ``},
	"image.registry":                                       {`mirror.example.com`, ``},
	"image.repository":                                     {`another/checky`, ``},
	"image.tag":                                            {`v9.9.9`, ``},
	"image.digest":                                         {`sha256:` + strings.Repeat("0", 64), ``},
	"image.pullPolicy":                                     {`Always`, ``},
	"imagePullSecrets":                                     {`[{name: registry}]`, ``},
	"crds.install":                                         {`false`, ``},
	"checkNamespace.name":                                  {`elsewhere`, ``},
	"checkNamespace.create":                                {`false`, ``},
	"rbac.aggregate":                                       {`false`, ``},
	"inputs.configMaps":                                    {`false`, ``},
	"inputs.secrets":                                       {`false`, ``},
	"inputs.resources":                                     {`[{apiGroups: [apps], resources: [deployments]}]`, ``},
	"webhooks.enabled":                                     {`false`, ``},
	"webhooks.failurePolicy":                               {`Fail`, ``},
	"certManager.enabled":                                  {`true`, ``},
	"certManager.issuerRef":                                {`{name: company, kind: ClusterIssuer}`, `{certManager: {enabled: true}}`},
	"tls.apiserver.existingSecret":                         {`own-tls`, ``},
	"apiserver.enabled":                                    {`false`, ``},
	"apiserver.externalURL":                                {`https://checky.example.org`, ``},
	"apiserver.signUp":                                     {`false`, ``},
	"apiserver.trustedProxies":                             {`[10.0.0.0/8]`, ``},
	"apiserver.smtp.address":                               {`smtp.example.com:587`, `{apiserver: {externalURL: https://a.example, smtp: {from: a@example.com}}}`},
	"apiserver.smtp.from":                                  {`b@example.com`, `{apiserver: {externalURL: https://a.example, smtp: {address: smtp.example.com, from: a@example.com}}}`},
	"apiserver.smtp.tls":                                   {`implicit`, `{apiserver: {externalURL: https://a.example, smtp: {address: smtp.example.com, from: a@example.com}}}`},
	"apiserver.envFromSecret":                              {`another`, ``},
	"apiserver.service.type":                               {`LoadBalancer`, ``},
	"apiserver.service.annotations":                        {`{a: b}`, ``},
	"apiserver.autoscaling.enabled":                        {`true`, ``},
	"apiserver.autoscaling.minReplicas":                    {`3`, `{apiserver: {autoscaling: {enabled: true}}}`},
	"apiserver.autoscaling.maxReplicas":                    {`5`, `{apiserver: {autoscaling: {enabled: true}}}`},
	"apiserver.ingress.enabled":                            {`true`, ``},
	"apiserver.ingress.className":                          {`nginx`, `{apiserver: {ingress: {enabled: true}}}`},
	"apiserver.ingress.host":                               {`a.example`, `{apiserver: {ingress: {enabled: true}}}`},
	"apiserver.ingress.tlsSecret":                          {`another`, `{apiserver: {ingress: {enabled: true}}}`},
	"apiserver.ingress.annotations":                        {`{a: b}`, `{apiserver: {ingress: {enabled: true}}}`},
	"apiserver.gateway.enabled":                            {`true`, `{apiserver: {gateway: {className: example}}}`},
	"apiserver.gateway.className":                          {`another`, `{apiserver: {gateway: {enabled: true, className: example}}}`},
	"apiserver.gateway.host":                               {`a.example`, `{apiserver: {gateway: {enabled: true, className: example}}}`},
	"apiserver.gateway.tlsSecret":                          {`another`, `{apiserver: {gateway: {enabled: true, className: example}}}`},
	"apiserver.gateway.caConfigMap":                        {`another`, `{apiserver: {gateway: {enabled: true, className: example}}}`},
	"apiserver.gateway.annotations":                        {`{a: b}`, `{apiserver: {gateway: {enabled: true, className: example}}}`},
	"alertd.enabled":                                       {`true`, ``},
	"alertd.image.registry":                                {`mirror.example.com`, `{alertd: {enabled: true}}`},
	"alertd.image.repository":                              {`another/alertd`, `{alertd: {enabled: true}}`},
	"alertd.image.tag":                                     {`v9.9.9`, `{alertd: {enabled: true}}`},
	"alertd.image.digest":                                  {`sha256:` + strings.Repeat("0", 64), `{alertd: {enabled: true}}`},
	"alertd.device":                                        {`plughw:1,0`, `{alertd: {enabled: true}}`},
	"alertd.soundResource":                                 {`example.com/snd`, `{alertd: {enabled: true}}`},
	"alertd.audioGroup":                                    {`63`, `{alertd: {enabled: true}}`},
	"alertd.hostPath.enabled":                              {`true`, `{alertd: {enabled: true}}`},
	"knowledge.configMap":                                  {`own-knowledge`, ``},
	"knowledge.content":                                    {`a line`, ``},
	"networkPolicy.enabled":                                {`false`, ``},
	"metrics.serviceMonitor.enabled":                       {`true`, ``},
	"metrics.serviceMonitor.labels":                        {`{release: prometheus}`, `{metrics: {serviceMonitor: {enabled: true}}}`},
	"metrics.prometheusRule.enabled":                       {`true`, ``},
	"metrics.prometheusRule.labels":                        {`{release: prometheus}`, `{metrics: {prometheusRule: {enabled: true}}}`},
	"grafana.dashboard.enabled":                            {`true`, ``},
	"grafana.dashboard.labels":                             {`{a: b}`, `{grafana: {dashboard: {enabled: true}}}`},
	"tests.address":                                        {`checky.example.com`, ``},
	"apiserver.autoscaling.targetCPUUtilizationPercentage": {`50`, `{apiserver: {autoscaling: {enabled: true}}}`},
}

// ofComponents are the values that several components have, by what follows the component's name.
var ofComponents = map[string]string{
	"replicas":                           `5`,
	"extraArgs":                          `[--log-debug]`,
	"extraEnv":                           `[{name: A, value: b}]`,
	"resources":                          `{limits: {memory: 1Gi}}`,
	"serviceAccount.create":              `false`,
	"serviceAccount.name":                `another`,
	"serviceAccount.annotations":         `{a: b}`,
	"podDisruptionBudget.enabled":        `false`,
	"podDisruptionBudget.maxUnavailable": `50%`,
	"podAnnotations":                     `{a: b}`,
	"podLabels":                          `{a: b}`,
	"nodeSelector":                       `{a: b}`,
	"tolerations":                        `[{operator: Exists}]`,
	"affinity":                           `{nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: []}}}`,
	"topologySpreadConstraints":          `[]`,
	"priorityClassName":                  `important`,
}

// TestEveryValueHasAnEffect changes each value of the chart by itself: something else is rendered.
func TestEveryValueHasAnEffect(t *testing.T) {
	paths := valuePaths(t)
	for _, path := range paths {
		t.Run(path, func(t *testing.T) {
			change, found := effects[path]
			if component, rest, _ := strings.Cut(path, "."); !found && slices.Contains([]string{"controller", "apiserver", "alertd"}, component) {
				change.to, found = ofComponents[rest]
				if component == "alertd" {
					change.beside = `{alertd: {enabled: true}}`
				}
			}
			if !found {
				t.Fatal("nothing says what it is good for: add it to the table")
			}
			before := parse(t, change.beside)
			after := parse(t, change.beside)
			var to any
			if err := yaml.Unmarshal([]byte(change.to), &to); err != nil {
				t.Fatal(err)
			}
			set(after, path, to)
			if reflect.DeepEqual(everything(t, before), everything(t, after)) {
				t.Errorf("%s: %s changes nothing", path, change.to)
			}
		})
	}
	for path := range effects {
		if !slices.Contains(paths, path) {
			t.Errorf("the chart has no value %s", path)
		}
	}
}

// everything that Helm makes of values: manifest, tests and notes.
func everything(t *testing.T, values map[string]any) []string {
	t.Helper()
	rendered, err := render(chartDir, namespace, values)
	if err != nil {
		t.Fatal(err)
	}
	made := []string{rendered.Manifest, rendered.Info.Notes}
	for _, hook := range rendered.Hooks {
		made = append(made, hook.Manifest)
	}
	return made
}

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	values := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &values); err != nil {
		t.Fatal(err)
	}
	return values
}

// set puts a value where a path leads to.
func set(values map[string]any, path string, value any) {
	name, rest, nested := strings.Cut(path, ".")
	if !nested {
		values[name] = value
		return
	}
	inner, ok := values[name].(map[string]any)
	if !ok {
		inner = map[string]any{}
		values[name] = inner
	}
	set(inner, rest, value)
}

// described is the line above a value that tells what it is.
var described = regexp.MustCompile(`(?m)^# -- (.+)$`)

// descriptions are those of values.yaml, by the values' paths.
func descriptions(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(chartDir, "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var document yamlv3.Node
	if err := yamlv3.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	var walk func(node *yamlv3.Node, path []string)
	walk = func(node *yamlv3.Node, path []string) {
		for i := 0; node.Kind == yamlv3.MappingNode && i < len(node.Content); i += 2 {
			key, value := node.Content[i], node.Content[i+1]
			path := append(slices.Clone(path), key.Value)
			if comment := described.FindStringSubmatch(key.HeadComment); comment != nil {
				found[strings.Join(path, ".")] = comment[1]
				continue // what is below is its default
			}
			if value.Kind != yamlv3.MappingNode || len(value.Content) == 0 {
				t.Errorf("values.yaml: %s has no comment `# -- ...`", strings.Join(path, "."))
			}
			walk(value, path)
		}
	}
	walk(document.Content[0], nil)
	return found
}

// valuePaths are all values of the chart.
func valuePaths(t *testing.T) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(descriptions(t)))
}

// valueSchema is what the tests look at of a JSON Schema.
type valueSchema struct {
	Description          string                 `json:"description"`
	Type                 any                    `json:"type"`
	Properties           map[string]valueSchema `json:"properties"`
	AdditionalProperties any                    `json:"additionalProperties"`
}

// TestEveryValueIsDescribed holds the three texts about each value to one: values.yaml, the schema and the README.
func TestEveryValueIsDescribed(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(chartDir, "values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var whole valueSchema
	if err := json.Unmarshal(text, &whole); err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(chartDir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	want := descriptions(t)
	var walk func(s valueSchema, path []string)
	walk = func(s valueSchema, path []string) {
		name := strings.Join(path, ".")
		if s.Type == nil {
			t.Errorf("values.schema.json: %s has no type", name)
		}
		if comment, leaf := want[name]; leaf {
			if s.Description != comment {
				t.Errorf("%s: values.yaml says %q, values.schema.json %q", name, comment, s.Description)
			}
			if row := "| " + name + " |"; !strings.Contains(string(readme), row) || !strings.Contains(string(readme), "| "+comment+" |") {
				t.Errorf("README.md lacks %s: run make manifests", name)
			}
			delete(want, name)
			return
		}
		if s.AdditionalProperties != false && name != "global" { // others put theirs into global
			t.Errorf("values.schema.json: %s takes what nobody knows", name)
		}
		if s.Description == "" && name != "" {
			t.Errorf("values.schema.json: %s has no description", name)
		}
		for property, inner := range s.Properties {
			walk(inner, append(slices.Clone(path), property))
		}
	}
	walk(whole, nil)
	for name := range want {
		t.Errorf("values.schema.json lacks %s", name)
	}
}

// TestWrongValuesAreRefused holds typos and wrong types to a message that names the value.
func TestWrongValuesAreRefused(t *testing.T) {
	for name, tc := range map[string]struct{ reason, values, want string }{
		"Typo":          {"nothing is done with it", `{controler: {replicas: 3}}`, `'controler'`},
		"InnerTypo":     {"nor below", `{apiserver: {smpt: {address: a}}}`, `at '/apiserver': additional properties 'smpt'`},
		"Type":          {"a number in quotes", `{controller: {replicas: "3"}}`, `at '/controller/replicas': got string, want integer`},
		"Boolean":       {"a word for a truth", `{apiserver: {signUp: "no"}}`, `at '/apiserver/signUp': got string, want boolean`},
		"Enum":          {"no such policy", `{webhooks: {failurePolicy: Maybe}}`, `at '/webhooks/failurePolicy': value must be one of 'Ignore', 'Fail'`},
		"Bound":         {"a Deployment of less than nothing", `{apiserver: {replicas: -1}}`, `at '/apiserver/replicas': minimum`},
		"Name":          {"no namespace has such a name", `{checkNamespace: {name: Checky_1}}`, `at '/checkNamespace/name'`},
		"List":          {"one flag is a list of one", `{controller: {extraArgs: --log-debug}}`, `at '/controller/extraArgs': got string, want array`},
		"Flag":          {"flags begin with two dashes", `{controller: {extraArgs: [log-debug]}}`, `at '/controller/extraArgs/0'`},
		"Network":       {"an address is no network", `{apiserver: {trustedProxies: [10.0.0.1]}}`, `at '/apiserver/trustedProxies/0'`},
		"URL":           {"links need a scheme", `{apiserver: {externalURL: checky.example.com}}`, `at '/apiserver/externalURL'`},
		"MailFrom":      {"mails are from somebody", `{apiserver: {externalURL: https://a.example, smtp: {address: a}}}`, `at '/apiserver/smtp/from'`},
		"MailURL":       {"links in mails lead somewhere", `{apiserver: {smtp: {address: a, from: a@example.com}}}`, `apiserver.externalURL`},
		"Environment":   {"Kubernetes takes strings alone", `{controller: {extraEnv: [{name: A, value: 1}]}}`, `at '/controller/extraEnv/0/value': got number, want string`},
		"Digest":        {"half a digest", `{image: {digest: "sha256:abc"}}`, `at '/image/digest'`},
		"Device":        {"the sandbox has no sockets", `{alertd: {device: pulse}}`, `at '/alertd/device'`},
		"TwoKnowledges": {"one file is read", `{knowledge: {configMap: a, content: b}}`, `knowledge: give configMap or content, not both`},
		"GatewayClass":  {"a Gateway has a class", `{apiserver: {gateway: {enabled: true}}}`, `apiserver.gateway.className`},
		"Replicas":      {"fewest is more than most", `{apiserver: {autoscaling: {enabled: true, minReplicas: 9, maxReplicas: 3}}}`, `apiserver.autoscaling`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Helm(chartDir, parse(t, tc.values))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: %v, want %s", tc.reason, err, tc.want)
			}
		})
	}
}
