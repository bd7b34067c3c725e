//! Planted faults: wrong drivers that the simulation must catch, which proves that it can fail.

use clap::ValueEnum;

/// One wrong driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Plant {
    /// A sync is reported without fdatasync: power loss drops what it promised.
    SyncNotDurable,
    /// Every end is reported clean: a tainted producer is used again (transactions.md 3.2).
    DirtyEndClean,
    /// Opening a lane takes the producer id and epoch it finds, without init_transactions: nobody is fenced.
    OpenWithoutInit,
    /// After a process has once read itself as the owner, it never reads another one.
    StaleOwner,
    /// The marker is written outside the transaction.
    MarkerOutside,
    /// A read of the outcomes ends at the last stable offset instead of waiting for the high watermark.
    NoLsoWait,
    /// After a refused record the rest of the group is committed instead of aborted.
    FailureCommits,
    /// Of a refused batch its first record is named, whichever was refused.
    WrongSuspect,
    /// The members of a group are sent last first.
    MembersReversed,
}

// === impl Plant ===

impl Plant {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::SyncNotDurable,
        Self::DirtyEndClean,
        Self::OpenWithoutInit,
        Self::StaleOwner,
        Self::MarkerOutside,
        Self::NoLsoWait,
        Self::FailureCommits,
        Self::WrongSuspect,
        Self::MembersReversed,
    ];
}
