//! A read_committed reader of the output that runs along: how far it is, and how old it is when it gets there.

use super::{
    super::{kafka::from_beginning, ledger::now_ms},
    PARTITIONS,
};
use crate::exit::Failure;
use hdrhistogram::Histogram;
use parking_lot::Mutex;
use rdkafka::{Message as _, consumer::BaseConsumer};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

const POLL: Duration = Duration::from_millis(100);
/// Longer than any run; two digits are enough.
const LATENCY_MAX_MS: u64 = 3_600_000;

/// A running one; ends when it is dropped.
#[derive(Debug)]
pub(super) struct Follower {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    copied: AtomicU64,
    over: AtomicBool,
    latencies: Mutex<Histogram<u64>>,
}

// === impl Follower ===

impl Follower {
    /// From the beginning of a topic on.
    pub(super) fn start(servers: &str, topic: &str) -> Result<Self, Failure> {
        let group = [("group.id", "sidecommit-demo-follower")];
        let consumer = from_beginning(servers, topic, PARTITIONS, &group)?;
        let latencies = Histogram::new_with_max(LATENCY_MAX_MS, 2).map_err(Failure::internal)?;
        let shared = Arc::new(Shared {
            copied: AtomicU64::new(0),
            over: AtomicBool::new(false),
            latencies: Mutex::new(latencies),
        });
        let follows = shared.clone();
        tokio::task::spawn_blocking(move || follows.follow(&consumer));
        Ok(Self { shared })
    }

    /// Records that are visible.
    pub(super) fn copied(&self) -> u64 {
        self.shared.copied.load(Ordering::Relaxed)
    }

    /// From the input's time to when the output was read: so many of a hundred took no longer, in milliseconds.
    pub(super) fn percentile_ms(&self, percentile: f64) -> u64 {
        self.shared.latencies.lock().value_at_percentile(percentile)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
    }
}

// === impl Shared ===

impl Shared {
    /// Applications keep the input's timestamp. An error passes, or the run stands still and says so.
    fn follow(&self, consumer: &BaseConsumer) {
        while !self.over.load(Ordering::Relaxed) {
            let Some(Ok(message)) = consumer.poll(POLL) else { continue };
            let made_ms = message.timestamp().to_millis().and_then(|ms| u64::try_from(ms).ok());
            if let Some(made_ms) = made_ms {
                self.latencies.lock().saturating_record(now_ms().saturating_sub(made_ms));
            }
            self.copied.fetch_add(1, Ordering::Relaxed);
        }
    }
}
