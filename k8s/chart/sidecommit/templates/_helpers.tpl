{{- define "sidecommit.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "sidecommit.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: webhook
{{- end }}

{{- define "sidecommit.labels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: sidecommit
{{- end }}

{{- define "sidecommit.serviceAccount" -}}
{{- default (include "sidecommit.fullname" .) .Values.serviceAccount.name }}
{{- end }}

{{- define "sidecommit.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}
{{- end }}

{{/* Where the webhook's certificate is: its own Secret, cert-manager's, or yours. */}}
{{- define "sidecommit.certSecret" -}}
{{- if eq .Values.certs.mode "existing" -}}
{{ .Values.certs.existing.secretName }}
{{- else -}}
{{ include "sidecommit.fullname" . }}-webhook-tls
{{- end }}
{{- end }}

{{/* The prefix of this cluster. `lookup` finds nothing under GitOps and in `helm template`: then somebody has to say it. */}}
{{- define "sidecommit.prefix" -}}
{{- if .Values.injection.transactionalIdPrefix -}}
{{ .Values.injection.transactionalIdPrefix }}
{{- else -}}
{{- $kubeSystem := lookup "v1" "Namespace" "" "kube-system" -}}
{{- if $kubeSystem -}}
{{ $kubeSystem.metadata.uid | trunc 8 }}
{{- else -}}
{{ fail "\n\ninjection.transactionalIdPrefix is not set, and the cluster cannot be asked from here (helm template, GitOps).\nIt names this cluster in every transactional.id and must never change. Print it once, and keep it with your values:\n\n    kubectl get namespace kube-system -o jsonpath='{.metadata.uid}' | cut -c1-8\n" }}
{{- end }}
{{- end }}
{{- end }}

{{/* What all sidecars get: values.injection without what is empty, with the cluster's prefix and the image. */}}
{{- define "sidecommit.defaults" -}}
{{- $defaults := dict }}
{{- range $key, $value := .Values.injection }}
{{- if not (or (kindIs "invalid" $value) (eq (toString $value) "")) }}
{{- $_ := set $defaults $key $value }}
{{- end }}
{{- end }}
{{- $_ := set $defaults "transactionalIdPrefix" (include "sidecommit.prefix" .) }}
{{- if not (hasKey $defaults "image") }}
{{- $_ := set $defaults "image" (include "sidecommit.image" .) }}
{{- end }}
{{- if not (hasKey $defaults "imagePullPolicy") }}
{{- $_ := set $defaults "imagePullPolicy" .Values.image.pullPolicy }}
{{- end }}
{{- toYaml $defaults }}
{{- end }}

{{/* Namespaces whose pods are left alone. */}}
{{- define "sidecommit.namespaceSelector" -}}
matchExpressions:
  - key: kubernetes.io/metadata.name
    operator: NotIn
    values:
      {{- toYaml (concat (list "kube-system" .Release.Namespace) .Values.webhook.excludedNamespaces | uniq) | nindent 6 }}
{{- end }}

{{/* Pods that opted in, of this revision. */}}
{{- define "sidecommit.objectSelector" -}}
matchLabels:
  sidecommit.dev/inject: "true"
  {{- if .Values.revision }}
  sidecommit.dev/rev: {{ .Values.revision | quote }}
  {{- else }}
matchExpressions:
  - key: sidecommit.dev/rev
    operator: DoesNotExist
  {{- end }}
{{- end }}

{{/* Pod Security "restricted", whole. */}}
{{- define "sidecommit.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end }}
