//! What the sidecar shall be like: the annotations' values, typed.

use crate::{
    Complaint,
    annotations::{Values, duration, env, form, keys::*, quantity},
};

/// What the sidecar shall be like.
#[derive(Debug)]
pub(crate) struct SidecarSpec {
    pub(crate) bootstrap_servers: String,
    pub(crate) prefix: String,
    pub(crate) kafka_config: Option<String>,
    pub(crate) kafka_secret: Option<String>,
    pub(crate) kafka_tls_secret: Option<String>,
    pub(crate) kafka_ca_secret: Option<String>,
    pub(crate) lanes: Option<u64>,
    pub(crate) transaction_timeout: Option<String>,
    pub(crate) grpc_port: Option<u64>,
    pub(crate) metrics_port: Option<u64>,
    pub(crate) ready_with_kafka: bool,
    pub(crate) journal: Journal,
    pub(crate) log_level: Option<String>,
    pub(crate) log_format: Option<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) image: String,
    pub(crate) image_pull_policy: String,
    pub(crate) cpu_request: String,
    pub(crate) cpu_limit: Option<String>,
    pub(crate) memory_request: String,
    pub(crate) memory_limit: Option<String>,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    pub(crate) native: bool,
    pub(crate) init_containers_before: Vec<String>,
    pub(crate) container_names: Option<Vec<String>>,
    pub(crate) shutdown_grace: Option<String>,
    pub(crate) admin_shutdown: bool,
}

/// Where the journal is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Journal {
    /// An emptyDir with this limit.
    EmptyDir { size_limit: String },
    /// A volume of the pod.
    Claim { volume: String },
}

// === impl SidecarSpec ===

impl SidecarSpec {
    /// Reads the values; what does not fit together is complained about.
    pub(crate) fn read(values: &Values, complaints: &mut Vec<Complaint>) -> Self {
        complaints.extend(together(values));
        let owned = |key| values.get(key).map(str::to_owned);
        let number = |key| values.get(key).and_then(form::number);
        let limit = |key| owned(key).filter(|text| text != "none");
        let list = |key| values.get(key).map(|text| form::names(text).map(str::to_owned).collect());
        let journal = match values.text(JOURNAL).strip_prefix("claim:") {
            Some(volume) => Journal::Claim { volume: volume.to_owned() },
            None => Journal::EmptyDir { size_limit: values.text(JOURNAL_SIZE_LIMIT).to_owned() },
        };
        Self {
            bootstrap_servers: values.text(BOOTSTRAP_SERVERS).to_owned(),
            prefix: values.text(TRANSACTIONAL_ID_PREFIX).to_owned(),
            kafka_config: owned(KAFKA_CONFIG),
            kafka_secret: owned(KAFKA_SECRET),
            kafka_tls_secret: owned(KAFKA_TLS_SECRET),
            kafka_ca_secret: owned(KAFKA_CA_SECRET),
            lanes: number(LANES),
            transaction_timeout: owned(TRANSACTION_TIMEOUT),
            grpc_port: number(GRPC_PORT),
            metrics_port: number(METRICS_PORT).filter(|port| *port > 0),
            ready_with_kafka: values.text(READINESS) == "kafka",
            journal,
            log_level: owned(LOG_LEVEL),
            log_format: owned(LOG_FORMAT),
            env: settings(values),
            image: values.text(IMAGE).to_owned(),
            image_pull_policy: values.text(IMAGE_PULL_POLICY).to_owned(),
            cpu_request: values.text(CPU_REQUEST).to_owned(),
            cpu_limit: limit(CPU_LIMIT),
            memory_request: values.text(MEMORY_REQUEST).to_owned(),
            memory_limit: limit(MEMORY_LIMIT),
            uid: number(UID).unwrap_or_default(),
            gid: number(GID).unwrap_or_default(),
            native: values.text(NATIVE_SIDECAR) != "false",
            init_containers_before: list(INIT_CONTAINERS_BEFORE).unwrap_or_default(),
            container_names: list(CONTAINER_NAMES),
            shutdown_grace: owned(SHUTDOWN_GRACE),
            admin_shutdown: values.text(ADMIN_SHUTDOWN) == "true",
        }
    }
}

