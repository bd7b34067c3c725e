//! Finds calls into librdkafka that do not come back (begin_transaction can hang: librdkafka #4420).

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// When the call that a lane's thread is in must be back.
#[derive(Debug)]
pub(super) struct Guard {
    since: Instant,
    /// Milliseconds after `since`; 0: not in a call.
    deadline: AtomicU64,
}

// === impl Guard ===

impl Guard {
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), deadline: AtomicU64::new(0) }
    }

    /// Makes a call that must be back within `limit`.
    pub(super) fn watch<R>(&self, limit: Duration, call: impl FnOnce() -> R) -> R {
        let deadline = (self.since.elapsed() + limit).as_millis();
        self.deadline.store(u64::try_from(deadline).unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
        let result = call();
        self.deadline.store(0, Ordering::Relaxed);
        result
    }

    /// Whether the call under way should have been back.
    pub(super) fn is_overdue(&self) -> bool {
        let deadline = self.deadline.load(Ordering::Relaxed);
        deadline != 0 && self.since.elapsed().as_millis() > u128::from(deadline)
    }

    #[cfg(test)]
    pub(super) fn is_in_call(&self) -> bool {
        self.deadline.load(Ordering::Relaxed) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_overdue_only_while_it_is_made_and_late() {
        let guard = Guard::new();
        assert!(!guard.is_overdue());
        guard.watch(Duration::from_secs(3600), || assert!(!guard.is_overdue()));
        guard.watch(Duration::ZERO, || {
            let started = Instant::now();
            while !guard.is_overdue() {
                assert!(started.elapsed() < Duration::from_secs(5), "never overdue");
                std::hint::spin_loop();
            }
        });
        assert!(!guard.is_overdue());
    }
}
