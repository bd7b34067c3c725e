//! The heart of Sidecommit: what a transaction, a group, a lane and a slot may do, as pure state machines.
//!
//! [`Engine::step`] takes the time and one [`Input`] and returns [`Effect`]s as data; drivers (sled, librdkafka,
//! gRPC, or the simulation's model of them) perform the effects and feed the results back as inputs. Nothing in
//! here reads a clock, draws entropy, blocks or does I/O, so every interleaving can be replayed from a seed.
#![forbid(unsafe_code)]

mod acceptance;
mod consume;
mod effect;
mod engine;
mod ids;
mod input;
mod journal;
mod limits;
mod outcomes;
mod reason;
mod record;
pub mod table;

pub use acceptance::{BATCH_OVERHEAD, TopicFacts};
pub use consume::{
    AssignedPartition, Consumed, ConsumerEvent, ConsumerOp, Delivery, FailedRange, Failure, GroupProtocol,
    PartitionEpoch, PartitionMemory, PartitionStatus, Poison, Reset, Retry, RetryTopic, SessionStatus,
    StreamEvent, StreamItem, Subscribe, TopicPartition, Topics,
};
pub use effect::{Answer, Effect, JournalOp, LaneOp, Outgoing, TransactionView};
pub use engine::{
    Counters, Engine, LaneStatus, Serving, Start, Status, Verdict, verdict, verdict_by_reading,
};
pub use ids::{
    CallId, Caller, ConsumerId, DeliveryId, Fingerprint, Generation, GroupUuid, IdempotencyKey, Incarnation,
    InvalidSlot, InvalidTxnId, JournalId, KeyHash, LaneIndex, Millis, ReadToken, SessionId, Slot, StreamId,
    SyncToken, TxnId,
};
pub use input::{
    Abort, Begin, Blame, Commit, Ended, Flushed, Get, Input, LaneError, LaneErrorKind, LaneEvent, Lookup,
    MemberReport, Offsets, Produce, ReadResult, Request, SendOffsets, Suspect, Transact,
};
pub use journal::{
    ForeignGroup, JournalContents, JournalEntry, LaneSeq, PreparedGroup, Recalled, TxnOutcome, TxnSummary,
};
pub use limits::{GroupCommit, Limits};
pub use outcomes::{
    Birth, DecodeError, Marker, Member, OutcomesKey, OutcomesView, OwnerRecord, RING, decode_barrier,
    encode_barrier,
};
pub use reason::{Exceeded, NextAction, Reason, Refusal};
pub use record::{ConsumerGroup, Coordinate, GroupOffsets, PartitionRange, Record, TopicPartitionOffset};
