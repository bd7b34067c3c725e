//! What drivers tell the engine.

use crate::{
    CallId, Caller, ConsumerEvent, ConsumerGroup, ConsumerId, Coordinate, DeliveryId, Failure, Fingerprint,
    Generation, GroupOffsets, IdempotencyKey, LaneIndex, Millis, OutcomesView, PartitionRange, PreparedGroup,
    ReadToken, Reason, Record, StreamEvent, StreamId, SyncToken, TopicPartitionOffset, TxnId, Verdict,
};
use std::sync::Arc;

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// An application (or operator) calls; answered exactly once by [`crate::Effect::Reply`].
    Call {
        /// Whom to answer.
        call: CallId,
        /// What is asked.
        request: Request,
    },
    /// A call about a transaction begins or ends that is not here yet: one whose topics are being looked up. Until it ends the
    /// transaction is not idle.
    Underway {
        /// Which transaction.
        txn: TxnId,
        /// False: it ends; it comes as [`Input::Call`] after that, or was refused.
        begins: bool,
    },
    /// An application's Consume stream says something.
    Stream {
        /// Which stream.
        stream: StreamId,
        /// What.
        event: StreamEvent,
    },
    /// A member of a consumer group reports.
    Consumer {
        /// Which.
        consumer: ConsumerId,
        /// What it reports.
        event: ConsumerEvent,
    },
    /// A lane's producer reports. Reports of replaced generations are ignored.
    Lane {
        /// Which lane.
        lane: LaneIndex,
        /// Which producer of it.
        generation: Generation,
        /// What it reports.
        event: LaneEvent,
    },
    /// A read of the outcomes came back.
    Read {
        /// Which read.
        token: ReadToken,
        /// What it found.
        result: ReadResult,
    },
    /// Everything put into the journal before the sync is on stable storage.
    Synced(SyncToken),
    /// The journal failed; nothing put since the last [`Input::Synced`] may be relied on. Final for this process.
    JournalFailed(String),
    /// What Kafka says of a group that another slot's lane carried ([`crate::JournalContents::foreign`]).
    Former {
        /// Which.
        group: Box<PreparedGroup>,
        /// Its outcome.
        verdict: Verdict,
    },
    /// SIGTERM: finish until then.
    Drain {
        /// When the grace ends.
        until: Millis,
    },
    /// How many application connections are open now.
    Connections(usize),
    /// Time passed; sent at [`crate::Engine::next_deadline`] or later.
    Tick,
}

/// A call.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // each variant's contract is the RPC's comment in proto/sidecommit/v1
pub enum Request {
    Begin(Begin),
    Produce(Produce),
    SendOffsets(SendOffsets),
    KeepAlive(Vec<TxnId>),
    Commit(Commit),
    Abort(Abort),
    Transact(Transact),
    Get(Get),
    /// An operator proves that this pod is the slot's rightful owner.
    Resume,
}

/// Begins a transaction.
#[derive(Clone, Debug)]
pub struct Begin {
    /// Who calls.
    pub caller: Caller,
    /// The caller's name for the call, 1 to 128 characters.
    pub request_id: String,
    /// Digest of the other fields.
    pub fingerprint: Fingerprint,
    /// Total life; absent: the default.
    pub timeout: Option<Millis>,
    /// For people.
    pub label: String,
    /// Overlapping transactions with the same key are serialised; empty: none.
    pub ordering_key: String,
}

/// Adds records.
#[derive(Clone, Debug)]
pub struct Produce {
    /// To which transaction.
    pub txn: TxnId,
    /// Index in the transaction of the first record.
    pub sequence: u64,
    /// Validated records.
    pub records: Vec<Record>,
    /// Without room it waits, rather than to be refused. For callers that send nothing more of the transaction meanwhile.
    pub patient: bool,
}

/// Adds offsets.
#[derive(Clone, Debug)]
pub struct SendOffsets {
    /// To which transaction.
    pub txn: TxnId,
    /// Which.
    pub offsets: Offsets,
}

/// Offsets, by how their application reads.
#[derive(Clone, Debug)]
pub enum Offsets {
    /// Of its own consumer: next offsets; per group and partition the last one before Commit counts.
    Explicit(ConsumerGroup, Vec<TopicPartitionOffset>),
    /// Past these deliveries.
    Deliveries(Vec<DeliveryId>),
}

/// Commits.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Which.
    pub txn: TxnId,
    /// How many records the caller sent in all; a difference is INCOMPLETE.
    pub record_count: u64,
    /// How many (group, partition) offsets it sent in all, those below included; a difference is INCOMPLETE.
    pub offsets_count: u64,
    /// Offsets that come with the Commit.
    pub offsets: Vec<GroupOffsets>,
    /// Deliveries that come with it.
    pub deliveries: Vec<DeliveryId>,
}

/// Aborts.
#[derive(Clone, Debug)]
pub struct Abort {
    /// Which.
    pub txn: TxnId,
    /// For people: why.
    pub note: String,
    /// Records of its deliveries that the application could not process.
    pub failures: Vec<Failure>,
    /// True if an operator asks.
    pub by_operator: bool,
}

