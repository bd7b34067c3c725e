//! Lane threads: operations in order, blocking calls, and the producer's conversation with the broker.

use super::{World, trace, watch::Boundary};
use crate::{
    Plant,
    broker::{Body, Broker, BrokerError, Response},
    coverage::{Act, Moment, Row},
    event::{Event, ProcId, Sender},
    process::Thread,
    producer::{Next, Producer, Wait},
    token::Token,
};
use bytes::Bytes;
use sidecommit_core::{
    Ended, Generation, Input, LaneError, LaneErrorKind, LaneEvent, LaneIndex, LaneOp, Millis, OutcomesKey,
    Outgoing, table::LaneState,
};
use std::cmp::Reverse;

/// How long abort_transaction is tried after a failure (a slice of the lane's thread).
const ABORT_LIMIT: Millis = 2_000;

// === impl World ===

impl World {
    /// Gives a lane's thread a turn, if there is something that it can do.
    pub(super) fn wake_lane(&mut self, proc: ProcId, lane: LaneIndex) {
        let delay = self.wait(3);
        let thread = self.procs[proc].lanes.entry(lane).or_default();
        if !thread.scheduled && !thread.queue.is_empty() && !thread.is_blocked() {
            thread.scheduled = true;
            self.schedule.after(delay, Event::Lane { proc, lane });
        }
    }

    /// Performs a lane's next operation.
    pub(super) fn lane_turn(&mut self, proc: ProcId, index: LaneIndex) {
        let thread = self.procs[proc].lanes.entry(index).or_default();
        thread.scheduled = false;
        if thread.is_blocked() {
            return;
        }
        let Some((generation, op)) = thread.queue.front() else { return };
        let (generation, act) = (*generation, Act::of(op));
        // What is asked of a producer that is gone or has failed is nobody's.
        let heard = thread.hears(generation, op);
        let at = |moment| match heard {
            true => Boundary::on(index, generation, act, moment),
            false => Boundary::nobodys(act, moment),
        };
        if self.dies(proc, at(Moment::Before)) {
            return;
        }
        let thread = self.procs[proc].lanes.entry(index).or_default();
        let Some((_, op)) = thread.queue.pop_front() else { return };
        trace!(self, "p{proc} lane {index}/{} {act:?}", generation.0);
        match op {
            LaneOp::Open => self.open(proc, index, generation),
            LaneOp::Close => self.procs[proc].lanes.entry(index).or_default().producer = None,
            op => self.ask(proc, index, generation, op),
        }
        if !self.dies(proc, at(Moment::After)) {
            self.wake_lane(proc, index);
        }
    }

    fn open(&mut self, proc: ProcId, index: LaneIndex, generation: Generation) {
        let mut producer = Producer::new(generation);
        let id = self.slot.transactional_id(index);
        let planted = self.plant == Some(Plant::OpenWithoutInit);
        let found = self.broker.ids.get(&id).filter(|_| planted).map(|known| (known.pid, known.epoch));
        if let Some((pid, epoch)) = found {
            (producer.pid, producer.epoch, producer.wait) = (pid, epoch, Wait::Nothing);
            self.tell(proc, index, generation, LaneEvent::Opened);
        }
        self.procs[proc].lanes.entry(index).or_default().producer = Some(producer);
        self.kick(proc, index);
    }

