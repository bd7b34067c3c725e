//! A process: inputs to its engine, effects to its drivers, and death at any boundary between the two.

use super::{CallState, Phase, World, trace, watch::Boundary};
use crate::{
    coverage::{Act, Moment, Target},
    event::{CallAnswer, Event, ProcId},
    process::Thread,
};
use sidecommit_core::{CallId, Effect, Input, JournalOp, LaneEvent, Millis, Serving};

// === impl World ===

impl World {
    /// Hands an input to a process's engine and its effects to the drivers.
    pub(super) fn deliver(&mut self, proc: ProcId, input: Input) {
        let before = self.arrival(proc, &input);
        if self.dies(proc, before) {
            return;
        }
        let synced = if let Input::Synced(token) = &input { Some(*token) } else { None };
        self.step(proc, input);
        if !self.dies(proc, before.told())
            && let Some(token) = synced
        {
            self.procs[proc].track.synced(token);
        }
    }

    /// The boundary before an input: of a call that it has not come, else that the engine does not know what is done.
    fn arrival(&self, proc: ProcId, input: &Input) -> Boundary {
        let act = match input {
            Input::Call { .. }
            | Input::Underway { .. }
            | Input::Stream { .. }
            | Input::Consumer { .. }
            | Input::Drain { .. }
            | Input::Connections(_)
            | Input::Tick => {
                return Boundary::of(Act::Call, Moment::Before);
            }
            // A former slot's outcomes are read by the driver; the simulation's pods keep their slots.
            Input::Read { .. } | Input::Former { .. } => return Boundary::of(Act::Read, Moment::After),
            Input::Synced(_) | Input::JournalFailed(_) => return Boundary::of(Act::Sync, Moment::After),
            Input::Lane { lane, event, .. } => match event {
                LaneEvent::Opened => Act::Open,
                LaneEvent::Progress { .. } => Act::Send,
                LaneEvent::Flushed(_) => Act::Flush,
                LaneEvent::Ended(_) if self.procs[proc].lanes.get(lane).is_some_and(|l| l.commits) => {
                    Act::Commit
                }
                LaneEvent::Ended(_) => Act::Abort,
                LaneEvent::Failed(_) => Act::Fail,
            },
        };
        match input {
            Input::Lane { lane, generation, .. } => Boundary::on(*lane, *generation, act, Moment::After),
            _ => Boundary::of(act, Moment::After),
        }
    }

    pub(super) fn step(&mut self, proc: ProcId, input: Input) {
        let now = self.now();
        trace!(self, "p{proc} <- {input:?}");
        if let Input::Call { request, .. } = &input {
            self.watch_late_call(proc, request);
        }
        let track = &mut self.procs[proc].track;
        track.proves = matches!(&input, Input::Lane { event: LaneEvent::Failed(error), .. } if error.aborted);
        track.ticks = matches!(input, Input::Tick);
        let effects = self.procs[proc].engine.step(now, input);
        self.watch(proc, &effects);
        self.perform(proc, effects);
        self.observe(proc);
    }

