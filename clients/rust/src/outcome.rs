//! What became of a transaction.

use crate::{
    Sidecommit,
    error::Error,
    trace::Trace,
    v1::{
        GetTransactionRequest, PartitionRange, Reason, Transaction, TransactionState,
        get_transaction_request::By,
    },
};

/// One of a transaction's names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TransactionName {
    /// What Begin returned.
    TransactionId(String),
    /// What the application gave to Begin.
    RequestId(String),
    /// What the application gave to Transact.
    IdempotencyKey(String),
}

/// A transaction that is committed: readers with isolation.level=read_committed see all of it, once, for good.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Committed<T = ()> {
    /// What the work returned.
    pub value: T,
    /// Which.
    pub transaction_id: String,
    /// Where its records are, by topic and partition. Empty if there were none, or if only the fact is known (the sidecar's
    /// journal was lost).
    pub ranges: Vec<PartitionRange>,
}

/// What is known of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// Which.
    pub transaction_id: String,
    /// Committed, aborted or unknown; without waiting also one of the states before.
    pub state: TransactionState,
    /// Why it was aborted, or why its outcome is unknown.
    pub reason: Option<Reason>,
    /// Records accepted.
    pub record_count: i64,
    /// Offsets accepted: one for each group, topic and partition.
    pub offsets_count: i64,
    /// Where its records are, once committed.
    pub ranges: Vec<PartitionRange>,
}

// === impl Committed ===

impl<T> Committed<T> {
    /// How many records it wrote.
    pub fn record_count(&self) -> i64 {
        self.ranges.iter().map(|range| range.count).sum()
    }

    pub(crate) fn map<U>(self, value: U) -> Committed<U> {
        Committed { value, transaction_id: self.transaction_id, ranges: self.ranges }
    }
}

// === impl Sidecommit ===

impl Sidecommit {
    /// Waits until a transaction is committed, aborted, or Kafka can no longer tell.
    ///
    /// # Errors
    /// [`Error::Aborted`] with [`Reason::NeverIssued`]: begin (again). [`Error::NeedsHuman`] with
    /// [`Reason::OutcomeForgotten`]: it may have been committed; look at Kafka. [`Error::DeadlineExceeded`].
    pub async fn outcome(&self, name: TransactionName) -> Result<Outcome, Error> {
        self.get_transaction(name, true).await
    }

    /// What a transaction is doing now, without waiting.
    ///
    /// # Errors
    /// As [`outcome`](Self::outcome).
    pub async fn state(&self, name: TransactionName) -> Result<Outcome, Error> {
        self.get_transaction(name, false).await
    }

    async fn get_transaction(&self, name: TransactionName, wait: bool) -> Result<Outcome, Error> {
        let by = Some(match name {
            TransactionName::TransactionId(id) => By::TransactionId(id),
            TransactionName::RequestId(id) => By::RequestId(id),
            TransactionName::IdempotencyKey(key) => By::IdempotencyKey(key),
        });
        let response = self.caller.call(GetTransactionRequest { by, wait }, &Trace::current()).await?;
        Ok(response.transaction.unwrap_or_default().into())
    }
}

// === impl Outcome ===

impl From<Transaction> for Outcome {
    fn from(transaction: Transaction) -> Self {
        Self {
            state: transaction.state(),
            reason: Some(transaction.reason()).filter(|reason| *reason != Reason::Unspecified),
            transaction_id: transaction.transaction_id,
            record_count: transaction.record_count,
            offsets_count: transaction.offsets_count,
            ranges: transaction.ranges,
        }
    }
}
