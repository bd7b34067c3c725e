//! Outcomes remembered, so that a repeat gets the stored reply; the journal keeps the same ring.

use crate::{IdempotencyKey, KeyHash, Millis, Recalled, TxnId, TxnOutcome, TxnSummary};
use std::collections::{BTreeMap, VecDeque};

#[derive(Debug)]
pub(super) struct Memory {
    order: VecDeque<TxnId>,
    finished: BTreeMap<TxnId, TxnSummary>,
    requests: BTreeMap<String, TxnId>,
    keys: BTreeMap<KeyHash, TxnId>,
    recalled: BTreeMap<TxnId, Recalled>,
    /// Everything that ended after this is remembered.
    horizon: Millis,
    capacity: usize,
}

/// What is remembered under a name.
#[derive(Debug)]
pub(super) enum Found<'a> {
    /// The whole story.
    Finished(&'a TxnSummary),
    /// Only that it was committed.
    Recalled(TxnId),
}

impl Memory {
    pub(super) fn new(capacity: usize, horizon: Millis) -> Self {
        Self {
            order: VecDeque::new(),
            finished: BTreeMap::new(),
            requests: BTreeMap::new(),
            keys: BTreeMap::new(),
            recalled: BTreeMap::new(),
            horizon,
            capacity,
        }
    }

    pub(super) fn horizon(&self) -> Millis {
        self.horizon
    }

    /// What ended before is only known as far as it is remembered.
    pub(super) fn set_horizon(&mut self, horizon: Millis) {
        self.horizon = horizon;
    }

    pub(super) fn remember(&mut self, summary: TxnSummary) {
        if !summary.request_id.is_empty() {
            self.requests.insert(summary.request_id.clone(), summary.txn);
        }
        // An aborted transaction frees its key; an unknown one must never be written a second time.
        if let Some(key) = &summary.key
            && !matches!(summary.outcome, TxnOutcome::Aborted { .. })
        {
            self.keys.insert(key.hash, summary.txn);
        }
        let txn = summary.txn;
        if self.finished.insert(txn, summary).is_none() {
            self.order.push_back(txn);
        }
        while self.order.len() > self.capacity {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.order.pop_front().and_then(|txn| self.finished.remove(&txn)) else { return };
        self.horizon = self.horizon.max(oldest.ended);
        if self.requests.get(&oldest.request_id) == Some(&oldest.txn) {
            self.requests.remove(&oldest.request_id);
        }
        if let Some(key) = oldest.key
            && self.keys.get(&key.hash) == Some(&oldest.txn)
        {
            self.keys.remove(&key.hash);
        }
    }

    pub(super) fn recall(&mut self, recalled: Recalled) {
        if self.finished.contains_key(&recalled.txn) {
            return;
        }
        if let Some(key) = recalled.key {
            self.keys.entry(key).or_insert(recalled.txn);
        }
        self.recalled.insert(recalled.txn, recalled);
    }

    /// Whether something is only known from its marker.
    pub(super) fn recalls(&self) -> bool {
        !self.recalled.is_empty()
    }

    pub(super) fn knows(&self, txn: TxnId) -> bool {
        self.finished.contains_key(&txn) || self.recalled.contains_key(&txn)
    }

    pub(super) fn by_id(&self, txn: TxnId) -> Option<Found<'_>> {
        let finished = self.finished.get(&txn).map(Found::Finished);
        finished.or_else(|| self.recalled.contains_key(&txn).then_some(Found::Recalled(txn)))
    }

    pub(super) fn by_request(&self, request_id: &str) -> Option<Found<'_>> {
        self.by_id(*self.requests.get(request_id)?)
    }

    pub(super) fn by_key(&self, key: &IdempotencyKey) -> Option<Found<'_>> {
        self.by_id(*self.keys.get(&key.hash)?)
    }
}
