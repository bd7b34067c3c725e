//! Room: what waits for it, and how a buffer that nothing drains is freed (engine.md 10).
//!
//! A Produce of a stream that finds no room is not refused: it waits, and with it its stream, which reads no further. A
//! transaction has at most one such Produce, so memory is bounded by `limits.buffer_bytes` and one message per stream.

use super::{Engine, Timer, lane::Phase, outcome::Cause, txn::Txn};
use crate::{
    CallId, Millis, Produce, Reason, TxnId,
    table::{LaneState, TxnState},
};
use std::{
    collections::{BTreeSet, VecDeque},
    ops::Bound,
};

/// Who waits for what.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Transactions whose Produce waits.
    waiting: usize,
    /// Those of them that have no lane, in the order in which they came; some may have one by now, or be over.
    in_memory: VecDeque<TxnId>,
    /// Large transactions that found no free lane, the oldest first; some may need none any more.
    want_lane: BTreeSet<TxnId>,
    /// For the order among those on lanes.
    turns: u64,
    /// Since when something waits and nothing but an application can make room.
    still_since: Option<Millis>,
}

/// A Produce that waits for room.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) call: CallId,
    pub(super) produce: Produce,
    bytes: u64,
    turn: u64,
}

/// Where the records of a stream are to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Into memory, until the Commit or until there is a lane.
    Memory,
    /// To a lane, which drains them.
    Lane {
        /// It has nothing of the transaction.
        empty: bool,
    },
}

// === impl Place ===

impl Place {
    /// Whether so many bytes more may be taken of a stream.
    ///
    /// What drains comes before what only a Commit drains, and neither takes what is left for small transactions. A lane that
    /// has nothing always gets a message: else transactions in memory could keep out the very ones whose end they wait for.
    fn takes(self, limit: u64, buffered: u64, more: u64) -> bool {
        let share = match self {
            Self::Lane { empty: true } => return true,
            Self::Lane { empty: false } => limit / 5 * 4,
            Self::Memory => limit / 2,
        };
        buffered == 0 || buffered + more <= share
    }
}

// === impl Engine ===

impl Engine {
    /// New records of a stream, `bytes` of them.
    pub(super) fn take_or_wait(&mut self, call: CallId, produce: Produce, bytes: u64) {
        let id = produce.txn;
        if !self.queues_behind(id) && self.has_room(id, bytes) {
            let next_sequence = self.take_in(produce, bytes);
            return self.acknowledge(call, id, next_sequence);
        }
        self.end_wait_of_older(id, bytes);
        let Some(txn) = self.txns.get_mut(&id) else { return };
        self.room.turns += 1;
        self.room.waiting += 1;
        txn.waiting = Some(Waiting { call, produce, bytes, turn: self.room.turns });
        if txn.lane.is_none() {
            // A lane is room too.
            self.room.want_lane.insert(id);
            self.room.in_memory.push_back(id);
        }
    }

    /// Somebody's stream broke and another came: only one message of a transaction is kept.
    fn end_wait_of_older(&mut self, id: TxnId, bytes: u64) {
        let Some(older) = self.end_wait(id) else { return };
        let refusal = self.buffer_full(bytes).next_sequence(older.produce.sequence);
        self.reply(older.call, Err(refusal));
    }

    /// Takes the transaction out of the waiting ones.
    pub(super) fn end_wait(&mut self, id: TxnId) -> Option<Waiting> {
        let ended = self.txns.get_mut(&id)?.waiting.take();
        self.forget_wait(ended)
    }

    /// The same for one that is not in the table any more.
    pub(super) fn forget_wait(&mut self, ended: Option<Waiting>) -> Option<Waiting> {
        self.room.waiting -= usize::from(ended.is_some());
        ended
    }

    /// The Produce of a transaction that takes no more is refused.
    pub(super) fn refuse_wait(&mut self, id: TxnId) {
        if let Some(ended) = self.end_wait(id) {
            let refusal = self.not_open(id);
            self.reply(ended.call, Err(refusal));
        }
    }

    /// A large transaction streams as soon as a lane is free for it.
    pub(super) fn want_lane(&mut self, id: TxnId) {
        self.room.want_lane.insert(id);
        self.give_lanes();
    }

    /// Whether new Begins should keep away for the sake of what waits.
    pub(super) fn stands_still(&self) -> bool {
        self.room.still_since.is_some()
    }

    /// After each step: lanes and room go to who waits for them.
    pub(super) fn make_way(&mut self) {
        self.give_lanes();
        if self.room.waiting > 0 {
            self.serve_lanes();
            self.serve_memory();
        }
        let still = self.room.waiting > 0 && !self.drains();
        if !still {
            self.room.still_since = None;
        } else if self.room.still_since.is_none() {
            self.room.still_since = Some(self.now);
            self.timers.set(self.now + self.patience(), Timer::Room);
        }
    }

    /// Nothing has moved for long: the youngest gives way.
    pub(super) fn on_room_due(&mut self) {
        let due = self.room.still_since.is_some_and(|since| since + self.patience() <= self.now);
        if !due || self.drains() {
            return;
        }
        self.room.still_since = None;
        let gives_way = |txn: &&Txn| {
            txn.state == TxnState::Open && txn.lane.is_none() && (txn.held > 0 || txn.waiting.is_some())
        };
        let Some(youngest) = self.txns.values().filter(gives_way).map(|txn| txn.id).max() else { return };
        let limit = self.limits.buffer_bytes;
        let message =
            format!("{youngest} was the youngest when nothing drained limits.buffer_bytes ({limit})");
        self.abort_unprepared(youngest, &Cause::new(Reason::BufferPressure, message));
    }

