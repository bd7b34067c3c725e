//! From a closed lane to a usable one: its producer's init, what it reads, when it may be used (engine.md 5).

use super::{
    Counters, Engine, Serving, Timer,
    lane::{Awaits, Own, Phase},
    outcome::Cause,
    ownership::Ownership,
};
use crate::{
    Effect, LaneError, LaneErrorKind, LaneEvent, LaneIndex, LaneOp, Millis, ReadResult, ReadToken, Reason,
    SyncToken,
    ids::Generation,
    table::{LaneState, LaneStep},
};

impl Engine {
    pub(super) fn open_lane(&mut self, index: LaneIndex, cause: &'static str) {
        let now = self.now;
        if matches!(self.ownership, Ownership::Rival) {
            return self.stop_lane(index);
        }
        // A resumed owner replaces producers whose answer is still awaited: only Kafka can tell what became of it.
        if matches!(self.lane(index).phase(), Some(Phase::Preparing(_) | Phase::Ending)) {
            self.doubt_group(index);
        }
        count(&mut self.counters, cause);
        let backoff = self.limits.reopen_backoff;
        let lane = self.lane(index);
        // In use, or asked for: a lane that is only opened to be settled is closed again.
        lane.wanted |= cause != "start" && cause != "resume";
        lane.step(now, LaneStep::Replace);
        lane.barrier = false;
        lane.tainted = false;
        // Two fences in a short time: somebody else may be using our id; do not fight at full speed.
        match lane.last_fence.filter(|fence| now < fence + 60_000 && cause == "fenced" && *fence != now) {
            Some(_) => {
                lane.awaits = Awaits::Turn(now + backoff);
                let close = lane.op(LaneOp::Close);
                self.out.push(close);
                self.timers.set(now + backoff, Timer::Lane(index));
            }
            None => self.init_lane(index),
        }
        if cause == "fenced" {
            self.lane(index).last_fence = Some(now);
            self.counters.fences += 1;
        }
    }

    pub(super) fn init_lane(&mut self, index: LaneIndex) {
        let lane = self.lane(index);
        lane.awaits = Awaits::Nothing;
        lane.generation = lane.generation.next();
        let open = lane.op(LaneOp::Open);
        self.out.push(open);
    }

    /// A lane's producer reports.
    pub(super) fn on_lane(&mut self, index: LaneIndex, generation: Generation, event: LaneEvent) {
        if self.lanes.get(usize::from(index.0)).is_none_or(|lane| lane.generation != generation) {
            return;
        }
        let state = self.lane(index).state;
        match (state, event) {
            (LaneState::Opening, LaneEvent::Opened) => self.on_opened(index),
            (LaneState::Opening, LaneEvent::Failed(error)) => self.on_open_failed(index, error),
            (LaneState::Writing, LaneEvent::Flushed(_)) => {
                let end = self.lane(index).op(LaneOp::End { commit: true });
                self.out.push(end);
            }
            (LaneState::Writing, LaneEvent::Ended(ended)) => self.on_own_written(index, ended),
            (LaneState::Writing, LaneEvent::Failed(error)) => {
                self.open_lane(index, cause_of_own(error.kind));
                self.lane(index).error = Some(error);
            }
            (LaneState::Busy, LaneEvent::Progress { bytes }) => self.on_progress(index, bytes),
            (LaneState::Busy, LaneEvent::Flushed(flushed)) => self.on_flushed(index, flushed),
            (LaneState::Busy, LaneEvent::Ended(ended)) => self.on_group_ended(index, ended),
            (LaneState::Busy, LaneEvent::Failed(error)) => self.on_group_failed(index, &error),
            (LaneState::Idle, LaneEvent::Failed(error)) => {
                self.open_lane(index, if error.kind == LaneErrorKind::Fenced { "fenced" } else { "failed" });
                self.lane(index).error = Some(error);
            }
            // Late words about something that is over.
            _ => {}
        }
    }

    /// R1 is done: the past of this id is decided and can never change.
    pub(super) fn on_opened(&mut self, index: LaneIndex) {
        let now = self.now;
        self.lane(index).step(now, LaneStep::Inited);
        for id in std::mem::take(&mut self.lane(index).unproven) {
            self.enqueue(id);
        }
        self.release(index);
        // A lane that was fenced ahead waits for the claim, after which it is inited once more.
        if index.0 == 0 || matches!(self.ownership, Ownership::Ours) {
            self.read(index);
        }
    }

    /// Inits the lanes beside lane 0 before the claim: an open transaction that a dead predecessor left on one of them
    /// holds back the outcomes that lane 0 has to read. Nothing is written by these producers, and the claim inits
    /// every lane again, so the ownership rule does not rest on this.
    pub(super) fn fence_ahead(&mut self) {
        let closed = |lane: &&super::Lane| lane.state == LaneState::Closed && lane.index.0 > 0;
        let lanes: Vec<_> = self.lanes.iter().filter(closed).map(|lane| lane.index).collect();
        lanes.into_iter().for_each(|index| self.open_lane(index, "start"));
    }

    pub(super) fn on_open_failed(&mut self, index: LaneIndex, error: LaneError) {
        let at = self.now + self.limits.reopen_backoff;
        let lane = self.lane(index);
        lane.error = Some(error);
        lane.awaits = Awaits::Turn(at);
        self.timers.set(at, Timer::Lane(index));
    }

