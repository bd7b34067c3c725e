//! The annotations' keys, without their prefix.

macro_rules! keys {
    ($($name:ident = $key:literal;)*) => {
        $(pub(crate) const $name: &str = $key;)*
    };
}

keys! {
    BOOTSTRAP_SERVERS = "bootstrap-servers";
    TRANSACTIONAL_ID_PREFIX = "transactional-id-prefix";
    KAFKA_CONFIG = "kafka-config";
    KAFKA_SECRET = "kafka-secret";
    KAFKA_TLS_SECRET = "kafka-tls-secret";
    KAFKA_CA_SECRET = "kafka-ca-secret";
    IDENTITY = "identity";
    WORKLOAD = "workload";
    ORDINAL = "ordinal";
    SLOTS = "slots";
    SETTLE_SCALE_DOWN = "settle-scale-down";
    LANES = "lanes";
    TRANSACTION_TIMEOUT = "transaction-timeout";
    GRPC_PORT = "grpc-port";
    METRICS_PORT = "metrics-port";
    READINESS = "readiness";
    JOURNAL = "journal";
    JOURNAL_SIZE_LIMIT = "journal-size-limit";
    LOG_LEVEL = "log-level";
    LOG_FORMAT = "log-format";
    ENV = "env";
    IMAGE = "image";
    IMAGE_PULL_POLICY = "image-pull-policy";
    CPU_REQUEST = "cpu-request";
    CPU_LIMIT = "cpu-limit";
    MEMORY_REQUEST = "memory-request";
    MEMORY_LIMIT = "memory-limit";
    UID = "uid";
    GID = "gid";
    NATIVE_SIDECAR = "native-sidecar";
    INIT_CONTAINERS_BEFORE = "init-containers-before";
    CONTAINER_NAMES = "container-names";
    SHUTDOWN_GRACE = "shutdown-grace";
    ADMIN_SHUTDOWN = "admin-shutdown";
}
