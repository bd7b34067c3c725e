//! Which of librdkafka's properties (CONFIGURATION.md of 2.12.1) may be set, and which clients they are for.

const FIXED: &str = "the transactional producer needs the value that Sidecommit sets";
const ORDER: &str = "a transaction's records must be written once, in order and acknowledged by all replicas";
const TIMEOUT: &str = "it follows the lanes' transaction timeout, which is a setting of its own";
const SERVERS: &str = "the brokers are a setting of their own";
const MEMORY: &str = "librdkafka's memory is bounded by a setting of its own";
const OFFSETS: &str = "offsets are committed within transactions only";
const READER: &str = "the outcomes must be read whole and read_committed";
const CREATE: &str = "topics are never created by writing to them";
const LOGGING: &str = "logging follows the sidecar's own log filter";
const EVENTS: &str = "events are served by Sidecommit itself";

/// Properties that are refused, with the reason.
const REFUSED: &[(&str, &str)] = &[
    ("acks", ORDER),
    ("allow.auto.create.topics", CREATE),
    ("auto.commit.enable", OFFSETS),
    ("auto.commit.interval.ms", OFFSETS),
    ("auto.offset.reset", READER),
    ("background_event_cb", EVENTS),
    ("batch.size", "it is a setting of its own: it must stay below the topics' max.message.bytes"),
    ("bootstrap.servers", SERVERS),
    ("delivery.report.only.error", "every record's delivery is counted"),
    ("delivery.timeout.ms", TIMEOUT),
    ("enable.auto.commit", OFFSETS),
    ("enable.auto.offset.store", OFFSETS),
    ("enable.gapless.guarantee", FIXED),
    ("enable.idempotence", ORDER),
    ("enable.partition.eof", READER),
    ("enabled_events", EVENTS),
    ("group.id", "each consumer group is named by the application that joins it"),
    ("group.instance.id", "each consumer group's members are named by the application"),
    ("interceptors", "code is not loaded into the sidecar"),
    ("internal.termination.signal", "signals belong to the sidecar"),
    ("isolation.level", READER),
    ("log.queue", LOGGING),
    ("log_level", LOGGING),
    ("max.in.flight", ORDER),
    ("max.in.flight.requests.per.connection", ORDER),
    ("message.max.bytes", "a record's size is checked against its topic's max.message.bytes"),
    ("message.send.max.retries", ORDER),
    ("message.timeout.ms", TIMEOUT),
    ("metadata.broker.list", SERVERS),
    ("msg_order_cmp", ORDER),
    ("offset.store.method", OFFSETS),
    ("offset.store.path", OFFSETS),
    ("offset.store.sync.interval.ms", OFFSETS),
    (
        "partitioner",
        "keys go where Java, Streams and franz-go put them (murmur2): another would break co-partitioning",
    ),
    ("plugin.library.paths", "code is not loaded into the sidecar"),
    ("produce.offset.report", FIXED),
    ("queue.buffering.backpressure.threshold", "librdkafka wants it to be 1 of an idempotent producer"),
    ("queue.buffering.max.kbytes", MEMORY),
    ("queue.buffering.max.messages", MEMORY),
    ("queuing.strategy", ORDER),
    ("request.required.acks", ORDER),
    ("retries", ORDER),
    (
        "sticky.partitioning.linger.ms",
        "records without a key fill a batch of one partition, then of the next",
    ),
    ("topic.blacklist", "a topic that cannot be seen cannot be written to"),
    ("transaction.timeout.ms", "the lanes' transaction timeout is a setting of its own"),
    ("transactional.id", "it is made of the slot and the lane, so that a predecessor is fenced"),
];

/// Values that must not appear in a log, an error or a status.
const SECRET: &[&str] = &[
    "sasl.oauthbearer.assertion.private.key.passphrase",
    "sasl.oauthbearer.assertion.private.key.pem",
    "sasl.oauthbearer.client.credentials.client.secret",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.config",
    "sasl.password",
    "ssl.ca.pem",
    "ssl.certificate.pem",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.password",
];

/// Two names of one property; librdkafka's result for both would depend on their order.
const ALIASES: &[(&str, &str)] = &[
    ("compression.type", "compression.codec"),
    ("max.partition.fetch.bytes", "fetch.message.max.bytes"),
    ("queue.buffering.max.ms", "linger.ms"),
    ("sasl.mechanism", "sasl.mechanisms"),
    ("sasl.oauthbearer.client.credentials.client.id", "sasl.oauthbearer.client.id"),
    ("sasl.oauthbearer.client.credentials.client.secret", "sasl.oauthbearer.client.secret"),
];

const PRODUCER_ONLY: &[&str] = &[
    "batch.num.messages",
    "compression.codec",
    "compression.level",
    "linger.ms",
    "queue.buffering.backpressure.threshold",
    "request.timeout.ms",
];

const CONSUMER_ONLY: &[&str] = &[
    "check.crcs",
    "consume.callback.max.messages",
    "coordinator.query.interval.ms",
    "fetch.error.backoff.ms",
    "fetch.max.bytes",
    "fetch.message.max.bytes",
    "fetch.min.bytes",
    "fetch.queue.backoff.ms",
    "fetch.wait.max.ms",
    "group.protocol",
    "group.protocol.type",
    "group.remote.assignor",
    "heartbeat.interval.ms",
    "max.poll.interval.ms",
    "partition.assignment.strategy",
    "queued.max.messages.kbytes",
    "queued.min.messages",
    "session.timeout.ms",
];

/// Which clients a property is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    Producers,
    Consumers,
    All,
}

/// Why a property may not be set.
pub(super) fn refused(name: &str) -> Option<&'static str> {
    if name.starts_with("test.") || name.starts_with("ut_") {
        return Some("it belongs to librdkafka's own tests");
    }
    REFUSED.iter().find(|(refused, _)| *refused == name).map(|(_, reason)| *reason)
}

/// Whether a value must stay hidden. What merely sounds like a secret is hidden, too.
pub(super) fn is_secret(name: &str) -> bool {
    SECRET.contains(&name)
        || ["password", "passphrase", "secret", ".pem", "token"].iter().any(|part| name.contains(part))
}

/// The one of two names that Sidecommit uses.
pub(super) fn canonical(name: &str) -> &str {
    ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, canonical)| canonical)
}

/// Which clients a property is for: librdkafka warns about each that is set for the wrong kind.
pub(super) fn audience(name: &str) -> For {
    if PRODUCER_ONLY.contains(&name) {
        For::Producers
    } else if CONSUMER_ONLY.contains(&name) {
        For::Consumers
    } else {
        For::All
    }
}

#[cfg(test)]
pub(super) fn tests_refused() -> &'static [(&'static str, &'static str)] {
    REFUSED
}
