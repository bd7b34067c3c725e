//! Every annotation, once: the parser, docs/annotations.md and the chart's values schema come from here.

use super::{form::Form, keys::*};

/// Where a key may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// On the pod, on its namespace, and among the defaults.
    Anywhere,
    /// On the pod only: two workloads that share it would be one.
    Pod,
}

/// One annotation.
#[derive(Debug)]
pub(crate) struct Annotation {
    /// The key, without the prefix.
    pub(crate) key: &'static str,
    /// What is taken when nobody says.
    pub(crate) default: Option<&'static str>,
    /// What is accepted.
    pub(crate) form: Form,
    /// Where it may stand.
    pub(crate) scope: Scope,
    /// What it means.
    pub(crate) doc: &'static str,
}

const fn row(key: &'static str, default: Option<&'static str>, form: Form, doc: &'static str) -> Annotation {
    Annotation { key, default, form, scope: Scope::Anywhere, doc }
}

const fn pod(key: &'static str, default: Option<&'static str>, form: Form, doc: &'static str) -> Annotation {
    Annotation { key, default, form, scope: Scope::Pod, doc }
}

const BOOL: Form = Form::Choice(&["true", "false"]);
const DURATION_MAX: u64 = 86_400_000;
const HOUR: u64 = 3_600_000;
/// The image of the same version; a registry is the default's or the annotation's to name.
const IMAGE_DEFAULT: &str = concat!("sidecommit:", env!("CARGO_PKG_VERSION"));

