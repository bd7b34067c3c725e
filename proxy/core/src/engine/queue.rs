//! Committing transactions that wait for a lane, in the order of their Commits.

use super::txn::Txn;
use crate::TxnId;
use std::collections::BTreeMap;

/// A transaction's place: kept when its group is aborted and it waits again, so that nobody who came later overtakes it.
pub(super) type Turn = u64;

/// Those that may share a Kafka transaction and those that run alone; by turn.
#[derive(Debug, Default)]
pub(super) struct Queue {
    together: BTreeMap<Turn, TxnId>,
    alone: BTreeMap<Turn, TxnId>,
    /// Of those in `together`.
    records: u64,
    bytes: u64,
    last: Turn,
}

// === impl Queue ===

impl Queue {
    /// The next place at the end.
    pub(super) fn turn(&mut self) -> Turn {
        self.last += 1;
        self.last
    }

    pub(super) fn push(&mut self, turn: Turn, txn: &Txn) {
        if txn.alone {
            self.alone.insert(turn, txn.id);
        } else if self.together.insert(turn, txn.id).is_none() {
            self.records += txn.next_sequence;
            self.bytes += txn.bytes;
        }
    }

    pub(super) fn remove(&mut self, turn: Turn, txn: &Txn) {
        self.alone.remove(&turn);
        if self.together.remove(&turn).is_some() {
            self.records -= txn.next_sequence;
            self.bytes -= txn.bytes;
        }
    }

    pub(super) fn len(&self) -> usize {
        self.together.len() + self.alone.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many may share, their records, their bytes.
    pub(super) fn together(&self) -> (usize, u64, u64) {
        (self.together.len(), self.records, self.bytes)
    }

    /// Whether somebody waits to run alone.
    pub(super) fn has_alone(&self) -> bool {
        !self.alone.is_empty()
    }

    /// All, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = TxnId> {
        let (mut together, mut alone) = (self.together.iter().peekable(), self.alone.iter().peekable());
        std::iter::from_fn(move || match (together.peek(), alone.peek()) {
            (Some((turn, _)), Some((other, _))) if other < turn => alone.next().map(|(_, id)| *id),
            (Some(_), _) => together.next().map(|(_, id)| *id),
            (None, _) => alone.next().map(|(_, id)| *id),
        })
    }
}
