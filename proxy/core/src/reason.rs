//! Why a call was refused or a transaction ended, and what its caller does next (api.md, Errors).

use crate::{Coordinate, Millis};
use serde::{Deserialize, Serialize};

/// What a caller does after a refusal. A client that follows this blindly is correct.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NextAction {
    /// Send the same call again (after RetryInfo's delay, if there is one).
    RetrySame,
    /// The transaction is over and nothing of it is visible: begin a new one.
    BeginAgain,
    /// The request itself is wrong: the same bytes will be refused again.
    FixRequest,
    /// The outcome is not known to the caller: ask GetTransaction, or repeat Commit.
    AskOutcome,
    /// The sidecar cannot serve now: wait for grpc.health.v1 SERVING, then send the same call again.
    WaitReady,
    /// Needs a human.
    Stop,
}

/// The machine-readable reason of a refusal or an abort. docs/errors.md has a row for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)] // each variant's meaning is its row in docs/errors.md, which a test keeps complete
pub enum Reason {
    InvalidField,
    UnknownTopic,
    PartitionOutOfRange,
    RecordTooLarge,
    InvalidTimestamp,
    KeyRequired,
    KeyReused,
    RequestReused,
    NeverIssued,
    OutcomeForgotten,
    SequenceGap,
    Incomplete,
    NotOpen,
    AlreadyCommitted,
    TimedOut,
    TimedOutIdle,
    Fenced,
    Rebalanced,
    Drained,
    SidecarRestarted,
    BufferPressure,
    RecordRejected,
    AbortedByCaller,
    AbortedByOperator,
    KafkaFailed,
    Recovering,
    KafkaUnreachable,
    OutcomePending,
    FencedByRival,
    Draining,
    NoSlot,
    JournalFailed,
    OpenTransactionsExceeded,
    QueueExceeded,
    BufferExceeded,
    TransactionTooLarge,
    TopicDenied,
    GroupDenied,
    TransactionalIdDenied,
    OutcomeUnknown,
    DeliveryTaken,
    DeliveryRevoked,
    MemberFenced,
    OffsetMissing,
    SessionTaken,
    RecordTooLargeForClient,
    SessionLost,
    DeliveryTimedOut,
    SessionsExceeded,
}

/// The limit that a refusal ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// The setting's name, e.g. `limits.open_transactions`.
    pub setting: &'static str,
    /// Its value.
    pub limit: u64,
    /// What the request would have made of it.
    pub actual: u64,
}

/// A refused call: nothing of it was done (or, with an abort reason, the transaction is over).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason:?}: {message}")]
pub struct Refusal {
    /// Decides code, next_action and the docs row.
    pub reason: Reason,
    /// For a person: what, which value, what would be accepted.
    pub message: String,
    /// The request field to blame.
    pub field: Option<String>,
    /// The index in the transaction of the record to blame.
    pub record_index: Option<u64>,
    /// For SEQUENCE_GAP and INCOMPLETE: the number the sidecar has (go on from there).
    pub next_sequence: Option<u64>,
    /// The limit run into.
    pub exceeded: Option<Exceeded>,
    /// When to try again; only where progress is possible.
    pub retry_after: Option<Millis>,
    /// For OUTCOME_UNKNOWN: where the marker would be.
    pub coordinate: Option<Coordinate>,
}

// === impl Reason ===

