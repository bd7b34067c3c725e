use super::{placement::Placement, tracker::Tracker};
use crate::{Error, client, ffi::Events};
use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, Producer as _},
};
use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// An idle producer is polled that often, in case that an event was not told.
const LOOK: Duration = Duration::from_secs(5);

/// A producer whose delivery reports are served by a thread of its own, which sleeps while there are none.
///
/// Dropping it blocks for up to a second.
pub(super) struct Polled {
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    // Dropped in this order.
    events: Arc<Events>,
    producer: Arc<BaseProducer<Tracker, Placement>>,
}

// === impl Polled ===

impl Polled {
    pub(super) fn new(config: &ClientConfig, tracker: Tracker) -> Result<Self, Error> {
        let producer: Arc<BaseProducer<Tracker, Placement>> = Arc::new(client::create(config, tracker)?);
        let events = Arc::new(Events::of(producer.client()));
        let stopping = Arc::<AtomicBool>::default();
        let poll = {
            let (producer, events, stopping) = (producer.clone(), events.clone(), stopping.clone());
            move || {
                while !stopping.load(Ordering::Relaxed) {
                    while events.are_there() {
                        producer.poll(Duration::ZERO);
                    }
                    events.wait(LOOK);
                }
                drop(events);
            }
        };
        let name = "producer-poll".to_owned();
        let thread = thread::Builder::new().name(name.clone()).spawn(poll);
        let thread = thread.map_err(|error| Error::StartThread { name, message: error.to_string() })?;
        Ok(Self { stopping, thread: Some(thread), events, producer })
    }
}

impl Deref for Polled {
    type Target = BaseProducer<Tracker, Placement>;

    fn deref(&self) -> &BaseProducer<Tracker, Placement> {
        &self.producer
    }
}

impl Drop for Polled {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.events.wake();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that polls a producer panicked");
        }
    }
}
