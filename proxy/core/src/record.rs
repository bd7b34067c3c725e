//! What applications send and what they learn about where it went.

use crate::ConsumerId;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A record as accepted from an application. Payloads are shared, never copied by core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Topic to write to; known to exist when the record was accepted.
    pub topic: Arc<str>,
    /// Explicit partition; absent: the partitioner (murmur2, as Java's) chooses by key.
    pub partition: Option<i32>,
    /// Key; absent and empty differ.
    pub key: Option<Bytes>,
    /// Value; absent is a tombstone.
    pub value: Option<Bytes>,
    /// Headers in the application's order; names may repeat.
    pub headers: Vec<(Arc<str>, Option<Bytes>)>,
    /// Record timestamp, milliseconds since the epoch; stamped at acceptance if the application gave none.
    pub timestamp_ms: i64,
}

/// A consumer group's metadata as its member knows it (KIP-447); fences zombies of the group.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ConsumerGroup {
    /// group.id.
    pub group_id: String,
    /// Generation (classic protocol) or member epoch (KIP-848); -1 if the group is not used for membership.
    pub generation_id: i32,
    /// Member id; empty if the group is not used for membership.
    pub member_id: String,
    /// group.instance.id of a static member.
    pub group_instance_id: Option<String>,
    /// A member of our own: its metadata of the moment when the offsets are sent count, not those above.
    pub consumer: Option<ConsumerId>,
}

/// The next offset to consume of one partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TopicPartitionOffset {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// The offset of the next record to read: last processed plus one.
    pub offset: i64,
    /// Metadata stored with the offset; at most 4096 bytes by the broker's default.
    pub metadata: String,
}

/// Offsets to be committed with a transaction for one group.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GroupOffsets {
    /// On whose behalf.
    pub group: ConsumerGroup,
    /// At most one per topic and partition.
    pub offsets: Vec<TopicPartitionOffset>,
}

/// Where a transaction's records of one partition went. Records of others may lie between.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PartitionRange {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Offset of the transaction's first record; -1 if the broker did not tell (a deduplicated resend).
    pub first_offset: i64,
    /// Offset of the transaction's last record; -1 if the broker did not tell.
    pub last_offset: i64,
    /// How many records of the transaction went to this partition.
    pub count: u64,
}

/// A place in a Kafka log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coordinate {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Offset; -1 if the broker did not tell.
    pub offset: i64,
}

// === impl Record ===

impl Record {
    /// What a record, and each header of one, counts against byte limits beyond its bytes: about what it takes in memory.
    pub const OVERHEAD: u64 = 64;

    /// What the record counts against byte limits: [`Record::payload_bytes`], plus [`Record::OVERHEAD`] for the record and
    /// for each header.
    pub fn bytes(&self) -> u64 {
        self.payload_bytes() + Self::OVERHEAD * (1 + self.headers.len() as u64)
    }

    /// Bytes of key, value and headers.
    pub fn payload_bytes(&self) -> u64 {
        let len = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + len(value)).sum();
        (len(&self.key) + len(&self.value) + headers) as u64
    }
}
