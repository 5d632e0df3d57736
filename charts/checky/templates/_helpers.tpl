{{/*
Names are the same in every release: there is one Checky in a cluster, whose kinds, ClusterRoles and webhooks are the cluster's. A second
release is refused by Helm, which finds that these belong to the first.
*/}}

{{/* Labels by which a release and its chart are known. */}}
{{- define "checky.releaseLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* Labels that select the Pods of a component. They have no release in them: a Deployment's selector can never be changed. */}}
{{- define "checky.selector" -}}
app.kubernetes.io/name: checky
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Labels of an object of a component: dict "root" $ "component" "controller". */}}
{{- define "checky.labels" -}}
{{ include "checky.selector" . }}
{{ include "checky.releaseLabels" .root }}
{{- end }}

{{/* Metadata of an object of a component: dict "root" $ "component" "controller" "name" "checky-controller". */}}
{{- define "checky.metadata" -}}
name: {{ .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "checky.labels" . | nindent 2 }}
{{- end }}

{{/* A component's image: dict "root" $ "image" .Values.image. */}}
{{- define "checky.image" -}}
{{- $registry := .root.Values.global.imageRegistry | default .image.registry }}
{{- $name := printf "%s%s" (ternary (printf "%s/" $registry) "" (ne $registry "")) .image.repository }}
{{- if .image.digest }}
{{- printf "%s@%s" $name .image.digest }}
{{- else }}
{{- printf "%s:%s" $name (.image.tag | default .root.Chart.AppVersion) }}
{{- end }}
{{- end }}

{{/* Name of a component's ServiceAccount: dict "root" $ "component" "controller". */}}
{{- define "checky.serviceAccountName" -}}
{{- (index .root.Values .component).serviceAccount.name | default (printf "checky-%s" .component) }}
{{- end }}

{{/* Labels and annotations of a component's Pods. */}}
{{- define "checky.podMetadata" -}}
{{- $values := index .root.Values .component }}
labels:
  {{- include "checky.selector" . | nindent 2 }}
  {{- with $values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  kubectl.kubernetes.io/default-container: {{ .component }}
  {{- with $values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* Where a component's Pods run, and who they are. */}}
{{- define "checky.podSettings" -}}
{{- $values := index .root.Values .component }}
serviceAccountName: {{ include "checky.serviceAccountName" . }}
automountServiceAccountToken: true
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
{{- toYaml . | nindent 0 }}
{{- end }}
{{- range $field := list "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" "priorityClassName" }}
{{- with index $values $field }}
{{ $field }}: {{- if kindIs "string" . }} {{ . }}{{ else }}{{ toYaml . | nindent 2 }}{{ end }}
{{- end }}
{{- end }}
{{- end }}

{{/* What the restricted Pod Security Standard asks of a container. */}}
{{- define "checky.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Name of the Secret with the facade's certificate. */}}
{{- define "checky.apiserverSecret" -}}
{{- .Values.tls.apiserver.existingSecret | default "checky-apiserver-tls" }}
{{- end }}

{{/* The ConfigMap with the knowledge file; empty: there is none. */}}
{{- define "checky.knowledge" -}}
{{- if and .Values.knowledge.configMap .Values.knowledge.content }}
{{- fail "knowledge: give configMap or content, not both" }}
{{- end }}
{{- .Values.knowledge.configMap | default (ternary "checky-knowledge" "" (ne .Values.knowledge.content "")) }}
{{- end }}

{{/*
The objects of one of the files that `make manifests` copies from config/, in the release's namespace, with its labels and
ServiceAccounts, but those of some names, with more labels: dict "root" $ "file" "files/rbac/role.yaml"
"without" (list "some-name") "labels" (dict "some" "label").
*/}}
{{- define "checky.shipped" -}}
{{- $root := .root }}
{{- $namespace := $root.Release.Namespace }}
{{- $accounts := dict }}
{{- range $component := list "controller" "apiserver" "alertd" }}
{{- $_ := set $accounts (printf "checky-%s" $component) (include "checky.serviceAccountName" (dict "root" $root "component" $component)) }}
{{- end }}
{{- range $document := regexSplit "(?m)^---$" ($root.Files.Get .file) -1 }}
{{- $object := dict }}
{{- range $shipped, $account := $accounts }}
{{- $document = $document | replace (printf "checky-system:%s" $shipped) (printf "checky-system:%s" $account) }}
{{- end }}
{{- $object = $document | replace "checky-system" $namespace | fromYaml }}
{{- if hasKey $object "Error" }}
{{- fail (printf "%s: %s" $.file $object.Error) }}
{{- end }}
{{- if and $object.kind (not (has (dig "metadata" "name" "" $object) ($.without | default list))) }}
{{- $created := true }}
{{- if and (eq $object.kind "ServiceAccount") (hasKey $accounts $object.metadata.name) }}
{{- $account := (index $root.Values (trimPrefix "checky-" $object.metadata.name)).serviceAccount }}
{{- $created = $account.create }}
{{- $_ := set $object.metadata "name" (index $accounts $object.metadata.name) }}
{{- if $account.annotations }}
{{- $_ := set $object.metadata "annotations" $account.annotations }}
{{- end }}
{{- end }}
{{- range $subject := $object.subjects }}
{{- $_ := set $subject "name" (index $accounts $subject.name | default $subject.name) }}
{{- end }}
{{- $labels := $object.metadata.labels | default dict }}
{{- if not $root.Values.rbac.aggregate }}
{{- range $label, $_ := $labels }}
{{- if hasPrefix "rbac.authorization.k8s.io/aggregate-to-" $label }}
{{- $_ := unset $labels $label }}
{{- end }}
{{- end }}
{{- end }}
{{- $_ := set $object.metadata "labels" (merge $labels (dict "app.kubernetes.io/name" "checky") (include "checky.releaseLabels" $root | fromYaml) ($.labels | default dict)) }}
{{- if $created }}
---
{{ toYaml $object }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
