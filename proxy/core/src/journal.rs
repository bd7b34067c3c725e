//! What the journal keeps: the vocabulary shared by the engine and the sled driver.

use crate::{
    Coordinate, Fingerprint, GroupUuid, IdempotencyKey, Incarnation, JournalId, LaneIndex, Millis,
    PartitionMemory, PartitionRange, Reason, Slot, TxnId,
};
use serde::{Deserialize, Serialize};

/// One thing written to the journal; each is applied atomically.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JournalEntry {
    /// This process is about to claim the slot.
    Claim {
        /// As which incarnation.
        incarnation: Incarnation,
        /// As which pod.
        pod_uid: String,
    },
    /// A group is about to be committed: once this is durable its EndTxn(commit) may be sent, and nothing but Kafka
    /// may say that it was aborted.
    Prepared(PreparedGroup),
    /// The group is decided: removes the PREPARED entry, moves its members to the remembered outcomes.
    Settled {
        /// Its lane.
        lane: LaneIndex,
        /// Its sequence number.
        seq: u64,
        /// Its members with their final outcomes.
        members: Vec<TxnSummary>,
    },
    /// A transaction ended without a PREPARED group (aborted before). Written without a sync: losing it is harmless,
    /// since a transaction that was never PREPARED is aborted anyway.
    Finished(TxnSummary),
    /// What is remembered of a partition that an application reads; absent: nothing any more. Written without a sync: losing
    /// it loses attempts that were counted.
    Consumption {
        /// group.id.
        group_id: String,
        /// Topic.
        topic: String,
        /// Partition.
        partition: i32,
        /// What.
        memory: Option<PartitionMemory>,
    },
    /// Kafka knows more than this journal (it was restored or lost): what happened before is only known as far as
    /// `recalled` says.
    Adopted {
        /// Ids of incarnations below this one are only known if remembered: never answer ABORTED for them.
        trusted_from: Incarnation,
        /// Keys first attempted before this are only known if remembered.
        horizon: Millis,
        /// What the markers tell.
        recalled: Vec<Recalled>,
        /// The highest sequence number per lane.
        lanes: Vec<LaneSeq>,
    },
}

/// A group that may have been committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedGroup {
    /// Its lane.
    pub lane: LaneIndex,
    /// Its number on the lane, of the journal that prepared it.
    pub seq: u64,
    /// Tells two attempts with one number apart.
    pub group: GroupUuid,
    /// Where its marker is; absent when the marker is a group offset.
    pub marker: Option<Coordinate>,
    /// Its members, with the outcome they have if the group is committed.
    pub members: Vec<TxnSummary>,
}

/// What is remembered of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TxnSummary {
    /// Its id.
    pub txn: TxnId,
    /// Begin's request_id; empty for Transact.
    pub request_id: String,
    /// Transact's key.
    pub key: Option<IdempotencyKey>,
    /// Digest of Begin's or Transact's content.
    pub fingerprint: Fingerprint,
    /// For people.
    pub label: String,
    /// How it ended.
    pub outcome: TxnOutcome,
    /// When it ended.
    pub ended: Millis,
    /// Records accepted.
    pub record_count: u64,
    /// Offsets accepted.
    pub offsets_count: u64,
}

/// How a transaction ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TxnOutcome {
    /// Visible to read_committed readers, whole and once.
    Committed(Vec<PartitionRange>),
    /// Nothing of it is or will be visible to read_committed readers.
    Aborted {
        /// Why.
        reason: Reason,
        /// For a person.
        message: String,
        /// The record to blame.
        record_index: Option<u64>,
    },
    /// Kafka can no longer tell; never guessed.
    Unknown {
        /// Where the marker would be.
        coordinate: Option<Coordinate>,
    },
}

/// A committed transaction that is only known from its marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recalled {
    /// Its id.
    pub txn: TxnId,
    /// Its key's hash, if it had one.
    pub key: Option<crate::KeyHash>,
    /// When its marker was written.
    pub time: Millis,
}

/// The highest sequence number known of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneSeq {
    /// The lane.
    pub lane: LaneIndex,
    /// 0: none yet.
    pub seq: u64,
}

/// Everything a start learns from the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalContents {
    /// Made when the journal was created.
    pub journal: JournalId,
    /// The newest claim; 0: none yet.
    pub incarnation: Incarnation,
    /// Every claim of this journal, oldest first: which pod owned which incarnation (the newest 64).
    pub claims: Vec<(Incarnation, String)>,
    /// See [`JournalEntry::Adopted`]; initially the first claimed incarnation.
    pub trusted_from: Option<Incarnation>,
    /// Everything that ended after this is remembered (moves up as the ring of outcomes drops its oldest).
    pub horizon: Millis,
    /// The highest sequence number per lane.
    pub lanes: Vec<LaneSeq>,
    /// Groups without a decision.
    pub prepared: Vec<PreparedGroup>,
    /// Outcomes, oldest first.
    pub finished: Vec<TxnSummary>,
    /// Outcomes known only from markers.
    pub recalled: Vec<Recalled>,
    /// What is remembered of partitions that applications read: group.id, topic, partition.
    pub consumption: Vec<(String, String, i32, PartitionMemory)>,
    /// Undecided groups that were prepared for other slots (the pod had another one, or the volume moved): settled by reading only.
    pub foreign: Vec<ForeignGroup>,
}

/// An undecided group of another slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignGroup {
    /// Whose ids it was sent with.
    pub slot: Slot,
    /// The journal that prepared it, as its marker says.
    pub journal: JournalId,
    /// What was prepared.
    pub group: PreparedGroup,
}
