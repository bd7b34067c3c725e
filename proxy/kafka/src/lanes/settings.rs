use crate::{ClientSettings, Consumers, OutcomesPlace};
use parking_lot::Mutex;
use rdkafka::ClientConfig;
use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

/// max.message.bytes by topic. The broker rejects a *batch* that is larger, and with it every record in it although none
/// is guilty (engine.md 6); so a lane never has more than that under way to such a topic. Who may not read a topic's
/// configuration learns the limit from the rejection.
#[derive(Clone, Default)]
pub struct TopicLimits {
    known: Option<Arc<Known>>,
    learnt: Arc<Mutex<BTreeMap<String, u64>>>,
}

type Known = dyn Fn(&str) -> Option<u64> + Send + Sync;

/// How a slot's lanes behave.
#[derive(Clone, Debug)]
pub struct LaneSettings {
    /// How to reach the cluster.
    pub client: ClientSettings,
    /// Where our own records go.
    pub outcomes: OutcomesPlace,
    /// transaction.timeout.ms: after that the broker aborts a transaction that was not ended. At least 1 s.
    pub transaction_timeout: Duration,
    /// How much librdkafka may hold in memory per lane, in KiB (queue.buffering.max.kbytes).
    pub queue_kbytes: u32,
    /// Whose offsets lanes send with their own metadata.
    pub consumers: Option<Consumers>,
    /// The largest batch.
    pub batch_bytes: u32,
    /// What limits the batches of topics that take less.
    pub topic_limits: TopicLimits,
    /// How long one call into librdkafka may take; it is made again as long as it can be resumed.
    pub slice: Duration,
    /// How long EndTxn and the sending of offsets are resumed before the broker counts as unreachable.
    pub end_limit: Duration,
    /// A call that takes that much longer than its slice hangs: its thread is given up.
    pub hang_margin: Duration,
}

// === impl TopicLimits ===

impl TopicLimits {
    /// From something that knows topics; asked once per batch and topic, must not block.
    pub fn new(known: impl Fn(&str) -> Option<u64> + Send + Sync + 'static) -> Self {
        Self { known: Some(Arc::new(known)), ..Self::default() }
    }

    /// The topic's limit; None if it is not known.
    pub(super) fn of(&self, topic: &str) -> Option<u64> {
        let known = self.known.as_ref().and_then(|known| known(topic));
        known.into_iter().chain(self.learnt.lock().get(topic).copied()).min()
    }

    /// The broker took no batch of some size: from now on no batch is larger than this. False if it was known.
    pub(super) fn learn(&self, topic: &str, bytes: u64) -> bool {
        if self.of(topic).is_some_and(|known| known <= bytes) {
            return false;
        }
        self.learnt.lock().insert(topic.to_owned(), bytes);
        true
    }
}

impl fmt::Debug for TopicLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TopicLimits")
    }
}

// === impl LaneSettings ===

impl LaneSettings {
    /// Defaults for everything but where to write.
    pub fn new(client: ClientSettings, outcomes: OutcomesPlace) -> Self {
        Self {
            client,
            outcomes,
            transaction_timeout: Duration::from_secs(30),
            queue_kbytes: 1 << 20,
            consumers: None,
            batch_bytes: 1_000_000,
            topic_limits: TopicLimits::default(),
            slice: Duration::from_secs(2),
            end_limit: Duration::from_secs(30),
            hang_margin: Duration::from_secs(20),
        }
    }

    /// Below this duration a commit or abort surely sent one EndTxn: librdkafka sends a second one after
    /// retry.backoff.ms, less 20 % of jitter, at the earliest (transactions.md 3.2).
    pub fn clean_threshold(&self) -> Duration {
        let millis = |name: &str, default: u64| -> u64 {
            let value = self.client.properties.get(name);
            value.and_then(|value| value.parse().ok()).unwrap_or(default)
        };
        let backoff = millis("retry.backoff.ms", RETRY_BACKOFF_MS);
        Duration::from_millis(backoff.min(millis("retry.backoff.max.ms", RETRY_BACKOFF_MAX_MS))).mul_f64(0.8)
    }

    /// The configuration of one lane's producer.
    pub(super) fn producer(&self, transactional_id: &str) -> ClientConfig {
        let timeout = self.transaction_timeout.as_millis();
        let mut config = self.client.producer();
        let mut default = |name: &str, value: String| {
            if self.client.properties.get(name).is_none() {
                config.set(name, value);
            }
        };
        default("retry.backoff.ms", RETRY_BACKOFF_MS.to_string());
        default("retry.backoff.max.ms", RETRY_BACKOFF_MAX_MS.to_string());
        default("linger.ms", LINGER_MS.to_string());
        default("socket.timeout.ms", timeout.saturating_sub(100).min(10_000).to_string());
        config
            .set("transactional.id", transactional_id)
            .set("transaction.timeout.ms", timeout.to_string())
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("max.in.flight", IN_FLIGHT.to_string())
            .set("allow.auto.create.topics", "false")
            .set("queue.buffering.max.kbytes", self.queue_kbytes.to_string())
            .set("batch.size", self.batch_bytes.to_string())
            // A record's size is checked against its topic's limit when it is accepted; a batch's is batch.size.
            .set("message.max.bytes", "1000000000");
        config
    }
}

/// 250 instead of librdkafka's 100: a merely busy broker should not cost a producer (engine.md 8).
const RETRY_BACKOFF_MS: u64 = 250;
const RETRY_BACKOFF_MAX_MS: u64 = 1000;

/// A broker handles one request of a connection at a time (it mutes it until the answer is sent), so the second is for the way there and back. More
/// than that only has librdkafka poll without a pause: it has one batch of an idempotent producer's under way per partition, and while others
/// wait it does not sleep, unless there are requests that may not be sent yet. That was half of the sidecar's CPU in bulk.
const IN_FLIGHT: u32 = 2;

/// A record waits for its partition to be added to the transaction anyway, and for the answer to the batch before it; a linger on top of that costs
/// twice the CPU in bulk (measured: 32 instead of 16 ms for 10,000 records of 1 KB).
const LINGER_MS: u64 = 0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Properties;

    fn settings(properties: &[(&str, &str)]) -> LaneSettings {
        let client = ClientSettings {
            bootstrap_servers: "127.0.0.1:1".to_owned(),
            properties: Properties::new(properties.iter().copied()).expect("valid"),
        };
        LaneSettings::new(client, OutcomesPlace::Topic { topic: "o".to_owned(), partition: 0 })
    }

    #[test]
    fn the_clean_threshold_follows_the_back_off() {
        let threshold = |properties| settings(properties).clean_threshold().as_millis();
        assert_eq!(threshold(&[]), 200);
        assert_eq!(threshold(&[("retry.backoff.ms", "100")]), 80);
        assert_eq!(threshold(&[("retry.backoff.max.ms", "50")]), 40);
    }

    #[test]
    fn librdkafka_accepts_the_configuration_of_a_lane() {
        use rdkafka::producer::BaseProducer;
        let accepted = |settings: &LaneSettings| settings.producer("id").create::<BaseProducer>().is_ok();
        assert!(accepted(&settings(&[])));
        assert!(accepted(&settings(&[("queue.buffering.max.ms", "5"), ("compression.type", "zstd")])));
        let short = LaneSettings { transaction_timeout: Duration::from_secs(1), ..settings(&[]) };
        assert!(accepted(&short));
    }
}
