//! The vocabulary of consuming: sessions of applications, members of consumer groups, deliveries.

use crate::{DeliveryId, Fingerprint, Millis, Reason, Record, Refusal, SessionId};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// Topic.
    pub topic: Arc<str>,
    /// Partition.
    pub partition: i32,
}

/// What an application asked to read, validated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe {
    /// group.id.
    pub group_id: String,
    /// What to read; the retry topics are added to it.
    pub topics: Topics,
    /// group.instance.id of a static member.
    pub group_instance_id: Option<String>,
    /// Records of a delivery at most.
    pub max_records: usize,
    /// Bytes of a delivery at most, but for a single record.
    pub max_delivery_bytes: u64,
    /// Bytes of a single record at most.
    pub max_record_bytes: u64,
    /// Where a group without an offset begins.
    pub reset: Reset,
    /// How partitions are shared out.
    pub protocol: GroupProtocol,
    /// What happens to records that fail.
    pub retry: Retry,
    /// How long an application may hold a delivery.
    pub delivery_timeout: Millis,
    /// The session to go on with.
    pub session: Option<SessionId>,
    /// Digest of everything but the session.
    pub fingerprint: Fingerprint,
}

/// What to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topics {
    /// These; they exist.
    Named(Vec<Arc<str>>),
    /// Those that match as a whole.
    Pattern(String),
}

/// Where a group without an offset begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// At the first record.
    Earliest,
    /// After the last record.
    Latest,
    /// Nowhere: an error.
    None,
}

/// How a group shares out partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupProtocol {
    /// Classic, cooperative-sticky.
    ClassicCooperative,
    /// Classic, range and roundrobin.
    ClassicEager,
    /// KIP-848.
    Consumer,
}

/// What happens to records that fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Attempts in one partition before a record is moved.
    pub max_attempts: u32,
    /// Before the second attempt; doubles.
    pub backoff: Millis,
    /// At most.
    pub backoff_max: Millis,
    /// In order.
    pub topics: Vec<RetryTopic>,
    /// Where records end that cannot succeed.
    pub dead_letters: Option<Arc<str>>,
}

/// A topic whose records are attempted later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryTopic {
    /// It exists.
    pub topic: Arc<str>,
    /// After a record was moved to it.
    pub delay: Millis,
}

/// What an application's Consume stream says.
#[derive(Clone, Debug)]
pub enum StreamEvent {
    /// First.
    Subscribe(Box<Subscribe>),
    /// So many more deliveries are welcome.
    Credit(u32),
    /// Takes a delivery back.
    Release(DeliveryId),
    /// Gives a record up.
    Reject {
        /// Of which delivery.
        delivery: DeliveryId,
        /// Which of its records.
        index: usize,
        /// For people.
        reason: String,
    },
    /// The stream is gone: ended, broken, or its application is.
    Closed,
}

/// What an application's Consume stream is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamItem {
    /// First.
    Started {
        /// For a later Subscribe.
        session: SessionId,
        /// It was known.
        resumed: bool,
    },
    /// Partitions came.
    Assigned(Vec<TopicPartition>),
    /// Partitions went.
    Revoked {
        /// Which.
        partitions: Vec<TopicPartition>,
        /// Their deliveries, void now.
        deliveries: Vec<DeliveryId>,
        /// Another member may have them already.
        lost: bool,
    },
    /// Records.
    Delivery(Box<Delivery>),
    /// Nothing to read for now.
    Idle,
    /// A release or reject was not taken.
    Refused {
        /// About which.
        delivery: DeliveryId,
        /// Why.
        refusal: Box<Refusal>,
    },
}

/// Consecutive records of one partition, as an application gets them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its name.
    pub id: DeliveryId,
    /// From where.
    pub from: TopicPartition,
    /// The topic's id, for idempotency keys.
    pub topic_id: Arc<str>,
    /// From a retry topic: a record's idempotency key is that of [`Consumed::identity`].
    pub moved: bool,
    /// At least one, each with its attempt, from 1 on.
    pub records: Vec<(Consumed, u32)>,
}

/// A record that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumed {
    /// Its place.
    pub offset: i64,
    /// Milliseconds since the epoch; -1: none.
    pub timestamp_ms: i64,
    /// Key.
    pub key: Option<Bytes>,
    /// Value; absent: a tombstone.
    pub value: Option<Bytes>,
    /// In order.
    pub headers: Vec<(Arc<str>, Option<Bytes>)>,
}

