//! A subscription: its fields, and what is known of its topics.

use super::{
    Topics as Known,
    delivery::session,
    digest,
    field::{id, invalid, or_default, quoted, span, without_nul},
};
use crate::{Backend, proto::v1};
use sidecommit_core::{
    GroupProtocol, Millis, Refusal, Reset, Retry, RetryTopic, Subscribe, TopicFacts, Topics,
};
use std::{collections::HashMap, ops::RangeInclusive, sync::Arc};

const DAY: Millis = 24 * 60 * 60 * 1000;
const DELIVERY_TIMEOUT_RANGE: RangeInclusive<Millis> = 1000..=DAY;
/// Records of a delivery: when the subscription does not say, and at most.
const RECORDS: u64 = 500;
const RECORDS_RANGE: RangeInclusive<u64> = 1..=10_000;
/// Bytes of a delivery when the subscription does not say.
const DELIVERY_BYTES: u64 = 1 << 20;
/// gRPC's own default, and what makes sense: room for [`RECORDS`] records, and what protobuf can carry.
const MESSAGE_BYTES: u64 = 4 << 20;
const MESSAGE_BYTES_RANGE: RangeInclusive<u64> = 64 << 10..=i32::MAX as u64;
/// What a delivery takes in a message beside its records: names, numbers, lengths.
const MESSAGE_OVERHEAD: u64 = 304;
/// What a record takes beyond what it counts (`Consumed::bytes`): mostly its idempotency key.
const RECORD_OVERHEAD: u64 = 112;
/// Of retries, when the policy does not say.
const ATTEMPTS: u64 = 3;
const ATTEMPTS_RANGE: RangeInclusive<u64> = 1..=i32::MAX as u64;
const BACKOFF: Millis = 100;
const BACKOFF_MAX: Millis = 10_000;
const DELAY_RANGE: RangeInclusive<Millis> = 1..=365 * DAY;

/// How much at a time.
#[derive(Debug, PartialEq, Eq)]
struct Sizes {
    records: usize,
    delivery_bytes: u64,
    record_bytes: u64,
}

/// The topics of a subscription: they exist, and each is named once.
struct Named<'a, B> {
    backend: &'a B,
    known: Known<'a, B>,
    by: HashMap<Arc<str>, &'static str>,
}

/// A Subscribe.
pub(super) async fn subscribe(backend: &impl Backend, wire: v1::Subscribe) -> Result<Subscribe, Refusal> {
    let fingerprint = digest::of_subscribe(&wire);
    id("subscribe.group_id", &wire.group_id, 1)?;
    id("subscribe.group_instance_id", &wire.group_instance_id, 0)?;
    let Sizes { records, delivery_bytes, record_bytes } = sizes(wire.limits.unwrap_or_default())?;
    let reset = reset(wire.reset_policy)?;
    let protocol = protocol(wire.group_protocol)?;
    committed_only(wire.isolation_level)?;
    let delivery_timeout = match wire.delivery_timeout {
        None => backend.info().limits.delivery_timeout,
        Some(timeout) => span("subscribe.delivery_timeout", timeout, DELIVERY_TIMEOUT_RANGE)?,
    };
    let session = session("subscribe.session_id", &wire.session_id)?;
    let mut named = Named { backend, known: Known::new(backend), by: HashMap::new() };
    let topics = named.read(wire.topics, wire.topic_pattern).await?;
    let retry = named.retry(wire.retry_policy.unwrap_or_default()).await?;
    Ok(Subscribe {
        group_id: wire.group_id,
        topics,
        group_instance_id: Some(wire.group_instance_id).filter(|id| !id.is_empty()),
        max_records: records,
        max_delivery_bytes: delivery_bytes,
        max_record_bytes: record_bytes,
        reset,
        protocol,
        retry,
        delivery_timeout,
        session,
        fingerprint,
    })
}

