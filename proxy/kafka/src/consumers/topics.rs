//! Whether topics are still those that are read, off the thread that polls. librdkafka goes on without a word: without a
//! topic that is gone, and where it was in one that was made again.

use super::{Seat, failure::Stop, inbox::Order};
use crate::{Cluster, Error};
use std::{
    collections::BTreeMap,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// A topic that is unknown for so long is gone: neither made again just now, nor news that some broker has not heard yet.
const GONE_AFTER: Duration = Duration::from_secs(10);

const PAUSE: Duration = Duration::from_millis(500);

/// When to look.
#[derive(Debug)]
pub(super) struct Watch {
    state: State,
    due: Instant,
    every: Duration,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Idle,
    Looking,
    /// Something was heard since.
    LookAgain,
}

/// What is to be looked for.
#[derive(Debug)]
pub(super) struct Expected {
    topic: Arc<str>,
    /// Or it is only one of those that match a pattern.
    named: bool,
    /// While it is read.
    id: Option<Arc<str>>,
}

/// What must not be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A topic that was named does not exist any more.
    Gone(Arc<str>),
    /// This topic is not the one any more that had this id.
    MadeAgain(Arc<str>, Arc<str>),
}

// === impl Watch ===

impl Watch {
    pub(super) fn new(every: Duration) -> Self {
        Self { state: State::Idle, due: Instant::now() + every, every }
    }

    pub(super) fn is_due(&self) -> bool {
        Instant::now() >= self.due
    }

    /// Looks; the answer comes to the seat's inbox.
    pub(super) fn look(
        &mut self,
        seat: &Arc<Seat>,
        cluster: &Cluster,
        all: Vec<Expected>,
    ) -> Result<(), Stop> {
        self.due = Instant::now() + self.every;
        if self.state != State::Idle {
            self.state = State::LookAgain;
            return Ok(());
        }
        self.state = State::Looking;
        let (seat, cluster) = (seat.clone(), cluster.clone());
        let looking = move || {
            let found = all.into_iter().find_map(|expected| find(&seat, &cluster, expected));
            seat.inbox.push(Order::Found(found));
        };
        let thread = thread::Builder::new().name("topics-look".to_owned()).spawn(looking);
        thread.map(drop).map_err(Stop::kafka)
    }

    /// The answer is there; true if it may be old.
    pub(super) fn looked(&mut self) -> bool {
        std::mem::replace(&mut self.state, State::Idle) == State::LookAgain
    }
}

/// What topics that are read, and those that were named, have to be.
pub(super) fn expected(
    read: impl Iterator<Item = (Arc<str>, Arc<str>)>,
    named: &[Arc<str>],
) -> Vec<Expected> {
    let mut all: BTreeMap<_, _> = named.iter().map(|topic| (topic.clone(), None)).collect();
    all.extend(read.map(|(topic, id)| (topic, Some(id))));
    all.into_iter().map(|(topic, id)| Expected { named: named.contains(&topic), topic, id }).collect()
}

fn find(seat: &Seat, cluster: &Cluster, expected: Expected) -> Option<Found> {
    let Expected { topic, named, id } = expected;
    let mut unknown_since = None;
    while !seat.is_closed() {
        match cluster.shape(&topic) {
            Ok(_) => {
                let (old, new) = (id?, cluster.topic_id(&topic).ok()?);
                return (*new.to_string() != *old).then_some(Found::MadeAgain(topic, old));
            }
            // Whoever may not see it is told so by librdkafka.
            Err(Error::Denied { .. }) => return None,
            Err(Error::UnknownTopic { .. }) if !named => return None,
            Err(Error::UnknownTopic { .. }) => {
                if unknown_since.get_or_insert_with(Instant::now).elapsed() >= GONE_AFTER {
                    return Some(Found::Gone(topic));
                }
            }
            // The next look may tell.
            Err(_) => return None,
        }
        thread::park_timeout(PAUSE);
    }
    None
}
