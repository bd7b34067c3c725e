use crate::{ClientSettings, Cluster, Error, OutcomesPlace};
use parking_lot::{Condvar, Mutex};
use sidecommit_core::{ReadResult, ReadToken, Slot};
use std::{fmt, sync::Arc, thread, time::Duration};

mod groups;
mod topic;

use groups::GroupsReader;
use topic::TopicReader;

/// Where reads are answered. Called from the reader's thread; must not block.
pub type ReadResults = Arc<dyn Fn(ReadToken, ReadResult) + Send + Sync>;

/// How long a foreign open transaction is waited for.
const BLOCKED_AFTER: Duration = Duration::from_secs(2);

/// How long a read may take that is not blocked.
const READ_LIMIT: Duration = Duration::from_secs(15);

/// Reads a slot's outcomes, read_committed, on a thread of its own; fetches nothing while nobody reads.
///
/// A read sees everything that was committed before it was asked for. Dropping it stops the thread, without waiting.
pub struct OutcomesReader {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    asked: Vec<ReadToken>,
    stopped: bool,
}

enum Source {
    Topic(Box<TopicReader>),
    Groups(Box<GroupsReader>),
}

// === impl OutcomesReader ===

impl OutcomesReader {
    /// Starts without reading.
    ///
    /// # Errors
    /// [`Error::CreateClient`] or [`Error::StartThread`].
    pub fn start(
        settings: &ClientSettings,
        cluster: Cluster,
        place: OutcomesPlace,
        slot: Slot,
        results: ReadResults,
    ) -> Result<Self, Error> {
        let mut source = match place {
            OutcomesPlace::Topic { topic, partition } => {
                Source::Topic(Box::new(TopicReader::new(settings, cluster, slot, topic, partition)?))
            }
            OutcomesPlace::Groups { prefix, topic, partition } => {
                Source::Groups(Box::new(GroupsReader::new(settings, cluster, slot, prefix, topic, partition)))
            }
        };
        let shared = Arc::<Shared>::default();
        let serving = shared.clone();
        let name = "outcomes-reader".to_owned();
        let started = thread::Builder::new().name(name.clone()).spawn(move || {
            if let Source::Topic(topic) = &source {
                topic.connect();
            }
            while let Some(tokens) = serving.next() {
                // One read answers all that were asked for before it began.
                let result = source.read();
                for token in tokens {
                    results(token, result.clone());
                }
            }
        });
        started.map_err(|error| Error::StartThread { name, message: error.to_string() })?;
        Ok(Self { shared })
    }

    /// Asks for a read. Never blocks.
    pub fn read(&self, token: ReadToken) {
        self.shared.state.lock().asked.push(token);
        self.shared.changed.notify_all();
    }
}

impl Drop for OutcomesReader {
    fn drop(&mut self) {
        self.shared.state.lock().stopped = true;
        self.shared.changed.notify_all();
    }
}

impl fmt::Debug for OutcomesReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutcomesReader").finish_non_exhaustive()
    }
}

// === impl Shared ===

impl Shared {
    fn next(&self) -> Option<Vec<ReadToken>> {
        let mut state = self.state.lock();
        self.changed.wait_while(&mut state, |state| state.asked.is_empty() && !state.stopped);
        (!state.stopped).then(|| std::mem::take(&mut state.asked))
    }
}

// === impl Source ===

impl Source {
    fn read(&mut self) -> ReadResult {
        match self {
            Self::Topic(topic) => topic.read(),
            Self::Groups(groups) => groups.read(),
        }
    }
}
