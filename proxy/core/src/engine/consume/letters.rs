//! Records that are moved: to a topic where they are attempted later, or to the dead letters.
//!
//! A moved record keeps key, value, headers and timestamp. It gets headers that say where it is from: those of its first
//! place, however often it is moved.

use crate::{Consumed, ConsumerGroup, Millis, Poison, Record, RetryTopic, Subscribe, TopicPartition};
use bytes::Bytes;
use std::sync::Arc;

/// What our headers' names begin with. docs/consuming.md lists them.
const PREFIX: &str = "sidecommit-";
/// Of the record's first place; kept when it is moved on.
const ORIGIN: [&str; 4] = ["origin-topic", "origin-partition", "origin-offset", "origin-timestamp"];
/// When it may be attempted, in milliseconds since the epoch.
const DUE: &str = "retry-due";
/// Attempts that failed in all.
const ATTEMPTS: &str = "attempts";

/// Where a record that is given up goes.
pub(super) fn destination(
    subscribe: &Subscribe,
    from: &TopicPartition,
    retryable: bool,
) -> Option<(Arc<str>, Millis)> {
    let topics = &subscribe.retry.topics;
    let next = match topics.iter().position(|topic| topic.topic == from.topic) {
        Some(at) => at + 1,
        None => 0,
    };
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

/// When a record of a retry topic may be attempted.
pub(super) fn due(record: &Consumed, topic: &RetryTopic) -> Millis {
    let stamped = || Millis::try_from(record.timestamp_ms).unwrap_or(0) + topic.delay;
    number(record, DUE).unwrap_or_else(stamped)
}

/// The record as it is written.
pub(super) fn letter(
    record: &Consumed,
    from: &TopicPartition,
    poison: &Poison,
    attempts: u32,
    group: &ConsumerGroup,
    to: (Arc<str>, Millis),
    now: Millis,
) -> Record {
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
    let before: u64 = number(record, ATTEMPTS).unwrap_or(0);
    add(ATTEMPTS, (before + u64::from(attempts)).to_string());
    add("group", group.group_id.clone());
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
    let named = |header: &&(Arc<str>, Option<Bytes>)| header.0.strip_prefix(PREFIX) == Some(name);
    let (_, value) = record.headers.iter().rfind(named)?;
    std::str::from_utf8(value.as_deref()?).ok()?.parse().ok()
}
