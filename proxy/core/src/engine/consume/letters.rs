//! Records that are moved: to a topic where they are attempted later, or to the dead letters.
//!
//! A moved record keeps key, value, headers and timestamp. It gets headers that say where it is from: those of its first
//! place, however often it is moved.

use crate::{Consumed, Millis, Poison, Record, RetryTopic, Subscribe, TopicPartition};
use bytes::Bytes;
use std::sync::Arc;

/// What our headers' names begin with. docs/consuming.md lists them.
const PREFIX: &str = "sidecommit-";
/// Of the record's first place; kept when it is moved on.
const ORIGIN: [&str; 4] = ["origin-topic", "origin-partition", "origin-offset", "origin-timestamp"];
/// What names the record for ever: topic id, partition and offset of where its group first read it.
const IDENTITY: &str = "identity";
/// When it may be attempted, in milliseconds since the epoch.
const DUE: &str = "retry-due";
/// Attempts that failed in all.
const ATTEMPTS: &str = "attempts";

/// A record that is given up.
pub(super) struct GivenUp<'a> {
    pub(super) record: &'a Consumed,
    pub(super) from: &'a TopicPartition,
    pub(super) topic_id: &'a str,
    pub(super) poison: &'a Poison,
    /// How many attempts failed where it is.
    pub(super) attempts: u32,
}

/// Where a record that is given up goes.
pub(super) fn destination(
    subscribe: &Subscribe,
    from: &TopicPartition,
    retryable: bool,
) -> Option<(Arc<str>, Millis)> {
    let topics = &subscribe.retry.topics;
    let next = topics.iter().position(|topic| topic.topic == from.topic).map_or(0, |at| at + 1);
    match topics.get(next).filter(|_| retryable) {
        Some(topic) => Some((topic.topic.clone(), topic.delay)),
        None => subscribe.retry.dead_letters.clone().map(|topic| (topic, 0)),
    }
}

/// Whether a record that is given up, and can succeed, is attempted again elsewhere.
pub(super) fn is_later(subscribe: &Subscribe, from: &TopicPartition) -> bool {
    destination(subscribe, from, true)
        .is_some_and(|(to, _)| subscribe.retry.topics.iter().any(|t| t.topic == to))
}

/// Whether the records of a partition were moved there for this subscription.
pub(super) fn is_retry(subscribe: &Subscribe, from: &TopicPartition) -> bool {
    subscribe.retry.topics.iter().any(|topic| topic.topic == from.topic)
}

/// When a record of a retry topic may be attempted.
pub(super) fn due(record: &Consumed, topic: &RetryTopic) -> Millis {
    let stamped = || Millis::try_from(record.timestamp_ms).unwrap_or(0) + topic.delay;
    number(record, DUE).unwrap_or_else(stamped)
}

/// The record as it is written.
pub(super) fn letter(
    given_up: &GivenUp<'_>,
    subscribe: &Subscribe,
    to: (Arc<str>, Millis),
    now: Millis,
) -> Record {
    let GivenUp { record, from, topic_id, poison, attempts } = *given_up;
    let (topic, delay) = to;
    let is_ours = |name: &str| name.starts_with(PREFIX);
    let origin = |name: &str| ORIGIN.iter().any(|known| name.strip_prefix(PREFIX) == Some(known));
    let moved_before = record.headers.iter().any(|(name, _)| origin(name));
    let kept = record.headers.iter().filter(|(name, _)| !is_ours(name) || moved_before && origin(name));
    let mut headers: Vec<_> = kept.cloned().collect();
    let mut add = |name: &str, value: String| {
        headers.push((Arc::from(format!("{PREFIX}{name}")), Some(Bytes::from(value))));
    };
    if !moved_before {
        let [topic, partition, offset, timestamp] = ORIGIN;
        add(topic, from.topic.to_string());
        add(partition, from.partition.to_string());
        add(offset, record.offset.to_string());
        add(timestamp, record.timestamp_ms.to_string());
    }
    // What anybody may have written into another topic names nothing.
    let known = record.identity().filter(|_| is_retry(subscribe, from));
    let (id, partition, offset) = known.unwrap_or((topic_id, from.partition, record.offset));
    add(IDENTITY, format!("{id}/{partition}/{offset}"));
    let before: u64 = number(record, ATTEMPTS).unwrap_or(0);
    add(ATTEMPTS, before.saturating_add(attempts.into()).to_string());
    add("group", subscribe.group_id.clone());
    add("error-class", poison.error_class.clone());
    add("error-message", poison.message.clone());
    add("moved-at", now.to_string());
    if delay > 0 {
        add(DUE, (now + delay).to_string());
    }
    Record {
        topic,
        partition: None,
        key: record.key.clone(),
        value: record.value.clone(),
        headers,
        timestamp_ms: if record.timestamp_ms < 0 { now as i64 } else { record.timestamp_ms },
    }
}

fn number(record: &Consumed, name: &str) -> Option<u64> {
    text(record, name)?.parse().ok()
}

fn text<'a>(record: &'a Consumed, name: &str) -> Option<&'a str> {
    let named = |header: &&(Arc<str>, Option<Bytes>)| header.0.strip_prefix(PREFIX) == Some(name);
    let (_, value) = record.headers.iter().rfind(named)?;
    std::str::from_utf8(value.as_deref()?).ok()
}

impl Consumed {
    /// Topic id, partition and offset of where a record that was moved was first read, if its headers say so. To be trusted
    /// where only the sidecar writes: [`crate::Delivery::moved`].
    pub fn identity(&self) -> Option<(&str, i32, i64)> {
        let mut parts = text(self, IDENTITY)?.rsplitn(3, '/');
        let offset = parts.next()?.parse().ok().filter(|offset| *offset >= 0)?;
        let partition = parts.next()?.parse().ok().filter(|partition| *partition >= 0)?;
        let topic_id = parts.next().filter(|id| !id.is_empty())?;
        Some((topic_id, partition, offset))
    }
}
