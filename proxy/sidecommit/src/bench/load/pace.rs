//! When a caller begins its next transaction.

use super::{schedule::Schedule, window::Window};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};
use tokio::sync::Semaphore;

/// One for all callers.
#[derive(Clone, Debug)]
pub(super) enum Pace {
    /// When the one before has ended.
    Closed(Window),
    /// When the next is due that nobody has taken.
    Open(Arc<Due>),
}

/// What is due and not taken.
#[derive(Debug)]
pub(super) struct Due {
    schedule: Schedule,
    from: Instant,
    window: Window,
    /// A permit for each that is due; closed at the end.
    permits: Semaphore,
    taken: AtomicU64,
}

// === impl Pace ===

impl Pace {
    pub(super) fn start(rate: Option<f64>, window: Window) -> std::io::Result<Self> {
        let Some(rate) = rate else { return Ok(Self::Closed(window)) };
        let from = Instant::now();
        let schedule = Schedule::new(rate, window.end() - from);
        let permits = Semaphore::new(0);
        let due = Arc::new(Due { schedule, from, window, permits, taken: AtomicU64::new(0) });
        // A thread of its own: tokio's timers are as coarse as a millisecond.
        let clock = due.clone();
        std::thread::Builder::new().name("bench-clock".to_owned()).spawn(move || clock.run())?;
        Ok(Self::Open(due))
    }

    /// From when the next transaction counts, as soon as it may begin. None: it is over.
    pub(super) async fn next(&self) -> Option<Instant> {
        match self {
            Self::Closed(window) => (!window.is_over()).then(Instant::now),
            Self::Open(due) => {
                due.permits.acquire().await.ok()?.forget();
                let nth = due.taken.fetch_add(1, Ordering::Relaxed);
                Some(due.from + due.schedule.due(nth))
            }
        }
    }

    /// Those that were due in the window and that no caller was free for.
    pub(super) fn never_started(&self) -> u64 {
        match self {
            Self::Closed(_) => 0,
            Self::Open(due) => {
                let before = due.schedule.due_by(due.window.start().saturating_duration_since(due.from));
                due.schedule.total() - due.taken.load(Ordering::Relaxed).max(before).min(due.schedule.total())
            }
        }
    }
}

// === impl Due ===

impl Due {
    fn run(&self) {
        let mut released = 0;
        while released < self.schedule.total() {
            wait_until(self.from + self.schedule.due(released));
            let due = self.schedule.due_by(self.from.elapsed());
            self.permits.add_permits(usize::try_from(due - released).unwrap_or(Semaphore::MAX_PERMITS));
            released = due;
        }
        wait_until(self.window.end());
        self.permits.close();
    }
}

fn wait_until(then: Instant) {
    while let Some(left) = then.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        std::thread::park_timeout(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn what_nobody_takes_was_never_started_and_what_is_taken_counts_from_when_it_was_due() {
        let window = Window::of(Duration::ZERO, Duration::from_millis(300));
        let pace = Pace::start(Some(100.0), window).unwrap();
        let Pace::Open(due) = &pace else { panic!("open loop") };
        let (first, second) = (pace.next().await.unwrap(), pace.next().await.unwrap());
        assert_eq!(second - first, Duration::from_millis(10));
        while !window.is_over() || !due.permits.is_closed() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!((pace.next().await, pace.never_started()), (None, due.schedule.total() - 2));
        assert!(due.schedule.total() >= 29);
    }
}
