//! The engine as operators see it.

use crate::{
    Generation, Incarnation, JournalId, LaneIndex, Millis, OwnerRecord, Reason, Refusal, Slot,
    table::LaneState,
};
use std::collections::BTreeMap;

/// Whether the slot can serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Serving {
    /// There is no engine, since no slot is claimed: why, for a person. Never an engine's own.
    NoSlot(String),
    /// There is no engine yet, since Kafka was not reached: why, for a person. Never an engine's own.
    Connecting(String),
    /// Starting: claiming the slot and settling predecessors.
    Recovering,
    /// Serving.
    Ready,
    /// SIGTERM was received.
    Draining,
    /// Another owner has the slot: nothing is begun, no producer is opened until Resume.
    FencedByRival(OwnerRecord),
    /// The journal failed; needs a restart.
    JournalFailed(String),
}

// === impl Serving ===

impl Serving {
    /// What a call is told while there is no engine.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::NoSlot(why) => {
                Refusal::new(Reason::NoSlot, format!("the sidecar has no identity yet: {why}"))
            }
            Self::Connecting(why) => {
                Refusal::new(Reason::Recovering, format!("the sidecar is starting: {why}")).retry_after(500)
            }
            Self::Draining => {
                Refusal::new(Reason::Draining, "the sidecar is shutting down and begins nothing new")
            }
            Self::JournalFailed(why) => {
                Refusal::new(Reason::JournalFailed, format!("the journal failed and needs a restart: {why}"))
            }
            Self::Recovering | Self::Ready | Self::FencedByRival(_) => {
                Refusal::new(Reason::Recovering, "the sidecar is starting").retry_after(500)
            }
        }
    }
}

/// One lane, for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneStatus {
    /// Which.
    pub lane: LaneIndex,
    /// Its state.
    pub state: LaneState,
    /// Producers it has had in this process.
    pub generation: Generation,
    /// Its highest sequence number.
    pub seq: u64,
    /// Transactions it carries.
    pub transactions: usize,
    /// In this state since.
    pub since: Millis,
    /// What went wrong last, while it matters.
    pub error: Option<String>,
}

/// The engine as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether it serves.
    pub serving: Serving,
    /// The slot.
    pub slot: Slot,
    /// This owner's number; 0 before the claim.
    pub incarnation: Incarnation,
    /// The journal in use.
    pub journal: JournalId,
    /// All lanes.
    pub lanes: Vec<LaneStatus>,
    /// Transactions that take records.
    pub open: usize,
    /// Committing transactions that wait for a lane.
    pub queued: usize,
    /// Transactions in doubt.
    pub in_doubt: usize,
    /// Bytes accepted and not delivered.
    pub buffered_bytes: u64,
    /// Age of the oldest transaction that holds back read_committed readers (it has records in Kafka); 0: none.
    pub oldest_in_kafka: Millis,
    /// Running totals.
    pub counters: Counters,
}

/// Running totals since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Transactions begun.
    pub begun: u64,
    /// Transactions committed.
    pub committed: u64,
    /// Kafka transactions that were committed with transactions of applications.
    pub groups: u64,
    /// Transactions that these carried; divided by `groups`, the size of a group.
    pub group_transactions: u64,
    /// Groups of several that were aborted because of some of them.
    pub splits: u64,
    /// Transactions aborted, by reason.
    pub aborted: BTreeMap<Reason, u64>,
    /// Outcomes that nobody knows. Alarm on it.
    pub unknown: u64,
    /// Groups whose outcome was in doubt for a while.
    pub in_doubt: u64,
    /// Calls refused, by reason.
    pub refused: BTreeMap<Reason, u64>,
    /// Producers found fenced.
    pub fences: u64,
    /// Producers replaced, by cause.
    pub replaced: BTreeMap<&'static str, u64>,
}