    /// Passes an operation to the producer that it is meant for.
    fn ask(&mut self, proc: ProcId, index: LaneIndex, generation: Generation, op: LaneOp) {
        if let LaneOp::Write { key: key @ OutcomesKey::Marker(..), value } = &op
            && self.plant == Some(Plant::MarkerOutside)
        {
            return self.write_outside(key, value);
        }
        let key_of = |key: OutcomesKey| Bytes::from(key.encode(&self.slot));
        let routed = match &op {
            LaneOp::Send(records) | LaneOp::SendApart(records) => {
                let mut routed: Vec<_> =
                    records.iter().map(|outgoing| self.route(outgoing.clone())).collect();
                if self.plant == Some(Plant::MembersReversed) {
                    routed.sort_by_key(|(_, outgoing, _)| Reverse(outgoing.member));
                }
                routed
            }
            _ => Vec::new(),
        };
        let written = match &op {
            LaneOp::Write { key, .. } => Some(key_of(*key)),
            _ => None,
        };
        let thread = self.procs[proc].lanes.entry(index).or_default();
        let Some(producer) = thread.producer.as_mut() else { return };
        if producer.failed || producer.generation != generation {
            return;
        }
        match op {
            LaneOp::Begin => producer.begin(),
            LaneOp::Send(_) => producer.send(routed),
            LaneOp::SendApart(_) => routed.into_iter().for_each(|record| producer.send(vec![record])),
            LaneOp::Write { value, .. } => {
                producer.write(Broker::OUTCOMES, written.unwrap_or_default(), value.into());
            }
            LaneOp::Offsets(offsets) => producer.offsets(offsets),
            LaneOp::Flush => producer.wait = Wait::Flush,
            LaneOp::End { commit } => {
                thread.commits = commit;
                if !commit {
                    producer.purge();
                }
                producer.wait = Wait::End { commit };
            }
            LaneOp::Open | LaneOp::Close => {}
        }
        self.kick(proc, index);
    }

    /// The partitioner: an explicit partition, or one by key.
    fn route(&self, outgoing: Outgoing) -> (usize, Outgoing, bool) {
        let record = &outgoing.record;
        let hash: u32 = record.key.iter().flat_map(|key| key.iter()).map(|byte| u32::from(*byte)).sum();
        let partition = record.partition.unwrap_or((hash % 2) as i32);
        let poison = record.value.as_deref().and_then(Token::decode).is_some_and(|token| token.poison);
        (self.broker.log_of(&record.topic, partition), outgoing, poison)
    }

    fn write_outside(&mut self, key: &OutcomesKey, value: &[u8]) {
        let (now, key) = (self.now(), key.encode(&self.slot));
        let value = Bytes::copy_from_slice(value);
        self.broker.logs[Broker::OUTCOMES].append_plain(now, Some(key.into()), Some(value));
    }

    /// Lets the producer send what is next, or return from its blocking call.
    pub(super) fn kick(&mut self, proc: ProcId, index: LaneIndex) {
        let now = self.now();
        let timeout = self.procs[proc].limits.lane_timeout;
        let thread = self.procs[proc].lanes.entry(index).or_default();
        let Some(producer) = thread.producer.as_mut() else { return };
        match producer.next(timeout) {
            Next::Rest => {}
            Next::Send(body) => {
                self.attempts += 1;
                producer.sent(now, self.attempts, body);
                self.transmit(proc, index);
            }
            Next::Done => {
                let generation = producer.generation;
                if producer.wait == Wait::Abort {
                    return self.aborted(proc, index, true);
                }
                let event = match producer.wait {
                    Wait::Flush => LaneEvent::Flushed(producer.flushed(&self.broker.names, Broker::OUTCOMES)),
                    _ => LaneEvent::Ended(Ended { clean: true }),
                };
                producer.wait = Wait::Nothing;
                self.tell(proc, index, generation, event);
                self.wake_lane(proc, index);
            }
        }
    }

    /// Reports to the engine.
    fn tell(&mut self, proc: ProcId, lane: LaneIndex, generation: Generation, event: LaneEvent) {
        trace!(self, "p{proc} lane {lane}/{} reports {event:?}", generation.0);
        self.report(proc, Thread::Lane(lane), Input::Lane { lane, generation, event });
    }