    /// How long nothing may move. Well before the idle clock ends those that are on lanes: they are larger, and older.
    fn patience(&self) -> Millis {
        self.limits.idle_timeout / 4
    }

    /// Whether room or a lane will come without any application's help.
    fn drains(&self) -> bool {
        let recent = self.now.saturating_sub(self.limits.idle_timeout);
        !self.queue.is_empty()
            || self.lanes.iter().any(|lane| match lane.state {
                LaneState::Busy => {
                    lane.window > 0 || lane.phase() != Some(Phase::Filling { finishing: false })
                }
                LaneState::Opening | LaneState::Verifying | LaneState::Writing => lane.since >= recent,
                LaneState::Closed | LaneState::Idle | LaneState::Stopped => false,
            })
    }

    fn give_lanes(&mut self) {
        let mut after = None;
        while self.may_give_lane() {
            let rest = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
            let Some(id) = self.room.want_lane.range(rest).next().copied() else { return };
            after = Some(id);
            let wants = |txn: &Txn| txn.state == TxnState::Open && txn.lane.is_none();
            if !self.txns.get(&id).is_some_and(wants) || self.try_stream(id) {
                self.room.want_lane.remove(&id);
            }
        }
    }

    /// Whether there is a lane for streaming, or one more should be opened for those who want one.
    fn may_give_lane(&self) -> bool {
        if self.room.want_lane.is_empty() {
            return false;
        }
        let is = |state| self.lanes.iter().filter(move |l| l.state == state && self.is_ours(l.index)).count();
        let coming = is(LaneState::Opening) + is(LaneState::Verifying) + is(LaneState::Writing);
        self.may_stream() && (is(LaneState::Idle) > 0 || coming == 0 && is(LaneState::Closed) > 0)
    }

    fn place(&self, txn: &Txn) -> Place {
        match txn.lane {
            Some(index) => {
                let window = self.lanes[usize::from(index.0)].window;
                Place::Lane { empty: window == 0 && txn.records.is_empty() }
            }
            None => Place::Memory,
        }
    }

    fn has_room(&self, id: TxnId, bytes: u64) -> bool {
        let place = self.txns.get(&id).map(|txn| self.place(txn));
        place.is_some_and(|place| place.takes(self.limits.buffer_bytes, self.buffered, bytes))
    }

    /// Whether another of its kind waits already.
    fn queues_behind(&self, id: TxnId) -> bool {
        if self.room.waiting == 0 {
            return false;
        }
        match self.txns.get(&id).map(|txn| self.place(txn)) {
            Some(Place::Lane { empty }) => !empty && !self.waiting_on_lanes().is_empty(),
            Some(Place::Memory) => self.room.in_memory.iter().any(|other| self.waits_in_memory(*other)),
            None => false,
        }
    }

    fn waits_in_memory(&self, id: TxnId) -> bool {
        self.txns.get(&id).is_some_and(|txn| txn.lane.is_none() && txn.waiting.is_some())
    }

    /// Whose Produce waits although it has a lane, in the order in which they came.
    fn waiting_on_lanes(&self) -> Vec<TxnId> {
        let streams = self.lanes.iter().filter_map(|lane| lane.stream());
        let mut waiting: Vec<_> = streams
            .filter_map(|group| self.txns.get(group.members.first()?))
            .filter_map(|txn| Some((txn.waiting.as_ref()?.turn, txn.id)))
            .collect();
        waiting.sort_unstable();
        waiting.into_iter().map(|(_, id)| id).collect()
    }

    fn serve_lanes(&mut self) {
        let mut held_up = false;
        for id in self.waiting_on_lanes() {
            let Some(txn) = self.txns.get(&id) else { continue };
            let empty = self.place(txn) == Place::Lane { empty: true };
            if empty || !held_up {
                held_up |= !self.serve(id);
            }
        }
    }

    fn serve_memory(&mut self) {
        while let Some(id) = self.room.in_memory.front().copied() {
            if self.waits_in_memory(id) && !self.serve(id) {
                return;
            }
            self.room.in_memory.pop_front();
        }
    }

    /// Takes in what waits, if there is room for it now.
    fn serve(&mut self, id: TxnId) -> bool {
        let bytes = self.txns.get(&id).and_then(|txn| Some(txn.waiting.as_ref()?.bytes));
        if !bytes.is_some_and(|bytes| self.has_room(id, bytes)) {
            return false;
        }
        let Some(Waiting { call, mut produce, .. }) = self.end_wait(id) else { return false };
        // Meanwhile another call may have brought some of it.
        match self.whats_new(&mut produce) {
            Ok(bytes) => {
                let next_sequence = self.take_in(produce, bytes);
                self.not_idle(id);
                self.acknowledge(call, id, next_sequence);
            }
            Err(refusal) => self.reply(call, Err(refusal)),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn what_drains_comes_before_what_does_not_and_an_empty_lane_before_all() {
        let takes = |place: Place, buffered| place.takes(100, buffered, 10);
        assert!(takes(Place::Memory, 40) && !takes(Place::Memory, 41));
        let lane = Place::Lane { empty: false };
        assert!(takes(lane, 70) && !takes(lane, 71));
        assert!(takes(Place::Lane { empty: true }, 100));
    }

    #[test]
    fn a_message_larger_than_its_share_is_taken_when_it_is_alone() {
        assert!(Place::Memory.takes(100, 0, 90));
        assert!(!Place::Memory.takes(100, 1, 90));
    }
}
