package manifest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// Schemas hold manifests of Checky's kinds against the custom resource definitions, as the API server does: unknown fields,
// types, bounds, enumerations and the rules between fields. It is not safe for concurrent use.
type Schemas struct {
	files fs.FS
	// kinds has those that were needed: to compile one takes milliseconds, which is much of a short run.
	kinds map[string]*kindSchema
}

type kindSchema struct {
	structural *structuralschema.Structural
	openAPI    validation.SchemaValidator
	rules      *cel.Validator
}

// NewSchemas takes the definitions crd/bases/*.yaml of the file system, as config.Files has them. Each is compiled when a manifest
// of its kind is first validated.
func NewSchemas(files fs.FS) *Schemas {
	return &Schemas{files: files, kinds: map[string]*kindSchema{}}
}

// The kinds that no verdict depends on: their manifests are validated, and have no other part in a run.
const (
	kindAlertPolicy = "AlertPolicy"
	kindSilence     = "Silence"
)

// definitions are the names of the files of each kind's definition.
var definitions = map[string]string{
	"Check":                             "crd/bases/checky.dev_checks.yaml",
	string(v1alpha1.KindRuleSet):        "crd/bases/checky.dev_rulesets.yaml",
	string(v1alpha1.KindClusterRuleSet): "crd/bases/checky.dev_clusterrulesets.yaml",
	kindAlertPolicy:                     "crd/bases/checky.dev_alertpolicies.yaml",
	kindSilence:                         "crd/bases/checky.dev_silences.yaml",
}

// kind is the compiled definition of a kind, or nil where it is none of Checky's.
func (s *Schemas) kind(name string) (*kindSchema, error) {
	if known := s.kinds[name]; known != nil || definitions[name] == "" {
		return known, nil
	}
	text, err := fs.ReadFile(s.files, definitions[name])
	if err != nil {
		return nil, err
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.Unmarshal(text, crd); err != nil {
		return nil, fmt.Errorf("%s: %w", definitions[name], err)
	}
	compiled, err := compileKind(crd)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", definitions[name], err)
	}
	s.kinds[name] = compiled
	return compiled, nil
}

func compileKind(crd *apiextensionsv1.CustomResourceDefinition) (*kindSchema, error) {
	at := slices.IndexFunc(crd.Spec.Versions, func(v apiextensionsv1.CustomResourceDefinitionVersion) bool {
		return v.Name == v1alpha1.GroupVersion.Version
	})
	if at < 0 {
		return nil, errors.New("the definition lacks version " + v1alpha1.GroupVersion.Version)
	}
	schema := &apiextensions.JSONSchemaProps{}
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(crd.Spec.Versions[at].Schema.OpenAPIV3Schema, schema, nil); err != nil {
		return nil, err
	}
	structural, err := structuralschema.NewStructural(schema)
	if err != nil {
		return nil, err
	}
	openAPI, _, err := validation.NewSchemaValidator(schema)
	if err != nil {
		return nil, err
	}
	return &kindSchema{structural: structural, openAPI: openAPI, rules: cel.NewValidator(structural, true, celconfig.PerCallLimit)}, nil
}

// Validate gives what the API server would refuse in a manifest, as *Errors in the order of their lines. A status is not
// looked at: it is dropped when an object is created. The error is of a definition that cannot be read.
func (s *Schemas) Validate(root *Node) ([]error, error) {
	kind, err := s.kind(root.String("kind"))
	if err != nil {
		return nil, err
	}
	object, ok := root.Plain().(map[string]any)
	if kind == nil || !ok {
		return []error{&Error{Line: root.LineOfField("kind"), Problem: "kind: it is not one of Check, RuleSet, ClusterRuleSet, AlertPolicy and Silence"}}, nil
	}
	delete(object, "status")
	problems := validateMetadata(root, object)
	for _, path := range kind.unknown(object) {
		problems = append(problems, &Error{Line: root.LineOfField(path), Problem: path + ": there is no such field; correct its spelling, or remove it"})
	}
	defaulting.Default(object, kind.structural)
	violations := validation.ValidateCustomResource(nil, object, kind.openAPI)
	violations = append(violations, listtype.ValidateListSetsAndMaps(nil, kind.structural, object)...)
	if len(violations) == 0 {
		violations, _ = kind.rules.Validate(context.Background(), nil, kind.structural, object, nil, celconfig.RuntimeCELCostBudget)
	}
	for _, v := range violations {
		problems = append(problems, &Error{Line: root.LineOfField(v.Field), Problem: clipProblem(v)})
	}
	slices.SortStableFunc(problems, byLine)
	return problems, nil
}

// clipProblem is a violation's text, cut where it is long: it quotes what was found. Rules' values may be told.
func clipProblem(e *field.Error) string {
	const limit = 400
	text := strings.TrimPrefix(e.Error(), "<nil>: ") // a violation whose text holds the path itself
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "..."
	}
	return text
}

func byLine(a, b error) int {
	x, y := (*Error)(nil), (*Error)(nil)
	if !errors.As(a, &x) || !errors.As(b, &y) {
		return 0
	}
	return x.Line - y.Line
}

// unknown are the paths of fields that the definition does not know. They are removed from the object.
func (k *kindSchema) unknown(object map[string]any) []string {
	return pruning.PruneWithOptions(object, k.structural, true, structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
}

func validateMetadata(root *Node, object map[string]any) []error {
	fault := func(path, format string, args ...any) []error {
		return []error{&Error{Line: root.LineOfField(path), Problem: path + ": " + fmt.Sprintf(format, args...)}}
	}
	meta, _, unknown, err := objectmeta.GetObjectMetaWithOptions(object, objectmeta.ObjectMetaOptions{ReturnUnknownFieldPaths: true})
	var problems []error
	for _, path := range unknown {
		problems = append(problems, fault(path, "there is no such field; correct its spelling, or remove it")...)
	}
	switch {
	case err != nil:
		return append(problems, fault("metadata", "%s", err)...)
	case meta == nil || meta.Name == "" && meta.GenerateName == "":
		return append(problems, fault("metadata.name", "it is missing; give the object a name")...)
	case meta.Name != "" && len(utilvalidation.IsDNS1123Subdomain(meta.Name)) > 0:
		return append(problems, fault("metadata.name", "use lower-case letters, digits, - and ., 253 at most, a letter or digit at both ends")...)
	case meta.Namespace != "" && len(utilvalidation.IsDNS1123Label(meta.Namespace)) > 0:
		return append(problems, fault("metadata.namespace", "use lower-case letters, digits and -, 63 at most, a letter or digit at both ends")...)
	}
	return problems
}
