//! Finds calls into librdkafka that do not come back: begin_transaction can hang (librdkafka #4420), and
//! send_offsets_to_transaction while the group's coordinator is away (#5456, #5511).

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Watches the call that a lane's thread is in.
#[derive(Debug, Default)]
pub(super) struct Guard(Mutex<Option<Call>>);

#[derive(Debug)]
struct Call {
    /// librdkafka's name for it.
    name: &'static str,
    /// When it must be back.
    deadline: Instant,
}

// === impl Guard ===

impl Guard {
    /// Makes a call that must be back within `limit`.
    pub(super) fn watch<R>(&self, name: &'static str, limit: Duration, call: impl FnOnce() -> R) -> R {
        *self.0.lock() = Some(Call { name, deadline: Instant::now() + limit });
        let result = call();
        *self.0.lock() = None;
        result
    }

    /// The call under way, if it should have been back.
    pub(super) fn overdue(&self) -> Option<&'static str> {
        self.0.lock().as_ref().filter(|call| call.deadline < Instant::now()).map(|call| call.name)
    }

    #[cfg(test)]
    pub(super) fn is_in_call(&self) -> bool {
        self.0.lock().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_overdue_only_while_it_is_made_and_late() {
        let guard = Guard::default();
        assert_eq!(guard.overdue(), None);
        guard.watch("early", Duration::from_secs(3600), || assert_eq!(guard.overdue(), None));
        guard.watch("late", Duration::ZERO, || {
            let started = Instant::now();
            while guard.overdue() != Some("late") {
                assert!(started.elapsed() < Duration::from_secs(5), "never overdue");
                std::hint::spin_loop();
            }
        });
        assert_eq!(guard.overdue(), None);
    }
}
