//! The annotation `env`: settings that have no annotation of their own.

/// Variables that the injector decides. Another value would make another identity, or a socket that nobody finds.
pub(crate) const RESERVED: [(&str, &str); 30] = [
    ("SIDECOMMIT_BOOTSTRAP_SERVERS", "bootstrap-servers"),
    ("SIDECOMMIT_PREFIX", "transactional-id-prefix"),
    ("SIDECOMMIT_SLOT", "identity"),
    ("SIDECOMMIT_IDENTITY", "identity"),
    ("SIDECOMMIT_NAMESPACE", "identity"),
    ("SIDECOMMIT_WORKLOAD", "workload"),
    ("SIDECOMMIT_ORDINAL", "ordinal"),
    ("SIDECOMMIT_POD_NAME", "identity"),
    ("SIDECOMMIT_POD_UID", "identity"),
    ("SIDECOMMIT_POD_INDEX", "identity"),
    ("SIDECOMMIT_POD_TEMPLATE_HASH", "identity"),
    ("SIDECOMMIT_LEASES_SLOTS", "slots"),
    ("SIDECOMMIT_LEASES_SETTLE_STATEFULSET", "settle-scale-down"),
    ("SIDECOMMIT_JOURNAL_DIR", "journal"),
    ("SIDECOMMIT_SOCKET", "container-names"),
    ("SIDECOMMIT_SOCKET_MODE", "container-names"),
    ("SIDECOMMIT_ADMIN_SOCKET", "container-names"),
    ("SIDECOMMIT_TCP_ADDRESS", "grpc-port"),
    ("SIDECOMMIT_METRICS_ADDRESS", "metrics-port"),
    ("SIDECOMMIT_GRACE", "shutdown-grace"),
    ("SIDECOMMIT_ADMIN_SHUTDOWN", "admin-shutdown"),
    ("SIDECOMMIT_LIMITS_LANES_MAX", "lanes"),
    ("SIDECOMMIT_LIMITS_DEFAULT_TIMEOUT", "transaction-timeout"),
    ("SIDECOMMIT_LOG_LEVEL", "log-level"),
    ("SIDECOMMIT_LOG_FORMAT", "log-format"),
    ("SIDECOMMIT_KAFKA_SSL_CA_LOCATION", "kafka-ca-secret"),
    ("SIDECOMMIT_KAFKA_SSL_CERTIFICATE_LOCATION", "kafka-tls-secret"),
    ("SIDECOMMIT_KAFKA_SSL_KEY_LOCATION", "kafka-tls-secret"),
    // A file would be another source of all of these.
    ("SIDECOMMIT_CONFIG", "env"),
    // Whoever may read pods may read annotations.
    ("SIDECOMMIT_KAFKA_SASL_PASSWORD", "kafka-secret"),
];

/// Variables in order. The error is the line that is none.
pub(crate) fn parse(text: &str) -> Result<Vec<(&str, &str)>, &str> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| line.split_once('=').filter(|(name, _)| good(name)).ok_or(line)).collect()
}

/// The annotation that decides a variable.
pub(crate) fn annotation_of(variable: &str) -> Option<&'static str> {
    RESERVED.iter().find(|(name, _)| *name == variable).map(|(_, annotation)| *annotation)
}

fn good(name: &str) -> bool {
    let rest = name.strip_prefix("SIDECOMMIT_").unwrap_or_default();
    !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}
