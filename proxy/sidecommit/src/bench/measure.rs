//! What is measured.

use hdrhistogram::Histogram;
use std::time::{Duration, Instant};

/// Latencies beyond count as this.
const LATENCY_MAX: Duration = Duration::from_secs(600);

/// Transactions over some time.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    /// In microseconds, from the first call of a transaction to the answer of the last.
    pub(super) latencies: Histogram<u64>,
    /// The time in which they were made, over all rounds.
    pub(super) took: Duration,
}

/// When to measure: what ends before the start is only warming up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    start: Instant,
    end: Instant,
}

// === impl Measured ===

impl Measured {
    pub(super) fn new() -> Self {
        let max = u64::try_from(LATENCY_MAX.as_micros()).unwrap_or(u64::MAX);
        let mut latencies =
            Histogram::new_with_max(max, 3).expect("three digits up to ten minutes are possible");
        latencies.auto(true);
        Self { latencies, took: Duration::ZERO }
    }

    pub(super) fn transactions(&self) -> u64 {
        self.latencies.len()
    }

    pub(super) fn per_second(&self) -> f64 {
        self.transactions() as f64 / self.took.as_secs_f64()
    }

    /// Of another caller in the same time.
    pub(super) fn beside(&mut self, other: &Self) {
        self.latencies += &other.latencies;
        self.took = self.took.max(other.took);
    }

    /// Of another round.
    pub(super) fn then(&mut self, other: &Self) {
        self.latencies += &other.latencies;
        self.took += other.took;
    }
}

// === impl Window ===

impl Window {
    /// Begins after a tenth of the time, which warms up connections, producers and the page cache.
    pub(super) fn of(duration: Duration) -> Self {
        let start = Instant::now() + duration / 10;
        Self { start, end: start + duration }
    }

    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.end
    }

    /// Counts a transaction that ended now, if it began in the window; one that ends after it counts whole, with its
    /// time.
    pub(super) fn count(&self, began: Instant, measured: &mut Measured) {
        if began >= self.start {
            let now = Instant::now();
            let micros = u64::try_from((now - began).as_micros()).unwrap_or(u64::MAX);
            measured.latencies.saturating_record(micros);
            measured.took = now - self.start;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(micros: &[u64], seconds: u64) -> Measured {
        let mut measured = Measured::new();
        micros.iter().for_each(|latency| measured.latencies.saturating_record(*latency));
        Measured { took: Duration::from_secs(seconds), ..measured }
    }

    #[test]
    fn callers_share_the_time_and_rounds_add_it() {
        let mut callers = measured(&[1000, 2000], 2);
        callers.beside(&measured(&[3000, 3000], 1));
        assert_eq!(callers.per_second(), 2.0);
        callers.then(&measured(&[1000; 4], 2));
        assert_eq!((callers.transactions(), callers.per_second()), (8, 2.0));
    }

    #[test]
    fn warming_up_does_not_count() {
        let window = Window::of(Duration::from_secs(100));
        let mut measured = Measured::new();
        window.count(Instant::now(), &mut measured);
        assert_eq!(measured.transactions(), 0);
        assert!(!window.is_over());
    }
}
