//! What stands under sled's keys.

use crate::index::Trimmed;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sidecommit_core::{
    ForeignGroup, Incarnation, JournalEntry, JournalId, LaneIndex, LaneSeq, Millis, PartitionMemory,
    PreparedGroup, Reason, Recalled, Slot, TxnOutcome, TxnSummary,
};

/// The newest format. Every value begins with that it needs ([`Versioned`]), so that an older sidecar stops at the first
/// newer value, and goes on with a journal that has none.
///
/// 2: reasons after [`LAST_REASON_OF_1`].
pub(crate) const FORMAT: u8 = 2;

/// The oldest format read: one back, once there is one.
pub(crate) const OLDEST: u8 = if FORMAT > 1 { FORMAT - 1 } else { 1 };

/// The last reason that format 1 knows; newer ones come after it.
const LAST_REASON_OF_1: Reason = Reason::OutcomeUnknown;

/// Values are stored in parts of this size. sled puts a page that outgrows a quarter of its 512 KiB segment into a file
/// of its own, which neither it nor an fdatasync of its log makes durable; a leaf has at most 20 values, so that with
/// parts of 4 KiB none gets there.
pub(crate) const PART: usize = 4096;

/// Claims remembered.
pub(crate) const CLAIMS: usize = 64;

/// A sled key: the kind of value, its number, the part. sled orders them so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) family: Family,
    pub(crate) index: u64,
    pub(crate) part: u32,
}

/// The kinds of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    /// [`Stored`] under running numbers without a gap.
    Entry,
    /// [`Header`] under the number of the last entry folded into it; the highest complete one counts.
    Header,
    /// [`Partition`] under running numbers with gaps; of each place the highest complete one counts. Apart from the
    /// stream, because it is overwritten with each delivery, and because a sidecar that does not know it never looks here.
    Partition,
}

/// What the journal is, and what remains of the entries up to `through`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) cluster_id: String,
    pub(crate) slot: Slot,
    pub(crate) journal: JournalId,
    /// Entries up to this number no longer count (and may be gone).
    pub(crate) through: u64,
    /// Claims up to `through`, oldest first, the newest [`CLAIMS`].
    pub(crate) claims: Vec<(Incarnation, String)>,
    /// The last entry when this was written: it must be there, and the following includes it.
    pub(crate) last: u64,
    pub(crate) trusted_from: Option<Incarnation>,
    pub(crate) horizon: Millis,
    pub(crate) lanes: Vec<LaneSeq>,
}

/// An entry of the stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stored {
    /// Superseded. Kept as a number so that a hole in the numbers means damage.
    Gone {
        /// The last entry when that happened: it must be there.
        by: u64,
    },
    /// What the engine put.
    Entry(Entry),
    /// Kept from another slot's time.
    Foreign(Foreign),
}

/// [`JournalEntry`] as the stream has it: its variants have the numbers that format 1 gave them, however the engine's are
/// sorted. A new one goes last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Entry {
    Claim { incarnation: Incarnation, pod_uid: String },
    Prepared(PreparedGroup),
    Settled { lane: LaneIndex, seq: u64, members: Vec<TxnSummary> },
    Finished(TxnSummary),
    Adopted { trusted_from: Incarnation, horizon: Millis, recalled: Vec<Recalled>, lanes: Vec<LaneSeq> },
}

/// Which partition, read for which group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) group_id: String,
    pub(crate) topic: String,
    pub(crate) partition: i32,
}

/// What is remembered of a partition. Its place stands in the value and not in the key: names are free texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Partition {
    pub(crate) place: Place,
    pub(crate) memory: PartitionMemory,
}

/// What the engine put, by where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// To the end of the stream.
    Entry(Entry),
    /// Over what is remembered of this partition.
    Partition(Partition),
    /// Nothing is remembered of this partition any more.
    Forget(Place),
}

/// An undecided group of another slot that this journal served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Foreign {
    pub(crate) slot: Slot,
    /// The journal's id then.
    pub(crate) journal: JournalId,
    pub(crate) group: PreparedGroup,
}

/// A value that knows who can read it.
pub(crate) trait Versioned: Serialize {
    /// The oldest format whose readers understand it.
    fn format(&self) -> u8;
}

/// Why a value cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DecodeError {
    Newer(u8),
    Malformed,
}

// === values ===

pub(crate) fn encode<T: Versioned>(value: &T) -> Vec<u8> {
    postcard::to_extend(value, vec![value.format()]).expect("encoding to memory cannot fail")
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let (&format, rest) = bytes.split_first().ok_or(DecodeError::Malformed)?;
    if format > FORMAT {
        return Err(DecodeError::Newer(format));
    }
    if format < OLDEST {
        return Err(DecodeError::Malformed);
    }
    match postcard::take_from_bytes(rest) {
        Ok((value, [])) => Ok(value),
        _ => Err(DecodeError::Malformed),
    }
}

/// Cuts a value so that all parts but the last are [`PART`] long and the last is shorter: it shows that all are there.
pub(crate) fn parts(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    (0..=value.len() / PART).map(move |n| &value[n * PART..value.len().min((n + 1) * PART)])
}

// === impl Key ===

impl Key {
    pub(crate) const LEN: usize = 13;

    /// The part of a key that all parts of a value share.
    pub(crate) const VALUE: usize = 9;

