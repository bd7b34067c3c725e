//! A process: inputs to its engine, effects to its drivers, and death at any boundary between the two.

use super::{CallState, Phase, World, trace};
use crate::{
    event::{CallAnswer, Event, ProcId},
    process::Thread,
    profile::hit,
};
use sidecommit_core::{CallId, Effect, Input, JournalOp, LaneOp, Serving};

/// Before or after an effect is performed or an input is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Before,
    After,
}

// === impl World ===

impl World {
    /// Hands an input to a process's engine and its effects to the drivers.
    pub(super) fn deliver(&mut self, proc: ProcId, input: Input) {
        let name = input_name(&input);
        if self.dies(proc, name, Side::Before) {
            return;
        }
        self.step(proc, input);
        self.dies(proc, name, Side::After);
    }

    pub(super) fn step(&mut self, proc: ProcId, input: Input) {
        let now = self.now();
        trace!(self, "p{proc} <- {input:?}");
        let effects = self.procs[proc].engine.step(now, input);
        self.perform(proc, effects);
        self.observe(proc);
    }

    /// Hands effects to the driver threads: in order per thread, in no order between threads.
    pub(super) fn perform(&mut self, proc: ProcId, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Reply { call, answer } => {
                    self.note_answer(proc, call);
                    let delay = self.rng.u64(0..3);
                    self.schedule.after(delay, Event::Reply { proc, call, answer });
                }
                Effect::Journal(op) => {
                    let process = &mut self.procs[proc];
                    if let JournalOp::Put(entry) = &op {
                        self.journals[self.pods[process.pod].journal].promised(entry);
                    }
                    process.journal.push_back(op);
                    if process.journal.len() == 1 {
                        let delay = self.rng.u64(0..2);
                        self.schedule.after(delay, Event::Journal { proc });
                    }
                }
                Effect::Lane { lane, generation, op } => {
                    self.procs[proc].lanes.entry(lane).or_default().queue.push_back((generation, op));
                    self.wake_lane(proc, lane);
                }
                Effect::Read(token) => {
                    let delay = self.rng.u64(0..5);
                    self.schedule.after(delay, Event::ReadBegins { proc, token });
                }
            }
        }
    }

    /// Each call is answered once, by the process that got it.
    fn note_answer(&mut self, proc: ProcId, call: CallId) {
        let result = match self.calls.get_mut(&call) {
            Some(info) if info.proc == proc && info.state == CallState::Open => {
                info.state = CallState::Answered;
                Ok(())
            }
            other => Err(format!("process {proc} answers {call:?}, which is {other:?}")),
        };
        self.procs[proc].unanswered.remove(&call);
        self.require(result);
    }

    /// A reply leaves the process: from here on it may have been heard.
    pub(super) fn reply(&mut self, proc: ProcId, call: CallId, answer: CallAnswer) {
        if self.dies(proc, "reply", Side::Before) {
            return;
        }
        trace!(self, "p{proc} {call:?} -> {answer:?}");
        self.hear(call, &answer);
        if let Some(client) = self.calls.get(&call).and_then(|info| info.client) {
            let delay = self.rng.u64(0..3);
            self.schedule.after(delay, Event::Replied { client, call, answer: Some(answer) });
        }
        self.dies(proc, "reply", Side::After);
    }

    /// Reports of one thread arrive in order.
    pub(super) fn report(&mut self, proc: ProcId, thread: Thread, input: Input) {
        let at = self.now() + self.rng.u64(0..3);
        let last = self.procs[proc].delivered.entry(thread).or_default();
        *last = at.max(*last);
        let at = *last;
        self.schedule.at(at, Event::Deliver { proc, input });
    }

    pub(super) fn tick(&mut self, proc: ProcId) {
        self.procs[proc].tick = None;
        self.step(proc, Input::Tick);
    }

    /// Looks at the engine after each step.
    pub(super) fn observe(&mut self, proc: ProcId) {
        let now = self.now();
        if let Some(deadline) = self.procs[proc].engine.next_deadline() {
            let process = &mut self.procs[proc];
            if process.tick.is_none_or(|tick| tick > deadline) {
                process.tick = Some(deadline);
                let late = self.rng.u64(0..2);
                self.schedule.at(deadline + late, Event::Tick { proc });
            }
        }
        let status = self.procs[proc].engine.status(now);
        self.check_bounds(proc, &status);
        self.watch_transactions(proc);
        if status.serving != self.procs[proc].serving {
            trace!(self, "p{proc} is {:?}", status.serving);
            self.stats.count("serving", serving_name(&status.serving));
            self.procs[proc].serving = status.serving.clone();
        }
        if status.serving == Serving::Ready && status.lanes.iter().all(inited) {
            self.ledger.owners.serves(proc);
        }
    }

    /// Whether the process dies at this boundary.
    pub(super) fn dies(&mut self, proc: ProcId, point: &str, side: Side) -> bool {
        if !self.procs[proc].alive {
            return true;
        }
        if self.phase != Phase::Storm || self.crashes_left == 0 || self.profile.crash == 0 {
            return false;
        }
        // The instants around a commit are short: look at them longer.
        let weight =
            if matches!(point, "sync" | "end commit" | "ended" | "synced" | "reply") { 8 } else { 1 };
        if self.rng.u32(0..1_000_000) >= self.profile.crash * weight {
            return false;
        }
        self.crashes_left -= 1;
        let power = hit(&mut self.rng, self.profile.power * 100);
        self.stats
            .count(if power { "power loss" } else { "kill" }, format!("{side:?} {point}").to_lowercase());
        self.kill(proc, power);
        self.restart_later(self.procs[proc].pod);
        true
    }
}

fn inited(lane: &sidecommit_core::LaneStatus) -> bool {
    lane.generation.0 > 0 && lane.state != sidecommit_core::table::LaneState::Opening
}

fn serving_name(serving: &Serving) -> &'static str {
    match serving {
        Serving::Recovering => "recovering",
        Serving::Ready => "ready",
        Serving::Draining => "draining",
        Serving::FencedByRival(_) => "fenced by a rival",
        Serving::JournalFailed(_) => "journal failed",
    }
}

fn input_name(input: &Input) -> &'static str {
    use sidecommit_core::LaneEvent;
    match input {
        Input::Call { .. } => "call",
        Input::Lane { event: LaneEvent::Opened, .. } => "opened",
        Input::Lane { event: LaneEvent::Progress { .. }, .. } => "progress",
        Input::Lane { event: LaneEvent::Flushed(_), .. } => "flushed",
        Input::Lane { event: LaneEvent::Ended(_), .. } => "ended",
        Input::Lane { event: LaneEvent::Failed(_), .. } => "failed",
        Input::Read { .. } => "read result",
        Input::Synced(_) => "synced",
        Input::JournalFailed(_) => "journal failed",
        Input::Drain { .. } => "drain",
        Input::Connections(_) => "connections",
        Input::Tick => "tick",
    }
}

/// A lane operation's name among the crash points.
pub(super) fn op_name(op: &LaneOp) -> &'static str {
    match op {
        LaneOp::Open => "open",
        LaneOp::Begin => "begin",
        LaneOp::Send(_) => "send",
        LaneOp::Write { .. } => "write",
        LaneOp::Offsets(_) => "offsets",
        LaneOp::Flush => "flush",
        LaneOp::End { commit: true } => "end commit",
        LaneOp::End { commit: false } => "end abort",
        LaneOp::Close => "close",
    }
}
