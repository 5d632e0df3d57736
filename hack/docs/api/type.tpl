{{- define "type" -}}
{{- $type := . -}}
{{- if markdownShouldRenderType $type }}
### {{ $type.Name }}

{{ template "prose" $type.Doc }}
{{ if $type.IsAlias }}
It is a {{ markdownRenderTypeLink $type.UnderlyingType }}.
{{ end }}
{{- if $type.References }}
Used by:
{{- range $i, $user := $type.SortedReferences }}{{ if $i }},{{ end }} {{ markdownRenderTypeLink $user }}
{{- end }}.
{{ end }}
{{- if $type.EnumValues }}
| value | meaning |
| --- | --- |
{{ range $type.EnumValues -}}
| `{{ .Name }}` | {{ template "prose" .Doc }} |
{{ end }}
{{- else if $type.Members }}
| field | type | meaning | default | rules |
| --- | --- | --- | --- | --- |
{{ if $type.GVK -}}
| `apiVersion` | string | `{{ $type.GVK.Group }}/{{ $type.GVK.Version }}` | | |
| `kind` | string | `{{ $type.GVK.Kind }}` | | |
{{ end -}}
{{ range $type.Members -}}
| `{{ .Name }}` | {{ markdownRenderType .Type }} | {{ template "type_members" . }} | {{ if .Default }}`{{ .Default }}`{{ end }} | {{ template "rules" .Validation }} |
{{ end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "prose" -}}
{{ . | replace "\n" " " | replace "|" "\\|" | replace "<" "&lt;" | replace "*" "\\*" | trim }}
{{- end -}}

{{- define "rules" -}}
{{- range $i, $rule := . }}{{ if $i }}; {{ end }}{{ template "rule" $rule }}{{ end -}}
{{- end -}}

{{- define "rule" -}}
{{- if hasPrefix "Optional:" . }}optional
{{- else if hasPrefix "Required:" . }}required
{{- else if hasPrefix "Schemaless:" . }}any JSON
{{- else if hasPrefix "Enum:" . }}one of `{{ . | trimPrefix "Enum: [" | trimSuffix "]" | replace " " "`, `" }}`
{{- else }}{{ $parts := splitn ": " 2 . }}{{ $parts._0 }} `{{ $parts._1 | replace "|" "\\|" | trimAll "`" }}`
{{- end -}}
{{- end -}}
