{{/* CEL: the sidecar's environment. These are expressions of the mutation and no variables, since the types Object.* exist only there. */}}
{{- define "sidecommit.cel.environment" -}}
[
  Object.spec.initContainers.env{name: 'SIDECOMMIT_BOOTSTRAP_SERVERS', value: variables.bootstrapServers},
  Object.spec.initContainers.env{name: 'SIDECOMMIT_PREFIX', value: variables.transactionalIdPrefix},
  {{ include "sidecommit.cel.field" (list "SIDECOMMIT_NAMESPACE" "metadata.namespace") }},
  {{ include "sidecommit.cel.field" (list "SIDECOMMIT_POD_NAME" "metadata.name") }},
  {{ include "sidecommit.cel.field" (list "SIDECOMMIT_POD_UID" "metadata.uid") }}
] + (variables.form == 'statefulset' ? [
  Object.spec.initContainers.env{name: 'SIDECOMMIT_POD_INDEX', valueFrom: Object.spec.initContainers.env.valueFrom{fieldRef: Object.spec.initContainers.env.valueFrom.fieldRef{fieldPath: "metadata.labels['apps.kubernetes.io/pod-index']"}}}
] : variables.form == 'lease' ? [
  Object.spec.initContainers.env{name: 'SIDECOMMIT_POD_TEMPLATE_HASH', valueFrom: Object.spec.initContainers.env.valueFrom{fieldRef: Object.spec.initContainers.env.valueFrom.fieldRef{fieldPath: "metadata.labels['pod-template-hash']"}}},
  Object.spec.initContainers.env{name: 'SIDECOMMIT_IDENTITY', value: 'lease'},
  Object.spec.initContainers.env{name: 'SIDECOMMIT_WORKLOAD', value: variables.who},
  Object.spec.initContainers.env{name: 'SIDECOMMIT_LEASES_SLOTS', value: variables.slots == '' ? '64' : variables.slots}
] : [
  Object.spec.initContainers.env{name: 'SIDECOMMIT_IDENTITY', value: 'static'},
  Object.spec.initContainers.env{name: 'SIDECOMMIT_WORKLOAD', value: variables.who},
  Object.spec.initContainers.env{name: 'SIDECOMMIT_ORDINAL', value: variables.ordinal == '' ? '0' : variables.ordinal}
]) + [
  Object.spec.initContainers.env{name: 'SIDECOMMIT_SOCKET', value: '/run/sidecommit/api.sock'},
  Object.spec.initContainers.env{name: 'SIDECOMMIT_ADMIN_SOCKET', value: '/run/sidecommit-admin/admin.sock'},
  Object.spec.initContainers.env{name: 'SIDECOMMIT_JOURNAL_DIR', value: '/var/lib/sidecommit/journal'},
  Object.spec.initContainers.env{name: 'SIDECOMMIT_GRACE', value: variables.grace}
] + (variables.port == '0' ? [] : [Object.spec.initContainers.env{name: 'SIDECOMMIT_METRICS_ADDRESS', value: '0.0.0.0:' + variables.port}])
  + (variables.grpcPort == '' ? [] : [Object.spec.initContainers.env{name: 'SIDECOMMIT_TCP_ADDRESS', value: '127.0.0.1:' + variables.grpcPort}])
  + {{ include "sidecommit.cel.env" (list "SIDECOMMIT_LIMITS_LANES_MAX" "lanes") }}
  + {{ include "sidecommit.cel.env" (list "SIDECOMMIT_LIMITS_DEFAULT_TIMEOUT" "transaction-timeout") }}
  + {{ include "sidecommit.cel.env" (list "SIDECOMMIT_LOG_LEVEL" "log-level") }}
  + {{ include "sidecommit.cel.env" (list "SIDECOMMIT_LOG_FORMAT" "log-format") }}
  + (variables.settleScaleDown == 'true' ? [Object.spec.initContainers.env{name: 'SIDECOMMIT_LEASES_SETTLE_STATEFULSET', value: 'true'}] : [])
  + (variables.kafkaFiles == '' ? [] : [Object.spec.initContainers.env{name: 'SIDECOMMIT_KAFKA_SSL_CA_LOCATION', value: '/etc/sidecommit/tls/ca.crt'}])
  + (variables.kafkaTlsSecret == '' ? [] : [
      Object.spec.initContainers.env{name: 'SIDECOMMIT_KAFKA_SSL_CERTIFICATE_LOCATION', value: '/etc/sidecommit/tls/tls.crt'},
      Object.spec.initContainers.env{name: 'SIDECOMMIT_KAFKA_SSL_KEY_LOCATION', value: '/etc/sidecommit/tls/tls.key'}
    ])
  + variables.env.split('\n').filter(l, l.contains('=')).map(l, Object.spec.initContainers.env{name: l.substring(0, l.indexOf('=')).trim(), value: l.substring(l.indexOf('=') + 1)})
{{- end }}

