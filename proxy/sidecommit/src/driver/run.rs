//! The engine's thread.

use super::{
    Clock, Failpoint, Failpoints, Handle,
    handle::{Items, Message},
    journal::{self, Work},
};
use crate::metrics::Metrics;
use sidecommit_core::{
    Answer, CallId, ConsumerEvent, Effect, Engine, Input, JournalEntry, JournalOp, LaneErrorKind, LaneEvent,
    LaneIndex, LaneOp, Refusal, Serving, Start, StreamEvent, StreamId, StreamItem, TxnOutcome,
};
use sidecommit_journal::Journal;
use sidecommit_kafka::{Consumers, Lanes, OutcomesReader};
use std::{
    collections::HashMap,
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};
use tokio::sync::{oneshot, watch};

/// How long a drain that took all its time waits for consumer groups at the least.
const LEAVING_MIN: Duration = Duration::from_millis(250);

/// What the engine is joined with.
pub struct Parts {
    /// The engine's start.
    pub start: Start,
    /// The open journal.
    pub journal: Journal,
    /// Makes the members of consumer groups, given where their events go.
    pub consumers: Box<dyn FnOnce(Handle) -> Consumers + Send>,
    /// Makes the lanes, given where their events go, and the members whose offsets they send.
    pub lanes: Box<dyn FnOnce(Handle, Consumers) -> Result<Lanes, sidecommit_kafka::Error> + Send>,
    /// Makes the reader, given where its results go.
    pub reader: Box<dyn FnOnce(Handle) -> Result<OutcomesReader, sidecommit_kafka::Error> + Send>,
    /// The clock that gave `start.now`.
    pub clock: Clock,
    /// Where Kafka transactions are timed.
    pub metrics: Metrics,
    /// For crash tests.
    pub failpoints: Failpoints,
}

/// The running engine.
pub struct Running {
    /// To speak with it.
    pub handle: Handle,
    /// Whether it serves.
    pub serving: watch::Receiver<Serving>,
    /// Resolves once the engine has ended, its drain complete or its end asked for, and the journal is closed.
    pub ended: oneshot::Receiver<Ended>,
}

/// How an engine ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Kafka holds nothing undecided of the slot's ids: nobody need init them to set readers free.
    pub settled: bool,
}

/// Starts the threads.
///
/// # Errors
/// If one cannot be started, or a Kafka client cannot be made.
pub fn start(parts: Parts) -> Result<Running, crate::exit::Failure> {
    use crate::exit::Failure;
    let Parts { start, journal, consumers, lanes, reader, clock, metrics, failpoints } = parts;
    let (sender, messages) = mpsc::channel();
    let handle = Handle::new(sender, clock);
    let consumers = consumers(handle.clone());
    let lanes = lanes(handle.clone(), consumers.clone()).map_err(Failure::internal)?;
    let reader = reader(handle.clone()).map_err(Failure::internal)?;
    let journal = journal::start(journal, handle.clone(), failpoints.clone()).map_err(Failure::internal)?;
    let (serving_sender, serving) = watch::channel(Serving::Recovering);
    let (told, ended) = oneshot::channel();
    let (engine, effects) = Engine::new(start);
    let mut driver = Driver {
        engine,
        consumers,
        lanes,
        reader,
        journal,
        serving: serving_sender,
        replies: HashMap::new(),
        streams: HashMap::new(),
        calls: 0,
        clock,
        metrics,
        flushes: HashMap::new(),
        failpoints,
    };
    thread::Builder::new()
        .name("engine".into())
        .spawn(move || {
            driver.perform(effects);
            driver.run(&messages);
            let ended = Ended { settled: driver.engine.is_drained() && driver.engine.is_settled() };
            drop(driver);
            // The receiver is gone only if the process is ending anyway.
            let _ = told.send(ended);
        })
        .map_err(Failure::internal)?;
    Ok(Running { handle, serving, ended })
}

struct Driver {
    engine: Engine,
    consumers: Consumers,
    lanes: Lanes,
    reader: OutcomesReader,
    journal: Sender<Work>,
    serving: watch::Sender<Serving>,
    replies: HashMap<CallId, oneshot::Sender<Result<Answer, Refusal>>>,
    /// Consume streams.
    streams: HashMap<StreamId, Items>,
    calls: u64,
    clock: Clock,
    metrics: Metrics,
    /// When each lane's present flush was asked for.
    flushes: HashMap<LaneIndex, Instant>,
    failpoints: Failpoints,
}

// === impl Driver ===