/// A whole transaction in one call.
#[derive(Clone, Debug)]
pub struct Transact {
    /// Who calls.
    pub caller: Caller,
    /// Scope: the slot.
    pub key: IdempotencyKey,
    /// Digest of the content.
    pub fingerprint: Fingerprint,
    /// When the caller first tried this key; absent: now.
    pub first_attempt: Option<Millis>,
    /// Validated records.
    pub records: Vec<Record>,
    /// Offsets.
    pub offsets: Vec<GroupOffsets>,
    /// Deliveries to settle.
    pub deliveries: Vec<DeliveryId>,
    /// Total life; absent: the default.
    pub timeout: Option<Millis>,
    /// As in Begin.
    pub ordering_key: String,
}

/// Reads a transaction.
#[derive(Clone, Debug)]
pub struct Get {
    /// Which.
    pub by: Lookup,
    /// Answer only when the outcome is there.
    pub wait: bool,
}

/// How a transaction is named.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Lookup {
    Id(TxnId),
    RequestId(String),
    Key(IdempotencyKey),
}

/// What a lane's producer reports.
#[derive(Clone, Debug)]
pub enum LaneEvent {
    /// init_transactions returned: the predecessor's transaction is decided and its markers are written.
    Opened,
    /// So many bytes of records were delivered since the last report; makes room for more.
    Progress {
        /// Sum of [`Record::bytes`].
        bytes: u64,
    },
    /// Everything sent since Begin is acknowledged by the broker and nothing is in flight.
    Flushed(Flushed),
    /// EndTxn returned Ok.
    Ended(Ended),
    /// Begin, a send, the offsets, the flush or EndTxn failed, or init failed for good. Told once per transaction;
    /// what was asked of this producer before and after (but for Close) is not answered.
    Failed(LaneError),
}

/// A successful flush.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Per member of the group, in the order of [`crate::Outgoing::member`]; members without records may be absent.
    pub members: Vec<MemberReport>,
    /// Where the marker went, if one was written as a record.
    pub marker: Option<Coordinate>,
}

/// Where one member's records went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberReport {
    /// Index of the member in its group.
    pub member: u32,
    /// Sorted by topic and partition.
    pub ranges: Vec<PartitionRange>,
}

/// A successful EndTxn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// True if it is proven that exactly one EndTxn was sent and no delivery had failed; else the producer is tainted
    /// (transactions.md 3.2): a second EndTxn may still be on its way and could end the next transaction.
    pub clean: bool,
}

/// Why a lane's producer failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneError {
    /// What it means for the transaction.
    pub kind: LaneErrorKind,
    /// librdkafka's words.
    pub message: String,
    /// Which members of the group may have brought it about.
    pub blame: Blame,
    /// True if abort_transaction returned Ok after it, and EndTxn(commit) was never sent: nothing of the group is or will be
    /// visible, so its members may enter another group at once. False: only the next init proves that.
    pub aborted: bool,
}

/// Which members of a group may have brought its failure about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blame {
    /// None: Kafka failed, or the producer.
    Nobody,
    /// The broker refused records of theirs.
    Records {
        /// The topic that the records are of.
        topic: Arc<str>,
        /// Those members that had records in what was refused, each once. All others are innocent.
        suspects: Vec<Suspect>,
    },
    /// Those that commit offsets for this group.id.
    Group(String),
}

/// A member of a group whose record was refused, or was in a batch that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// Whose record.
    pub member: u32,
    /// Its index in that member's transaction.
    pub index: u64,
    /// True if the broker named this record (KIP-467), or refuses all of its topic; false if it named no record of the batch.
    pub proven: bool,
}

/// The classes of failures that lead to different answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneErrorKind {
    /// The broker refused a record for good (and with it its batch).
    Record {
        /// Not allowed rather than malformed.
        denied: bool,
    },
    /// The group's generation, member or instance is stale.
    Generation,
    /// Not allowed to commit for this group.
    GroupDenied,
    /// Not allowed to use the transactional.id.
    TransactionalIdDenied,
    /// A newer producer with this transactional.id, or the broker timed the transaction out: the same error (KIP-588 is
    /// not in librdkafka).
    Fenced,
    /// The broker could not be reached in time.
    Unreachable,
    /// Anything else.
    Other,
}

/// What a read of the outcomes found.
#[derive(Clone, Debug)]
pub enum ReadResult {
    /// Everything up to the high watermark that was current after the read was asked for.
    Done(OutcomesView),
    /// Another producer's open transaction holds the last stable offset below the high watermark for over 2 s.
    Blocked,
    /// The broker could not be read.
    Failed(String),
}

impl LaneError {
    /// An error that is nobody's fault, and that does not prove an abort.
    pub fn new(kind: LaneErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), blame: Blame::Nobody, aborted: false }
    }
}

impl LaneErrorKind {
    /// The reason told to a transaction that is aborted because of this.
    pub fn abort_reason(self) -> Reason {
        match self {
            Self::Record { denied: false, .. } => Reason::RecordRejected,
            Self::Record { denied: true, .. } => Reason::TopicDenied,
            Self::Generation => Reason::Rebalanced,
            Self::GroupDenied => Reason::GroupDenied,
            Self::TransactionalIdDenied => Reason::TransactionalIdDenied,
            Self::Fenced => Reason::Fenced,
            Self::Unreachable | Self::Other => Reason::KafkaFailed,
        }
    }
}
