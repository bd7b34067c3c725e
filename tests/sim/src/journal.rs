//! A model of the journal: a log of atomic entries, a durable prefix of it, and what a start reads from it.

use sidecommit_core::{
    JournalContents, JournalEntry, JournalId, LaneIndex, LaneSeq, Millis, PartitionMemory, PreparedGroup,
    Recalled, TxnSummary,
};
use std::collections::{BTreeMap, VecDeque};

/// Claims kept.
const CLAIMS: usize = 64;

/// One journal (a folder on a volume).
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    pub(crate) id: JournalId,
    /// Everything put, in order.
    entries: Vec<JournalEntry>,
    /// How many entries are on stable storage.
    durable: usize,
    /// Outcomes kept ([`sidecommit_core::Limits::outcomes_remembered`]).
    remembered: usize,
    /// Outcomes put or about to be put, in all.
    promised: usize,
    /// It was begun though the slot had one before.
    pub(crate) second: bool,
    /// It is a copy.
    pub(crate) restored: bool,
    /// It has gone through a loss of power.
    pub(crate) power_lost: bool,
}

/// What the entries add up to.
#[derive(Debug)]
struct Fold {
    contents: JournalContents,
    lanes: BTreeMap<LaneIndex, u64>,
    prepared: BTreeMap<(LaneIndex, u64), PreparedGroup>,
    /// Outcomes, oldest first; those of a group are dropped together.
    ended: VecDeque<Vec<TxnSummary>>,
    consumption: BTreeMap<(String, String, i32), PartitionMemory>,
    remembered: usize,
}

// === impl Journal ===

impl Journal {
    pub(crate) fn new(id: JournalId, remembered: usize) -> Self {
        Self {
            id,
            entries: Vec::new(),
            durable: 0,
            remembered,
            promised: 0,
            second: false,
            restored: false,
            power_lost: false,
        }
    }

    /// Writes an entry, not yet durable.
    pub(crate) fn put(&mut self, entry: JournalEntry) {
        self.entries.push(entry);
    }

    /// fdatasync.
    pub(crate) fn sync(&mut self) {
        self.durable = self.entries.len();
    }

    /// How many entries may still be lost.
    pub(crate) fn volatile(&self) -> usize {
        self.entries.len() - self.durable
    }

    /// Loses the newest entries, at most the volatile ones.
    pub(crate) fn lose(&mut self, newest: usize) {
        assert!(newest <= self.volatile(), "what is durable is never lost");
        self.entries.truncate(self.entries.len() - newest);
    }

    /// What another machine finds on a copy of the volume: what is durable.
    pub(crate) fn copied(&self) -> Self {
        let mut copy = self.clone();
        copy.entries.truncate(self.durable);
        copy.restored = true;
        copy
    }

    /// Notes that a process remembers so many more outcomes, which it is going to put: it drops its oldest at once.
    pub(crate) fn promised(&mut self, entry: &JournalEntry) {
        self.promised += match entry {
            JournalEntry::Settled { members, .. } => members.len().max(1),
            JournalEntry::Finished(_) => 1,
            _ => 0,
        };
    }

    /// Whether outcomes may have been dropped to make room.
    pub(crate) fn has_dropped(&self) -> bool {
        self.promised > self.remembered
    }

    /// Whether a group's PREPARED entry is on stable storage.
    pub(crate) fn is_prepared_durably(&self, group: sidecommit_core::GroupUuid) -> bool {
        self.entries[..self.durable]
            .iter()
            .any(|entry| matches!(entry, JournalEntry::Prepared(prepared) if prepared.group == group))
    }

    /// What a start reads.
    pub(crate) fn contents(&self) -> JournalContents {
        let mut fold = Fold::new(self.id, self.remembered);
        for entry in &self.entries {
            fold.apply(entry.clone());
        }
        fold.finish()
    }
}

// === impl Fold ===

impl Fold {
    fn new(journal: JournalId, remembered: usize) -> Self {
        let contents = JournalContents {
            journal,
            incarnation: Default::default(),
            claims: Vec::new(),
            trusted_from: None,
            horizon: 0,
            lanes: Vec::new(),
            prepared: Vec::new(),
            finished: Vec::new(),
            recalled: Vec::new(),
            consumption: Vec::new(),
            foreign: Vec::new(),
        };
        Self {
            contents,
            lanes: BTreeMap::new(),
            prepared: BTreeMap::new(),
            ended: VecDeque::new(),
            consumption: BTreeMap::new(),
            remembered,
        }
    }

