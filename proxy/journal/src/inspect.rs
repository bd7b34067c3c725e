use crate::{Error, disk::RealDisk, folder::Folder, load::Loaded, lock::Lock, store::Store, stored::FORMAT};
use serde::Serialize;
use sidecommit_core::{
    FailedRange, PartitionMemory, Poison, PreparedGroup, SessionId, TxnOutcome, TxnSummary,
};
use std::{path::Path, sync::Arc};

/// A journal for people: ids as text, times in milliseconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// The newest format that this sidecar writes.
    pub format: u8,
    /// The journal's id, part of its markers' keys.
    pub journal: String,
    /// Kafka's cluster id.
    pub cluster_id: String,
    /// The slot.
    pub slot: String,
    /// The newest claim's number; 0: none.
    pub incarnation: u32,
    /// Who claimed the slot with this journal, oldest first, the newest 64.
    pub claims: Vec<Claim>,
    /// Ids of incarnations below are only known if remembered.
    pub trusted_from: Option<u32>,
    /// Everything that ended after this is remembered.
    pub horizon_ms: u64,
    /// The highest sequence number per lane.
    pub lanes: Vec<LaneSummary>,
    /// Undecided groups: EndTxn(commit) may have been sent.
    pub prepared: Vec<Prepared>,
    /// Undecided groups of slots that this journal served before.
    pub foreign: Vec<ForeignGroup>,
    /// Outcomes, oldest first.
    pub outcomes: Vec<Outcome>,
    /// How many committed transactions are only known from their markers.
    pub recalled: usize,
    /// What is remembered of partitions that applications read, by group, topic and partition.
    pub partitions: Vec<Partition>,
    /// Size of sled's log.
    pub file_bytes: u64,
    /// Size of what counts in it; the next start rewrites a log that is larger than 4 times this (and 8 MiB).
    pub live_bytes: u64,
}

/// A claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claim {
    /// As which incarnation.
    pub incarnation: u32,
    /// As which pod.
    pub pod_uid: String,
}

/// A lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LaneSummary {
    /// Its number.
    pub lane: u16,
    /// Its highest sequence number.
    pub seq: u64,
}

/// An undecided group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Prepared {
    /// Its lane.
    pub lane: u16,
    /// Its number on the lane.
    pub seq: u64,
    /// Its uuid.
    pub group: String,
    /// Where its marker is: `topic/partition@offset`.
    pub marker: Option<String>,
    /// Its members, with the outcome they have if the group is committed.
    pub members: Vec<Outcome>,
}

/// An undecided group of another slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ForeignGroup {
    /// The slot.
    pub slot: String,
    /// The journal's id then, part of the marker's key.
    pub journal: String,
    /// The group.
    pub group: Prepared,
}

/// A transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Its id.
    pub transaction_id: String,
    /// How it ended.
    pub outcome: OutcomeKind,
    /// Why it was aborted.
    pub reason: Option<String>,
    /// The label given at Begin.
    pub label: String,
    /// Transact's key.
    pub idempotency_key: Option<String>,
    /// When it ended.
    pub ended_ms: u64,
    /// Records.
    pub record_count: u64,
    /// Consumer offsets.
    pub offsets_count: u64,
}

/// A partition that an application reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Partition {
    /// group.id.
    pub group_id: String,
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// The delivery that an application had.
    pub outstanding: Option<Outstanding>,
    /// Records of which attempts failed.
    pub failed: Vec<Failed>,
    /// Records that are to be moved.
    pub poisoned: Vec<Poisoned>,
}

/// A delivery that an application had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outstanding {
    /// Its session.
    pub session_id: String,
    /// First offset.
    pub first_offset: i64,
    /// Last offset.
    pub last_offset: i64,
}

/// Records of which attempts failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// First offset.
    pub first_offset: i64,
    /// Last offset.
    pub last_offset: i64,
    /// How many attempts.
    pub attempts: u32,
}

/// A record that is to be moved to a retry topic or to the dead letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Poisoned {
    /// Its offset.
    pub offset: i64,
    /// False: straight to the dead letters.
    pub retryable: bool,
    /// What the application said: the class of its error.
    pub error_class: String,
    /// What the application said, for people.
    pub message: String,
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OutcomeKind {
    /// Visible, whole and once.
    Committed,
    /// Not visible.
    Aborted,
    /// Kafka could no longer tell.
    Unknown,
}