/// Whatever a delivery carries, it must fit the message that its client takes.
fn sizes(wire: v1::DeliveryLimits) -> Result<Sizes, Refusal> {
    let (records_field, bytes_field) =
        ("subscribe.limits.max_records", "subscribe.limits.max_delivery_bytes");
    let records = or_default(records_field, wire.max_records.into(), RECORDS_RANGE, RECORDS)?;
    let message = or_default(
        "subscribe.limits.max_message_bytes",
        wire.max_message_bytes,
        MESSAGE_BYTES_RANGE,
        MESSAGE_BYTES,
    )?;
    let room = message - MESSAGE_OVERHEAD;
    let records_max = (room - 1) / RECORD_OVERHEAD;
    if records > records_max {
        let expected = format!("at most {records_max}, so that a delivery fits max_message_bytes {message}");
        return Err(invalid(records_field, records, expected));
    }
    let fits = room - records * RECORD_OVERHEAD;
    let delivery_bytes =
        or_default(bytes_field, wire.max_delivery_bytes, 1..=u64::MAX, DELIVERY_BYTES.min(fits))?;
    if delivery_bytes > fits {
        let expected = format!(
            "at most {fits}, so that {records} records (max_records) fit max_message_bytes {message}"
        );
        return Err(invalid(bytes_field, delivery_bytes, expected));
    }
    let record_bytes = room - RECORD_OVERHEAD;
    Ok(Sizes { records: records as usize, delivery_bytes, record_bytes })
}

fn reset(wire: i32) -> Result<Reset, Refusal> {
    use v1::ResetPolicy as W;
    match W::try_from(wire) {
        Ok(W::Unspecified | W::Earliest) => Ok(Reset::Earliest),
        Ok(W::Latest) => Ok(Reset::Latest),
        Ok(W::None) => Ok(Reset::None),
        Err(_) => Err(invalid("subscribe.reset_policy", wire, "EARLIEST (1), LATEST (2) or NONE (3)")),
    }
}

fn protocol(wire: i32) -> Result<GroupProtocol, Refusal> {
    use v1::GroupProtocol as W;
    match W::try_from(wire) {
        Ok(W::Unspecified | W::ClassicCooperative) => Ok(GroupProtocol::ClassicCooperative),
        Ok(W::ClassicEager) => Ok(GroupProtocol::ClassicEager),
        Ok(W::Consumer) => Ok(GroupProtocol::Consumer),
        Err(_) => {
            let expected = "CLASSIC_COOPERATIVE (1), CLASSIC_EAGER (2) or CONSUMER (3)";
            Err(invalid("subscribe.group_protocol", wire, expected))
        }
    }
}

fn committed_only(wire: i32) -> Result<(), Refusal> {
    use v1::IsolationLevel as W;
    let shown = match W::try_from(wire) {
        Ok(W::Unspecified | W::ReadCommitted) => return Ok(()),
        Ok(W::ReadUncommitted) => "READ_UNCOMMITTED".to_owned(),
        Err(_) => wire.to_string(),
    };
    let expected =
        "READ_COMMITTED (1), since records that an aborted transaction wrote must not be processed";
    Err(invalid("subscribe.isolation_level", shown, expected))
}

// === impl Named ===

