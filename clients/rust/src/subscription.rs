//! What to read, and how.

use crate::{
    duration,
    v1::{
        DeliveryLimits, GroupProtocol, ResetPolicy, RetryPolicy, RetryTopic, Subscribe,
        consume_service_client::ConsumeServiceClient,
    },
};
use std::time::Duration;
use tonic::transport::Channel;

/// How many deliveries are outstanding at a time.
const CONCURRENCY: u32 = 4;

/// A subscription: topics, read as a member of a consumer group.
#[derive(Clone, Debug)]
#[must_use]
pub struct Subscription {
    subscribe: Subscribe,
    concurrency: u32,
}

// === impl Subscription ===

impl Subscription {
    /// Reads topics, which exist, for a group.
    pub fn new<T: Into<String>>(group_id: impl Into<String>, topics: impl IntoIterator<Item = T>) -> Self {
        let topics = topics.into_iter().map(Into::into).collect();
        Self::of(Subscribe { group_id: group_id.into(), topics, ..Subscribe::default() })
    }

    /// Reads the topics that a regular expression matches as a whole.
    pub fn pattern(group_id: impl Into<String>, pattern: impl Into<String>) -> Self {
        let (group_id, topic_pattern) = (group_id.into(), pattern.into());
        Self::of(Subscribe { group_id, topic_pattern, ..Subscribe::default() })
    }

    fn of(subscribe: Subscribe) -> Self {
        Self { subscribe, concurrency: CONCURRENCY }
    }

    /// How many deliveries, each of another partition, are worked on side by side; 4 by default.
    pub fn concurrency(mut self, deliveries: u32) -> Self {
        self.concurrency = deliveries.max(1);
        self
    }

    /// A static member, which keeps its partitions while it restarts: a name that no other member of the group has.
    pub fn group_instance_id(mut self, id: impl Into<String>) -> Self {
        self.subscribe.group_instance_id = id.into();
        self
    }

    /// Records of a delivery at most; 500 by default.
    pub fn max_records(mut self, records: i32) -> Self {
        self.limits().max_records = records;
        self
    }

    /// Bytes of a delivery's records at most; 1 MiB by default. A single record may have more.
    pub fn max_delivery_bytes(mut self, bytes: i64) -> Self {
        self.limits().max_delivery_bytes = bytes;
        self
    }

    /// The largest message that is taken, and so the largest record; 4 MiB by default.
    pub fn max_message_bytes(mut self, bytes: i64) -> Self {
        self.limits().max_message_bytes = bytes;
        self
    }

    /// Where to begin in a partition for which the group has no offset; at the first record by default.
    pub fn reset_policy(mut self, policy: ResetPolicy) -> Self {
        self.subscribe.set_reset_policy(policy);
        self
    }

    /// How the group shares out partitions; all members have to use the same.
    pub fn group_protocol(mut self, protocol: GroupProtocol) -> Self {
        self.subscribe.set_group_protocol(protocol);
        self
    }

    /// How often a record may fail alone before it is moved; 3 by default.
    pub fn max_attempts(mut self, attempts: i32) -> Self {
        self.retries().max_attempts = attempts;
        self
    }

    /// The pause before the second attempt, which doubles up to `longest`; 100 ms and 10 s by default.
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        let retries = self.retries();
        (retries.backoff, retries.backoff_max) = (Some(duration(first)), Some(duration(longest.max(first))));
        self
    }

    /// Adds a topic to which records are moved that failed, to be attempted again after a delay. In order.
    pub fn retry_topic(mut self, topic: impl Into<String>, delay: Duration) -> Self {
        self.retries().retry_topics.push(RetryTopic { topic: topic.into(), delay: Some(duration(delay)) });
        self
    }

    /// Where records end that failed everywhere or cannot succeed. Without one they are attempted again for ever, and their
    /// partition waits.
    pub fn dead_letter_topic(mut self, topic: impl Into<String>) -> Self {
        self.retries().dead_letter_topic = topic.into();
        self
    }

    /// How long a delivery may be held, 1 s to 1 day; the sidecar's limit by default.
    pub fn delivery_timeout(mut self, timeout: Duration) -> Self {
        self.subscribe.delivery_timeout = Some(duration(timeout));
        self
    }

    fn limits(&mut self) -> &mut DeliveryLimits {
        self.subscribe.limits.get_or_insert_default()
    }

    fn retries(&mut self) -> &mut RetryPolicy {
        self.subscribe.retry_policy.get_or_insert_default()
    }

    /// How many deliveries are outstanding at a time.
    pub(crate) fn deliveries(&self) -> usize {
        self.concurrency as usize
    }

    /// Whether a record that cannot succeed has somewhere to go.
    pub(crate) fn has_dead_letters(&self) -> bool {
        self.subscribe.retry_policy.as_ref().is_some_and(|policy| !policy.dead_letter_topic.is_empty())
    }

    /// As the stream's first message has it.
    pub(crate) fn request(&self, session_id: &str) -> Subscribe {
        Subscribe { session_id: session_id.to_owned(), ..self.subscribe.clone() }
    }

    /// A client that takes messages as large as it says.
    pub(crate) fn fit(&self, consumer: ConsumeServiceClient<Channel>) -> ConsumeServiceClient<Channel> {
        let bytes = self.subscribe.limits.map_or(0, |limits| limits.max_message_bytes);
        match usize::try_from(bytes) {
            Ok(bytes) if bytes > 0 => consumer.max_decoding_message_size(bytes),
            _ => consumer,
        }
    }
}
