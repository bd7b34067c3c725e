//! Prometheus text: the engine's state as of the scrape, the limits, and how long calls took.

mod snapshot;

use crate::settings::Settings;
use parking_lot::Mutex;
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::{Family, MetricConstructor},
        gauge::Gauge,
        histogram::Histogram,
        info::Info,
    },
    registry::{Registry, Unit},
};
use sidecommit_rpc::NodeStatus;
use snapshot::Snapshot;
use std::{
    fmt,
    sync::{Arc, atomic::AtomicU64},
};

/// All metrics of a sidecar. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    calls: Family<Call, Histogram, Buckets>,
    commits: Histogram,
    leases_lost: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    rpc: &'static str,
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabels {
    setting: &'static str,
    unit: &'static str,
}

#[derive(Clone, Copy, Debug)]
struct Buckets;

const PREFIX: &str = "sidecommit";

/// Upper bounds in seconds: a commit takes some milliseconds, a wait for an outcome some seconds.
const BUCKETS: [f64; 16] =
    [0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

// === impl Buckets ===

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(BUCKETS)
    }
}

// === impl Metrics ===

impl Metrics {
    /// All metrics, with the limits as they are set.
    pub fn new(settings: &Settings) -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The sidecar's version", build);
        let limits = Family::<LimitLabels, Gauge<f64, AtomicU64>>::default();
        for (setting, unit, value) in settings.named_limits() {
            limits.get_or_create(&LimitLabels { setting, unit }).set(value);
        }
        registry.register("limit", "Each limit, by the setting's name, in the unit named", limits);
        let calls = Family::new_with_constructor(Buckets);
        let help = "How long calls took until their answer";
        registry.register_with_unit("call_duration", help, Unit::Seconds, calls.clone());
        let commits = Buckets.new_metric();
        let help = "How long Kafka transactions took from the flush to EndTxn's answer";
        registry.register_with_unit("commit_duration", help, Unit::Seconds, commits.clone());
        let leases_lost = Counter::default();
        let help =
            "Leases that were lost while they were held: each has cost the transactions that were open";
        registry.register("leases_lost", help, leases_lost.clone());
        Self { registry: Arc::new(Mutex::new(registry)), calls, commits, leases_lost }
    }

    /// A call was answered; `code` is gRPC's, e.g. `OK` or `UNAVAILABLE`.
    pub fn observe_call(&self, rpc: &'static str, code: &'static str, seconds: f64) {
        self.calls.get_or_create(&Call { rpc, code }).observe(seconds);
    }

    /// A Kafka transaction was committed.
    pub fn observe_commit(&self, seconds: f64) {
        self.commits.observe(seconds);
    }

    /// A Lease was lost.
    pub fn lease_lost(&self) {
        self.leases_lost.inc();
    }

    /// The Prometheus text (OpenMetrics), with the sidecar's state as of now; None: the engine did not answer.
    ///
    /// # Errors
    /// None in practice: writing to a String.
    pub fn encode(&self, status: Option<NodeStatus>) -> Result<String, fmt::Error> {
        let mut page = String::new();
        text::encode_registry(&mut page, &self.registry.lock())?;
        let mut engine = Registry::with_prefix(PREFIX);
        engine.register_collector(Box::new(Snapshot(status)));
        text::encode_registry(&mut page, &engine)?;
        text::encode_eof(&mut page)?;
        Ok(page)
    }
}

#[cfg(test)]
#[path = "metrics/tests.rs"]
pub(crate) mod tests;
