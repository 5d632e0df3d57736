package docs_test

import (
	"encoding/json"
	"regexp"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules/builtin"
)

var yamlBlock = regexp.MustCompile("(?ms)^ *```yaml$(.*?)^ *```$")

// example is what an example may be: a rule set, a Check, a list of rules, or the section of one rule.
type example struct {
	Spec struct {
		Rules []v1alpha1.Rule `json:"rules"`
	} `json:"spec"`
	Rules      []v1alpha1.Rule      `json:"rules"`
	Module     *v1alpha1.ModuleRule `json:"module"`
	CEL        *v1alpha1.CELRule    `json:"cel"`
	JSONSchema v1alpha1.JSON        `json:"jsonSchema"`
}

// TestExamplesCompile compiles every rule that stands in an example of the documentation.
func TestExamplesCompile(t *testing.T) {
	compiler, compiled := builtin.New(), 0
	for _, page := range pages(t) {
		for _, block := range yamlBlock.FindAllStringSubmatch(read(t, page), -1) {
			text, err := yaml.YAMLToJSON([]byte(block[1]))
			if err != nil {
				t.Errorf("%s: %v in\n%s", page, err, block[1])
				continue
			}
			var e example
			if err := json.Unmarshal(text, &e); err != nil {
				t.Errorf("%s: %v in\n%s", page, err, block[1])
				continue
			}
			list := append(e.Spec.Rules, e.Rules...)
			if e.Module != nil || e.CEL != nil || !e.JSONSchema.IsZero() {
				list = append(list, v1alpha1.Rule{Name: "example", Module: e.Module, CEL: e.CEL, JSONSchema: e.JSONSchema})
			}
			for _, problem := range compiler.Compile("", list).Errors {
				t.Errorf("%s: rule %s: %s", page, problem.Rule, problem.Message)
			}
			compiled += len(list)
		}
	}
	if compiled == 0 {
		t.Error("there are no examples")
	}
	t.Logf("compiled %d rules", compiled)
}