    fn apply(&mut self, entry: JournalEntry) {
        let contents = &mut self.contents;
        match entry {
            JournalEntry::Claim { incarnation, pod_uid } => {
                contents.incarnation = incarnation;
                contents.trusted_from.get_or_insert(incarnation);
                contents.claims.push((incarnation, pod_uid));
                if contents.claims.len() > CLAIMS {
                    contents.claims.remove(0);
                }
            }
            JournalEntry::Prepared(group) => {
                self.reach(group.lane, group.seq);
                self.prepared.insert((group.lane, group.seq), group);
            }
            JournalEntry::Settled { lane, seq, members } => {
                self.reach(lane, seq);
                self.prepared.remove(&(lane, seq));
                self.remember(members);
            }
            JournalEntry::Finished(summary) => self.remember(vec![summary]),
            JournalEntry::Consumption { group_id, topic, partition, memory } => {
                let place = (group_id, topic, partition);
                match memory {
                    Some(memory) => self.consumption.insert(place, memory),
                    None => self.consumption.remove(&place),
                };
            }
            JournalEntry::Adopted { trusted_from, horizon, recalled, lanes } => {
                contents.trusted_from = contents.trusted_from.max(Some(trusted_from));
                contents.horizon = contents.horizon.max(horizon);
                self.recall(recalled);
                lanes.iter().for_each(|known| self.reach(known.lane, known.seq));
            }
        }
    }

    fn reach(&mut self, lane: LaneIndex, seq: u64) {
        let known = self.lanes.entry(lane).or_default();
        *known = seq.max(*known);
    }

    fn remember(&mut self, group: Vec<TxnSummary>) {
        self.ended.push_back(group);
        while self.ended.iter().map(|group| group.len().max(1)).sum::<usize>() > self.remembered {
            let dropped = self.ended.pop_front().into_iter().flatten().map(|summary| summary.ended).max();
            self.contents.horizon = self.contents.horizon.max(dropped.unwrap_or(0));
        }
    }

    fn recall(&mut self, recalled: Vec<Recalled>) {
        let known = &mut self.contents.recalled;
        known.retain(|old| recalled.iter().all(|new| new.txn != old.txn));
        known.extend(recalled);
        known.sort_by_key(|known| (known.time, known.txn));
        let excess = known.len().saturating_sub(self.remembered);
        let dropped: Option<Millis> = known.drain(..excess).map(|known| known.time).max();
        self.contents.horizon = self.contents.horizon.max(dropped.unwrap_or(0));
    }

    fn finish(self) -> JournalContents {
        let lanes = self.lanes.into_iter().map(|(lane, seq)| LaneSeq { lane, seq }).collect();
        let consumption = self.consumption.into_iter();
        JournalContents {
            lanes,
            prepared: self.prepared.into_values().collect(),
            finished: self.ended.into_iter().flatten().collect(),
            consumption: consumption
                .map(|((group_id, topic, partition), memory)| (group_id, topic, partition, memory))
                .collect(),
            ..self.contents
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sidecommit_core::{Fingerprint, GroupUuid, Incarnation, TxnId, TxnOutcome};

    fn summary(ended: Millis) -> TxnSummary {
        TxnSummary {
            txn: TxnId::new(ended, Incarnation(1), ended),
            request_id: String::new(),
            key: None,
            fingerprint: Fingerprint::default(),
            label: String::new(),
            outcome: TxnOutcome::Committed(Vec::new()),
            ended,
            record_count: 0,
            offsets_count: 0,
        }
    }

    #[test]
    fn a_settled_group_moves_to_the_ring_whose_oldest_move_the_horizon() {
        let mut journal = Journal::new(JournalId([1; 16]), 2);
        let prepared = PreparedGroup {
            lane: LaneIndex(1),
            seq: 3,
            group: GroupUuid([2; 16]),
            marker: None,
            members: vec![summary(5)],
        };
        journal.put(JournalEntry::Claim { incarnation: Incarnation(4), pod_uid: "u".into() });
        journal.put(JournalEntry::Prepared(prepared));
        assert!(!journal.is_prepared_durably(GroupUuid([2; 16])));
        journal.sync();
        assert!(journal.is_prepared_durably(GroupUuid([2; 16])));
        assert_eq!(
            (journal.contents().prepared.len(), journal.contents().trusted_from),
            (1, Some(Incarnation(4)))
        );
        journal.put(JournalEntry::Settled { lane: LaneIndex(1), seq: 3, members: vec![summary(5)] });
        journal.put(JournalEntry::Finished(summary(6)));
        journal.put(JournalEntry::Finished(summary(7)));
        let contents = journal.contents();
        assert_eq!((contents.prepared.len(), contents.finished.len(), contents.horizon), (0, 2, 5));
        assert_eq!(contents.lanes, [LaneSeq { lane: LaneIndex(1), seq: 3 }]);
        journal.lose(3);
        assert_eq!(journal.contents().prepared.len(), 1);
    }

    #[test]
    fn the_last_that_was_put_of_a_partition_counts() {
        let mut journal = Journal::new(JournalId([1; 16]), 2);
        let put = |partition, memory| {
            let (group_id, topic) = ("g".to_owned(), "t".to_owned());
            JournalEntry::Consumption { group_id, topic, partition, memory }
        };
        let memory = |outstanding| PartitionMemory { outstanding, ..PartitionMemory::default() };
        let had = Some((sidecommit_core::SessionId([1; 16]), 3, 4));
        journal.put(put(1, Some(memory(None))));
        journal.put(put(2, Some(memory(None))));
        journal.put(put(1, Some(memory(had))));
        journal.put(put(2, None));
        assert_eq!(journal.contents().consumption, [("g".into(), "t".into(), 1, memory(had))]);
        journal.lose(2);
        assert_eq!(journal.contents().consumption.len(), 2);
    }
}
