//! One life of a sidecar: an engine with the volatile half of its drivers.

use crate::event::{ClientId, Event, PodId};
use crate::ledger::AppId;
use crate::producer::Producer;
use crate::track::Track;
use sidecommit_core::{
    CallId, Engine, Generation, JournalOp, LaneIndex, LaneOp, Limits, Millis, OwnerRecord, Serving, TxnId,
    table::TxnState,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A process.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pod: PodId,
    pub(crate) engine: Engine,
    pub(crate) limits: Limits,
    pub(crate) alive: bool,
    /// Stopped by SIGSTOP: what it would have done meanwhile.
    pub(crate) paused: Option<Vec<Event>>,
    pub(crate) journal: VecDeque<JournalOp>,
    /// The next write to the journal fails; after that nothing is written any more.
    pub(crate) journal_error: JournalError,
    pub(crate) lanes: BTreeMap<LaneIndex, Lane>,
    /// Earliest time at which the next completion of each thread may be delivered, so that they stay in order.
    pub(crate) delivered: BTreeMap<Thread, Millis>,
    pub(crate) tick: Option<Millis>,
    pub(crate) serving: Serving,
    /// It, or a former life of its pod that its journal remembers, has claimed the slot.
    pub(crate) claimed: bool,
    /// Its claim was committed.
    pub(crate) owned: bool,
    /// For the coverage.
    pub(crate) track: Track,
    /// How its transactions ended.
    pub(crate) finals: BTreeMap<TxnId, TxnState>,
    pub(crate) unanswered: BTreeSet<CallId>,
    /// Application transactions of each client that were refused for their records.
    pub(crate) spoilt: BTreeMap<ClientId, BTreeSet<AppId>>,
    /// For [`crate::Plant::StaleOwner`].
    pub(crate) own_record: Option<OwnerRecord>,
}

/// Health of the journal's disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JournalError {
    None,
    Next,
    Failed,
}

/// A driver thread whose reports arrive in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Thread {
    Journal,
    Lane(LaneIndex),
}

/// One lane's thread.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    pub(crate) queue: VecDeque<(Generation, LaneOp)>,
    pub(crate) producer: Option<Producer>,
    /// Its next turn is scheduled.
    pub(crate) scheduled: bool,
    /// What the last end was to do: a commit.
    pub(crate) commits: bool,
}

// === impl Process ===

impl Process {
    pub(crate) fn new(pod: PodId, engine: Engine, limits: Limits, claimed: bool) -> Self {
        Self {
            pod,
            engine,
            limits,
            alive: true,
            paused: None,
            journal: VecDeque::new(),
            journal_error: JournalError::None,
            lanes: BTreeMap::new(),
            delivered: BTreeMap::new(),
            tick: None,
            serving: Serving::Recovering,
            claimed,
            owned: false,
            track: Track::default(),
            finals: BTreeMap::new(),
            unanswered: BTreeSet::new(),
            spoilt: BTreeMap::new(),
            own_record: None,
        }
    }
}

// === impl Lane ===

impl Lane {
    /// Whether an operation reaches a producer that can do it.
    pub(crate) fn hears(&self, generation: Generation, op: &LaneOp) -> bool {
        let producer = self.producer.as_ref();
        matches!(op, LaneOp::Open | LaneOp::Close)
            || producer.is_some_and(|producer| producer.generation == generation && !producer.failed)
    }

    /// Whether the thread is blocked in a call that no newer operation cuts short.
    pub(crate) fn is_blocked(&self) -> bool {
        let Some(producer) = &self.producer else { return false };
        let replaces = |(generation, op): &(Generation, LaneOp)| {
            matches!(op, LaneOp::Close) || (matches!(op, LaneOp::Open) && *generation > producer.generation)
        };
        producer.wait != crate::producer::Wait::Nothing && !self.queue.iter().any(replaces)
    }
}