fn settings(values: &Values) -> Vec<(String, String)> {
    let lines = env::parse(values.text(ENV)).unwrap_or_default();
    lines.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What the values must be in relation to each other.
fn together(values: &Values) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (key, accepted) in [
        (BOOTSTRAP_SERVERS, "a value: host:port, or several separated by commas"),
        (TRANSACTIONAL_ID_PREFIX, "a value: a name for this cluster that no other cluster on this Kafka has"),
    ] {
        if values.is_missing(key) {
            complaints.push(values.complain(key, accepted));
        }
    }
    if values.get(KAFKA_TLS_SECRET).is_some() && values.get(KAFKA_CA_SECRET).is_some() {
        let accepted = "nothing beside kafka-tls-secret, which holds the CA too";
        complaints.push(values.complain(KAFKA_CA_SECRET, accepted));
    }
    if values.text(ADMIN_SHUTDOWN) == "true" && values.text(NATIVE_SIDECAR) != "false" {
        let accepted = "false, or native-sidecar: \"false\": a native sidecar ends by itself";
        complaints.push(values.complain(ADMIN_SHUTDOWN, accepted));
    }
    let elsewhere = settings(values).iter().any(|(name, _)| name == "SIDECOMMIT_ADMIN_SHUTDOWN_ADDRESS");
    if values.text(ADMIN_SHUTDOWN) == "true" && values.text(METRICS_PORT) == "0" && !elsewhere {
        complaints.push(values.complain(ADMIN_SHUTDOWN, "false, or a metrics-port: it is served there"));
    }
    if values.get(GRPC_PORT).is_some() && values.get(GRPC_PORT) == values.get(METRICS_PORT) {
        complaints.push(values.complain(GRPC_PORT, "another port than metrics-port's"));
    }
    complaints.extend(limits(values));
    for (name, value) in settings(values) {
        if let Some(annotation) = env::annotation_of(&name) {
            let accepted = format!("settings other than {name}, which {annotation} is for");
            complaints.push(Complaint::new(
                &format!("{}{ENV}", crate::PREFIX),
                &format!("{name}={value}"),
                accepted,
            ));
        }
    }
    complaints.extend(timeout(values));
    complaints
}

fn limits(values: &Values) -> Vec<Complaint> {
    let cpu = (CPU_REQUEST, CPU_LIMIT, quantity::cpu as Amount);
    let memory = (MEMORY_REQUEST, MEMORY_LIMIT, quantity::memory as Amount);
    let above = [cpu, memory].into_iter().filter(|(request, limit, amount)| {
        let (request, limit) = (values.get(request).and_then(amount), values.get(limit).and_then(amount));
        request.zip(limit).is_some_and(|(request, limit)| request > limit)
    });
    let accepted = |limit| format!("at most {limit}, {}", values.text(limit));
    above.map(|(request, limit, _)| values.complain(request, accepted(limit))).collect()
}

/// Reads a quantity.
type Amount = fn(&str) -> Option<u128>;

/// The sidecar would refuse to start: limits.max_timeout is 15m unless `env` says otherwise.
fn timeout(values: &Values) -> Option<Complaint> {
    const MAX: u64 = 15 * 60_000;
    let asked = values.get(TRANSACTION_TIMEOUT).and_then(duration::parse)?;
    let raised = settings(values).iter().any(|(name, _)| name == "SIDECOMMIT_LIMITS_MAX_TIMEOUT");
    let accepted = "at most 15m, unless env sets SIDECOMMIT_LIMITS_MAX_TIMEOUT";
    (asked > MAX && !raised).then(|| values.complain(TRANSACTION_TIMEOUT, accepted))
}
