//! When it is measured.

use std::time::{Duration, Instant};

/// After a warm-up: connections, producers, caches.
#[derive(Clone, Copy, Debug)]
pub(in crate::bench) struct Window {
    start: Instant,
    end: Instant,
}

// === impl Window ===

impl Window {
    pub(in crate::bench) fn of(warmup: Duration, seconds: Duration) -> Self {
        let start = Instant::now() + warmup;
        Self { start, end: start + seconds }
    }

    pub(in crate::bench) fn start(&self) -> Instant {
        self.start
    }

    pub(in crate::bench) fn end(&self) -> Instant {
        self.end
    }

    pub(in crate::bench) fn is_over(&self) -> bool {
        Instant::now() >= self.end
    }
}
