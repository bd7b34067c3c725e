//! What is known to be refused by the broker is refused at acceptance, while the transaction can go on (engine.md 10).

use crate::{Millis, Reason, Record, Refusal};

/// What must be known of a topic to accept a record for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicFacts {
    /// Number of partitions.
    pub partitions: i32,
    /// max.message.bytes: of a *batch*, so a record must stay below it with its overhead.
    pub max_message_bytes: u64,
    /// cleanup.policy contains compact: a record needs a key.
    pub compacted: bool,
    /// message.timestamp.type is LogAppendTime: the broker replaces timestamps, so none is out of range.
    pub log_append_time: bool,
    /// message.timestamp.before.max.ms: how far a timestamp may lie in the past.
    pub timestamp_before_max: u64,
    /// message.timestamp.after.max.ms: how far a timestamp may lie in the future.
    pub timestamp_after_max: u64,
}

/// Bytes that a record batch of one record adds to key, value and headers, at most (record batch v2).
pub const BATCH_OVERHEAD: u64 = 61 + 35;

impl Default for TopicFacts {
    /// Kafka's defaults.
    fn default() -> Self {
        Self {
            partitions: 1,
            max_message_bytes: 1_048_588,
            compacted: false,
            log_append_time: false,
            timestamp_before_max: u64::MAX,
            timestamp_after_max: 3_600_000,
        }
    }
}

impl TopicFacts {
    /// Whether a record can be accepted now.
    ///
    /// # Errors
    /// PARTITION_OUT_OF_RANGE, RECORD_TOO_LARGE, INVALID_TIMESTAMP or KEY_REQUIRED, with the record's index.
    pub fn accept(&self, record: &Record, index: u64, now: Millis) -> Result<(), Refusal> {
        let topic = &record.topic;
        let refuse = |reason, field: &str, message: String| {
            Err(Refusal::new(reason, message).field(format!("records.{field}")).record(index))
        };
        if let Some(partition) = record.partition
            && !(0..self.partitions).contains(&partition)
        {
            let last = self.partitions - 1;
            return refuse(
                Reason::PartitionOutOfRange,
                "partition",
                format!(
                    "record {index}: partition {partition} of topic {topic}: expected 0 to {last}, or none"
                ),
            );
        }
        let size = record.payload_bytes() + BATCH_OVERHEAD + 8 * record.headers.len() as u64;
        if size > self.max_message_bytes {
            let max = self.max_message_bytes;
            return refuse(
                Reason::RecordTooLarge,
                "value",
                format!("record {index}: {size} bytes with overhead: topic {topic} takes at most {max}"),
            )
            .map_err(|refusal| refusal.exceeded("max.message.bytes", max, size));
        }
        if record.key.is_none() && self.compacted {
            return refuse(
                Reason::KeyRequired,
                "key",
                format!(
                    "record {index}: no key: topic {topic} is compacted, each of its records needs a key"
                ),
            );
        }
        if !self.log_append_time && !self.timestamp_in_range(record.timestamp_ms, now) {
            let (at, before, after) =
                (record.timestamp_ms, self.timestamp_before_max, self.timestamp_after_max);
            return refuse(
                Reason::InvalidTimestamp,
                "timestamp_ms",
                format!(
                    "record {index}: timestamp {at}: topic {topic} takes now - {before} ms to now + {after} ms, but 0"
                ),
            );
        }
        Ok(())
    }

    fn timestamp_in_range(&self, timestamp: i64, now: Millis) -> bool {
        let Ok(timestamp) = u64::try_from(timestamp) else { return false };
        // To librdkafka 0 means now: it would be replaced silently.
        if timestamp == 0 {
            return false;
        }
        now.saturating_sub(timestamp) <= self.timestamp_before_max
            && timestamp.saturating_sub(now) <= self.timestamp_after_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    const NOW: Millis = 1_000_000_000;

    fn record() -> Record {
        Record {
            topic: "t".into(),
            partition: None,
            key: Some(Bytes::new()),
            value: None,
            headers: Vec::new(),
            timestamp_ms: NOW as i64,
        }
    }

    fn reason(facts: &TopicFacts, record: &Record) -> Option<Reason> {
        facts.accept(record, 7, NOW).err().map(|refusal| {
            assert_eq!(refusal.record_index, Some(7));
            assert!(refusal.field.is_some());
            refusal.reason
        })
    }

    #[test]
    fn what_the_broker_would_refuse_is_refused_with_its_reason() {
        let facts = TopicFacts { max_message_bytes: 1000, compacted: true, ..TopicFacts::default() };
        assert_eq!(reason(&facts, &record()), None);
        let with = |change: fn(&mut Record)| {
            let mut record = record();
            change(&mut record);
            reason(&facts, &record)
        };
        assert_eq!(with(|r| r.partition = Some(0)), None);
        assert_eq!(with(|r| r.partition = Some(1)), Some(Reason::PartitionOutOfRange));
        assert_eq!(with(|r| r.partition = Some(-1)), Some(Reason::PartitionOutOfRange));
        assert_eq!(with(|r| r.key = None), Some(Reason::KeyRequired));
        assert_eq!(with(|r| r.value = Some(vec![0; 900].into())), None);
        assert_eq!(with(|r| r.value = Some(vec![0; 905].into())), Some(Reason::RecordTooLarge));
        assert_eq!(with(|r| r.timestamp_ms = -1), Some(Reason::InvalidTimestamp));
        assert_eq!(with(|r| r.timestamp_ms = 0), Some(Reason::InvalidTimestamp));
        assert_eq!(with(|r| r.timestamp_ms = 1), None);
        assert_eq!(with(|r| r.timestamp_ms += 3_600_001), Some(Reason::InvalidTimestamp));
    }

    #[test]
    fn log_append_time_makes_any_timestamp_acceptable() {
        let facts = TopicFacts { log_append_time: true, ..TopicFacts::default() };
        assert_eq!(reason(&facts, &Record { timestamp_ms: i64::MAX, ..record() }), None);
    }
}
