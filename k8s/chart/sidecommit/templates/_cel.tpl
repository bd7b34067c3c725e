{{/* CEL: what the pod says, else its namespace, else the ConfigMap. Takes the annotation's name without the prefix. */}}
{{- define "sidecommit.cel" -}}
{{- if has . (include "sidecommit.cel.pods" . | fromYamlArray) -}}
variables.pod[?'sidecommit.dev/{{ . }}'].orValue('')
{{- else -}}
variables.pod[?'sidecommit.dev/{{ . }}'].orValue(variables.inherited[?'sidecommit.dev/{{ . }}'].orValue(params.data[?'{{ include "sidecommit.camel" . }}'].orValue('')))
{{- end }}
{{- end }}

{{/* What two workloads cannot share: neither for namespaces nor for the ConfigMap. */}}
{{- define "sidecommit.cel.pods" -}}
[workload, ordinal]
{{- end }}

{{/* kafka-ca-secret: kafkaCaSecret */}}
{{- define "sidecommit.camel" -}}
{{- $words := splitList "-" . -}}
{{- first $words }}{{ range rest $words }}{{ title . }}{{ end }}
{{- end }}

{{/* The annotations that the MutatingAdmissionPolicy knows; the webhook knows more. */}}
{{- define "sidecommit.cel.known" -}}
[bootstrap-servers, kafka-config, kafka-secret, kafka-tls-secret, kafka-ca-secret, transactional-id-prefix, identity, workload, ordinal, slots, lanes, transaction-timeout, grpc-port, journal, journal-size-limit, log-level, log-format, metrics-port, image, image-pull-policy, cpu-request, cpu-limit, memory-request, memory-limit, init-containers-before, container-names, env, uid, gid, shutdown-grace, readiness, settle-scale-down]
{{- end }}

{{/* CEL: an optional variable of the sidecar. Takes (list NAME ANNOTATION). */}}
{{- define "sidecommit.cel.env" -}}
(variables.{{ include "sidecommit.camel" (last .) }} == '' ? [] : [Object.spec.initContainers.env{name: '{{ first . }}', value: variables.{{ include "sidecommit.camel" (last .) }}}])
{{- end }}

{{/* CEL: a variable from the downward API. Takes (list NAME PATH). */}}
{{- define "sidecommit.cel.field" -}}
Object.spec.initContainers.env{name: '{{ first . }}', valueFrom: Object.spec.initContainers.env.valueFrom{fieldRef: Object.spec.initContainers.env.valueFrom.fieldRef{fieldPath: {{ last . | squote }}}}}
{{- end }}

{{/* CEL: a probe by exec. Takes (list KIND COMMAND PERIOD FAILURES). */}}
{{- define "sidecommit.cel.probe" -}}
Object.spec.initContainers.{{ index . 0 }}{exec: Object.spec.initContainers.{{ index . 0 }}.exec{command: {{ index . 1 }}}, periodSeconds: {{ index . 2 }}, failureThreshold: {{ index . 3 }}, timeoutSeconds: 5}
{{- end }}