    /// The broker's answer arrived.
    pub(super) fn answered(&mut self, sender: Sender, response: Response) {
        let Sender { proc, lane, .. } = sender;
        let Some(producer) = self.awaiting(sender) else { return };
        let generation = producer.generation;
        match response {
            Response::Inited { pid, epoch } => {
                (producer.pid, producer.epoch, producer.wait) = (pid, epoch, Wait::Nothing);
                producer.inflight = None;
                self.tell(proc, lane, generation, LaneEvent::Opened);
                self.wake_lane(proc, lane);
            }
            Response::Appended { base } => {
                let bytes = producer.acknowledged(base);
                if bytes > 0 {
                    self.tell(proc, lane, generation, LaneEvent::Progress { bytes });
                }
                self.kick(proc, lane);
            }
            Response::Ok if matches!(producer.wait, Wait::End { .. }) && producer.is_ending() => {
                let tainted = producer.tainted;
                let sent = producer.inflight.take().map_or(0, |inflight| inflight.sent);
                let clean = sent == 1 && !tainted || self.plant == Some(Plant::DirtyEndClean);
                if let Some(producer) = self.producer(proc, lane) {
                    producer.wait = Wait::Nothing;
                }
                self.stats.count("ends", if sent == 1 { "clean" } else { "not clean" });
                self.tell(proc, lane, generation, LaneEvent::Ended(Ended { clean }));
                self.wake_lane(proc, lane);
            }
            Response::Ok if producer.wait == Wait::Abort => self.aborted(proc, lane, true),
            Response::Ok => {
                producer.acknowledged(None);
                self.kick(proc, lane);
            }
            Response::Error(BrokerError::Concurrent) => self.back_off(sender),
            Response::Error(_) if producer.wait == Wait::Abort => self.aborted(proc, lane, false),
            Response::Error(error) => {
                let wait = producer.wait;
                let error = match error {
                    BrokerError::Fenced => {
                        LaneError::new(LaneErrorKind::Fenced, format!("fenced in {wait:?}"))
                    }
                    BrokerError::Rejected { position } => {
                        let named = self.dice.hit(5_000);
                        let position = if self.plant == Some(Plant::WrongSuspect) { 0 } else { position };
                        self.refused(proc, lane, position, named)
                    }
                    BrokerError::IllegalGeneration => producer.stale(),
                    other => LaneError::new(LaneErrorKind::Other, format!("{other:?} in {wait:?}")),
                };
                let by_others = !matches!(error.kind, LaneErrorKind::Fenced | LaneErrorKind::Unreachable);
                match by_others && !matches!(wait, Wait::Init | Wait::End { .. }) {
                    true => self.abort(proc, lane, error),
                    false => self.fail(proc, lane, error),
                }
            }
        }
    }

    fn refused(&self, proc: ProcId, lane: LaneIndex, position: usize, named: bool) -> LaneError {
        let producer = self.procs[proc].lanes.get(&lane).and_then(|lane| lane.producer.as_ref());
        producer.map_or_else(unanswered, |producer| producer.refused(&self.broker.names, position, named))
    }

    /// The producer fails by others' fault: its thread aborts at once what it had begun, and tells whether that was done.
    fn abort(&mut self, proc: ProcId, lane: LaneIndex, error: LaneError) {
        let Some(producer) = self.producer(proc, lane) else { return };
        producer.abort(error);
        let at = self.undo(proc, lane, Moment::Before);
        if !self.dies(proc, at) {
            self.kick(proc, lane);
        }
    }

    /// The abort by the producer itself has returned.
    fn aborted(&mut self, proc: ProcId, lane: LaneIndex, proven: bool) {
        let at = self.undo(proc, lane, Moment::After);
        if self.dies(proc, at) {
            return;
        }
        let error = self.producer(proc, lane).and_then(|producer| producer.failing.take());
        let error = error.unwrap_or_else(unanswered);
        self.stats.count("aborts after failures", if proven { "proven" } else { "not proven" });
        self.fail(proc, lane, LaneError { aborted: proven, ..error });
    }

    /// The boundary of such an abort: it concerns what the lane carries, not records of our own.
    fn undo(&mut self, proc: ProcId, lane: LaneIndex, moment: Moment) -> Boundary {
        let row = self.procs[proc].track.lanes.get(&lane).and_then(|followed| followed.row);
        let carries = row.and_then(Row::lane_to) == Some(LaneState::Busy);
        match self.producer(proc, lane).map(|producer| producer.generation).filter(|_| carries) {
            Some(generation) => Boundary::on(lane, generation, Act::Undo, moment),
            None => Boundary::nobodys(Act::Undo, moment),
        }
    }

