//! The sidecar's container.

use crate::{
    annotations::duration,
    identity::Identity,
    json,
    paths::*,
    spec::{Journal, SidecarSpec},
};
use serde_json::{Map, Value, json};

/// What the kubelet gives the application before it kills, less this, is the transactions'.
const MARGIN_S: u64 = 5;
const GRACE_MIN_S: u64 = 2;
const GRACE_MAX_S: u64 = 3_600;
const TERMINATION_GRACE_DEFAULT_S: u64 = 30;

/// The container of a pod, before overrides.
pub(crate) fn build(spec: &SidecarSpec, identity: &Identity, pod_spec: &Value) -> Value {
    let mut container = json!({
        "name": CONTAINER,
        "image": spec.image,
        "imagePullPolicy": spec.image_pull_policy,
        "args": ["serve"],
        "env": env(spec, identity, pod_spec),
        "resources": resources(spec),
        "securityContext": security_context(spec),
        "volumeMounts": mounts(spec, identity),
        "startupProbe": probe(&["healthcheck", "--claimed"], 1, 300),
        // Never Kafka: a restart would not bring it back.
        "livenessProbe": probe(&["healthcheck", "--live"], 10, 6),
        "readinessProbe": match spec.ready_with_kafka {
            true => probe(&["healthcheck"], 5, 3),
            false => probe(&["healthcheck", "--claimed"], 5, 3),
        },
        // Why it ended is on its last lines.
        "terminationMessagePolicy": "FallbackToLogsOnError",
    });
    let Some(fields) = container.as_object_mut() else { return container };
    let sources = env_from(spec);
    if !sources.is_empty() {
        fields.insert("envFrom".to_owned(), Value::Array(sources));
    }
    if let Some(port) = spec.metrics_port {
        let ports = json!([{"name": CONTAINER, "containerPort": port, "protocol": "TCP"}]);
        fields.insert("ports".to_owned(), ports);
    }
    if spec.native {
        fields.insert("restartPolicy".to_owned(), json!("Always"));
    } else {
        // The kubelet starts the next container when this has ended.
        let wait = command(&["healthcheck", "--claimed", "--wait", "120s"]);
        fields.insert("lifecycle".to_owned(), json!({"postStart": {"exec": {"command": wait}}}));
    }
    container
}