impl<B: Backend> Named<'_, B> {
    /// What to read.
    async fn read(&mut self, topics: Vec<String>, pattern: String) -> Result<Topics, Refusal> {
        let field = "subscribe.topics";
        match (topics.is_empty(), pattern.is_empty()) {
            (true, true) => Err(invalid(field, "empty", "at least one topic, or topic_pattern")),
            (false, false) => {
                let shown = format!("{} beside topics", quoted(&pattern));
                Err(invalid("subscribe.topic_pattern", shown, "either of them"))
            }
            (true, false) => {
                let field = "subscribe.topic_pattern";
                without_nul(field, &pattern)?;
                let checked = self.backend.pattern(&pattern);
                checked.map_err(|why| {
                    let shown = format!("{} ({why})", quoted(&pattern));
                    invalid(field, shown, "a regular expression in POSIX extended syntax")
                })?;
                Ok(Topics::Pattern(pattern))
            }
            (false, true) => {
                let mut named = Vec::with_capacity(topics.len());
                for topic in topics {
                    named.push(self.topic(field, &topic).await?.0);
                }
                Ok(Topics::Named(named))
            }
        }
    }

    async fn retry(&mut self, wire: v1::RetryPolicy) -> Result<Retry, Refusal> {
        let attempts = "subscribe.retry_policy.max_attempts";
        let max_attempts = or_default(attempts, wire.max_attempts.into(), ATTEMPTS_RANGE, ATTEMPTS)? as u32;
        let backoff = match wire.backoff {
            None => BACKOFF,
            Some(backoff) => span("subscribe.retry_policy.backoff", backoff, 1..=DAY)?,
        };
        let backoff_max = match wire.backoff_max {
            None => BACKOFF_MAX.max(backoff),
            Some(max) => span("subscribe.retry_policy.backoff_max", max, backoff..=DAY)?,
        };
        let mut topics = Vec::with_capacity(wire.retry_topics.len());
        for retry in wire.retry_topics {
            let topic = self.kept("subscribe.retry_policy.retry_topics.topic", &retry.topic).await?;
            let delay = "subscribe.retry_policy.retry_topics.delay";
            let after = retry.delay.ok_or_else(|| invalid(delay, "absent", "1 ms or more"))?;
            topics.push(RetryTopic { topic, delay: span(delay, after, DELAY_RANGE)? });
        }
        let dead_letters = match wire.dead_letter_topic.as_str() {
            "" => None,
            topic => Some(self.kept("subscribe.retry_policy.dead_letter_topic", topic).await?),
        };
        Ok(Retry { max_attempts, backoff, backoff_max, topics, dead_letters })
    }

    /// A topic that records are moved to: none of them may vanish because another one has its key.
    async fn kept(&mut self, field: &'static str, name: &str) -> Result<Arc<str>, Refusal> {
        let (topic, facts) = self.topic(field, name).await?;
        if facts.compacted {
            let shown = format!("{} is compacted", quoted(name));
            return Err(invalid(
                field,
                shown,
                "a topic with cleanup.policy=delete, which loses no record to its key",
            ));
        }
        Ok(topic)
    }

    async fn topic(
        &mut self,
        field: &'static str,
        name: &str,
    ) -> Result<(Arc<str>, Arc<TopicFacts>), Refusal> {
        let (topic, facts) = self.known.topic(field, name).await?;
        match self.by.insert(topic.clone(), field) {
            None => Ok((topic, facts)),
            Some(before) => Err(invalid(
                field,
                format_args!("{} is named in {before} as well", quoted(name)),
                "each topic once",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::told;
    use prost::Message;
    use sidecommit_core::{Consumed, Delivery, DeliveryId, StreamItem, TopicPartition};

    /// Bytes in a message of so many records that count so many bytes each, with everything else as large as it gets.
    fn encoded(records: usize, counted: u64) -> u64 {
        let name: Arc<str> = "n".repeat(48).into();
        let empty = Consumed {
            offset: i64::MAX,
            timestamp_ms: -1,
            key: Some(vec![].into()),
            value: Some(vec![].into()),
            headers: vec![],
        };
        let value = vec![7; (counted - empty.bytes()) as usize].into();
        let record = Consumed { value: Some(value), ..empty };
        assert_eq!(record.bytes(), counted);
        let from = TopicPartition::new("t".repeat(249), i32::MAX);
        let records = vec![(record, u32::MAX); records];
        let delivery =
            Delivery { id: DeliveryId([0xff; 16]), from, topic_id: name.clone(), moved: false, records };
        told(StreamItem::Delivery(Box::new(delivery)), &name).encoded_len() as u64
    }

    #[test]
    fn a_delivery_within_its_limits_fits_the_clients_message() {
        for (max_records, max_message_bytes) in [(1, 1 << 16), (500, 1 << 16), (0, 0), (10_000, 4 << 20)] {
            let wire = |max_delivery_bytes| v1::DeliveryLimits {
                max_records,
                max_delivery_bytes,
                max_message_bytes,
            };
            let message = if max_message_bytes == 0 { MESSAGE_BYTES } else { max_message_bytes as u64 };
            let sized = sizes(wire(0)).expect("fits");
            assert!(sized.delivery_bytes <= DELIVERY_BYTES);
            let single = encoded(1, sized.record_bytes);
            assert!((message - 128..=message).contains(&single), "{single} of {message}");

            let most = message - MESSAGE_OVERHEAD - sized.records as u64 * RECORD_OVERHEAD;
            let largest = sizes(wire(most as i64)).expect("fits just");
            assert!(sizes(wire(most as i64 + 1)).is_err());
            let each = largest.delivery_bytes / largest.records as u64;
            if each >= 256 {
                let full = encoded(largest.records, each);
                assert!(full <= message, "{full} of {message}");
            }
        }
    }
}