/// What a member of a group reports. Reports of closed consumers are ignored.
#[derive(Clone, Debug)]
pub enum ConsumerEvent {
    /// Partitions came. They are read from the group's offsets, at [`PartitionEpoch`] 0, until told otherwise. Where
    /// [`Reset::Latest`] applied, such an offset is committed already.
    Assigned(Vec<AssignedPartition>),
    /// Partitions go. The group waits for [`ConsumerOp::LetGo`].
    Revoking {
        /// Which.
        partitions: Vec<TopicPartition>,
        /// Another member may have them already.
        lost: bool,
    },
    /// Records of a partition, in order and without a gap but for compaction and control records.
    Fetched {
        /// Which.
        from: TopicPartition,
        /// Since which rewind.
        epoch: PartitionEpoch,
        /// In order; may be empty.
        records: Vec<Consumed>,
        /// The first offset that was not read: past the last record, and past whatever is never returned.
        position: i64,
        /// The partition's end for a read_committed reader, as far as it is known.
        end: Option<i64>,
        /// Nothing more is there.
        at_end: bool,
    },
    /// [`ConsumerOp::Rewind`] is done.
    Rewound {
        /// Which.
        from: TopicPartition,
        /// As asked.
        epoch: PartitionEpoch,
        /// Where reading goes on: the group's offset.
        position: i64,
    },
    /// The member is out of the group for good. Its partitions are lost.
    Failed {
        /// [`Reason::GroupDenied`], [`Reason::TopicDenied`], [`Reason::UnknownTopic`], [`Reason::MemberFenced`],
        /// [`Reason::OffsetMissing`] or [`Reason::KafkaFailed`].
        reason: Reason,
        /// librdkafka's words.
        message: String,
    },
}

/// Counts the rewinds of a partition, so that what was fetched before one is known.
pub type PartitionEpoch = u32;

/// A partition that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignedPartition {
    /// Which.
    pub partition: TopicPartition,
    /// The topic's id, as text.
    pub topic_id: Arc<str>,
}

/// Work for a member of a group; strictly in order per member.
#[derive(Clone, Debug)]
pub enum ConsumerOp {
    /// Joins the group.
    Open(Box<Subscribe>),
    /// Fetches no more of a partition; what was fetched already is forgotten and fetched again after Resume. A few records
    /// may still come.
    Pause(TopicPartition),
    /// Fetches again.
    Resume(TopicPartition),
    /// Reads the group's offset, waiting for pending ones (require_stable), and goes on from there; answered by Rewound.
    Rewind {
        /// Which.
        from: TopicPartition,
        /// What Fetched and Rewound name from then on.
        epoch: PartitionEpoch,
    },
    /// The answer to Revoking.
    LetGo,
    /// Leaves the group (a static member only ends). Nothing is reported any more.
    Close,
}

/// What a delivery that failed is told by its application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which.
    pub delivery: DeliveryId,
    /// Which of its records; absent: one of them, it is not known which.
    pub offset: Option<i64>,
    /// False: it cannot succeed.
    pub retryable: bool,
    /// E.g. the exception's class.
    pub error_class: String,
    /// For people.
    pub message: String,
}

/// A partition as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionStatus {
    /// Which.
    pub partition: TopicPartition,
    /// The next offset to deliver; absent: not known yet.
    pub position: Option<i64>,
    /// The first offset that is not settled, as far as it is known: what the group's offset is.
    pub settled: Option<i64>,
    /// The partition's end for a read_committed reader, as far as it is known.
    pub end: Option<i64>,
    /// The delivery that is outstanding, and since when.
    pub outstanding: Option<(DeliveryId, Millis)>,
    /// Bytes that were read and not delivered.
    pub buffered_bytes: u64,
    /// Attempts of the record at `position`.
    pub attempts: u32,
}

/// A session as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionStatus {
    /// Its id.
    pub session: SessionId,
    /// group.id.
    pub group_id: String,
    /// group.instance.id.
    pub group_instance_id: Option<String>,
    /// Whether an application's stream is attached.
    pub connected: bool,
    /// Deliveries that its application still takes.
    pub credit: u64,
    /// Its partitions.
    pub partitions: Vec<PartitionStatus>,
    /// Records moved to retry topics.
    pub retried: u64,
    /// Records moved to the dead-letter topic.
    pub dead_lettered: u64,
    /// Rebalances that changed its partitions.
    pub rebalances: u64,
}

/// What is remembered of a partition, across restarts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionMemory {
    /// The topic's id: of a topic that was made again nothing is known.
    pub topic_id: String,
    /// Who was working on it; and on what: first and last offset of the delivery.
    pub outstanding: Option<(SessionId, i64, i64)>,
    /// Attempts that failed, by first and last offset; sorted, not overlapping.
    pub failed: Vec<FailedRange>,
    /// Records that are to be moved, by offset.
    pub poisoned: Vec<Poison>,
}

/// Records of which attempts failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRange {
    /// First offset.
    pub first: i64,
    /// Last offset.
    pub last: i64,
    /// How many attempts failed, the deliveries of many records included.
    pub attempts: u32,
    /// How many of them failed with nobody else to blame.
    pub alone: u32,
    /// One of them is to blame, and it is not known which.
    pub suspect: bool,
}

/// A record that is to be moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poison {
    /// Its place.
    pub offset: i64,
    /// False: straight to the dead letters.
    pub retryable: bool,
    /// E.g. the exception's class.
    pub error_class: String,
    /// For people.
    pub message: String,
}

impl PartitionMemory {
    /// Whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        self.outstanding.is_none() && self.failed.is_empty() && self.poisoned.is_empty()
    }
}

impl TopicPartition {
    /// A partition.
    pub fn new(topic: impl Into<Arc<str>>, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl std::fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

impl Consumed {
    /// What it counts against byte limits, as [`Record::bytes`].
    pub fn bytes(&self) -> u64 {
        let len = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + len(value)).sum();
        (len(&self.key) + len(&self.value) + headers) as u64
            + Record::OVERHEAD * (1 + self.headers.len() as u64)
    }
}