fn env(spec: &SidecarSpec, identity: &Identity, pod_spec: &Value) -> Vec<Value> {
    let mut env = Vec::new();
    let mut set = |name: &str, value: &str| env.push(json!({"name": name, "value": value}));
    set("SIDECOMMIT_BOOTSTRAP_SERVERS", &spec.bootstrap_servers);
    set("SIDECOMMIT_PREFIX", &spec.prefix);
    match identity {
        Identity::StatefulSet { settle } => {
            if *settle {
                set("SIDECOMMIT_LEASES_SETTLE_STATEFULSET", "true");
            }
        }
        Identity::Lease { workload, slots } => {
            set("SIDECOMMIT_IDENTITY", "lease");
            set("SIDECOMMIT_WORKLOAD", workload);
            set("SIDECOMMIT_LEASES_SLOTS", &slots.to_string());
        }
        Identity::Static { workload, ordinal } => {
            set("SIDECOMMIT_IDENTITY", "static");
            set("SIDECOMMIT_WORKLOAD", workload);
            set("SIDECOMMIT_ORDINAL", &ordinal.to_string());
        }
    }
    set("SIDECOMMIT_SOCKET", SOCKET);
    set("SIDECOMMIT_ADMIN_SOCKET", ADMIN_SOCKET);
    set("SIDECOMMIT_JOURNAL_DIR", JOURNAL_FOLDER);
    set("SIDECOMMIT_GRACE", &grace(spec, pod_spec));
    for (name, value) in optional(spec) {
        set(name, &value);
    }
    for (name, value) in &spec.env {
        set(name, value);
    }
    let mut field = |name: &str, path: &str| {
        env.push(json!({"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}));
    };
    field("SIDECOMMIT_NAMESPACE", "metadata.namespace");
    field("SIDECOMMIT_POD_NAME", "metadata.name");
    field("SIDECOMMIT_POD_UID", "metadata.uid");
    if matches!(identity, Identity::StatefulSet { .. }) {
        // Empty where the label is missing, and an empty variable counts as not set.
        field("SIDECOMMIT_POD_INDEX", "metadata.labels['apps.kubernetes.io/pod-index']");
        field("SIDECOMMIT_POD_TEMPLATE_HASH", "metadata.labels['pod-template-hash']");
    }
    env
}

/// Settings that only some have. What `env` says comes after them.
fn optional(spec: &SidecarSpec) -> Vec<(&'static str, String)> {
    let mut settings = Vec::new();
    let mut set = |name, value: Option<String>| settings.extend(value.map(|value| (name, value)));
    set("SIDECOMMIT_TCP_ADDRESS", spec.grpc_port.map(|port| format!("127.0.0.1:{port}")));
    set("SIDECOMMIT_METRICS_ADDRESS", spec.metrics_port.map(|port| format!("0.0.0.0:{port}")));
    set("SIDECOMMIT_LIMITS_LANES_MAX", spec.lanes.map(|lanes| lanes.to_string()));
    if let Some(lanes) = spec.lanes.filter(|lanes| *lanes < 3) {
        // The sidecar's own defaults, 2 and 2, are for more lanes than these.
        let given = |name| spec.env.iter().any(|(given, _)| given == name);
        for (name, value) in
            [("SIDECOMMIT_LIMITS_LANES_RESERVED", lanes - 1), ("SIDECOMMIT_LIMITS_LANES_WARM", lanes)]
        {
            set(name, (!given(name)).then(|| value.to_string()));
        }
    }
    set("SIDECOMMIT_LIMITS_DEFAULT_TIMEOUT", spec.transaction_timeout.clone());
    set("SIDECOMMIT_LOG_LEVEL", spec.log_level.clone());
    set("SIDECOMMIT_LOG_FORMAT", spec.log_format.clone());
    set("SIDECOMMIT_ADMIN_SHUTDOWN", spec.admin_shutdown.then(|| "true".to_owned()));
    let tls = spec.kafka_tls_secret.is_some();
    let file = |name: &str| format!("{TLS_FOLDER}/{name}");
    set("SIDECOMMIT_KAFKA_SSL_CA_LOCATION", (tls || spec.kafka_ca_secret.is_some()).then(|| file("ca.crt")));
    set("SIDECOMMIT_KAFKA_SSL_CERTIFICATE_LOCATION", tls.then(|| file("tls.crt")));
    set("SIDECOMMIT_KAFKA_SSL_KEY_LOCATION", tls.then(|| file("tls.key")));
    set("SIDECOMMIT_KAFKA_SECURITY_PROTOCOL", implied_tls(spec).then(|| "SSL".to_owned()));
    settings
}

/// A CA alone would not turn TLS on. Where properties come from elsewhere, or `env` names the protocol, it is theirs to say.
fn implied_tls(spec: &SidecarSpec) -> bool {
    let tls = spec.kafka_tls_secret.is_some() || spec.kafka_ca_secret.is_some();
    let elsewhere = spec.kafka_config.is_some() || spec.kafka_secret.is_some();
    tls && !elsewhere && !spec.env.iter().any(|(name, _)| name == "SIDECOMMIT_KAFKA_SECURITY_PROTOCOL")
}

fn env_from(spec: &SidecarSpec) -> Vec<Value> {
    let prefix = "SIDECOMMIT_KAFKA_";
    let config =
        spec.kafka_config.iter().map(|name| json!({"prefix": prefix, "configMapRef": {"name": name}}));
    let secret = spec.kafka_secret.iter().map(|name| json!({"prefix": prefix, "secretRef": {"name": name}}));
    config.chain(secret).collect()
}

fn grace(spec: &SidecarSpec, pod_spec: &Value) -> String {
    let asked = spec.shutdown_grace.clone();
    asked.unwrap_or_else(|| {
        // A native sidecar is told to end when the applications are gone: nobody is left to wait for, and the kubelet
        // leaves no more for sure.
        if spec.native {
            return duration::shown(GRACE_MIN_S * 1_000);
        }
        let whole = pod_spec.get("terminationGracePeriodSeconds").and_then(Value::as_u64);
        let whole = whole.unwrap_or(TERMINATION_GRACE_DEFAULT_S);
        duration::shown(whole.saturating_sub(MARGIN_S).clamp(GRACE_MIN_S, GRACE_MAX_S) * 1_000)
    })
}

fn resources(spec: &SidecarSpec) -> Value {
    let mut resources = json!({"requests": {"cpu": spec.cpu_request, "memory": spec.memory_request}});
    let limits = [("cpu", &spec.cpu_limit), ("memory", &spec.memory_limit)];
    let limits: Map<String, Value> = limits
        .into_iter()
        .filter_map(|(name, limit)| Some((name.to_owned(), json!(limit.as_ref()?))))
        .collect();
    if !limits.is_empty() {
        resources["limits"] = Value::Object(limits);
    }
    resources
}

/// What Pod Security "restricted" wants, and a read-only root.
fn security_context(spec: &SidecarSpec) -> Value {
    json!({
        "runAsNonRoot": true,
        "runAsUser": spec.uid,
        "runAsGroup": spec.gid,
        "allowPrivilegeEscalation": false,
        "privileged": false,
        "readOnlyRootFilesystem": true,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    })
}

fn mounts(spec: &SidecarSpec, identity: &Identity) -> Vec<Value> {
    let journal = match &spec.journal {
        Journal::EmptyDir { .. } => JOURNAL_VOLUME,
        Journal::Claim { volume } => volume,
    };
    let mut mounts = vec![
        json!({"name": SOCKET_VOLUME, "mountPath": SOCKET_FOLDER}),
        json!({"name": ADMIN_VOLUME, "mountPath": ADMIN_FOLDER}),
        json!({"name": journal, "mountPath": JOURNAL_MOUNT}),
    ];
    if spec.kafka_tls_secret.is_some() || spec.kafka_ca_secret.is_some() {
        mounts.push(json!({"name": TLS_VOLUME, "mountPath": TLS_FOLDER, "readOnly": true}));
    }
    if identity.needs_token() {
        mounts.push(json!({"name": TOKEN_VOLUME, "mountPath": TOKEN_FOLDER, "readOnly": true}));
    }
    mounts
}

fn probe(arguments: &[&str], period: u64, failures: u64) -> Value {
    json!({
        "exec": {"command": command(arguments)},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    })
}

fn command(arguments: &[&str]) -> Vec<String> {
    [CONTAINER].iter().chain(arguments).map(ToString::to_string).collect()
}

/// The ports that a pod's containers declare, with the containers' names.
pub(crate) fn declared_ports(pod_spec: &Value) -> Vec<(u64, &str)> {
    let containers =
        json::items(pod_spec, "containers").iter().chain(json::items(pod_spec, "initContainers"));
    containers
        .flat_map(|container| {
            let ports = json::items(container, "ports").iter();
            ports.filter_map(|port| Some((port.get("containerPort")?.as_u64()?, json::name(container))))
        })
        .collect()
}
