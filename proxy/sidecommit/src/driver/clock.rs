//! The engine's clock: wall time at the start, monotonic from then on.

use sidecommit_core::Millis;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since the epoch that never go back while the process lives.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: Duration,
    start: Instant,
}

// === impl Clock ===

impl Clock {
    /// Starts from the wall clock.
    pub fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { wall, start: Instant::now() }
    }

    /// The time.
    pub fn now(&self) -> Millis {
        (self.wall + self.start.elapsed()).as_millis() as Millis
    }

    /// How long until then, rounded up: a timer that fires early would find nothing due and spin.
    pub fn until(&self, at: Millis) -> Duration {
        Duration::from_millis(at).saturating_sub(self.wall + self.start.elapsed())
    }
}
