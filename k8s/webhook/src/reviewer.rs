//! Answers reviews: reads the namespace, asks for the decision, tells of it.

use crate::{
    admission::{self, BadReview, Review, Subject},
    decision::{Decide, Decision},
    events::{About, Events, Reason, Told},
    metrics::Metrics,
    namespaces::Namespaces,
};
use serde_json::{Map, Value};
use std::{sync::Arc, time::Instant};

/// Answers reviews. Cheap to clone.
#[derive(Clone)]
pub struct Reviewer {
    /// Decides.
    pub decide: Arc<dyn Decide>,
    /// What namespaces say.
    pub namespaces: Namespaces,
    /// Who is told of skips and denials.
    pub events: Events,
    /// What is counted.
    pub metrics: Metrics,
}

/// Why a review has no answer; then the API server does what the configuration's failurePolicy says.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// It is no review.
    #[error(transparent)]
    Bad(#[from] BadReview),
    /// What the namespace says is not known, and a guess would be an injection that was not asked for, or none.
    #[error("namespace {name} cannot be read: {error}")]
    Namespace {
        /// Its name.
        name: String,
        /// Why.
        error: Box<kube::Error>,
    },
}

// === impl Reviewer ===

impl Reviewer {
    /// The answer to a body.
    ///
    /// # Errors
    /// If it is no review, or the namespace cannot be read.
    pub async fn review(&self, body: &[u8]) -> Result<Value, NoAnswer> {
        let start = Instant::now();
        let (outcome, answer) = match self.answer(body).await {
            Ok((outcome, answer)) => (outcome, Ok(answer)),
            Err(error @ NoAnswer::Bad(_)) => ("bad", Err(error)),
            Err(error @ NoAnswer::Namespace { .. }) => ("failed", Err(error)),
        };
        self.metrics.reviewed(outcome, start.elapsed().as_secs_f64());
        answer
    }

    async fn answer(&self, body: &[u8]) -> Result<(&'static str, Value), NoAnswer> {
        let review = admission::parse(body)?;
        let pod = match &review.subject {
            Subject::Pod(pod) => pod,
            Subject::Other(what) => return Ok(("ignored", admission::answer_to_other(&review.uid, what))),
        };
        let annotations = self.annotations(&review.namespace).await?;
        let decision = self.decide.decide(pod, &annotations);
        let outcome = self.tell(&review, pod, &decision);
        Ok((outcome, admission::answer(&review.uid, &decision)))
    }

    async fn annotations(&self, name: &str) -> Result<Arc<Map<String, Value>>, NoAnswer> {
        let read = self.namespaces.annotations(name).await;
        read.map_err(|error| NoAnswer::Namespace { name: name.to_owned(), error: Box::new(error) })
    }

    /// Counts, logs, and makes an Event of what somebody should know.
    fn tell(&self, review: &Review, pod: &Value, decision: &Decision) -> &'static str {
        let about = About::of(pod, &review.namespace);
        let (outcome, event) = match decision {
            Decision::Patch(_) => ("patched", None),
            Decision::Skip(skip) => {
                self.metrics.skipped(skip.reason);
                ("skipped", skip.text().map(|text| (Reason::Skipped, text)))
            }
            Decision::Deny(texts) => ("denied", Some((Reason::Denied, texts.join("; ")))),
        };
        tracing::debug!(uid = review.uid, namespace = review.namespace, ?about, outcome, "review");
        // What was only tried leaves no trace: the configuration says sideEffects NoneOnDryRun.
        if let Some((reason, message)) = event.filter(|_| !review.dry_run) {
            self.events.tell(Told { about, reason, message });
        }
        outcome
    }
}
