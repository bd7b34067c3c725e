//! What is known of the topics that applications write to, and which of them can lose committed data.

use parking_lot::Mutex;
use sidecommit_core::{Reason, Refusal, TopicFacts};
use sidecommit_kafka::{Catalog, Cluster, DurabilityWarning, Error};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Facts and warnings of topics; cheap to clone.
#[derive(Clone)]
pub struct Topics {
    shared: Arc<Shared>,
}

struct Shared {
    cluster: Cluster,
    catalog: Arc<Catalog>,
    /// Where our own records are: not for applications.
    outcomes: String,
    warnings: Mutex<BTreeMap<String, String>>,
    looked_at: Mutex<BTreeSet<String>>,
}

// === impl Topics ===

impl Topics {
    /// Nothing is known yet.
    pub fn new(cluster: Cluster, catalog: Arc<Catalog>, outcomes: String) -> Self {
        let shared =
            Shared { cluster, catalog, outcomes, warnings: Mutex::default(), looked_at: Mutex::default() };
        Self { shared: Arc::new(shared) }
    }

    /// What is known of a topic; asks the cluster the first time.
    ///
    /// # Errors
    /// UNKNOWN_TOPIC, TOPIC_DENIED or KAFKA_UNREACHABLE.
    pub async fn facts(&self, topic: &str) -> Result<Arc<TopicFacts>, Refusal> {
        if self.shared.catalog.is_denied(topic) {
            let message = format!(
                "topic {topic:?}: the broker refused records for it just now, for want of the right to write to it"
            );
            return Err(Refusal::new(Reason::TopicDenied, message).field("records.topic"));
        }
        if let Some(facts) = self.shared.catalog.cached(topic) {
            return Ok(Arc::new(facts));
        }
        if topic == self.shared.outcomes || topic.starts_with("__") {
            let message = format!("topic {topic:?} is internal: expected one of the application's own");
            return Err(Refusal::new(Reason::TopicDenied, message).field("records.topic"));
        }
        let (this, name) = (self.clone(), topic.to_owned());
        let fetched = tokio::task::spawn_blocking(move || {
            let facts = this.shared.catalog.fetch(&[&name]);
            if facts.is_ok() && this.shared.looked_at.lock().insert(name.clone()) {
                this.look_for_warnings(&[&name]);
            }
            facts
        });
        match fetched.await {
            Ok(Ok(facts)) => {
                facts.into_iter().next().map(Arc::new).ok_or_else(|| unreachable(topic, "no answer"))
            }
            Ok(Err(error)) => Err(refusal(topic, &error)),
            Err(panicked) => Err(unreachable(topic, &panicked.to_string())),
        }
    }

    /// Looks how safe topics are, `__transaction_state` always among them. Blocks.
    pub fn look_for_warnings(&self, topics: &[&str]) {
        match DurabilityWarning::find(&self.shared.cluster, topics) {
            Ok(found) => {
                for warning in found {
                    let text = warning.to_string();
                    let known =
                        self.shared.warnings.lock().insert(warning.topic.clone(), text.clone()).is_some();
                    if !known {
                        tracing::warn!(topic = warning.topic, "{text}");
                    }
                }
            }
            Err(error) => tracing::info!(%error, ?topics, "cannot tell how safe the topics are"),
        }
    }

    /// What weakens the promise, for people.
    pub fn warnings(&self) -> Vec<String> {
        self.shared.warnings.lock().values().cloned().collect()
    }
}

fn refusal(topic: &str, error: &Error) -> Refusal {
    match error {
        Error::UnknownTopic { .. } => {
            let message = format!("topic {topic:?} does not exist, and the sidecar creates none");
            Refusal::new(Reason::UnknownTopic, message).field("records.topic")
        }
        Error::Denied { .. } => Refusal::new(Reason::TopicDenied, error.to_string()).field("records.topic"),
        other => unreachable(topic, &other.to_string()),
    }
}

fn unreachable(topic: &str, why: &str) -> Refusal {
    Refusal::new(Reason::KafkaUnreachable, format!("topic {topic:?} cannot be looked up: {why}"))
        .retry_after(500)
}
