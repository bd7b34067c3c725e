//! Answers: core -> wire.

use super::field::{duration, int64, timestamp};
use crate::{proto::v1, refusal::wire};
use sidecommit_core::{Answer, PartitionRange, TransactionView, table::TxnState};
use tonic::Status;

/// The engine answers each request with its own kind of answer; anything else is a bug of it, and is said to be one.
macro_rules! expect {
    ($answer:expr, $pattern:pat => $value:expr) => {
        match $answer {
            $pattern => Ok($value),
            other => Err(mismatch(&other)),
        }
    };
}

pub(crate) fn begun(answer: Answer) -> Result<v1::BeginResponse, Status> {
    expect!(answer, Answer::Begun { txn, deadline } => v1::BeginResponse {
        transaction_id: txn.to_string(),
        deadline: Some(timestamp(deadline)),
    })
}

pub(crate) fn produced(answer: Answer) -> Result<u64, Status> {
    expect!(answer, Answer::Produced { next_sequence } => next_sequence)
}

pub(crate) fn offsets_taken(answer: Answer) -> Result<v1::SendOffsetsResponse, Status> {
    expect!(answer, Answer::OffsetsTaken { count } => v1::SendOffsetsResponse { offsets_count: int64(count) })
}

pub(crate) fn alive(answer: Answer) -> Result<v1::KeepAliveResponse, Status> {
    let deadlines = expect!(answer, Answer::Alive(deadlines) => deadlines)?;
    let deadlines = deadlines.into_iter().map(|(txn, deadline)| v1::TransactionDeadline {
        transaction_id: txn.to_string(),
        deadline: deadline.map(timestamp),
    });
    Ok(v1::KeepAliveResponse { deadlines: deadlines.collect() })
}

pub(crate) fn committed(answer: Answer) -> Result<v1::CommitResponse, Status> {
    expect!(answer, Answer::Committed { txn, ranges } => v1::CommitResponse {
        transaction_id: txn.to_string(),
        state: v1::TransactionState::Committed.into(),
        ranges: ranges.into_iter().map(range).collect(),
    })
}

pub(crate) fn committed_at_once(answer: Answer) -> Result<v1::TransactResponse, Status> {
    let v1::CommitResponse { transaction_id, state, ranges } = committed(answer)?;
    Ok(v1::TransactResponse { transaction_id, state, ranges })
}

/// The aborted transaction's id; its state goes without saying.
pub(crate) fn aborted(answer: Answer) -> Result<String, Status> {
    expect!(answer, Answer::Aborted { txn } => txn.to_string())
}

pub(crate) fn view(answer: Answer) -> Result<v1::Transaction, Status> {
    expect!(answer, Answer::Transaction(view) => (*view).into())
}

pub(crate) fn resumed(answer: Answer) -> Result<v1::ResumeResponse, Status> {
    expect!(answer, Answer::Resumed => v1::ResumeResponse {})
}

fn mismatch(answer: &Answer) -> Status {
    tracing::error!(?answer, "the engine gave an answer of another kind");
    Status::internal("the engine gave an answer of another kind: this is a bug")
}

impl From<TransactionView> for v1::Transaction {
    fn from(view: TransactionView) -> Self {
        Self {
            transaction_id: view.txn.to_string(),
            state: state(view.state).into(),
            reason: view.reason.map_or(v1::Reason::Unspecified, |reason| wire(reason).1).into(),
            label: view.label,
            age: Some(duration(view.age)),
            deadline: view.deadline.map(timestamp),
            record_count: int64(view.record_count),
            offsets_count: int64(view.offsets_count),
            ranges: view.ranges.into_iter().map(range).collect(),
            lane: view.lane.map(|lane| lane.0.into()),
        }
    }
}

fn state(state: TxnState) -> v1::TransactionState {
    match state {
        TxnState::Open => v1::TransactionState::Open,
        TxnState::Committing => v1::TransactionState::Committing,
        TxnState::InDoubt => v1::TransactionState::InDoubt,
        TxnState::Aborting => v1::TransactionState::Aborting,
        TxnState::Committed => v1::TransactionState::Committed,
        TxnState::Aborted => v1::TransactionState::Aborted,
        TxnState::Unknown => v1::TransactionState::Unknown,
    }
}

fn range(range: PartitionRange) -> v1::PartitionRange {
    v1::PartitionRange {
        topic: range.topic,
        partition: range.partition,
        first_offset: range.first_offset,
        last_offset: range.last_offset,
        count: int64(range.count),
    }
}
