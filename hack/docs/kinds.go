package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// kindsPage is the reference of the API: what the custom resource definitions say of each kind as a whole, and the tables of the types.
func kindsPage(types, definitions string) (string, error) {
	tables, err := os.ReadFile(types)
	if err != nil {
		return "", err
	}
	paths, err := filepath.Glob(filepath.Join(definitions, "*.yaml"))
	if err != nil {
		return "", err
	}
	var glance, columns, validations strings.Builder
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		var d apiextensions.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(text, &d); err != nil {
			return "", fmt.Errorf("%s: %w", path, err)
		}
		describe(&d, &glance, &columns, &validations)
	}
	return fmt.Sprintf(`# The kinds

The group is `+"`checky.dev`, the version `v1alpha1`"+`. Beside a cluster, `+"`kubectl explain check.spec`"+` and so on tell the same; [the contract](../design/contract.md) tells what
fields, conditions and reasons mean together.

| kind | resource | short name | scope | field selectors |
| --- | --- | --- | --- | --- |
%s
What `+"`kubectl get`"+` shows, with `+"`-o wide`"+` the columns in parentheses too:

| kind | columns |
| --- | --- |
%s
What the API server refuses, besides what stands under rules below:

| where | what is refused, or asked for |
| --- | --- |
%s
%s
`, glance.String(), columns.String(), validations.String(), strings.TrimSpace(string(tables))), nil
}

// describe adds a kind's rows to three tables.
func describe(d *apiextensions.CustomResourceDefinition, glance, columns, validations *strings.Builder) {
	kind, version := d.Spec.Names.Kind, d.Spec.Versions[0]
	var shown, selectable []string
	for _, c := range version.AdditionalPrinterColumns {
		name := c.Name
		if c.Priority > 0 {
			name = "(" + name + ")"
		}
		shown = append(shown, name)
	}
	for _, f := range version.SelectableFields {
		selectable = append(selectable, "`"+f.JSONPath+"`")
	}
	link := "[" + kind + "](#" + strings.ToLower(kind) + ")"
	fmt.Fprintf(glance, "| %s | `%s` | %s | %s | %s |\n", link, d.Name, quoted(d.Spec.Names.ShortNames), d.Spec.Scope, strings.Join(selectable, ", "))
	fmt.Fprintf(columns, "| %s | %s |\n", link, strings.Join(shown, ", "))
	found := map[string]string{}
	walk(version.Schema.OpenAPIV3Schema, "", found)
	for _, path := range slices.Sorted(maps.Keys(found)) {
		fmt.Fprintf(validations, "| %s `%s` | %s |\n", link, cmp.Or(strings.TrimPrefix(path, "."), "."), found[path])
	}
}

func quoted(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "`" + strings.Join(names, "`, `") + "`"
}

// walk collects the messages of CEL validations by the path of what they hold for.
func walk(s *apiextensions.JSONSchemaProps, path string, found map[string]string) {
	var messages []string
	for _, v := range s.XValidations {
		messages = append(messages, cmp.Or(inCell(v.Message), "`"+inCell(v.Rule)+"`"))
	}
	if len(messages) > 0 {
		found[path] = strings.Join(messages, "; ")
	}
	for name := range s.Properties {
		property := s.Properties[name]
		walk(&property, path+"."+name, found)
	}
	if s.Items != nil && s.Items.Schema != nil {
		walk(s.Items.Schema, path+"[]", found)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		walk(s.AdditionalProperties.Schema, path+".*", found)
	}
}
