//! Every bound of the engine: each has a setting, a metric and an error that names it.

use crate::Millis;

/// The engine's settings. Durations in milliseconds, sizes in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Lanes (transactional.ids) at most.
    pub lanes_max: u16,
    /// Lanes that streaming transactions leave free for small ones.
    pub lanes_reserved: u16,
    /// Producers kept open when idle.
    pub lanes_warm: u16,
    /// What shares one Kafka transaction.
    pub group_commit: GroupCommit,
    /// Attempts of a group whose Kafka transaction was aborted for a cause that is nobody's fault.
    pub group_attempts_max: u32,
    /// Open transactions at most.
    pub open_transactions: usize,
    /// Committing transactions that wait for a lane; beyond, Begin is refused.
    pub queue: usize,
    /// Records per transaction.
    pub records_per_transaction: u64,
    /// Bytes per transaction.
    pub bytes_per_transaction: u64,
    /// A transaction larger than this streams on a lane of its own instead of waiting in memory.
    pub streaming_bytes: u64,
    /// Bytes accepted and not yet delivered, over all transactions.
    pub buffer_bytes: u64,
    /// Bytes handed to one lane and not yet delivered.
    pub lane_window_bytes: u64,
    /// Idle timeout of a transaction.
    pub idle_timeout: Millis,
    /// Begin.timeout when absent.
    pub default_timeout: Millis,
    /// Begin.timeout at most.
    pub max_timeout: Millis,
    /// transaction.timeout.ms of the lanes; a streaming transaction is ended 5 s before.
    pub lane_timeout: Millis,
    /// session.timeout.ms of the members of classic groups. Who subscribes as one needs it longer than `lane_timeout`: what a
    /// member that is gone has begun ends before others get its partitions.
    pub session_timeout: Millis,
    /// How long a call waits for a recovering sidecar before it is told RECOVERING.
    pub recovering_wait: Millis,
    /// How long a Commit or Abort waits for an outcome in doubt before it is told OUTCOME_PENDING.
    pub pending_wait: Millis,
    /// Outcomes remembered.
    pub outcomes_remembered: usize,
    /// Consume sessions at most.
    pub sessions: usize,
    /// How long an application may hold a delivery, when its subscription does not say.
    pub delivery_timeout: Millis,
    /// How long a session outlives its stream.
    pub session_grace: Millis,
    /// How long a revoked partition is held back for a commit whose EndTxn is under way.
    pub revoke_wait: Millis,
    /// Bytes of one session that were read and not delivered; beyond, its partitions are paused.
    pub read_ahead_bytes: u64,
    /// Bytes of all sessions that were read and not delivered; beyond their share of it, a session's partitions are paused.
    pub read_ahead_total_bytes: u64,
    /// Least time between two replacements of one lane's producer after a fence.
    pub reopen_backoff: Millis,
}

/// What shares one Kafka transaction, as a database's log shares one sync (engine.md 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupCommit {
    /// Transactions per Kafka transaction at most; 1: none shares.
    pub transactions: usize,
    /// Records per Kafka transaction; one transaction alone may have more.
    pub records: u64,
    /// Bytes per Kafka transaction; one transaction alone may have more.
    pub bytes: u64,
    /// How long a transaction waits for company at most. Who has none to expect does not wait.
    pub wait: Millis,
}

impl GroupCommit {
    /// Each transaction in a Kafka transaction of its own.
    pub const OFF: Self = Self { transactions: 1, records: u64::MAX, bytes: u64::MAX, wait: 0 };

    /// So many transactions at most, as soon as a lane is free.
    pub const fn of(transactions: usize) -> Self {
        Self { transactions, ..Self::OFF }
    }
}

impl Default for GroupCommit {
    fn default() -> Self {
        Self { transactions: 256, records: 10_000, bytes: 1 << 20, wait: 5 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lanes_max: 8,
            lanes_reserved: 2,
            lanes_warm: 2,
            group_commit: GroupCommit::default(),
            group_attempts_max: 3,
            open_transactions: 1000,
            queue: 1000,
            records_per_transaction: 1_000_000,
            bytes_per_transaction: 1 << 30,
            streaming_bytes: 256 << 10,
            buffer_bytes: 256 << 20,
            lane_window_bytes: 16 << 20,
            idle_timeout: 10_000,
            default_timeout: 25_000,
            max_timeout: 15 * 60_000,
            lane_timeout: 30_000,
            session_timeout: 45_000,
            recovering_wait: 5_000,
            pending_wait: 2_000,
            outcomes_remembered: 100_000,
            sessions: 100,
            delivery_timeout: 5 * 60_000,
            session_grace: 10_000,
            revoke_wait: 5_000,
            read_ahead_bytes: 16 << 20,
            read_ahead_total_bytes: 256 << 20,
            reopen_backoff: 500,
        }
    }
}
