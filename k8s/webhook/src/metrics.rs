//! Prometheus text: what was decided, and how the certificates are.

use crate::certs::material::Change;
use jiff::Timestamp;
use parking_lot::Mutex;
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};
use std::{fmt, sync::Arc};

/// All metrics of a webhook. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    reviews: Family<Outcome, Counter>,
    skips: Family<Reason, Counter>,
    duration: Histogram,
    events: Family<Outcome, Counter>,
    changes: Family<Outcome, Counter>,
    failures: Counter,
    expiry: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

const PREFIX: &str = "sidecommit_webhook";

/// Upper bounds in seconds: most reviews take less than a millisecond, one that has to ask for its namespace some more.
const BUCKETS: [f64; 12] = [0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.064, 0.25, 0.5, 1.0, 2.5, 5.0];

// === impl Metrics ===

impl Metrics {
    /// All metrics, of this version.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register(
            "build",
            "The webhook's version",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        let reviews = Family::default();
        registry.register("reviews", "Reviews by what was answered", Family::clone(&reviews));
        let skips = Family::default();
        registry.register("skips", "Pods that were left as they are, by reason", Family::clone(&skips));
        let duration = Histogram::new(BUCKETS);
        let help = "How long reviews took until their answer";
        registry.register_with_unit("review_duration", help, Unit::Seconds, duration.clone());
        let events = Family::default();
        registry.register(
            "events",
            "Events about skips and denials by what became of them",
            Family::clone(&events),
        );
        let changes = Family::default();
        let help = "Changes of the webhook's own certificates that this replica made";
        registry.register("certificate_changes", help, Family::clone(&changes));
        let failures = Counter::default();
        let help = "Looks at the certificates that failed; what was served is served on";
        registry.register("certificate_failures", help, failures.clone());
        let expiry = Gauge::default();
        let help = "When the certificate that is served expires, in Unix time; 0: none is served";
        registry.register("certificate_expiry_timestamp_seconds", help, expiry.clone());
        let registry = Arc::new(Mutex::new(registry));
        Self { registry, reviews, skips, duration, events, changes, failures, expiry }
    }

    /// A review was answered, or not.
    pub fn reviewed(&self, outcome: &'static str, seconds: f64) {
        self.reviews.get_or_create(&Outcome { outcome }).inc();
        self.duration.observe(seconds);
    }

    /// A pod was left as it is.
    pub fn skipped(&self, reason: &'static str) {
        self.skips.get_or_create(&Reason { reason }).inc();
    }

    /// An Event was to be told.
    pub fn event(&self, outcome: &'static str) {
        self.events.get_or_create(&Outcome { outcome }).inc();
    }

    /// The Secret was changed.
    pub fn certificates_changed(&self, change: Change) {
        let outcome = match change {
            Change::Authority => "authority",
            Change::Leaf => "leaf",
            Change::Both => "both",
            Change::Dropped => "dropped",
        };
        self.changes.get_or_create(&Outcome { outcome }).inc();
    }

    /// The certificates could not be looked at.
    pub fn certificates_failed(&self) {
        self.failures.inc();
    }

    /// When what is served expires.
    pub fn certificate_expires(&self, at: Option<Timestamp>) {
        self.expiry.set(at.map_or(0, Timestamp::as_second));
    }

    /// The Prometheus text (OpenMetrics).
    ///
    /// # Errors
    /// None in practice: writing to a String.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut page = String::new();
        text::encode(&mut page, &self.registry.lock())?;
        Ok(page)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
