//! What is said on a Consume stream: wire -> core, and core -> wire.

use super::{
    delivery::{delivery, delivery_text, session_text},
    digest,
    field::{invalid, text},
    subscribe::subscribe,
};
use crate::{Backend, proto::v1, refusal};
use sidecommit_core::{Consumed, Delivery, Refusal, StreamEvent, StreamItem, Subscribe, TopicPartition};
use std::borrow::Cow;
use v1::{consume_request::Kind as Said, consume_response::Kind as Told};

/// Characters of the reason given to a reject.
const NOTE_CHARS_MAX: usize = 1024;
/// Characters of each of the two names in an idempotency key. Kafka's ids have 22; whatever else may come, the key stays
/// within 128.
const KEY_PART_CHARS_MAX: usize = 48;

/// The first message of a stream.
pub(crate) async fn first(backend: &impl Backend, wire: v1::ConsumeRequest) -> Result<Subscribe, Refusal> {
    match wire.kind {
        Some(Said::Subscribe(wire)) => subscribe(backend, wire).await,
        other => Err(invalid("kind", kind(other.as_ref()), "subscribe in the first message")),
    }
}

/// A later message.
pub(crate) fn event(wire: v1::ConsumeRequest) -> Result<StreamEvent, Refusal> {
    match wire.kind {
        Some(Said::Credit(credit)) => match u32::try_from(credit.deliveries) {
            Ok(deliveries @ 1..) => Ok(StreamEvent::Credit(deliveries)),
            _ => Err(invalid("credit.deliveries", credit.deliveries, "1 or more")),
        },
        Some(Said::Release(release)) => {
            Ok(StreamEvent::Release(delivery("release.delivery_id", &release.delivery_id)?))
        }
        Some(Said::Reject(reject)) => Ok(StreamEvent::Reject {
            delivery: delivery("reject.delivery_id", &reject.delivery_id)?,
            index: usize::try_from(reject.index).map_err(|_| {
                invalid("reject.index", reject.index, "0 or more: the record's place in the delivery")
            })?,
            reason: text("reject.reason", reject.reason, NOTE_CHARS_MAX)?,
        }),
        other => {
            Err(invalid("kind", kind(other.as_ref()), "credit, release or reject after the first message"))
        }
    }
}

fn kind(said: Option<&Said>) -> &'static str {
    match said {
        Some(Said::Subscribe(_)) => "subscribe",
        Some(Said::Credit(_)) => "credit",
        Some(Said::Release(_)) => "release",
        Some(Said::Reject(_)) => "reject",
        None => "absent",
    }
}

/// What an application is told.
pub(crate) fn told(item: StreamItem, cluster_id: &str) -> v1::ConsumeResponse {
    let kind = match item {
        StreamItem::Started { session, resumed } => {
            Told::SessionStarted(v1::SessionStarted { session_id: session_text(session), resumed })
        }
        StreamItem::Assigned(partitions) => Told::Assigned(v1::Assigned { partitions: all(partitions) }),
        StreamItem::Revoked { partitions, deliveries, lost } => Told::Revoked(v1::Revoked {
            partitions: all(partitions),
            delivery_ids: deliveries.into_iter().map(delivery_text).collect(),
            lost,
        }),
        StreamItem::Delivery(delivery) => Told::Delivery(delivered(*delivery, cluster_id)),
        StreamItem::Idle => Told::Idle(v1::Idle {}),
        StreamItem::Refused { delivery, refusal } => Told::Refused(v1::Refused {
            delivery_id: delivery_text(delivery),
            detail: Some(refusal::detail(&refusal)),
            message: refusal.message,
        }),
    };
    v1::ConsumeResponse { kind: Some(kind) }
}

fn all(partitions: Vec<TopicPartition>) -> Vec<v1::TopicPartition> {
    let wire =
        |at: TopicPartition| v1::TopicPartition { topic: at.topic.to_string(), partition: at.partition };
    partitions.into_iter().map(wire).collect()
}

fn delivered(delivery: Delivery, cluster_id: &str) -> v1::Delivery {
    let Delivery { id, from, topic_id, moved, records } = delivery;
    let key = |record: &Consumed| {
        let origin = record.identity().filter(|_| moved);
        let (topic_id, partition, offset) = origin.unwrap_or((&topic_id, from.partition, record.offset));
        idempotency_key(cluster_id, topic_id, partition, offset)
    };
    let record = |(record, attempt): (Consumed, u32)| v1::ConsumedRecord {
        idempotency_key: key(&record),
        offset: record.offset,
        timestamp_ms: record.timestamp_ms,
        key: record.key,
        value: record.value,
        headers: record
            .headers
            .into_iter()
            .map(|(name, value)| v1::Header { name: name.to_string(), value })
            .collect(),
        attempt: i32::try_from(attempt).unwrap_or(i32::MAX),
    };
    v1::Delivery {
        delivery_id: delivery_text(id),
        topic: from.topic.to_string(),
        partition: from.partition,
        records: records.into_iter().map(record).collect(),
    }
}

/// Names a record for ever: `<cluster id>/<topic id>/<partition>/<offset>`. The topic's id, since a topic that is deleted and
/// made again under its name repeats its offsets. Of a record that was moved to a retry topic all this is its origin's: it is
/// the same record.
fn idempotency_key(cluster_id: &str, topic_id: &str, partition: i32, offset: i64) -> String {
    format!("{}/{}/{partition}/{offset}", key_part(cluster_id), key_part(topic_id))
}

fn key_part(name: &str) -> Cow<'_, str> {
    if name.len() <= KEY_PART_CHARS_MAX { name.into() } else { digest::key_hash(name).to_string().into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idempotency_key_says_where_the_record_is_and_stays_short() {
        let cluster = "4L6g3nShT-eMCtK--X86sw";
        let key = idempotency_key(cluster, "xtzWWN4bTjitpL3kfd9s5g", 11, 4711);
        assert_eq!(key, "4L6g3nShT-eMCtK--X86sw/xtzWWN4bTjitpL3kfd9s5g/11/4711");
        for long in ["x".repeat(48), "x".repeat(49), "x".repeat(1000), "ü".repeat(30)] {
            let key = idempotency_key(&long, &long, i32::MAX, i64::MAX);
            assert!(key.chars().count() <= 128, "{key}");
        }
        assert_ne!(
            idempotency_key(&"x".repeat(49), "t", 0, 0),
            idempotency_key(&"x".repeat(50), "t", 0, 0),
            "what is too long is digested, not cut"
        );
    }
}
