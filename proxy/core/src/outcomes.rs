//! The outcomes topic: keys, values, and the view that a reader builds of one slot (engine.md 3).

use crate::{GroupUuid, Incarnation, JournalId, KeyHash, LaneIndex, Millis, Slot, TxnId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Markers kept per lane and journal: the key is the sequence number modulo this.
pub const RING: u64 = 64;

const VERSION: u8 = 1;

/// A key of the outcomes topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OutcomesKey {
    /// `<slot>#owner`: who owns the slot.
    Owner,
    /// `<id>/<journal id>#birth`: this journal used this lane; nothing of it was removed while the key stands.
    Birth(LaneIndex, JournalId),
    /// `<id>/<journal id>#barrier`: a committed record of our own that a reader waits to see. A key apart from
    /// birth, which must not be renewed by a recovery: its survival is evidence.
    Barrier(LaneIndex, JournalId),
    /// `<id>/<journal id>/<seq mod 64>`: a group was committed.
    Marker(LaneIndex, JournalId, u8),
}

/// The value under [`OutcomesKey::Owner`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerRecord {
    /// Counts the owners of the slot.
    pub incarnation: Incarnation,
    /// The owner's journal.
    pub journal: JournalId,
    /// The owner's pod.
    pub pod_uid: String,
    /// Lanes that this owner may use; a successor inits them all.
    pub lanes_max: u16,
    /// When it claimed.
    pub time: Millis,
}

/// The value under [`OutcomesKey::Birth`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Birth {
    /// When it was written.
    pub time: Millis,
    /// Since when every commit on the lane, by whichever journal, could be told from its markers when this was
    /// written; 0: all of them. Carries on what is known of journals whose records were removed since (pruned).
    pub horizon: Millis,
}

/// The value under [`OutcomesKey::Marker`]: written in the Kafka transaction whose commit it proves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// The group's number on its lane.
    pub seq: u64,
    /// The attempt.
    pub group: GroupUuid,
    /// When it was written.
    pub time: Millis,
    /// Who was in the group: 32 bytes each.
    pub members: Vec<Member>,
}

/// One transaction of a committed group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its id.
    pub txn: TxnId,
    /// Hash of its idempotency key; all zero if it has none.
    pub key: KeyHash,
}

/// Why a value of the outcomes topic cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Written by a newer version.
    #[error("outcomes record has version {0}, this sidecar understands up to {VERSION}")]
    Version(u8),
    /// Not one of ours.
    #[error("outcomes record is malformed")]
    Malformed,
}

/// What a read_committed reader has seen of one slot, up to some offset. Readers feed it in log order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutcomesView {
    /// The slot's owner.
    pub owner: Option<OwnerRecord>,
    /// Births standing.
    pub births: BTreeMap<(LaneIndex, JournalId), Birth>,
    /// Markers standing.
    pub markers: BTreeMap<(LaneIndex, JournalId, u8), Marker>,
    /// Keys that somebody removed (nobody should).
    pub tombstoned: BTreeSet<OutcomesKey>,
    /// The log is shorter than it once was: absence proves nothing any more.
    pub truncated: bool,
}

// === impl OutcomesKey ===

impl OutcomesKey {
    /// The record key.
    pub fn encode(&self, slot: &Slot) -> String {
        match self {
            Self::Owner => format!("{slot}#owner"),
            Self::Birth(lane, journal) => format!("{}/{journal}#birth", slot.transactional_id(*lane)),
            Self::Barrier(lane, journal) => format!("{}/{journal}#barrier", slot.transactional_id(*lane)),
            Self::Marker(lane, journal, ring) => format!("{}/{journal}/{ring}", slot.transactional_id(*lane)),
        }
    }

    /// Reads a record key; None if it is another slot's or not one of ours.
    pub fn decode(slot: &Slot, key: &str) -> Option<Self> {
        let rest = key.strip_prefix(slot.as_str())?;
        if rest == "#owner" {
            return Some(Self::Owner);
        }
        let (lane, rest) = rest.strip_prefix('/')?.split_once('/')?;
        let lane = LaneIndex(lane.parse().ok()?);
        if let Some(journal) = rest.strip_suffix("#birth") {
            return Some(Self::Birth(lane, JournalId::from_hex(journal)?));
        }
        if let Some(journal) = rest.strip_suffix("#barrier") {
            return Some(Self::Barrier(lane, JournalId::from_hex(journal)?));
        }
        let (journal, ring) = rest.split_once('/')?;
        let ring: u8 = ring.parse().ok()?;
        (u64::from(ring) < RING).then_some(Self::Marker(lane, JournalId::from_hex(journal)?, ring))
    }

    /// The key under which a group's marker is written.
    pub fn marker(lane: LaneIndex, journal: JournalId, seq: u64) -> Self {
        Self::Marker(lane, journal, (seq % RING) as u8)
    }
}

