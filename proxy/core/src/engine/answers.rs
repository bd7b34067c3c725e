//! Outcomes as answers to those who ask.

use super::memory::Found;
use crate::{
    Answer, CallId, Millis, Reason, Refusal, TransactionView, TxnOutcome, TxnSummary, table::TxnState,
};

/// Somebody who waits for a transaction to become final.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiter {
    pub(super) call: CallId,
    pub(super) wants: Wants,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    Commit,
    Abort,
    View,
}

impl Wants {
    /// The answer for a final transaction.
    pub(super) fn answer(self, found: &Found<'_>, now: Millis) -> Result<Answer, Refusal> {
        match (self, found) {
            (Self::Commit, Found::Recalled(txn)) => Ok(Answer::Committed { txn: *txn, ranges: Vec::new() }),
            (Self::Commit, Found::Finished(summary)) => commit(summary),
            (Self::Abort, Found::Recalled(txn)) => Err(already_committed(&txn.to_string())),
            (Self::Abort, Found::Finished(summary)) => abort(summary),
            (Self::View, found) => Ok(Answer::Transaction(Box::new(view(found, now)))),
        }
    }
}

fn commit(summary: &TxnSummary) -> Result<Answer, Refusal> {
    match &summary.outcome {
        TxnOutcome::Committed(ranges) => Ok(Answer::Committed { txn: summary.txn, ranges: ranges.clone() }),
        outcome => Err(refusal(outcome)),
    }
}

fn abort(summary: &TxnSummary) -> Result<Answer, Refusal> {
    match &summary.outcome {
        TxnOutcome::Committed(_) => Err(already_committed(&summary.txn.to_string())),
        TxnOutcome::Aborted { .. } => Ok(Answer::Aborted { txn: summary.txn }),
        outcome @ TxnOutcome::Unknown { .. } => Err(refusal(outcome)),
    }
}

fn already_committed(txn: &str) -> Refusal {
    Refusal::new(Reason::AlreadyCommitted, format!("{txn} is committed and cannot be aborted"))
        .field("transaction_id")
}

/// Why a transaction with this outcome takes no more calls.
pub(super) fn refusal(outcome: &TxnOutcome) -> Refusal {
    match outcome {
        TxnOutcome::Committed(_) => {
            Refusal::new(Reason::NotOpen, "the transaction is committed and takes no more")
                .field("transaction_id")
        }
        TxnOutcome::Aborted { reason, message, record_index } => {
            Refusal { record_index: *record_index, ..Refusal::new(*reason, message.clone()) }
        }
        TxnOutcome::Unknown { coordinate } => Refusal {
            coordinate: coordinate.clone(),
            ..Refusal::new(
                Reason::OutcomeUnknown,
                "the transaction may or may not be committed: its marker was removed from the outcomes topic",
            )
        },
    }
}

fn view(found: &Found<'_>, now: Millis) -> TransactionView {
    let summary = match found {
        Found::Finished(summary) => summary,
        Found::Recalled(txn) => {
            return TransactionView {
                txn: *txn,
                state: TxnState::Committed,
                reason: None,
                label: String::new(),
                age: now.saturating_sub(txn.begun()),
                deadline: None,
                record_count: 0,
                offsets_count: 0,
                ranges: Vec::new(),
                lane: None,
            };
        }
    };
    let (state, reason, ranges) = match &summary.outcome {
        TxnOutcome::Committed(ranges) => (TxnState::Committed, None, ranges.clone()),
        TxnOutcome::Aborted { reason, .. } => (TxnState::Aborted, Some(*reason), Vec::new()),
        TxnOutcome::Unknown { .. } => (TxnState::Unknown, Some(Reason::OutcomeUnknown), Vec::new()),
    };
    TransactionView {
        txn: summary.txn,
        state,
        reason,
        label: summary.label.clone(),
        age: now.saturating_sub(summary.txn.begun()),
        deadline: None,
        record_count: summary.record_count,
        offsets_count: summary.offsets_count,
        ranges,
        lane: None,
    }
}