/// Reads a journal that no process holds. Changes nothing of its meaning (opening it, sled cuts off what a crash left
/// unfinished at the end of its log, as the next start would).
///
/// # Errors
/// [`Error::Missing`], [`Error::Held`], [`Error::Newer`], [`Error::Unreadable`], or what the disk says.
pub fn inspect(dir: &Path) -> Result<Inspection, Error> {
    let missing = || Error::Missing { dir: dir.to_owned() };
    if !dir.is_dir() || Folder::scan(dir)?.current().is_none() {
        return Err(missing());
    }
    let lock = Arc::new(Lock::acquire(dir)?);
    let path = Folder::scan(dir)?.current().ok_or_else(missing)?;
    let store = Store::open(dir, &path, lock, Arc::new(RealDisk))?;
    let loaded = Loaded::read(&store)?;
    let contents = loaded.contents();
    Ok(Inspection {
        format: FORMAT,
        journal: contents.journal.to_string(),
        cluster_id: loaded.header.cluster_id,
        slot: loaded.header.slot.to_string(),
        incarnation: contents.incarnation.0,
        claims: contents
            .claims
            .into_iter()
            .map(|(number, pod_uid)| Claim { incarnation: number.0, pod_uid })
            .collect(),
        trusted_from: contents.trusted_from.map(|incarnation| incarnation.0),
        horizon_ms: contents.horizon,
        lanes: contents
            .lanes
            .iter()
            .map(|known| LaneSummary { lane: known.lane.0, seq: known.seq })
            .collect(),
        prepared: contents.prepared.iter().map(Prepared::from).collect(),
        foreign: loaded
            .foreign
            .iter()
            .map(|foreign| ForeignGroup {
                slot: foreign.slot.to_string(),
                journal: foreign.journal.to_string(),
                group: Prepared::from(&foreign.group),
            })
            .collect(),
        outcomes: contents.finished.iter().map(Outcome::from).collect(),
        recalled: contents.recalled.len(),
        partitions: contents.consumption.into_iter().map(Partition::from).collect(),
        file_bytes: store.file_bytes()?,
        live_bytes: loaded.live_bytes,
    })
}

// === impl Prepared ===

impl From<&PreparedGroup> for Prepared {
    fn from(group: &PreparedGroup) -> Self {
        Self {
            lane: group.lane.0,
            seq: group.seq,
            group: group.group.to_string(),
            marker: group.marker.as_ref().map(|at| format!("{}/{}@{}", at.topic, at.partition, at.offset)),
            members: group.members.iter().map(Outcome::from).collect(),
        }
    }
}

// === impl Partition ===

impl From<(String, String, i32, PartitionMemory)> for Partition {
    fn from((group_id, topic, partition, memory): (String, String, i32, PartitionMemory)) -> Self {
        Self {
            group_id,
            topic,
            partition,
            outstanding: memory.outstanding.map(Outstanding::from),
            failed: memory.failed.into_iter().map(Failed::from).collect(),
            poisoned: memory.poisoned.into_iter().map(Poisoned::from).collect(),
        }
    }
}

// === impl Outstanding ===

impl From<(SessionId, i64, i64)> for Outstanding {
    fn from((session, first_offset, last_offset): (SessionId, i64, i64)) -> Self {
        Self { session_id: session.to_string(), first_offset, last_offset }
    }
}

// === impl Failed ===

impl From<FailedRange> for Failed {
    fn from(range: FailedRange) -> Self {
        Self { first_offset: range.first, last_offset: range.last, attempts: range.attempts }
    }
}

// === impl Poisoned ===

impl From<Poison> for Poisoned {
    fn from(poison: Poison) -> Self {
        let Poison { offset, retryable, error_class, message } = poison;
        Self { offset, retryable, error_class, message }
    }
}

// === impl Outcome ===

impl From<&TxnSummary> for Outcome {
    fn from(summary: &TxnSummary) -> Self {
        let (outcome, reason) = match &summary.outcome {
            TxnOutcome::Committed(_) => (OutcomeKind::Committed, None),
            TxnOutcome::Aborted { reason, .. } => (OutcomeKind::Aborted, Some(reason.name())),
            TxnOutcome::Unknown { .. } => (OutcomeKind::Unknown, None),
        };
        Self {
            transaction_id: summary.txn.to_string(),
            outcome,
            reason,
            label: summary.label.clone(),
            idempotency_key: summary.key.as_ref().map(|key| key.text.clone()),
            ended_ms: summary.ended,
            record_count: summary.record_count,
            offsets_count: summary.offsets_count,
        }
    }
}
