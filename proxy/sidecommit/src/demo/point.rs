//! The places at which the sidecar dies.

use std::fmt;

/// A place. All but the last are failpoints of the sidecar, at which it kills itself with SIGKILL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Point {
    /// A commit was asked, the journal does not have it yet.
    BeforePrepared,
    /// The journal has PREPARED, EndTxn is not sent.
    AfterPrepared,
    /// EndTxn was executed, the application has no reply.
    AfterEnd,
    /// The application has its reply, the journal does not say COMMITTED yet.
    AfterReply,
    /// While it settles what the one before left.
    DuringRecovery,
    /// Anywhere: killed from outside at a random moment.
    Random,
}

// === impl Point ===

impl Point {
    /// In the order of a transaction's life.
    pub(super) const ALL: [Self; 6] = [
        Self::BeforePrepared,
        Self::AfterPrepared,
        Self::AfterEnd,
        Self::AfterReply,
        Self::DuringRecovery,
        Self::Random,
    ];

    /// Those between PREPARED and the reply first.
    pub(super) const CYCLE: [Self; 7] = [
        Self::AfterPrepared,
        Self::AfterEnd,
        Self::Random,
        Self::DuringRecovery,
        Self::BeforePrepared,
        Self::AfterReply,
        Self::Random,
    ];

    /// As the sidecar's setting `failpoint` names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::BeforePrepared => "before-prepared",
            Self::AfterPrepared => "after-prepared",
            Self::AfterEnd => "after-end",
            Self::AfterReply => "after-reply",
            Self::DuringRecovery => "during-recovery",
            Self::Random => "random",
        }
    }

    /// The sidecar's setting, to die the nth time it gets there.
    pub(super) fn failpoint(self, nth: u64) -> Option<String> {
        match self {
            Self::Random => None,
            // It is passed at the start only.
            Self::DuringRecovery => Some(self.name().to_owned()),
            _ => Some(format!("{}:{nth}", self.name())),
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
