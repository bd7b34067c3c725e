//! What Kafka knows and the journal does not: a lost, restored or foreign past (engine.md 5, R4).

use super::{Engine, ownership::Ownership};
use crate::{
    Incarnation, JournalEntry, LaneIndex, LaneSeq, Millis, OutcomesKey, OutcomesView, RING, Recalled,
};
use std::collections::BTreeSet;

impl Engine {
    /// The journal misses something: what is not remembered may have been committed.
    pub(super) fn distrust(&mut self, incarnation: Incarnation) {
        self.trusted_from = self.trusted_from.max(incarnation);
        // Not of a distrust that is under way: its horizon is only until every lane was read.
        if self.leased && self.recall.is_none() {
            self.forgotten = self.forgotten.max(self.memory.horizon());
        }
        self.memory.set_horizon(self.now);
        // Lanes that are settled were read in this life, and cannot be usefully read again.
        let read = self.lanes.iter().filter(|lane| lane.settled).map(|lane| (lane.index, self.now));
        let read = read.collect();
        self.recall.get_or_insert(read);
    }

    /// Takes over what Kafka knows and the journal does not (R4).
    pub(super) fn adopt(&mut self, view: &OutcomesView) {
        if self.is_behind(view) {
            let incarnation = match self.ownership {
                Ownership::Claiming { incarnation, .. } => incarnation,
                _ => self.incarnation,
            };
            self.distrust(incarnation);
        }
        let mut lanes = Vec::new();
        for lane in &mut self.lanes {
            lane.seq = lane.seq.max(view.highest_seq(lane.index, self.journal).unwrap_or(0));
            lanes.push(LaneSeq { lane: lane.index, seq: lane.seq });
        }
        let members =
            view.markers.values().flat_map(|marker| marker.members.iter().map(move |m| (marker.time, m)));
        let mut recalled = Vec::new();
        for (time, member) in members {
            if !self.memory.knows(member.txn) && !self.txns.contains_key(&member.txn) {
                let key = (member.key.0 != [0; 16]).then_some(member.key);
                recalled.push(Recalled { txn: member.txn, key, time });
            }
        }
        if recalled.is_empty() && self.recall.is_none() {
            return;
        }
        recalled.iter().for_each(|recalled| self.memory.recall(*recalled));
        let (trusted_from, horizon) = (self.trusted_from, self.memory.horizon());
        self.put(JournalEntry::Adopted { trusted_from, horizon, recalled, lanes });
    }

    /// Whether this journal's markers say more than the journal: it was restored.
    pub(super) fn is_behind(&self, view: &OutcomesView) -> bool {
        self.lanes.iter().any(|lane| view.highest_seq(lane.index, self.journal) > Some(lane.seq))
    }

    /// Whether every commit of this journal (or a copy of it) since a time can still be told from its markers.
    pub(super) fn tells_since(&self, view: &OutcomesView, time: Millis) -> bool {
        let whole = |lane: LaneIndex| {
            view.highest_seq(lane, self.journal).is_none_or(|seq| seq < RING)
                || view.markers_of(lane, self.journal).any(|marker| marker.time <= time)
        };
        let born = view.births.contains_key(&(LaneIndex(0), self.journal));
        born && !is_damaged(view) && self.lanes.iter().all(|lane| whole(lane.index))
    }

    /// Once every lane's markers were read after its init, the horizon is as old as the youngest of their oldest.
    pub(super) fn recall_lane(&mut self, index: LaneIndex, horizon: Millis) {
        let (lanes, now) = (self.lanes.len(), self.now);
        let Some(recall) = self.recall.as_mut() else { return };
        recall.insert(index, horizon);
        if recall.len() < lanes {
            return;
        }
        // What was dropped under another slot is told by none of these markers.
        let horizon = recall.values().copied().max().unwrap_or(now).max(self.forgotten);
        self.recall = None;
        self.memory.set_horizon(horizon);
        let trusted_from = self.trusted_from;
        self.put(JournalEntry::Adopted { trusted_from, horizon, recalled: Vec::new(), lanes: Vec::new() });
    }
}

/// Since when every commit on the lane can be told from its markers; None if something was removed.
pub(super) fn complete_since(view: &OutcomesView, lane: LaneIndex) -> Option<Millis> {
    if is_damaged(view) {
        return None;
    }
    let births = view.births.iter().filter(|(key, _)| key.0 == lane);
    let known = births.map(|(_, birth)| birth.horizon).max().unwrap_or(0);
    let journals: BTreeSet<_> = view.markers.keys().filter(|key| key.0 == lane).map(|key| key.1).collect();
    let since = journals.into_iter().map(|journal| {
        let whole = view.highest_seq(lane, journal)? < RING;
        match whole {
            true => view.births.get(&(lane, journal)).map(|birth| birth.horizon),
            false => view.markers_of(lane, journal).map(|marker| marker.time).min(),
        }
    });
    since.collect::<Option<Vec<_>>>().map(|since| since.into_iter().fold(known, Millis::max))
}

/// Whether it can be seen that evidence was removed.
pub(super) fn is_damaged(view: &OutcomesView) -> bool {
    let evidence = |key: &OutcomesKey| !matches!(key, OutcomesKey::Owner | OutcomesKey::Barrier(..));
    view.truncated || view.tombstoned.iter().any(evidence)
}
