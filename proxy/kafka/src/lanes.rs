use crate::Error;
use parking_lot::{Condvar, Mutex};
use sidecommit_core::{Generation, LaneError, LaneErrorKind, LaneEvent, LaneIndex, LaneOp, Slot};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

mod guard;
mod placement;
mod polled;
mod producer;
mod queue;
mod settings;
mod tracker;
mod worker;

use guard::Guard;
use queue::{Queue, Ticket};
use worker::Worker;

pub use settings::{LaneSettings, TopicLimits};

/// Where lanes report. Called from their threads; must not block, nor call the lanes.
pub type LaneEvents = Arc<dyn Fn(LaneIndex, Generation, LaneEvent) + Send + Sync>;

/// How often a lane is looked after.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// The lanes of one slot: each a producer with a thread of its own for librdkafka's blocking calls.
///
/// What a lane is asked is done in order. The contract of each order is [`LaneOp`]'s, of each report [`LaneEvent`]'s;
/// beyond it:
/// - bytes that a Progress did not tell yet are told by one right before Flushed;
/// - after Failed the producer is dropped at once, so librdkafka retries nothing behind the engine's back;
/// - a call into librdkafka that hangs costs a thread: it is given up, and Failed is reported.
///
/// Dropping it stops the threads once their calls come back; it does not wait for them, and aborts nothing.
pub struct Lanes {
    shared: Arc<Shared>,
    lanes: Mutex<BTreeMap<LaneIndex, Arc<LaneShared>>>,
}

/// Running totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneCounters {
    /// Producers made.
    pub opened: u64,
    /// Threads given up because librdkafka did not come back.
    pub hung: u64,
    /// Ends that do not prove that exactly one EndTxn was sent.
    pub unclean: u64,
    /// Failures reported.
    pub failed: u64,
}

struct Shared {
    settings: Arc<LaneSettings>,
    slot: Slot,
    events: LaneEvents,
    counters: Counters,
    /// All lanes ever used, for the thread that looks after them; None when stopped.
    watched: Mutex<Option<Vec<Arc<LaneShared>>>>,
    changed: Condvar,
}

#[derive(Default)]
struct Counters {
    opened: AtomicU64,
    hung: AtomicU64,
    unclean: AtomicU64,
    failed: AtomicU64,
}

/// One lane, as its threads see it.
struct LaneShared {
    index: LaneIndex,
    slot: Slot,
    transactional_id: String,
    settings: Arc<LaneSettings>,
    queue: Arc<Queue>,
    /// Of the present thread: one that was given up has another.
    guard: Mutex<Arc<Guard>>,
    events: LaneEvents,
    shared: std::sync::Weak<Shared>,
    /// Held while reporting: so that a thread that was given up cannot report after it was.
    telling: Mutex<()>,
}

// === impl Lanes ===

impl Lanes {
    /// Starts without any lane; a lane's thread is started by its first order.
    ///
    /// # Errors
    /// [`Error::StartThread`].
    pub fn start(settings: LaneSettings, slot: Slot, events: LaneEvents) -> Result<Self, Error> {
        let shared = Arc::new(Shared {
            settings: Arc::new(settings),
            slot,
            events,
            counters: Counters::default(),
            watched: Mutex::new(Some(Vec::new())),
            changed: Condvar::new(),
        });
        let watching = shared.clone();
        spawn("lane-watchdog".to_owned(), move || watching.look_after())?;
        Ok(Self { shared, lanes: Mutex::default() })
    }

    /// Gives an order to a lane. Never blocks.
    pub fn perform(&self, lane: LaneIndex, generation: Generation, op: LaneOp) {
        let mut lanes = self.lanes.lock();
        let known = lanes.entry(lane).or_insert_with(|| self.shared.add(lane));
        known.queue.push(generation, op);
    }

    /// Running totals.
    pub fn counters(&self) -> LaneCounters {
        let Counters { opened, hung, unclean, failed } = &self.shared.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        LaneCounters { opened: read(opened), hung: read(hung), unclean: read(unclean), failed: read(failed) }
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        let watched = self.shared.watched.lock().take();
        self.shared.changed.notify_all();
        for lane in watched.into_iter().flatten() {
            lane.queue.stop();
        }
    }
}

impl fmt::Debug for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lanes").field("slot", &self.shared.slot).finish_non_exhaustive()
    }
}

// === impl Shared ===

impl Shared {
    fn add(self: &Arc<Self>, index: LaneIndex) -> Arc<LaneShared> {
        let lane = Arc::new(LaneShared {
            index,
            slot: self.slot.clone(),
            transactional_id: self.slot.transactional_id(index),
            settings: self.settings.clone(),
            queue: Arc::default(),
            guard: Mutex::default(),
            events: self.events.clone(),
            shared: Arc::downgrade(self),
            telling: Mutex::default(),
        });
        if let Some(watched) = &mut *self.watched.lock() {
            watched.push(lane.clone());
        }
        let (ticket, generation) = lane.queue.new_ticket();
        lane.clone().serve(ticket, generation);
        lane
    }