    /// Hands effects to the driver threads: in order per thread, in no order between threads.
    pub(super) fn perform(&mut self, proc: ProcId, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Reply { call, answer } => {
                    self.note_answer(proc, call);
                    let delay = self.dice.u64(0..3);
                    self.schedule.after(delay, Event::Reply { proc, call, answer });
                }
                Effect::Journal(op) => {
                    let process = &mut self.procs[proc];
                    if let JournalOp::Put(entry) = &op {
                        self.journals[self.pods[process.pod].journal].promised(entry);
                    }
                    process.journal.push_back(op);
                    if process.journal.len() == 1 {
                        let delay = self.dice.u64(0..2);
                        self.schedule.after(delay, Event::Journal { proc });
                    }
                }
                Effect::Lane { lane, generation, op } => {
                    self.procs[proc].lanes.entry(lane).or_default().queue.push_back((generation, op));
                    self.wake_lane(proc, lane);
                }
                Effect::Read(token) => {
                    let delay = self.dice.u64(0..5);
                    self.schedule.after(delay, Event::ReadBegins { proc, token });
                }
                // Nobody here reads yet.
                Effect::Stream { .. } | Effect::Consumer { .. } => {
                    self.require(Err(format!("process {proc} reads for nobody: {effect:?}")));
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
        if self.dies(proc, Boundary::of(Act::Reply, Moment::Before)) {
            return;
        }
        trace!(self, "p{proc} {call:?} -> {answer:?}");
        self.hear(call, &answer);
        if let Some(client) = self.calls.get(&call).and_then(|info| info.client) {
            let delay = self.dice.u64(0..3);
            self.schedule.after(delay, Event::Replied { client, call, answer: Some(answer) });
        }
        self.dies(proc, Boundary::of(Act::Reply, Moment::After));
    }

    /// Reports of one thread arrive in order.
    pub(super) fn report(&mut self, proc: ProcId, thread: Thread, input: Input) {
        let delay = self.wait(3);
        let at = self.now() + delay;
        let last = self.procs[proc].delivered.entry(thread).or_default();
        *last = at.max(*last);
        let at = *last;
        self.schedule.at(at, Event::Deliver { proc, input });
    }

    /// A moment of less than so many milliseconds, or a while on a busy machine.
    pub(super) fn wait(&mut self, moment: Millis) -> Millis {
        if self.dice.hit(self.profile.busy) { self.dice.u64(0..300) } else { self.dice.u64(0..moment) }
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
                let late = self.wait(2);
                self.schedule.at(deadline + late, Event::Tick { proc });
            }
        }
        let status = self.procs[proc].engine.status(now);
        self.check_bounds(proc, &status);
        self.check_queue(proc, &status);
        if status.serving != self.procs[proc].serving {
            trace!(self, "p{proc} is {:?}", status.serving);
            self.stats.count("serving", serving_name(&status.serving));
            self.procs[proc].serving = status.serving.clone();
        }
        if status.serving == Serving::Ready && status.lanes.iter().all(inited) {
            self.ledger.owners.serves(proc);
        }
    }

    /// Whether the process dies at this boundary: by chance, or because the seed is after just this.
    pub(super) fn dies(&mut self, proc: ProcId, boundary: Boundary) -> bool {
        if !self.procs[proc].alive {
            return true;
        }
        if self.phase != Phase::Storm {
            return false;
        }
        let Boundary { act, moment, .. } = boundary;
        // The instants around a commit are short, and some acts are seldom: look at them longer.
        let weight = match act {
            Act::Sync | Act::Commit | Act::Reply | Act::Abort | Act::Close | Act::Fail | Act::Undo => 8,
            _ => 1,
        };
        let chance = if self.crashes_left > 0 { self.profile.crash * weight } else { 0 };
        let by_chance = chance > 0 && self.dice.u32(0..1_000_000) < chance;
        let aim = self.aim.filter(|(_, a, m)| (*a, *m) == (act, moment));
        if !by_chance && aim.is_none() {
            return false;
        }
        let met = self.met(proc, boundary);
        let with = self.met_with(proc, boundary);
        let aimed = aim.is_some_and(|(target, ..)| match target {
            Target::Row(row) => met.contains(&row),
            Target::Feature(feature) => with.contains(&feature),
        });
        if !(by_chance || aimed) || !self.dice.lets_happen() {
            return false;
        }
        if aimed {
            self.aim = None;
        }
        self.crashes_left = self.crashes_left.saturating_sub(u32::from(by_chance));
        self.stats.coverage.crashed(&met, &with, act, moment);
        let power = self.dice.hit(self.profile.power * 100);
        let point = format!("{moment:?} {act:?}").to_lowercase();
        trace!(self, "p{proc} is at its end: {point}");
        self.stats.count(if power { "power loss" } else { "kill" }, point);
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
        Serving::NoSlot(_) | Serving::Connecting(_) => unreachable!("an engine has its slot and Kafka"),
        Serving::Recovering => "recovering",
        Serving::Ready => "ready",
        Serving::Draining => "draining",
        Serving::FencedByRival(_) => "fenced by a rival",
        Serving::JournalFailed(_) => "journal failed",
    }
}
