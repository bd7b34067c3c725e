//! What goes wrong, and the plan of it for a seed.

use crate::event::{PodId, ProcId};

/// One misfortune.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chaos {
    /// SIGKILL of a process, or power loss of its node.
    Crash { power: bool },
    /// SIGSTOP for some time: a zombie, if a successor comes meanwhile.
    Pause,
    /// Another pod claims the slot while the old one lives.
    Rival(Volume),
    /// The pod is killed and replaced by a pod with another uid.
    Replace(Volume),
    /// A copy of the newest pod's journal is taken; [`Volume::Snapshot`] restores it.
    Snapshot,
    /// SIGTERM.
    Drain,
    /// A write to the journal fails.
    JournalError,
    /// The broker cannot be reached for some time.
    Outage,
    /// Control markers take long for some time.
    SlowMarkers,
    /// Another slot's transaction stays open in our outcomes partition.
    ForeignTransaction,
    /// The outcomes are compacted; tombstones older than their retention go too.
    Compact,
    /// Somebody writes tombstones for all keys of a journal.
    Tombstones,
    /// Somebody deletes records of the outcomes.
    Truncate,
    /// Consumer groups rebalance.
    Rebalance,
    /// An operator resumes a process.
    Resume,
    /// An init_transactions that was sent long ago arrives (a dropped producer's, still in a socket).
    StrayInit,
}

/// What a pod finds on its volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Volume {
    /// Nothing: a new journal.
    Empty,
    /// What its predecessor left.
    Same,
    /// An older copy.
    Snapshot,
}

/// One pod: its processes follow one another.
#[derive(Debug)]
pub(crate) struct Pod {
    pub(crate) uid: String,
    pub(crate) journal: usize,
    pub(crate) proc: Option<ProcId>,
    /// Deleted pods are not restarted.
    pub(crate) deleted: bool,
}

/// Kinds of misfortune with the most that a seed may have of each.
pub(crate) const KINDS: &[(Chaos, u32)] = &[
    (Chaos::Crash { power: false }, 4),
    (Chaos::Crash { power: true }, 3),
    (Chaos::Pause, 3),
    (Chaos::Rival(Volume::Empty), 2),
    (Chaos::Rival(Volume::Same), 1),
    (Chaos::Rival(Volume::Snapshot), 1),
    (Chaos::Replace(Volume::Empty), 2),
    (Chaos::Replace(Volume::Same), 2),
    (Chaos::Replace(Volume::Snapshot), 2),
    (Chaos::Snapshot, 3),
    (Chaos::Drain, 2),
    (Chaos::JournalError, 1),
    (Chaos::Outage, 2),
    (Chaos::SlowMarkers, 2),
    (Chaos::ForeignTransaction, 4),
    (Chaos::Compact, 4),
    (Chaos::Tombstones, 2),
    (Chaos::Truncate, 1),
    (Chaos::Rebalance, 4),
    (Chaos::Resume, 4),
    (Chaos::StrayInit, 3),
];

// === impl Chaos ===

impl Chaos {
    /// For statistics.
    pub(crate) fn name(self) -> String {
        format!("{self:?}")
    }
}

// === impl Pod ===

impl Pod {
    pub(crate) fn new(id: PodId, journal: usize) -> Self {
        Self { uid: format!("pod-{id}"), journal, proc: None, deleted: false }
    }
}
