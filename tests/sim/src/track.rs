//! What a process's transactions and lanes went through last, for the coverage.

use crate::coverage::{Feature, Row};
use sidecommit_core::{Generation, LaneIndex, SyncToken, TxnId};
use std::collections::{BTreeMap, BTreeSet};

/// Followed through one life of a process.
#[derive(Debug, Default)]
pub(crate) struct Track {
    pub(crate) txns: BTreeMap<TxnId, TxnTrack>,
    pub(crate) lanes: BTreeMap<LaneIndex, LaneTrack>,
    /// Rows that made a transaction final which the journal may still lose, oldest first.
    pub(crate) fresh: Vec<Row>,
    /// How many rows have left `fresh`.
    durable: usize,
    /// Syncs that are asked for, each with how many rows it makes durable.
    syncs: BTreeMap<SyncToken, usize>,
    /// The last step was told of an abort that its producer proves.
    pub(crate) proves: bool,
    /// It was the clock's.
    pub(crate) ticks: bool,
    /// Rows of the last step, each with its lane or the lane that carried its transaction.
    pub(crate) recent: Vec<(Option<LaneIndex>, Row)>,
}

/// A transaction that is not final.
#[derive(Debug)]
pub(crate) struct TxnTrack {
    pub(crate) row: Row,
    pub(crate) lane: Option<LaneIndex>,
    /// Where it was before the last step.
    pub(crate) before: Option<LaneIndex>,
    /// What its attempts were like so far.
    pub(crate) past: Past,
    /// What its group is like, or its last one was.
    pub(crate) with: BTreeSet<Feature>,
}

/// What a transaction's attempts were like.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Past {
    several: bool,
    split: bool,
    pub(crate) retry: bool,
    pub(crate) proven: bool,
}

/// A lane.
#[derive(Debug, Default)]
pub(crate) struct LaneTrack {
    pub(crate) row: Option<Row>,
    /// The producer that it has now.
    pub(crate) generation: Generation,
    /// What the group is like that it carries, or carried last.
    pub(crate) with: BTreeSet<Feature>,
}

// === impl Track ===

impl Track {
    /// A group starts on a lane, or tells its members.
    pub(crate) fn group(&mut self, lane: LaneIndex, members: &[TxnId], with: &BTreeSet<Feature>) {
        let several = members.len() > 1;
        let mut all = BTreeSet::new();
        for id in members {
            let Some(txn) = self.txns.get_mut(id) else { continue };
            let past = &mut txn.past;
            past.split |= past.retry && past.several && !several;
            past.several = several;
            let own = [
                (Feature::Several, several),
                (Feature::Split, past.split),
                (Feature::Retry, past.retry),
                (Feature::Together, past.retry && several),
                (Feature::Proven, past.proven),
            ];
            txn.with = own.into_iter().filter(|(_, there)| *there).map(|(feature, _)| feature).collect();
            txn.with.extend(with);
            all.extend(txn.with.iter().copied());
        }
        self.lanes.entry(lane).or_default().with = all;
    }

    /// A sync is asked for.
    pub(crate) fn syncs(&mut self, token: SyncToken) {
        self.syncs.insert(token, self.durable + self.fresh.len());
    }

    /// A sync is done.
    pub(crate) fn synced(&mut self, token: SyncToken) {
        let durable = self.syncs.remove(&token).unwrap_or_default();
        self.fresh.drain(..durable.saturating_sub(self.durable));
        self.durable = self.durable.max(durable);
    }

    /// What everything that is in the process went through last.
    pub(crate) fn everything(&self) -> impl Iterator<Item = Row> {
        let lanes = self.lanes.values().filter_map(|lane| lane.row);
        self.txns.values().map(|txn| txn.row).chain(lanes).chain(self.fresh.iter().copied())
    }

    /// What a lane and the transactions on it (or on it before the last step) went through last.
    pub(crate) fn on_lane(&self, index: LaneIndex, before: bool) -> impl Iterator<Item = Row> {
        let on_it = move |txn: &&TxnTrack| Some(index) == if before { txn.before } else { txn.lane };
        let txns = self.txns.values().filter(on_it).map(|txn| txn.row);
        txns.chain(self.lanes.get(&index).and_then(|lane| lane.row))
    }
}

// === impl TxnTrack ===

impl TxnTrack {
    pub(crate) fn born(row: Row) -> Self {
        Self { row, lane: None, before: None, past: Past::default(), with: BTreeSet::new() }
    }
}
