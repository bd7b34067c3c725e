//! How an attempt ends for the application.

use super::{
    super::ledger::{Line, SettledBy, Told, now_ms},
    transfer::Transfer,
};
use crate::exit::Failure;
use tonic::Status;

/// What the application was told of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) told: Told,
    pub(super) transaction_id: Option<String>,
    pub(super) idempotency_key: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) settled_by: SettledBy,
}

/// Why a call is not simply repeated.
#[derive(Debug)]
pub(super) enum Halt {
    /// The transaction is over, nothing of it is visible.
    Over(String),
    /// Records are missing from this one on.
    SendFrom(i64),
    /// It is not known what became of the call.
    Ask,
    /// No call will help.
    Stop(String),
    /// The application, or the sidecar, is wrong.
    Wrong(Status),
}

// === impl Halt ===

impl Halt {
    /// What the application was told thereby.
    pub(super) fn end(self, answer: Answer) -> Result<Answer, Failure> {
        match self {
            Self::Over(reason) => Ok(answer.aborted(reason)),
            Self::Stop(reason) => Ok(answer.unknown(reason)),
            Self::Wrong(status) => {
                Err(Failure::Internal(format!("the sidecar refused the application: {status}")))
            }
            Self::Ask | Self::SendFrom(_) => Err(Failure::Internal(format!(
                "the sidecar gave advice that does not fit the call: {self:?}"
            ))),
        }
    }
}

// === impl Answer ===

impl Default for Answer {
    fn default() -> Self {
        Self {
            told: Told::Unknown,
            transaction_id: None,
            idempotency_key: None,
            reason: None,
            settled_by: SettledBy::Reply,
        }
    }
}

impl Answer {
    /// As a line of the ledger.
    pub(super) fn line(self, transfer: &Transfer, attempt: u32) -> Line {
        Line {
            transfer: transfer.id,
            attempt: transfer.attempt(attempt),
            money: transfer.money,
            transaction_id: self.transaction_id,
            idempotency_key: self.idempotency_key,
            outcome: self.told,
            reason: self.reason,
            settled_by: self.settled_by,
            told_ms: now_ms(),
        }
    }

    pub(super) fn repeated(self, repeated: bool) -> Self {
        if repeated { Self { settled_by: SettledBy::Repeat, ..self } } else { self }
    }

    pub(super) fn committed(self) -> Self {
        Self { told: Told::Committed, reason: None, ..self }
    }

    pub(super) fn aborted(self, reason: String) -> Self {
        Self { told: Told::Aborted, reason: Some(reason), ..self }
    }

    pub(super) fn unknown(self, reason: String) -> Self {
        Self { told: Told::Unknown, reason: Some(reason), ..self }
    }
}
