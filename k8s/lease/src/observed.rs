use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

/// Since when we have seen each lease as it is, by our own monotonic clock.
///
/// A resourceVersion changes with the holder, the renewTime and everything else, so it alone says whether anything did.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    seen: BTreeMap<u32, (String, Instant)>,
}

// === impl Observed ===

impl Observed {
    /// Notes what an answer that arrived at `now` showed, and returns for how long it has been so. `now` must not be
    /// earlier than the arrival: a lease that changed on the way would seem older than it is.
    pub(crate) fn note(&mut self, ordinal: u32, version: &str, now: Instant) -> Duration {
        let (seen, since) = self.seen.entry(ordinal).or_insert_with(|| (version.to_owned(), now));
        if seen != version {
            version.clone_into(seen);
            *since = now;
        }
        now.saturating_duration_since(*since)
    }

    /// Forgets leases that are gone, so that one made anew under the same name is not taken for the old one.
    pub(crate) fn keep(&mut self, there: impl Fn(u32) -> bool) {
        self.seen.retain(|ordinal, _| there(*ordinal));
    }
}