    fn back_off(&mut self, sender: Sender) {
        let Some(producer) = self.awaiting(sender) else { return };
        let init = producer.wait == Wait::Init;
        if let Some(inflight) = producer.inflight.as_mut() {
            inflight.backing_off = true;
        }
        let delay = if init { self.dice.u64(100..500) } else { self.dice.u64(20..100) };
        self.stats.count("broker", "concurrent transactions");
        self.schedule.after(delay, Event::Overdue { sender });
    }

    /// No answer came, or the back-off is over: send it again, or give up.
    pub(super) fn overdue(&mut self, sender: Sender) {
        let now = self.now();
        let give_up = self.profile.net.give_up;
        let Sender { proc, lane, .. } = sender;
        let Some(producer) = self.awaiting(sender) else { return };
        let (init, aborts) = (producer.wait == Wait::Init, producer.wait == Wait::Abort);
        let Some(inflight) = producer.inflight.as_mut() else { return };
        if aborts && inflight.since + ABORT_LIMIT <= now {
            return self.aborted(proc, lane, false);
        }
        if !init && inflight.since + give_up <= now {
            return self.fail(proc, lane, unanswered());
        }
        if !inflight.backing_off && matches!(inflight.body, Body::Offsets(_)) {
            producer.tainted = true;
        }
        let Some(inflight) = producer.inflight.as_mut() else { return };
        inflight.sent += 1;
        inflight.backing_off = false;
        self.attempts += 1;
        let attempt = self.attempts;
        if let Some(inflight) = self.producer(proc, lane).and_then(|p| p.inflight.as_mut()) {
            inflight.attempt = attempt;
        }
        self.transmit(proc, lane);
    }

    fn fail(&mut self, proc: ProcId, lane: LaneIndex, error: LaneError) {
        let Some(producer) = self.producer(proc, lane) else { return };
        let generation = producer.generation;
        producer.fail();
        let name = match error.kind {
            LaneErrorKind::Record { .. } => "record".to_owned(),
            kind => format!("{kind:?}").to_lowercase(),
        };
        self.stats.count("lane errors", name);
        self.tell(proc, lane, generation, LaneEvent::Failed(error));
        self.wake_lane(proc, lane);
    }

    pub(super) fn producer(&mut self, proc: ProcId, lane: LaneIndex) -> Option<&mut Producer> {
        self.procs[proc].lanes.get_mut(&lane)?.producer.as_mut()
    }

    /// The producer, if it still waits for just this attempt.
    fn awaiting(&mut self, sender: Sender) -> Option<&mut Producer> {
        self.producer(sender.proc, sender.lane).filter(|producer| {
            producer.generation == sender.generation
                && producer.inflight.as_ref().is_some_and(|inflight| inflight.attempt == sender.attempt)
        })
    }

    /// Sends the request in flight and waits for its answer.
    fn transmit(&mut self, proc: ProcId, lane: LaneIndex) {
        let id = self.slot.transactional_id(lane);
        let planted = self.plant == Some(Plant::FailureCommits);
        let Some(producer) = self.producer(proc, lane) else { return };
        let (pid, epoch, generation) = (producer.pid, producer.epoch, producer.generation);
        let Some(inflight) = producer.inflight.as_ref() else { return };
        let sender = Sender { proc, lane, generation, attempt: inflight.attempt };
        let body: Body = match (&inflight.body, producer.wait) {
            (Body::End { .. }, Wait::Abort) if planted => Body::End { commit: true },
            (body, _) => body.clone(),
        };
        let limit = (producer.wait == Wait::Abort).then_some(inflight.since + ABORT_LIMIT);
        self.send_request(sender, crate::broker::Request { origin: proc, id, pid, epoch, body });
        if let Some(at) = limit {
            self.schedule.at(at, Event::Overdue { sender });
        }
    }
}

fn unanswered() -> LaneError {
    LaneError::new(LaneErrorKind::Unreachable, "no answer came")
}