// === values ===

macro_rules! value {
    ($($name:ident),*) => {$(
        impl $name {
            /// The versioned record value.
            pub fn encode(&self) -> Vec<u8> {
                postcard::to_extend(self, vec![VERSION]).expect("encoding to memory cannot fail")
            }

            /// Reads a record value.
            pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
                match value.split_first() {
                    Some((&VERSION, rest)) => postcard::from_bytes(rest).map_err(|_| DecodeError::Malformed),
                    Some((&newer, _)) if newer > VERSION => Err(DecodeError::Version(newer)),
                    _ => Err(DecodeError::Malformed),
                }
            }
        }
    )*};
}

value!(OwnerRecord, Birth, Marker);

/// The value under [`OutcomesKey::Barrier`].
pub fn encode_barrier(time: Millis) -> Vec<u8> {
    Birth { time, horizon: 0 }.encode()
}

/// Reads a barrier's time.
pub fn decode_barrier(value: &[u8]) -> Result<Millis, DecodeError> {
    Birth::decode(value).map(|birth| birth.time)
}

// === impl OutcomesView ===

impl OutcomesView {
    /// Takes in one record, in log order. An absent value is a tombstone.
    ///
    /// # Errors
    /// If the value cannot be understood; the reader must then stop: an unreadable record may be the one that counts.
    pub fn apply(&mut self, key: OutcomesKey, value: Option<&[u8]>) -> Result<(), DecodeError> {
        let Some(value) = value else {
            self.remove(key);
            return Ok(());
        };
        self.tombstoned.remove(&key);
        match key {
            OutcomesKey::Owner => self.owner = Some(OwnerRecord::decode(value)?),
            OutcomesKey::Birth(lane, journal) => {
                self.births.insert((lane, journal), Birth::decode(value)?);
            }
            OutcomesKey::Barrier(..) => {
                decode_barrier(value)?;
            }
            OutcomesKey::Marker(lane, journal, ring) => {
                self.markers.insert((lane, journal, ring), Marker::decode(value)?);
            }
        }
        Ok(())
    }

    fn remove(&mut self, key: OutcomesKey) {
        self.tombstoned.insert(key);
        match key {
            OutcomesKey::Owner => self.owner = None,
            OutcomesKey::Birth(lane, journal) => {
                self.births.remove(&(lane, journal));
            }
            OutcomesKey::Barrier(..) => {}
            OutcomesKey::Marker(lane, journal, ring) => {
                self.markers.remove(&(lane, journal, ring));
            }
        }
    }

    /// A journal's markers on a lane.
    pub fn markers_of(&self, lane: LaneIndex, journal: JournalId) -> impl Iterator<Item = &Marker> {
        self.markers.range((lane, journal, 0)..=(lane, journal, u8::MAX)).map(|(_, marker)| marker)
    }

    /// The highest sequence number that a journal committed on a lane.
    pub fn highest_seq(&self, lane: LaneIndex, journal: JournalId) -> Option<u64> {
        self.markers_of(lane, journal).map(|marker| marker.seq).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot() -> Slot {
        "p/ns/app/0".parse().expect("valid")
    }

    #[test]
    fn keys_survive_their_text_and_strangers_are_not_ours() {
        let journal = JournalId([0xab; 16]);
        let lane = LaneIndex(3);
        for key in [
            OutcomesKey::Owner,
            OutcomesKey::Birth(lane, journal),
            OutcomesKey::Barrier(lane, journal),
            OutcomesKey::marker(lane, journal, 130),
        ] {
            assert_eq!(OutcomesKey::decode(&slot(), &key.encode(&slot())), Some(key));
        }
        let longer: Slot = "p/ns/app/01".parse().expect("valid");
        assert_eq!(OutcomesKey::decode(&slot(), &OutcomesKey::Owner.encode(&longer)), None);
        assert_eq!(OutcomesKey::decode(&slot(), "p/ns/app/0/1/zz/3"), None);
    }

    #[test]
    fn a_value_of_a_newer_version_is_refused_by_its_number() {
        let mut value = Birth { time: 5, horizon: 0 }.encode();
        assert_eq!(Birth::decode(&value), Ok(Birth { time: 5, horizon: 0 }));
        value[0] = 9;
        assert_eq!(Birth::decode(&value), Err(DecodeError::Version(9)));
        assert_eq!(Birth::decode(&[]), Err(DecodeError::Malformed));
    }

    #[test]
    fn a_marker_takes_32_bytes_a_member() {
        let member = Member { txn: TxnId::new(1, Incarnation(1), 1), key: KeyHash([1; 16]) };
        let of = |n: usize| {
            Marker { seq: 1, group: GroupUuid([0; 16]), time: 1, members: vec![member; n] }.encode().len()
        };
        assert_eq!(of(90) - of(80), 320);
    }
}