/// Every annotation, in the order of the documentation.
pub(crate) const TABLE: [Annotation; 34] = [
    row(BOOTSTRAP_SERVERS, None, Form::Servers, "Kafka brokers to start from. Required."),
    row(
        TRANSACTIONAL_ID_PREFIX,
        None,
        Form::Part,
        "First part of every transactional.id: names the cluster, so that two clusters on one Kafka never share ids. Required.",
    ),
    row(
        KAFKA_CONFIG,
        None,
        Form::Name("a ConfigMap's name"),
        "ConfigMap in the pod's namespace whose keys are properties of librdkafka, such as `SECURITY_PROTOCOL`; they become `SIDECOMMIT_KAFKA_*`.",
    ),
    row(
        KAFKA_SECRET,
        None,
        Form::Name("a Secret's name"),
        "The same from a Secret, such as `SASL_USERNAME` and `SASL_PASSWORD`.",
    ),
    row(
        KAFKA_TLS_SECRET,
        None,
        Form::Name("a Secret's name"),
        "Secret with `ca.crt`, `tls.crt` and `tls.key`: the brokers' CA and the client's certificate.",
    ),
    row(
        KAFKA_CA_SECRET,
        None,
        Form::Name("a Secret's name"),
        "Secret with `ca.crt` only: the brokers' CA. Not together with `kafka-tls-secret`.",
    ),
    row(
        IDENTITY,
        Some("auto"),
        Form::Choice(&["auto", "statefulset", "lease", "static"]),
        "Where the identity comes from. `auto`: a StatefulSet's ordinal, a Lease for Deployments and Jobs, `static` for a bare pod; a DaemonSet must choose.",
    ),
    pod(
        WORKLOAD,
        None,
        Form::Workload,
        "The workload's part of the identity. Default: the name of the workload. A StatefulSet's is always its own.",
    ),
    pod(ORDINAL, Some("0"), Form::Number(0, 999_999), "The ordinal of a `static` identity."),
    row(
        SLOTS,
        Some("64"),
        Form::Number(1, 1000),
        "For `lease`: identities at most. An upper bound, not the number of replicas: a rolling update needs more for a while.",
    ),
    row(
        SETTLE_SCALE_DOWN,
        Some("false"),
        BOOL,
        "For a StatefulSet: the sidecar of the lowest ordinal settles what removed ordinals left open. It gets a token, and needs the Role to read its StatefulSet.",
    ),
    row(
        LANES,
        None,
        Form::Number(1, 256),
        "Kafka transactions side by side at most. Default: the sidecar's, 8.",
    ),
    row(
        TRANSACTION_TIMEOUT,
        None,
        Form::Duration(100, DURATION_MAX),
        "Total life of a transaction whose Begin names none. Default: the sidecar's, 25s.",
    ),
    row(
        GRPC_PORT,
        None,
        Form::Number(1, 65_535),
        "Serve the API on this port of 127.0.0.1 too, for applications without Unix sockets. Default: the socket only.",
    ),
    row(
        METRICS_PORT,
        Some("9911"),
        Form::Number(0, 65_535),
        "Port of /metrics, /livez and /readyz on the pod's address. 0: none.",
    ),
    row(
        READINESS,
        Some("grpc"),
        Form::Choice(&["grpc", "kafka"]),
        "What the pod's readiness wants of the sidecar: the API is served, or Kafka is reached as well.",
    ),
    row(
        JOURNAL,
        Some("emptyDir"),
        Form::Journal,
        "Where the journal is. An emptyDir goes with the pod: that may cost the knowledge of an outcome, never exactness. A claim survives it; the sidecar's user must be able to write there (`fsGroup`).",
    ),
    row(JOURNAL_SIZE_LIMIT, Some("1Gi"), Form::Memory, "The emptyDir's sizeLimit."),
    row(
        LOG_LEVEL,
        None,
        Form::Choice(&["error", "warn", "info", "debug", "trace"]),
        "What is logged. Default: the sidecar's, info.",
    ),
    row(LOG_FORMAT, None, Form::Choice(&["text", "json"]), "How it is logged. Default: the sidecar's, text."),
    row(
        ENV,
        None,
        Form::Env,
        "Other settings of the sidecar ([configuration.md](configuration.md)). Those that an annotation or the injector sets are refused.",
    ),
    row(IMAGE, Some(IMAGE_DEFAULT), Form::Image, "The sidecar's image."),
    row(
        IMAGE_PULL_POLICY,
        Some("IfNotPresent"),
        Form::Choice(&["Always", "IfNotPresent", "Never"]),
        "Its imagePullPolicy.",
    ),
    row(
        CPU_REQUEST,
        Some("50m"),
        Form::Cpu,
        "Its request: always set, since an autoscaler by utilisation stops at a pod with a container that has none.",
    ),
    row(CPU_LIMIT, None, Form::CpuLimit, "Its limit. Default: none."),
    row(MEMORY_REQUEST, Some("64Mi"), Form::Memory, "Its request."),
    row(MEMORY_LIMIT, Some("512Mi"), Form::MemoryLimit, "Its limit."),
    row(UID, Some("65532"), Form::Number(1, 2_147_483_647), "The user that it runs as; never root."),
    row(GID, Some("65532"), Form::Number(1, 2_147_483_647), "The group that it runs as."),
    row(
        NATIVE_SIDECAR,
        Some("auto"),
        Form::Choice(&["auto", "true", "false"]),
        "Whether it is a native sidecar (an init container with restartPolicy Always), which starts before the application and ends after it. `auto` is `true`; Kubernetes before 1.29 needs `false`.",
    ),
    row(
        INIT_CONTAINERS_BEFORE,
        None,
        Form::Names,
        "Init containers that stay before the sidecar, besides those of the known meshes.",
    ),
    row(
        CONTAINER_NAMES,
        None,
        Form::Names,
        "Who gets the socket and `SIDECOMMIT_ADDRESS`. Default: every container but those of known meshes and sidecars.",
    ),
    row(
        SHUTDOWN_GRACE,
        None,
        Form::Duration(2_000, HOUR),
        "How long the sidecar may take to end after SIGTERM. Default: 2s for a native sidecar, which gets it when the applications are gone; else \
         terminationGracePeriodSeconds less 5 s, at least 2 s, in which open transactions may finish.",
    ),
    row(
        ADMIN_SHUTDOWN,
        Some("false"),
        BOOL,
        "Serve `POST /shutdown` on `metrics-port`, to callers from the pod's own loopback: with it a Job's container ends a sidecar that is not native. Only with `native-sidecar: \"false\"`.",
    ),
];

/// The row of a key.
pub(crate) fn find(key: &str) -> Option<&'static Annotation> {
    TABLE.iter().find(|row| row.key == key)
}

// === impl Annotation ===

impl Annotation {
    /// The key among the chart's values and in the file of defaults.
    pub(crate) fn camel(&self) -> String {
        let mut parts = self.key.split('-');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |name, part| {
            let mut letters = part.chars();
            let head = letters.next().map(|c| c.to_ascii_uppercase());
            name + &head.into_iter().chain(letters).collect::<String>()
        })
    }
}