    pub(crate) fn encode(self) -> [u8; Self::LEN] {
        let mut key = [0; Self::LEN];
        key[0] = self.family.prefix();
        key[1..Self::VALUE].copy_from_slice(&self.index.to_be_bytes());
        key[Self::VALUE..].copy_from_slice(&self.part.to_be_bytes());
        key
    }

    pub(crate) fn decode(key: &[u8]) -> Option<Self> {
        let (&prefix, rest) = key.split_first()?;
        let (index, part) = rest.split_first_chunk()?;
        Some(Self {
            family: Family::ALL.into_iter().find(|family| family.prefix() == prefix)?,
            index: u64::from_be_bytes(*index),
            part: u32::from_be_bytes(part.try_into().ok()?),
        })
    }
}

// === impl Family ===

impl Family {
    const ALL: [Self; 3] = [Self::Entry, Self::Header, Self::Partition];

    pub(crate) fn prefix(self) -> u8 {
        match self {
            Self::Entry => b'e',
            Self::Header => b'h',
            Self::Partition => b'p',
        }
    }
}

// === impl Stored ===

impl Versioned for Stored {
    fn format(&self) -> u8 {
        let members = match self {
            Self::Gone { .. } | Self::Entry(Entry::Claim { .. } | Entry::Adopted { .. }) => &[][..],
            Self::Foreign(foreign) => &foreign.group.members,
            Self::Entry(Entry::Prepared(group)) => &group.members,
            Self::Entry(Entry::Settled { members, .. }) => members,
            Self::Entry(Entry::Finished(summary)) => std::slice::from_ref(summary),
        };
        let is_newer = |member: &TxnSummary| match member.outcome {
            TxnOutcome::Aborted { reason, .. } => reason > LAST_REASON_OF_1,
            TxnOutcome::Committed(_) | TxnOutcome::Unknown { .. } => false,
        };
        if members.iter().any(is_newer) { 2 } else { 1 }
    }
}

// === impl Partition ===

impl Versioned for Partition {
    fn format(&self) -> u8 {
        1
    }
}

// === impl Put ===

impl From<&JournalEntry> for Put {
    fn from(entry: &JournalEntry) -> Self {
        Self::Entry(match entry.clone() {
            JournalEntry::Claim { incarnation, pod_uid } => Entry::Claim { incarnation, pod_uid },
            JournalEntry::Prepared(group) => Entry::Prepared(group),
            JournalEntry::Settled { lane, seq, members } => Entry::Settled { lane, seq, members },
            JournalEntry::Finished(summary) => Entry::Finished(summary),
            JournalEntry::Adopted { trusted_from, horizon, recalled, lanes } => {
                Entry::Adopted { trusted_from, horizon, recalled, lanes }
            }
            JournalEntry::Consumption { group_id, topic, partition, memory } => {
                let place = Place { group_id, topic, partition };
                return match memory {
                    Some(memory) => Self::Partition(Partition { place, memory }),
                    None => Self::Forget(place),
                };
            }
        })
    }
}

// === impl Header ===

impl Versioned for Header {
    fn format(&self) -> u8 {
        1
    }
}

impl Header {
    pub(crate) fn new(cluster_id: String, slot: Slot, journal: JournalId) -> Self {
        Self {
            cluster_id,
            slot,
            journal,
            through: 0,
            claims: Vec::new(),
            last: 0,
            trusted_from: None,
            horizon: 0,
            lanes: Vec::new(),
        }
    }

    /// What an entry says beyond its own life.
    pub(crate) fn learn(&mut self, entry: &Entry) {
        match entry {
            Entry::Claim { incarnation, .. } => {
                self.trusted_from.get_or_insert(*incarnation);
            }
            Entry::Prepared(group) => self.raise(group.lane, group.seq),
            Entry::Settled { lane, seq, .. } => self.raise(*lane, *seq),
            Entry::Finished(_) => {}
            Entry::Adopted { trusted_from, horizon, lanes, .. } => {
                // The engine may lower the horizon: markers may tell what the journal had dropped.
                self.trusted_from = Some(*trusted_from);
                self.horizon = *horizon;
                for lane in lanes {
                    self.raise(lane.lane, lane.seq);
                }
            }
        }
    }

    pub(crate) fn claim(&mut self, incarnation: Incarnation, pod_uid: String) {
        self.claims.push((incarnation, pod_uid));
        let excess = self.claims.len().saturating_sub(CLAIMS);
        self.claims.drain(..excess);
    }

    /// Takes over what remains of entries that are dropped.
    pub(crate) fn fold(&mut self, through: u64, trimmed: &Trimmed) {
        self.through = through;
        self.horizon = self.horizon.max(trimmed.ended);
        for (incarnation, pod_uid) in &trimmed.claims {
            self.claim(*incarnation, pod_uid.clone());
        }
    }

    fn raise(&mut self, lane: LaneIndex, seq: u64) {
        match self.lanes.binary_search_by_key(&lane, |known| known.lane) {
            Ok(at) => self.lanes[at].seq = self.lanes[at].seq.max(seq),
            Err(at) => self.lanes.insert(at, LaneSeq { lane, seq }),
        }
    }
}

// === impl Foreign ===

impl From<Foreign> for ForeignGroup {
    fn from(Foreign { slot, journal, group }: Foreign) -> Self {
        Self { slot, journal, group }
    }
}
