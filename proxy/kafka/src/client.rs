use crate::{Error, Properties};
use rdkafka::{
    ClientConfig, ClientContext,
    config::{FromClientConfigAndContext, RDKafkaLogLevel},
    consumer::ConsumerContext,
    error::KafkaError,
};

/// For clients whose log lines nobody would read.
pub(crate) const QUIET: RDKafkaLogLevel = RDKafkaLogLevel::Emerg;

/// A transaction that failed: what librdkafka calls it in its log. The call that fails for it is told with its kind, at
/// the level that it deserves.
const TRANSACTION_FAILED: [&str; 4] = ["TXNERR", "FATAL", "ADDPARTS", "ADDOFFSETS"];

/// How to reach the cluster: shared by all clients of the process.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// host:port, comma separated.
    pub bootstrap_servers: String,
    /// What passes through to librdkafka.
    pub properties: Properties,
}

/// Sends librdkafka's log to the sidecar's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Logged;

// === impl ClientSettings ===

impl ClientSettings {
    /// What all clients have in common. User's properties come over it, except where they are refused.
    fn base(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap_servers)
            .set("client.id", "sidecommit")
            .set("socket.keepalive.enable", "true")
            // librdkafka's default for a producer is its transaction timeout: a lost request would be noticed too late.
            .set("socket.timeout.ms", "10000")
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            .set("enable.metrics.push", "false")
            .set_log_level(if self.properties.get("debug").is_some() {
                RDKafkaLogLevel::Debug
            } else {
                RDKafkaLogLevel::Info
            });
        config
    }

    pub(crate) fn producer(&self) -> ClientConfig {
        with(self.base(), self.properties.for_producers())
    }

    pub(crate) fn consumer(&self) -> ClientConfig {
        with(self.base(), self.properties.for_consumers())
    }

    /// For requests about the cluster only.
    pub(crate) fn admin(&self) -> ClientConfig {
        with(self.base(), self.properties.common())
    }
}

fn with<'a>(mut config: ClientConfig, properties: impl Iterator<Item = (&'a str, &'a str)>) -> ClientConfig {
    config.extend(properties.map(|(name, value)| (name.to_owned(), value.to_owned())));
    config
}

/// Makes a client; it connects in the background.
pub(crate) fn create<C: ClientContext, T: FromClientConfigAndContext<C>>(
    config: &ClientConfig,
    context: C,
) -> Result<T, Error> {
    config.create_with_context(context).map_err(|error| match error {
        KafkaError::ClientCreation(message) => Error::CreateClient { message },
        other => Error::CreateClient { message: other.to_string() },
    })
}

/// One log line of librdkafka. Its errors are about connections, which it makes again by itself; what cannot be
/// mended comes back from a call and is reported there.
pub(crate) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    use RDKafkaLogLevel as L;
    match level {
        L::Emerg | L::Alert | L::Critical | L::Error if TRANSACTION_FAILED.contains(&facility) => {
            tracing::info!(target: "librdkafka", facility, "{message}");
        }
        L::Emerg | L::Alert | L::Critical | L::Error => {
            tracing::warn!(target: "librdkafka", facility, "{message}");
        }
        L::Warning | L::Notice => tracing::info!(target: "librdkafka", facility, "{message}"),
        L::Info => tracing::debug!(target: "librdkafka", facility, "{message}"),
        L::Debug => tracing::trace!(target: "librdkafka", facility, "{message}"),
    }
}

// === impl Logged ===

impl ClientContext for Logged {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", %error, "{reason}");
    }

    fn stats_raw(&self, _statistics: &[u8]) {}
}

impl ConsumerContext for Logged {}
