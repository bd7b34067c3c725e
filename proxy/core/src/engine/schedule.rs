//! Which transaction gets which lane when.

use super::{Engine, Serving, txn::Claim, txn::group_count};
use crate::{
    LaneIndex, TxnId,
    engine::lane::Phase,
    table::{LaneState, TxnState},
};
use std::collections::BTreeSet;

/// Consumer groups per Kafka transaction: each costs 1 to 2 ms and one bad generation spoils it (engine.md 7).
pub(super) const GROUPS_MAX: usize = 4;

impl Engine {
    /// Whether new Kafka transactions may start.
    pub(super) fn may_begin(&self) -> bool {
        matches!(self.serving, Serving::Ready | Serving::Draining)
    }

    /// A committing transaction waits for a lane.
    pub(super) fn enqueue(&mut self, id: TxnId) {
        if let Some(txn) = self.txns.get_mut(&id) {
            txn.lane = None;
            self.queue.push_back(id);
        }
    }

    /// Gives lanes to whoever can use one.
    pub(super) fn schedule(&mut self) {
        if !self.may_begin() {
            return;
        }
        let finishing: Vec<_> = self
            .lanes
            .iter()
            .filter(|lane| lane.phase() == Some(Phase::Filling { finishing: true }))
            .map(|lane| lane.index)
            .collect();
        finishing.into_iter().for_each(|index| self.pump(index));
        while let Some(index) = self.idle_lane() {
            let members = self.next_group();
            if members.is_empty() {
                return;
            }
            self.start_group(index, members, false);
        }
        self.open_on_demand();
    }

    /// The one that has been idle longest: taking turns hides the 20 ms that a lane's next transaction waits for the
    /// markers of its last one (performance.md, trap 2).
    fn idle_lane(&self) -> Option<LaneIndex> {
        let idle = self.lanes.iter().filter(|lane| lane.state == LaneState::Idle);
        idle.min_by_key(|lane| lane.since).map(|lane| lane.index)
    }

    /// Takes from the queue those that may share one Kafka transaction now.
    fn next_group(&mut self) -> Vec<TxnId> {
        let mut members: Vec<TxnId> = Vec::new();
        let mut claims: BTreeSet<Claim> = BTreeSet::new();
        // Whoever was passed over keeps its place before later ones of its key or partition.
        let mut waiting_keys: BTreeSet<&str> = BTreeSet::new();
        let mut waiting_claims: BTreeSet<&Claim> = BTreeSet::new();
        let mut alone = false;
        for id in &self.queue {
            let txn = &self.txns[id];
            let key = txn.ordering_key.as_str();
            let free = !self.ordered.contains_key(key)
                && !waiting_keys.contains(key)
                && txn.offsets.keys().all(|c| !self.claimed.contains_key(c) && !waiting_claims.contains(c));
            let fits = members.is_empty()
                || !alone
                    && !txn.alone
                    && group_count(
                        claims.iter().chain(txn.offsets.keys()).collect::<BTreeSet<_>>().into_iter(),
                    ) <= GROUPS_MAX;
            if free && fits && members.len() < self.limits.group_members_max {
                alone = txn.alone;
                claims.extend(txn.offsets.keys().cloned());
                members.push(*id);
            } else {
                if !key.is_empty() {
                    waiting_keys.insert(key);
                }
                waiting_claims.extend(txn.offsets.keys());
            }
            if members.len() == self.limits.group_members_max {
                break;
            }
        }
        self.queue.retain(|id| !members.contains(id));
        if let Some(index) = self.idle_lane() {
            self.claimed.extend(claims.into_iter().map(|claim| (claim, index)));
        }
        members
    }

    /// Opens another lane when some wait and none is on its way.
    fn open_on_demand(&mut self) {
        if self.queue.is_empty() {
            return;
        }
        let coming = self
            .lanes
            .iter()
            .any(|lane| matches!(lane.state, LaneState::Opening | LaneState::Verifying | LaneState::Writing));
        let closed =
            self.lanes.iter().find(|lane| lane.state == LaneState::Closed && self.is_ours(lane.index));
        if let (false, Some(index)) = (coming, closed.map(|lane| lane.index)) {
            self.open_lane(index, "demand");
        }
    }

    /// Whether the lane is one of those we may have (a predecessor may have had more).
    pub(super) fn is_ours(&self, index: LaneIndex) -> bool {
        index.0 < self.limits.lanes_max
    }

    /// Whether one more lane may stream: some are reserved for small transactions.
    pub(super) fn may_stream(&self) -> bool {
        let streaming =
            self.lanes.iter().filter(|lane| lane.group.as_ref().is_some_and(|g| g.streaming)).count();
        let allowed = self.limits.lanes_max.saturating_sub(self.limits.lanes_reserved).max(1);
        streaming < usize::from(allowed)
    }

    /// Gives a lane of its own to an open transaction, if one is free beyond those reserved for small ones. False if
    /// it has to wait in memory.
    pub(super) fn try_stream(&mut self, id: TxnId) -> bool {
        if !self.may_begin() {
            return false;
        }
        let txn = &self.txns[&id];
        if txn.state != TxnState::Open || txn.lane.is_some() || self.ordered.contains_key(&txn.ordering_key) {
            return false;
        }
        if !self.may_stream() {
            return false;
        }
        match self.idle_lane() {
            Some(index) => {
                self.start_group(index, vec![id], true);
                true
            }
            None => {
                let closed =
                    self.lanes.iter().find(|l| l.state == LaneState::Closed && self.is_ours(l.index));
                if let Some(index) = closed.map(|lane| lane.index) {
                    self.open_lane(index, "demand");
                }
                false
            }
        }
    }
}
