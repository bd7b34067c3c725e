//! What end-to-end tests share: the sidecar as a process, an application that speaks to it over gRPC, and what a
//! read_committed reader sees.

mod app;
mod asked;
mod blind;
mod cluster;
mod copier;
mod disk;
mod failpoints;
mod ledger;
mod log;
mod metrics;
mod reader;
mod relay;
mod sidecar;

pub use app::{App, Refused, offsets, record};
pub use asked::{Account, Asked, By};
pub use blind::{At, Attempt, Blind, End, Met, Moment, Reading, Way, Work};
pub use cluster::{Cluster, fence, values};
pub use copier::{Copier, Copy};
pub use disk::Disk;
pub use failpoints::FAILPOINTS;
pub use ledger::{Told, check_ledger, differences};
pub use log::unexpected;
pub use metrics::Metrics;
pub use reader::{Reader, Told as ReaderTold, subscribe};
pub use relay::Relay;
pub use sidecar::{Sidecar, Spec, command};

/// A name that no other test, and no other run of this one, uses.
pub fn unique(prefix: &str) -> String {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let n = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    format!("{prefix}-{}-{}-{n}", std::process::id(), now.as_millis() % 1_000_000_000)
}

/// Waits for a condition, looking every 20 ms.
///
/// # Panics
/// If it does not hold within the patience (seconds).
pub async fn eventually(what: &str, seconds: u64, mut holds: impl AsyncFnMut() -> bool) {
    let end = tokio::time::Instant::now() + std::time::Duration::from_secs(seconds);
    while !holds().await {
        assert!(tokio::time::Instant::now() < end, "not within {seconds} s: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