impl Reason {
    /// All reasons, for the exhaustive tests of docs and proto.
    pub const ALL: &[Self] = &[
        Self::InvalidField,
        Self::UnknownTopic,
        Self::PartitionOutOfRange,
        Self::RecordTooLarge,
        Self::InvalidTimestamp,
        Self::KeyRequired,
        Self::KeyReused,
        Self::RequestReused,
        Self::NeverIssued,
        Self::OutcomeForgotten,
        Self::SequenceGap,
        Self::Incomplete,
        Self::NotOpen,
        Self::AlreadyCommitted,
        Self::TimedOut,
        Self::TimedOutIdle,
        Self::Fenced,
        Self::Rebalanced,
        Self::Drained,
        Self::SidecarRestarted,
        Self::BufferPressure,
        Self::RecordRejected,
        Self::AbortedByCaller,
        Self::AbortedByOperator,
        Self::KafkaFailed,
        Self::Recovering,
        Self::KafkaUnreachable,
        Self::OutcomePending,
        Self::FencedByRival,
        Self::Draining,
        Self::NoSlot,
        Self::JournalFailed,
        Self::OpenTransactionsExceeded,
        Self::QueueExceeded,
        Self::BufferExceeded,
        Self::TransactionTooLarge,
        Self::TopicDenied,
        Self::GroupDenied,
        Self::TransactionalIdDenied,
        Self::OutcomeUnknown,
        Self::DeliveryTaken,
        Self::DeliveryRevoked,
        Self::MemberFenced,
        Self::OffsetMissing,
        Self::SessionTaken,
        Self::RecordTooLargeForClient,
        Self::SessionLost,
        Self::DeliveryTimedOut,
        Self::SessionsExceeded,
    ];

    /// What the caller does next.
    pub fn next_action(self) -> NextAction {
        use Reason as R;
        match self {
            R::InvalidField
            | R::UnknownTopic
            | R::PartitionOutOfRange
            | R::RecordTooLarge
            | R::InvalidTimestamp
            | R::KeyRequired
            | R::KeyReused
            | R::RequestReused
            | R::NotOpen
            | R::AlreadyCommitted
            | R::RecordRejected
            | R::AbortedByCaller
            | R::TransactionTooLarge
            | R::DeliveryTaken
            | R::SessionTaken
            | R::RecordTooLargeForClient => NextAction::FixRequest,
            R::NeverIssued
            | R::TimedOut
            | R::TimedOutIdle
            | R::Fenced
            | R::Rebalanced
            | R::Drained
            | R::SidecarRestarted
            | R::BufferPressure
            | R::AbortedByOperator
            | R::KafkaFailed
            | R::DeliveryRevoked
            | R::SessionLost
            | R::DeliveryTimedOut => NextAction::BeginAgain,
            R::SequenceGap
            | R::Incomplete
            | R::Recovering
            | R::KafkaUnreachable
            | R::OutcomePending
            | R::OpenTransactionsExceeded
            | R::QueueExceeded
            | R::BufferExceeded
            | R::SessionsExceeded => NextAction::RetrySame,
            R::FencedByRival | R::Draining | R::NoSlot | R::JournalFailed => NextAction::WaitReady,
            R::OutcomeForgotten
            | R::TopicDenied
            | R::GroupDenied
            | R::TransactionalIdDenied
            | R::OutcomeUnknown
            | R::MemberFenced
            | R::OffsetMissing => NextAction::Stop,
        }
    }

    /// The name on the wire: `SCREAMING_SNAKE_CASE`.
    pub fn name(self) -> String {
        let mut name = String::new();
        for c in format!("{self:?}").chars() {
            if c.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(c.to_ascii_uppercase());
        }
        name
    }
}

// === impl Refusal ===

impl Refusal {
    /// A refusal with nothing but a reason and a message for a person.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            field: None,
            record_index: None,
            next_sequence: None,
            exceeded: None,
            retry_after: None,
            coordinate: None,
        }
    }

    /// Blames a field of the request.
    pub fn field(self, field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..self }
    }

    /// Blames a record by its index in the transaction.
    pub fn record(self, index: u64) -> Self {
        Self { record_index: Some(index), ..self }
    }

    /// Tells where to go on from.
    pub fn next_sequence(self, next: u64) -> Self {
        Self { next_sequence: Some(next), ..self }
    }

    /// Names the limit.
    pub fn exceeded(self, setting: &'static str, limit: u64, actual: u64) -> Self {
        Self { exceeded: Some(Exceeded { setting, limit, actual }), ..self }
    }

    /// Promises that progress is possible after so many milliseconds.
    pub fn retry_after(self, millis: Millis) -> Self {
        Self { retry_after: Some(millis), ..self }
    }
}
