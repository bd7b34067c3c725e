//! What the engine asks of its drivers.

use crate::{
    CallId, ConsumerId, ConsumerOp, Generation, GroupOffsets, JournalEntry, LaneIndex, Millis, OutcomesKey,
    PartitionRange, ReadToken, Reason, Record, Refusal, StreamId, StreamItem, SyncToken, TxnId,
    table::TxnState,
};

/// One thing to do. Effects of one kind and addressee are performed in order.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Answer a call.
    Reply {
        /// Which call.
        call: CallId,
        /// With what.
        answer: Result<Answer, Refusal>,
    },
    /// Tell an application's Consume stream something; a refusal ends it.
    Stream {
        /// Which stream.
        stream: StreamId,
        /// What.
        item: Result<StreamItem, Refusal>,
    },
    /// Do something with a member of a consumer group; strictly in order per member.
    Consumer {
        /// Which.
        consumer: ConsumerId,
        /// What.
        op: ConsumerOp,
    },
    /// Do something with the journal; strictly in order.
    Journal(JournalOp),
    /// Do something with a lane's producer; strictly in order per lane.
    Lane {
        /// Which lane.
        lane: LaneIndex,
        /// For [`LaneOp::Open`] the new producer's generation; else whom it is meant for.
        generation: Generation,
        /// What.
        op: LaneOp,
    },
    /// Read the slot's partition of the outcomes (read_committed) up to a high watermark taken after this was received.
    Read(ReadToken),
}

/// Work for the journal.
#[derive(Clone, Debug)]
pub enum JournalOp {
    /// Write; need not be durable before the next sync.
    Put(Box<JournalEntry>),
    /// Make everything put so far durable (flush, then fdatasync), then report [`crate::Input::Synced`].
    Sync(SyncToken),
}

/// Work for a lane's producer.
#[derive(Clone, Debug)]
pub enum LaneOp {
    /// Replace the producer: make a new one with the lane's transactional.id, init_transactions until it is Ok, then
    /// report Opened. The old producer is dropped without waiting for it.
    Open,
    /// Begin a Kafka transaction. Not answered.
    Begin,
    /// Send records. Not answered, but for Progress.
    Send(Vec<Outgoing>),
    /// Send records of which one may be refused, each in a batch of its own: the broker refuses batches, so this is how the one is
    /// named. Slow: each waits for the delivery of the one before. Not answered.
    SendApart(Vec<Outgoing>),
    /// Write one of our own records to the outcomes within the transaction. Not answered.
    Write {
        /// Its key.
        key: OutcomesKey,
        /// Its encoded value.
        value: Vec<u8>,
    },
    /// Add consumer offsets to the transaction (after the records sent so far are delivered, which avoids
    /// librdkafka's 100 ms back-off, transactions.md 5). Not answered.
    Offsets(GroupOffsets),
    /// Wait until everything is delivered, then report Flushed.
    Flush,
    /// EndTxn; report Ended or Failed.
    End {
        /// Commit or abort.
        commit: bool,
    },
    /// Drop the producer. Not answered.
    Close,
}

/// A record on its way, with what is needed to blame it or to count it.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Index of its transaction in the group.
    pub member: u32,
    /// Index in its transaction.
    pub index: u64,
    /// The record.
    pub record: Record,
}

/// A successful answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Begin.
    Begun {
        /// The transaction.
        txn: TxnId,
        /// When the sidecar will abort it at the latest.
        deadline: Millis,
    },
    /// Produce.
    Produced {
        /// Index of the next record.
        next_sequence: u64,
    },
    /// SendOffsets.
    OffsetsTaken {
        /// How many (group, partition) offsets the transaction has now.
        count: u64,
    },
    /// KeepAlive: per id the deadline, absent if the transaction is not open.
    Alive(Vec<(TxnId, Option<Millis>)>),
    /// Commit, Transact.
    Committed {
        /// The transaction.
        txn: TxnId,
        /// Where its records are; empty if only the fact is known (journal lost).
        ranges: Vec<PartitionRange>,
    },
    /// Abort.
    Aborted {
        /// The transaction.
        txn: TxnId,
    },
    /// GetTransaction.
    Transaction(Box<TransactionView>),
    /// Resume.
    Resumed,
}

/// A transaction as shown to callers and operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionView {
    /// Its id.
    pub txn: TxnId,
    /// Its state.
    pub state: TxnState,
    /// Why it was aborted, or why its outcome is unknown.
    pub reason: Option<Reason>,
    /// The label given at Begin.
    pub label: String,
    /// Time since Begin.
    pub age: Millis,
    /// When the sidecar will abort it, while it is open.
    pub deadline: Option<Millis>,
    /// Records accepted.
    pub record_count: u64,
    /// Offsets accepted.
    pub offsets_count: u64,
    /// Where the records are, once committed.
    pub ranges: Vec<PartitionRange>,
    /// The lane that carries it.
    pub lane: Option<LaneIndex>,
}
