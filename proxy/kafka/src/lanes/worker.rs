//! The thread that makes a lane's blocking calls.

use super::{
    LaneShared,
    guard::Guard,
    placement::Placement,
    producer::{Caller, Outcome, Producer, Stop},
    queue::{Next, Ticket},
    tracker::{Notice, Tracker},
};
use sidecommit_core::{Generation, LaneError, LaneEvent, LaneOp};
use std::sync::{Arc, Weak};

/// One lane's producer with what was asked of it.
pub(super) struct Worker {
    lane: Arc<LaneShared>,
    ticket: Ticket,
    guard: Arc<Guard>,
    generation: Generation,
    /// None: closed, or failed and waiting for Open.
    producer: Option<Producer>,
    in_transaction: bool,
}

// === impl Worker ===

impl Worker {
    pub(super) fn new(lane: Arc<LaneShared>, ticket: Ticket) -> Self {
        let guard = lane.guard.lock().clone();
        Self { lane, ticket, guard, generation: Generation::default(), producer: None, in_transaction: false }
    }

    pub(super) fn run(mut self) {
        loop {
            match self.lane.queue.next(self.ticket) {
                Next::Retire => return,
                Next::Attention => self.attend(),
                Next::Op(generation, LaneOp::Open) => self.open(generation),
                Next::Op(_, LaneOp::Close) => self.close(),
                Next::Op(generation, op) if generation == self.generation => self.perform(op),
                Next::Op(..) => {}
            }
        }
    }

    fn open(&mut self, generation: Generation) {
        self.close();
        self.generation = generation;
        let settings = self.lane.settings.clone();
        let placement = Placement::new(settings.batch_bytes.into());
        let tracker = Tracker::new(placement, notifier(&self.lane, self.ticket, generation));
        let caller =
            Caller { queue: self.lane.queue.clone(), guard: self.guard.clone(), ticket: self.ticket };
        match Producer::open(settings, &self.lane.transactional_id, tracker, caller) {
            Ok(producer) => {
                self.producer = Some(producer);
                self.tell(LaneEvent::Opened);
            }
            Err(stop) => self.stop(stop),
        }
    }

    fn close(&mut self) {
        self.producer = None;
        self.in_transaction = false;
    }

    fn perform(&mut self, op: LaneOp) {
        let Some(producer) = &self.producer else { return };
        let ends = matches!(op, LaneOp::End { .. });
        let done = match op {
            LaneOp::Begin => {
                self.in_transaction = true;
                producer.begin().map(|()| None)
            }
            LaneOp::Send(records) => producer.send(&records).map(|()| None),
            LaneOp::SendApart(records) => producer.send_apart(&records).map(|()| None),
            LaneOp::Write { key, value } => producer.write(&self.lane.slot, &key, &value).map(|()| None),
            LaneOp::Offsets(offsets) => producer.offsets(&offsets).map(|()| None),
            LaneOp::Flush => producer.flush().map(|flushed| Some(LaneEvent::Flushed(flushed))),
            LaneOp::End { commit } => {
                self.in_transaction = false;
                producer.end(commit).map(|ended| Some(LaneEvent::Ended(ended)))
            }
            LaneOp::Open | LaneOp::Close => Ok(None),
        };
        let done = done.map_err(|stop| if ends { stop } else { aborted(producer, stop) });
        self.finish(done);
    }

    fn finish(&mut self, done: Outcome<Option<LaneEvent>>) {
        match done {
            Ok(None) => {}
            Ok(Some(event)) => self.tell(event),
            Err(stop) => self.stop(stop),
        }
    }

    /// The producer failed between two orders. An idle one is told of with the next order.
    fn attend(&mut self) {
        if !self.in_transaction {
            return;
        }
        let Some(producer) = &self.producer else { return };
        if let Err(stop) = producer.check() {
            let stop = aborted(producer, stop);
            self.stop(stop);
        }
    }

    /// Nothing good can come of the producer any more.
    fn stop(&mut self, stop: Stop) {
        self.close();
        if let Stop::Failed(error) = stop {
            self.tell(LaneEvent::Failed(error));
        }
    }

    fn tell(&self, event: LaneEvent) {
        self.lane.tell(self.ticket, self.generation, event);
    }
}

/// Says whether the abort of a transaction whose EndTxn(commit) was not sent is proven: then its members need not wait for the next
/// init, which takes up to half a second.
fn aborted(producer: &Producer, stop: Stop) -> Stop {
    match stop {
        Stop::Failed(error) => Stop::Failed(LaneError { aborted: producer.proves_abort(&error), ..error }),
        Stop::Superseded => Stop::Superseded,
    }
}

/// What a producer's tracker tells goes to the engine (progress) or to the lane's thread (attention).
fn notifier(
    lane: &Arc<LaneShared>,
    ticket: Ticket,
    generation: Generation,
) -> impl Fn(Notice) + Send + Sync + 'static {
    // Weak, so that a producer that takes long to be dropped keeps nothing else alive.
    let lane: Weak<LaneShared> = Arc::downgrade(lane);
    move |notice| {
        let Some(lane) = lane.upgrade() else { return };
        match notice {
            Notice::Progress(bytes) => lane.tell(ticket, generation, LaneEvent::Progress { bytes }),
            Notice::Attention => lane.queue.call_attention(),
        }
    }
}
