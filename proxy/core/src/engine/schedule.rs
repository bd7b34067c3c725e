//! Which lane is used when.

use super::{Engine, Serving, Timer, pace::Load};
use crate::{
    LaneIndex, LaneOp, Millis, TxnId,
    engine::lane::{Carries, Phase},
    table::{LaneState, LaneStep, TxnState},
};

/// Consumer groups per Kafka transaction: each costs 1 to 2 ms and one bad generation spoils it (engine.md 7).
pub(super) const GROUPS_MAX: usize = 4;

/// After an end, the markers of a transaction are written within this time: until then the next one on the lane is answered
/// CONCURRENT_TRANSACTIONS and waits for 20 ms (performance.md, trap 2).
const MARKERS_WRITTEN: Millis = 25;

/// A lane beyond `lanes_warm` that was not used for so long is closed.
const LANE_IDLE: Millis = 30_000;

impl Engine {
    /// Whether new Kafka transactions may start.
    pub(super) fn may_begin(&self) -> bool {
        matches!(self.serving, Serving::Ready | Serving::Draining)
    }

    /// A committing transaction waits for a lane, where it was in the queue before.
    pub(super) fn enqueue(&mut self, id: TxnId) {
        let Some(txn) = self.txns.get_mut(&id) else { return };
        let turn = *txn.turn.get_or_insert_with(|| self.queue.turn());
        txn.lane = None;
        let topics = txn.records.iter().map(|record| &record.topic);
        txn.alone |= self.quarantine.holds(self.now, txn.caller, topics);
        self.queue.push(turn, txn);
        let load = self.load();
        self.pace.arrived(self.now, load);
    }

    /// It waits no more.
    pub(super) fn dequeue(&mut self, id: TxnId) {
        let Some(txn) = self.txns.get(&id) else { return };
        if let Some(turn) = txn.turn {
            self.queue.remove(turn, txn);
        }
    }

    pub(super) fn load(&self) -> Load {
        let sharing = |group: &super::lane::Group| match group.carries {
            Carries::Shared => group.members.len(),
            Carries::Stream | Carries::Alone => 0,
        };
        let carried = self.lanes.iter().filter_map(|lane| lane.group.as_ref()).map(sharing).sum();
        Load { waiting: self.queue.together(), carried }
    }

    /// Gives lanes to whoever can use one.
    pub(super) fn schedule(&mut self) {
        if !self.may_begin() {
            return;
        }
        for index in (0..self.lanes.len() as u16).map(LaneIndex) {
            if self.lane(index).phase() == Some(Phase::Filling { finishing: true }) {
                self.pump(index);
            }
        }
        if self.queue.is_empty() {
            return;
        }
        while self.start_shared() || self.start_alone() {}
        if let Some(at) = self.pace.deadline(self.now, &self.limits.group_commit) {
            self.timers.set(at, Timer::Group);
        }
    }

    /// Starts a group of those that may share a Kafka transaction, if one is due and a lane is free.
    fn start_shared(&mut self) -> bool {
        if !self.pace.is_due(self.now, self.load(), &self.limits.group_commit) {
            return false;
        }
        let Some(index) = self.idle_lane() else {
            self.open_on_demand();
            return false;
        };
        let members = self.gather();
        let started = !members.is_empty();
        if started {
            self.start_group(index, members, Carries::Shared);
        }
        // Those who wait still do so for a place, or for a lane to settle, which is an arrival then.
        let load = self.load();
        self.pace.started(self.now, load, started && load.waiting.0 > 0);
        started
    }

    /// Starts one that runs alone. They have at most half of the lanes at a time: others go on.
    fn start_alone(&mut self) -> bool {
        if !self.queue.has_alone() {
            return false;
        }
        let alone = |lane: &&super::Lane| lane.group.as_ref().is_some_and(|g| g.carries == Carries::Alone);
        let running = self.lanes.iter().filter(alone).count();
        if running >= usize::from(self.limits.lanes_max / 2).max(1) {
            return false;
        }
        let Some(id) = self.first_alone() else { return false };
        let Some(index) = self.idle_lane() else {
            self.open_on_demand();
            return false;
        };
        self.dequeue(id);
        self.start_group(index, vec![id], Carries::Alone);
        true
    }

    /// The first whose last markers are surely written, so that few lanes do all they can and the others may close; if there
    /// is none, the one that has been idle longest.
    pub(super) fn idle_lane(&self) -> Option<LaneIndex> {
        let idle = || self.lanes.iter().filter(|lane| lane.state == LaneState::Idle);
        let rested = idle().find(|lane| lane.since + MARKERS_WRITTEN <= self.now);
        rested.or_else(|| idle().min_by_key(|lane| lane.since)).map(|lane| lane.index)
    }

    /// Opens another lane when some wait and none is on its way.
    pub(super) fn open_on_demand(&mut self) {
        let coming = |lane: &super::Lane| {
            matches!(lane.state, LaneState::Opening | LaneState::Verifying | LaneState::Writing)
        };
        let closed = |lane: &&super::Lane| lane.state == LaneState::Closed && self.is_ours(lane.index);
        let closed = self.lanes.iter().find(closed).map(|lane| lane.index);
        if let (false, Some(index)) = (self.lanes.iter().any(coming), closed) {
            self.open_lane(index, "demand");
        }
    }

    /// A lane is idle: if nobody uses it for long, it is closed.
    pub(super) fn rest(&mut self, index: LaneIndex) {
        if index.0 >= self.limits.lanes_warm.max(1) {
            self.timers.set(self.now + LANE_IDLE, Timer::Rest(index));
        }
    }

    pub(super) fn on_rest_due(&mut self, index: LaneIndex) {
        let now = self.now;
        let lane = self.lane(index);
        if lane.state == LaneState::Idle && lane.since + LANE_IDLE <= now {
            lane.step(now, LaneStep::Close);
            let close = lane.op(LaneOp::Close);
            self.out.push(close);
        }
    }

    /// Whether the lane is one of those we may have (a predecessor may have had more).
    pub(super) fn is_ours(&self, index: LaneIndex) -> bool {
        index.0 < self.limits.lanes_max
    }

    /// Whether one more lane may stream: some are reserved for small transactions.
    pub(super) fn may_stream(&self) -> bool {
        let streaming = self.lanes.iter().filter(|lane| lane.stream().is_some()).count();
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
                self.start_group(index, vec![id], Carries::Stream);
                true
            }
            None => {
                self.open_on_demand();
                false
            }
        }
    }
}