    /// Gives up threads that hang in librdkafka.
    fn look_after(&self) {
        let mut watched = self.watched.lock();
        while let Some(lanes) = &*watched {
            let overdue: Vec<_> =
                lanes.iter().filter_map(|lane| Some((lane.clone(), lane.guard.lock().overdue()?))).collect();
            if overdue.is_empty() {
                self.changed.wait_for(&mut watched, LOOK_AFTER);
                continue;
            }
            drop(watched);
            for (lane, call) in overdue {
                self.counters.hung.fetch_add(1, Ordering::Relaxed);
                tracing::error!(lane = %lane.index, call, "librdkafka does not come back: thread given up");
                lane.take_over(call);
            }
            watched = self.watched.lock();
        }
    }
}

// === impl LaneShared ===

impl LaneShared {
    /// Serves the lane on a new thread.
    fn serve(self: Arc<Self>, ticket: Ticket, generation: Generation) {
        let lane = self.clone();
        let name = format!("lane-{}", self.index);
        if let Err(error) = spawn(name, move || Worker::new(lane, ticket).run()) {
            let error = LaneError::new(LaneErrorKind::Other, error.to_string());
            self.tell(ticket, generation, LaneEvent::Failed(error));
        }
    }

    /// Leaves the present thread to its fate.
    fn take_over(self: Arc<Self>, call: &str) {
        let (ticket, generation) = {
            let _telling = self.telling.lock();
            *self.guard.lock() = Arc::default();
            self.queue.new_ticket()
        };
        let error = LaneError::new(LaneErrorKind::Other, format!("librdkafka's {call} did not come back"));
        self.tell(ticket, generation, LaneEvent::Failed(error));
        self.serve(ticket, generation);
    }

    fn tell(&self, ticket: Ticket, generation: Generation, event: LaneEvent) {
        let _telling = self.telling.lock();
        if !self.queue.is_valid(ticket) {
            return;
        }
        self.count(&event);
        (self.events)(self.index, generation, event);
    }

    fn count(&self, event: &LaneEvent) {
        let Some(shared) = self.shared.upgrade() else { return };
        let counter = match event {
            LaneEvent::Opened => &shared.counters.opened,
            LaneEvent::Ended(ended) if !ended.clean => &shared.counters.unclean,
            LaneEvent::Failed(_) => &shared.counters.failed,
            _ => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    match thread::Builder::new().name(name.clone()).spawn(run) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::StartThread { name, message: error.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClientSettings, OutcomesPlace, Properties};
    use std::sync::mpsc::channel;

    /// Waits for something that no condition variable tells.
    fn eventually(what: &str, holds: impl Fn() -> bool) {
        let started = std::time::Instant::now();
        while !holds() {
            assert!(started.elapsed() < Duration::from_secs(20), "{what}");
            thread::yield_now();
        }
    }

    #[test]
    fn a_thread_that_hangs_in_librdkafka_is_given_up_and_the_lane_goes_on() {
        let client =
            ClientSettings { bootstrap_servers: "127.0.0.1:1".to_owned(), properties: Properties::default() };
        let place = OutcomesPlace::Topic { topic: "o".to_owned(), partition: 0 };
        // The init of the first thread does not come back while the test runs.
        let settings = LaneSettings { slice: Duration::from_secs(600), ..LaneSettings::new(client, place) };
        let (sender, told) = channel();
        let events: LaneEvents = Arc::new(move |_, generation, event| {
            let _ = sender.send((generation, event));
        });
        let lanes = Lanes::start(settings, "p/ns/app/0".parse().expect("slot"), events).expect("started");
        let index = LaneIndex(0);
        lanes.perform(index, Generation(1), LaneOp::Open);
        let lane = lanes.lanes.lock().get(&index).expect("known").clone();
        let guard = lane.guard.lock().clone();
        eventually("the first thread calls librdkafka", || guard.is_in_call());
        // Its call is late from now on; again and again, since it may just have been making another one.
        let late =
            || guard.watch("late", Duration::ZERO, || told.recv_timeout(Duration::from_millis(300)).ok());
        let (generation, event) = (0..60).find_map(|_| late()).expect("told");
        assert_eq!(generation, Generation(1));
        let LaneEvent::Failed(error) = event else { panic!("{event:?}") };
        assert_eq!(error.kind, LaneErrorKind::Other);
        assert_eq!(error.message, "librdkafka's late did not come back");
        assert_eq!(lanes.counters().hung, 1);
        lanes.perform(index, Generation(2), LaneOp::Open);
        let second = lane.guard.lock().clone();
        eventually("the second thread calls librdkafka", || second.is_in_call());
    }
}