{{/* CEL: what the sidecar mounts. */}}
{{- define "sidecommit.cel.mounts" -}}
[
  Object.spec.initContainers.volumeMounts{name: 'sidecommit-socket', mountPath: '/run/sidecommit'},
  Object.spec.initContainers.volumeMounts{name: 'sidecommit-admin', mountPath: '/run/sidecommit-admin'},
  Object.spec.initContainers.volumeMounts{name: variables.claim == '' ? 'sidecommit-journal' : variables.claim, mountPath: '/var/lib/sidecommit'}
] + (variables.token ? [Object.spec.initContainers.volumeMounts{name: 'sidecommit-token', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true}] : [])
  + (variables.kafkaFiles == '' ? [] : [Object.spec.initContainers.volumeMounts{name: 'sidecommit-tls', mountPath: '/etc/sidecommit/tls', readOnly: true}])
{{- end }}

{{/* CEL: the pod's additional volumes. */}}
{{- define "sidecommit.cel.volumes" -}}
[
  Object.spec.volumes{name: 'sidecommit-socket', emptyDir: Object.spec.volumes.emptyDir{}},
  Object.spec.volumes{name: 'sidecommit-admin', emptyDir: Object.spec.volumes.emptyDir{}}
] + (variables.claim != '' ? [] : [Object.spec.volumes{name: 'sidecommit-journal', emptyDir: Object.spec.volumes.emptyDir{sizeLimit: variables.journalSizeLimit == '' ? '1Gi' : variables.journalSizeLimit}}])
  + (!variables.token ? [] : [Object.spec.volumes{name: 'sidecommit-token', projected: Object.spec.volumes.projected{sources: [
      Object.spec.volumes.projected.sources{serviceAccountToken: Object.spec.volumes.projected.sources.serviceAccountToken{path: 'token', expirationSeconds: 3600}},
      Object.spec.volumes.projected.sources{configMap: Object.spec.volumes.projected.sources.configMap{name: 'kube-root-ca.crt', items: [Object.spec.volumes.projected.sources.configMap.items{key: 'ca.crt', path: 'ca.crt'}]}},
      Object.spec.volumes.projected.sources{downwardAPI: Object.spec.volumes.projected.sources.downwardAPI{items: [Object.spec.volumes.projected.sources.downwardAPI.items{path: 'namespace', fieldRef: Object.spec.volumes.projected.sources.downwardAPI.items.fieldRef{fieldPath: 'metadata.namespace'}}]}}
    ]}}])
  + (variables.kafkaFiles == '' ? [] : [Object.spec.volumes{name: 'sidecommit-tls', secret: Object.spec.volumes.secret{secretName: variables.kafkaFiles}}])
{{- end }}

{{/* CEL: the container. */}}
{{- define "sidecommit.cel.sidecar" -}}
Object.spec.initContainers{
  name: 'sidecommit',
  image: variables.image,
  imagePullPolicy: variables.imagePullPolicy == '' ? 'IfNotPresent' : variables.imagePullPolicy,
  args: ['serve'],
  restartPolicy: 'Always',
  env: {{ include "sidecommit.cel.environment" . | nindent 4 }},
  envFrom: (variables.kafkaConfig == '' ? [] : [Object.spec.initContainers.envFrom{prefix: 'SIDECOMMIT_KAFKA_', configMapRef: Object.spec.initContainers.envFrom.configMapRef{name: variables.kafkaConfig}}])
    + (variables.kafkaSecret == '' ? [] : [Object.spec.initContainers.envFrom{prefix: 'SIDECOMMIT_KAFKA_', secretRef: Object.spec.initContainers.envFrom.secretRef{name: variables.kafkaSecret}}]),
  ports: variables.port == '0' ? [] : [Object.spec.initContainers.ports{name: 'sidecommit', containerPort: int(variables.port)}],
  volumeMounts: {{ include "sidecommit.cel.mounts" . | nindent 4 }},
  startupProbe: {{ include "sidecommit.cel.probe" (list "startupProbe" "['sidecommit', 'healthcheck', '--claimed']" 1 300) }},
  livenessProbe: {{ include "sidecommit.cel.probe" (list "livenessProbe" "['sidecommit', 'healthcheck', '--live']" 10 6) }},
  readinessProbe: {{ include "sidecommit.cel.probe" (list "readinessProbe" "variables.readiness == 'kafka' ? ['sidecommit', 'healthcheck'] : ['sidecommit', 'healthcheck', '--claimed']" 5 3) }},
  resources: Object.spec.initContainers.resources{
    requests: {'cpu': variables.cpuRequest == '' ? '50m' : variables.cpuRequest, 'memory': variables.memoryRequest == '' ? '64Mi' : variables.memoryRequest},
    limits: variables.limits
  },
  securityContext: Object.spec.initContainers.securityContext{
    allowPrivilegeEscalation: false,
    capabilities: Object.spec.initContainers.securityContext.capabilities{drop: ['ALL']},
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
    runAsUser: variables.uid.matches('^[0-9]{1,9}$') ? int(variables.uid) : 65532,
    runAsGroup: variables.gid.matches('^[0-9]{1,9}$') ? int(variables.gid) : 65532,
    seccompProfile: Object.spec.initContainers.securityContext.seccompProfile{type: 'RuntimeDefault'}
  }
}
{{- end }}
