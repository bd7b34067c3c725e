use crate::{Cluster, Error, TopicConfig};
use parking_lot::{Condvar, Mutex};
use sidecommit_core::TopicFacts;
use std::{
    collections::HashMap,
    fmt,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// What is known of the topics in use, so that records are refused at acceptance (engine.md 10).
///
/// Facts are looked up once and refreshed in the background as long as they are used.
pub struct Catalog {
    shared: Arc<Shared>,
}

struct Shared {
    cluster: Cluster,
    /// How old facts may become before they are refreshed.
    max_age: Duration,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    topics: HashMap<String, Known>,
    /// Topics that may not be written to, and until when that is believed.
    denied: HashMap<String, Instant>,
    /// A topic whose configuration we may not read has been warned about.
    warned: bool,
    stopped: bool,
}

#[derive(Clone, Debug)]
struct Known {
    facts: TopicFacts,
    since: Instant,
    /// Asked for since the last refresh.
    used: bool,
    /// To be refreshed now.
    doubted: bool,
}

/// Facts that were looked up just now are not doubted: the broker does not tell all that it goes by.
const DOUBT_PAUSE: Duration = Duration::from_secs(1);

/// How long a right that was missing is not asked for again: so long it takes at most until one that was given is noticed.
const DENIED_FOR: Duration = Duration::from_secs(1);

// === impl Catalog ===

impl Catalog {
    /// Starts with nothing known.
    ///
    /// # Errors
    /// [`Error::StartThread`].
    pub fn start(cluster: Cluster, max_age: Duration) -> Result<Self, Error> {
        let shared = Arc::new(Shared { cluster, max_age, state: Mutex::default(), changed: Condvar::new() });
        let refreshing = shared.clone();
        let name = "catalog".to_owned();
        let started = thread::Builder::new().name(name.clone()).spawn(move || refreshing.refresh());
        started.map_err(|error| Error::StartThread { name, message: error.to_string() })?;
        Ok(Self { shared })
    }

    /// What is known of a topic, without asking anyone.
    pub fn cached(&self, topic: &str) -> Option<TopicFacts> {
        let mut state = self.shared.state.lock();
        let known = state.topics.get_mut(topic)?;
        known.used = true;
        Some(known.facts.clone())
    }

    /// Asks the cluster. Blocks, for some seconds at most.
    ///
    /// # Errors
    /// [`Error::UnknownTopic`], [`Error::Denied`] or [`Error::Unreachable`], of the first topic that fails.
    pub fn fetch(&self, topics: &[&str]) -> Result<Vec<TopicFacts>, Error> {
        topics.iter().map(|topic| self.shared.fetch(topic)).collect()
    }

    /// The broker refused a record that these facts allow: looks again, so that the next such record is refused when it comes and
    /// spoils no group. Until then the old facts hold.
    pub fn doubt(&self, topic: &str) {
        if let Some(known) = self.shared.state.lock().topics.get_mut(topic)
            && known.since.elapsed() > DOUBT_PAUSE
        {
            (known.doubted, known.used) = (true, true);
            self.shared.changed.notify_all();
        }
    }

    /// The broker does not let us write to the topic: for a while nobody needs to try, and to spoil a group with it.
    pub fn deny(&self, topic: &str) {
        self.shared.state.lock().denied.insert(topic.to_owned(), Instant::now() + DENIED_FOR);
    }

    /// Whether the broker refused records for the topic just now, for want of the right to write to it.
    pub fn is_denied(&self, topic: &str) -> bool {
        let mut state = self.shared.state.lock();
        let until = state.denied.get(topic).copied();
        let denied = until.is_some_and(|until| Instant::now() < until);
        if until.is_some() && !denied {
            state.denied.remove(topic);
        }
        denied
    }

    /// Every topic that is known, for status and warnings.
    pub fn topics(&self) -> Vec<String> {
        let mut topics: Vec<_> = self.shared.state.lock().topics.keys().cloned().collect();
        topics.sort();
        topics
    }
}

impl Drop for Catalog {
    fn drop(&mut self) {
        self.shared.state.lock().stopped = true;
        self.shared.changed.notify_all();
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalog").field("topics", &self.topics()).finish()
    }
}

// === impl Shared ===

impl Shared {
    fn fetch(&self, topic: &str) -> Result<TopicFacts, Error> {
        let partitions = self.cluster.shape(topic)?.partitions;
        let config = match self.cluster.config(topic) {
            Err(Error::Denied { .. }) => None,
            told => Some(told?),
        };
        if config.is_none() && !std::mem::replace(&mut self.state.lock().warned, true) {
            tracing::warn!(
                topic,
                "may not read the configuration of topics (DescribeConfigs): Kafka's defaults are assumed"
            );
        }
        let facts = TopicFacts { partitions, ..facts(&config.unwrap_or_default()) };
        let known = Known { facts: facts.clone(), since: Instant::now(), used: true, doubted: false };
        self.state.lock().topics.insert(topic.to_owned(), known);
        self.changed.notify_all();
        Ok(facts)
    }

    fn refresh(&self) {
        let mut state = self.state.lock();
        while !state.stopped {
            let oldest = state.topics.iter().min_by_key(|(_, known)| (!known.doubted, known.since));
            let Some((topic, known)) = oldest.map(|(topic, known)| (topic.clone(), known.clone())) else {
                self.changed.wait(&mut state);
                continue;
            };
            let due = if known.doubted { known.since } else { known.since + self.max_age };
            if Instant::now() < due {
                self.changed.wait_until(&mut state, due);
                continue;
            }
            if !known.used {
                state.topics.remove(&topic);
                continue;
            }
            drop(state);
            let refreshed = self.fetch(&topic);
            state = self.state.lock();
            self.refreshed(&mut state, &topic, refreshed);
        }
    }

    fn refreshed(&self, state: &mut State, topic: &str, refreshed: Result<TopicFacts, Error>) {
        match refreshed {
            Ok(_) => {
                if let Some(known) = state.topics.get_mut(topic) {
                    known.used = false;
                }
            }
            // The next record for it asks again, and is told.
            Err(Error::UnknownTopic { .. } | Error::Denied { .. }) => {
                state.topics.remove(topic);
            }
            // What is known still holds as far as anyone can tell.
            Err(error) => {
                tracing::debug!(topic, %error, "not refreshed");
                if let Some(known) = state.topics.get_mut(topic) {
                    (known.since, known.doubted) = (Instant::now(), false);
                }
            }
        }
    }
}

fn facts(config: &TopicConfig) -> TopicFacts {
    let number = |name: &str, default: u64| -> u64 {
        let value = config.get(name).map(|value| value.parse::<u64>());
        value.and_then(Result::ok).unwrap_or(default)
    };
    let has = |name: &str, part: &str| {
        config.get(name).is_some_and(|value| value.split(',').any(|item| item.trim() == part))
    };
    let default = TopicFacts::default();
    TopicFacts {
        partitions: default.partitions,
        max_message_bytes: number("max.message.bytes", default.max_message_bytes),
        compacted: has("cleanup.policy", "compact"),
        log_append_time: has("message.timestamp.type", "LogAppendTime"),
        timestamp_before_max: number("message.timestamp.before.max.ms", default.timestamp_before_max),
        timestamp_after_max: number("message.timestamp.after.max.ms", default.timestamp_after_max),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read_from_a_topic_s_configuration() {
        let config = [
            ("max.message.bytes", "2000"),
            ("cleanup.policy", "delete,compact"),
            ("message.timestamp.type", "CreateTime"),
            ("message.timestamp.before.max.ms", "9223372036854775807"),
            ("message.timestamp.after.max.ms", "500"),
        ];
        let config = config.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let facts = facts(&config.collect());
        assert_eq!(
            facts,
            TopicFacts {
                max_message_bytes: 2000,
                compacted: true,
                timestamp_before_max: i64::MAX as u64,
                timestamp_after_max: 500,
                ..TopicFacts::default()
            }
        );
        assert_eq!(super::facts(&TopicConfig::new()), TopicFacts::default());
    }
}