    pub(super) fn read(&mut self, index: LaneIndex) {
        let token = ReadToken(self.token());
        self.lane(index).awaits = Awaits::Read(token);
        self.out.push(Effect::Read(token));
    }

    pub(super) fn on_lane_due(&mut self, index: LaneIndex) {
        let now = self.now;
        match self.lane(index).awaits {
            Awaits::Turn(at) if at <= now => self.init_lane(index),
            Awaits::ReadAgain(at) if at <= now => self.read(index),
            _ => self.on_streaming_due(index),
        }
    }

    /// A streaming transaction is ended before the broker would time it out.
    pub(super) fn on_streaming_due(&mut self, index: LaneIndex) {
        let lifetime = self.limits.lane_timeout.saturating_sub(5_000);
        let now = self.now;
        let Some(group) = self.lane(index).stream() else { return };
        let before_prepared = matches!(group.phase, Phase::Filling { .. } | Phase::Flushing);
        if before_prepared && group.begun + lifetime <= now {
            let id = group.members[0];
            let message = format!("{id} held records in Kafka for {lifetime} ms, the longest a lane allows");
            self.abort_unprepared(id, &Cause::new(Reason::TimedOut, message));
        }
    }

    pub(super) fn on_read(&mut self, token: ReadToken, result: ReadResult) {
        if let Some((_, calls)) = self.suspicion.take_if(|(read, _)| *read == token) {
            return self.on_suspicion(&result, calls);
        }
        let Some(index) =
            self.lanes.iter().find(|lane| lane.awaits == Awaits::Read(token)).map(|lane| lane.index)
        else {
            return;
        };
        match result {
            ReadResult::Done(view) => self.on_view(index, &view),
            ReadResult::Blocked => {
                if matches!(
                    self.ownership,
                    Ownership::Unread | Ownership::Claiming { .. } | Ownership::Proven
                ) {
                    self.fence_ahead();
                }
                let message = "another producer's open transaction holds back the outcomes".to_owned();
                self.lane(index).error = Some(LaneError::new(LaneErrorKind::Other, message));
                self.read(index);
            }
            ReadResult::Failed(why) => {
                let at = self.now + self.limits.reopen_backoff;
                let lane = self.lane(index);
                let message = format!("cannot read the outcomes: {why}");
                lane.error = Some(LaneError::new(LaneErrorKind::Unreachable, message));
                lane.awaits = Awaits::ReadAgain(at);
                self.timers.set(at, Timer::Lane(index));
            }
        }
    }

    pub(super) fn on_synced(&mut self, token: SyncToken) {
        if self.on_delivery_synced(token) {
            return;
        }
        if let Some(id) = self.empty.remove(&token) {
            self.commit_proven(id, Vec::new());
            return;
        }
        let waiting = |lane: &&super::Lane| matches!(lane.awaits, Awaits::ClaimSync(t) | Awaits::SettleSync(t) if t == token);
        let Some(lane) = self.lanes.iter().find(waiting) else { return self.on_prepared(token) };
        let index = lane.index;
        match lane.awaits {
            Awaits::ClaimSync(_) => self.write_own(index, Own::Owner),
            _ if lane.born || self.is_spare(index) => self.lane_settled(index),
            _ => self.write_own(index, Own::Birth),
        }
    }

    pub(super) fn lane_settled(&mut self, index: LaneIndex) {
        let now = self.now;
        let spare = self.is_spare(index);
        let lane = self.lane(index);
        lane.settled = true;
        lane.error = None;
        lane.wanted = false;
        if lane.tainted && !spare {
            return self.open_lane(index, "unclean end");
        }
        lane.step(now, LaneStep::Settled);
        if spare {
            lane.step(now, LaneStep::Close);
            let close = lane.op(LaneOp::Close);
            self.out.push(close);
        } else {
            self.rest(index);
        }
        self.check_ready();
    }

    /// Opened only to fence and settle its past: a predecessor's, or one that nobody needs yet.
    pub(super) fn is_spare(&self, index: LaneIndex) -> bool {
        let lane = &self.lanes[usize::from(index.0)];
        !self.is_ours(index)
            || index.0 >= self.limits.lanes_warm.max(1) && !lane.wanted && self.queue.is_empty()
    }

    /// Ready: the owner record is committed, lane 0 and one more are settled, and the rest too or had its time.
    pub(super) fn check_ready(&mut self) {
        if self.serving != Serving::Recovering || !matches!(self.ownership, Ownership::Ours) {
            return;
        }
        let settled = self.lanes.iter().filter(|lane| lane.settled).count();
        let enough = self.lanes[0].settled && settled >= 2.min(self.lanes.len());
        if settled == self.lanes.len() || enough && self.now >= self.recovery_ends() {
            self.serving = Serving::Ready;
            self.leave_lobby();
        } else if enough {
            self.timers.set(self.recovery_ends(), Timer::Lobby);
        }
    }

    pub(super) fn recovery_ends(&self) -> Millis {
        self.started + self.limits.recovering_wait
    }
}

fn count(counters: &mut Counters, cause: &'static str) {
    *counters.replaced.entry(cause).or_default() += 1;
}

fn cause_of_own(kind: LaneErrorKind) -> &'static str {
    if kind == LaneErrorKind::Fenced { "fenced" } else { "own record failed" }
}