impl Driver {
    /// Until a drain is complete, or its end is asked for.
    fn run(&mut self, messages: &Receiver<Message>) {
        while !self.engine.is_drained() {
            let message = match self.engine.next_deadline() {
                Some(at) => messages.recv_timeout(self.clock.until(at)),
                None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let now = self.clock.now();
            let input = match message {
                Ok(Message::Look(look)) => {
                    look(&self.engine, now);
                    continue;
                }
                Ok(Message::Call { request, reply }) => {
                    self.calls += 1;
                    self.replies.insert(CallId(self.calls), reply);
                    if self.failpoints.is_armed() {
                        self.ask_journal(Work::CallSeen);
                    }
                    Input::Call { call: CallId(self.calls), request }
                }
                Ok(Message::Subscribe { stream, subscribe, items }) => {
                    self.streams.insert(stream, items);
                    Input::Stream { stream, event: StreamEvent::Subscribe(subscribe) }
                }
                Ok(Message::Input(input)) => input,
                Ok(Message::Quit) => break,
                Err(RecvTimeoutError::Timeout) => Input::Tick,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            self.step(now, input);
        }
        self.close();
    }

    fn step(&mut self, now: sidecommit_core::Millis, input: Input) {
        log(&input);
        if let Input::Stream { stream, event: StreamEvent::Closed } = &input {
            self.streams.remove(stream);
        }
        let flushed = match &input {
            Input::Lane { lane, event: LaneEvent::Ended(_), .. } => self.flushes.remove(lane),
            _ => None,
        };
        if matches!(&input, Input::Lane { event: LaneEvent::Failed(error), .. } if error.aborted) {
            self.failpoints.pass(Failpoint::AfterGroupAbort);
        }
        let effects = self.engine.step(now, input);
        let commits =
            |effect: &Effect| matches!(effect, Effect::Reply { answer: Ok(Answer::Committed { .. }), .. });
        if let Some(flushed) = flushed.filter(|_| effects.iter().any(commits)) {
            self.metrics.observe_commit(flushed.elapsed().as_secs_f64());
            self.failpoints.pass(Failpoint::AfterEnd);
        }
        self.perform(effects);
        self.serving.send_if_modified(|serving| {
            let changed = serving != self.engine.serving();
            if changed {
                tracing::info!(from = ?serving, to = ?self.engine.serving(), "serving state changed");
                self.engine.serving().clone_into(serving);
            }
            changed
        });
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Reply { call, answer } => {
                    if let Some(reply) = self.replies.remove(&call) {
                        // The caller may have hung up; its repeat will be answered.
                        let _ = reply.send(answer);
                    }
                }
                Effect::Stream { stream, item } => self.tell(stream, item),
                Effect::Consumer { consumer, op } => self.consumers.perform(consumer, op),
                Effect::Journal(op) => {
                    alarm(&op);
                    self.ask_journal(Work::Op(op));
                }
                Effect::Lane { lane, generation, op } => {
                    if matches!(op, LaneOp::Flush) {
                        self.flushes.insert(lane, Instant::now());
                    }
                    self.lanes.perform(lane, generation, op);
                }
                Effect::Read(token) => {
                    if *self.engine.serving() == Serving::Recovering {
                        self.failpoints.pass(Failpoint::DuringRecovery);
                    }
                    self.reader.read(token);
                }
            }
        }
    }

    /// Tells a Consume stream something; a refusal is the last.
    fn tell(&mut self, stream: StreamId, item: Result<StreamItem, Refusal>) {
        let ended = item.is_err();
        if let Some(items) = self.streams.get(&stream) {
            // Its application may have hung up; the engine will be told.
            let _ = items.send(item);
        }
        if ended {
            self.streams.remove(&stream);
        }
    }

    fn ask_journal(&self, work: Work) {
        // The journal's thread lives as long as this one.
        let _ = self.journal.send(work);
    }

    /// The drain is complete: members leave their groups, and what the journal was told lazily is made durable.
    fn close(&self) {
        let left = self.engine.drain_until().map_or(Duration::ZERO, |until| self.clock.until(until));
        if !self.consumers.await_leaving(left.max(LEAVING_MIN)) {
            tracing::info!("a consumer group did not answer: it waits for its session timeout");
        }
        let (done, closed) = mpsc::channel();
        self.ask_journal(Work::Close(done));
        let _ = closed.recv();
    }
}

/// An outcome that nobody can tell needs a person.
fn alarm(op: &JournalOp) {
    let JournalOp::Put(entry) = op else { return };
    let JournalEntry::Settled { lane, members, .. } = &**entry else { return };
    for member in members {
        if let TxnOutcome::Unknown { coordinate } = &member.outcome {
            let (lane, txn) = (lane.0, member.txn);
            tracing::error!(%txn, lane, ?coordinate, "outcome unknown: its marker was removed from the outcomes");
        }
    }
}

/// What operators want to see of the engine's inputs. Payloads are never logged.
fn log(input: &Input) {
    match input {
        // Consumer groups rebalance as they live, and the caller is told.
        Input::Lane { lane, event: LaneEvent::Failed(error), .. }
            if error.kind == LaneErrorKind::Generation =>
        {
            tracing::info!(lane = lane.0, message = %error.message, "the consumer group moved on");
        }
        Input::Lane { lane, generation, event: LaneEvent::Failed(error) } => {
            tracing::warn!(lane = lane.0, generation = generation.0, kind = ?error.kind, message = %error.message, "lane failed");
        }
        Input::Read { result: sidecommit_core::ReadResult::Failed(error), .. } => {
            tracing::warn!(%error, "reading the outcomes failed");
        }
        Input::Read { result: sidecommit_core::ReadResult::Blocked, .. } => {
            tracing::warn!("another producer's open transaction holds back the outcomes partition");
        }
        Input::Consumer { consumer, event: ConsumerEvent::Failed { reason, message } } => {
            tracing::warn!(consumer = consumer.0, ?reason, message, "a consumer has left its group for good");
        }
        Input::Drain { until } => tracing::info!(until, "draining"),
        _ => {}
    }
}
