{{- define "type_members" -}}
{{- if eq .Name "metadata" -}}
Name, namespace, labels and the like, as all of Kubernetes' objects have them.
{{- else -}}
{{ template "prose" .Doc }}
{{- end -}}
{{- end -}}
