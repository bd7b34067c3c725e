//! What is measured.

use super::window::Window;
use hdrhistogram::Histogram;
use std::time::{Duration, Instant};

/// Latencies beyond count as this.
const LATENCY_MAX: Duration = Duration::from_secs(600);
/// One that begins later than this after it was due is late. Waking a caller takes a part of it.
const LATE: Duration = Duration::from_millis(1);

/// Transactions over some time.
#[derive(Clone, Debug)]
pub(in crate::bench) struct Measured {
    /// In microseconds, from the first call of a transaction, or from when it was due, to the answer of the last.
    latencies: Histogram<u64>,
    /// From the window's start to the end of the last that began within.
    pub(in crate::bench) took: Duration,
    /// Of those that are due at fixed times: begun later.
    pub(in crate::bench) late: u64,
    /// Likewise: due in the window, and no caller was free.
    pub(in crate::bench) never_started: u64,
    /// Attempts that the sidecar had no room for; they were made anew. Those of the warm-up too.
    pub(in crate::bench) refused: u64,
}

/// As figures have it.
fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

// === impl Measured ===

impl Measured {
    pub(in crate::bench) fn new() -> Self {
        let max = u64::try_from(LATENCY_MAX.as_micros()).unwrap_or(u64::MAX);
        let mut latencies =
            Histogram::new_with_max(max, 3).expect("three digits up to ten minutes are possible");
        latencies.auto(true);
        Self { latencies, took: Duration::ZERO, late: 0, never_started: 0, refused: 0 }
    }

    pub(in crate::bench) fn transactions(&self) -> u64 {
        self.latencies.len()
    }

    /// What so many of a hundred stay below.
    pub(in crate::bench) fn quantile_ms(&self, quantile: f64) -> f64 {
        millis(self.latencies.value_at_quantile(quantile))
    }

    pub(in crate::bench) fn max_ms(&self) -> f64 {
        millis(self.latencies.max())
    }

    /// Counts a transaction that ended now, if it counts from a moment in the window; one that ends after the window counts
    /// whole, with its time.
    pub(in crate::bench) fn count(&mut self, window: &Window, from: Instant, began: Instant) {
        if from < window.start() {
            return;
        }
        let now = Instant::now();
        let micros = u64::try_from((now - from).as_micros()).unwrap_or(u64::MAX);
        self.latencies.saturating_record(micros);
        self.late += u64::from(began.saturating_duration_since(from) > LATE);
        self.took = now - window.start();
    }

    /// Of another caller in the same time.
    pub(in crate::bench) fn beside(&mut self, other: &Self) {
        self.latencies += &other.latencies;
        self.took = self.took.max(other.took);
        self.late += other.late;
        self.never_started += other.never_started;
        self.refused += other.refused;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_share_the_time() {
        let measured = |micros: &[u64], seconds| {
            let mut measured = Measured { took: Duration::from_secs(seconds), late: 1, ..Measured::new() };
            micros.iter().for_each(|latency| measured.latencies.saturating_record(*latency));
            measured
        };
        let mut callers = measured(&[1000, 2000], 2);
        callers.beside(&measured(&[3000, 3000], 1));
        assert_eq!((callers.transactions(), callers.took.as_secs(), callers.late), (4, 2, 2));
        assert!((callers.quantile_ms(0.5) - 2.0).abs() < 0.01);
    }

    #[test]
    fn warming_up_does_not_count() {
        let window = Window::of(Duration::from_secs(100), Duration::from_secs(1));
        let mut measured = Measured::new();
        measured.count(&window, Instant::now(), Instant::now());
        assert_eq!(measured.transactions(), 0);
        assert!(!window.is_over());
    }

    #[test]
    fn a_latency_counts_from_when_it_was_due() {
        let (hour, now) = (Duration::from_secs(3600), Instant::now());
        let due = now + Duration::from_millis(5);
        let window = Window::of(Duration::ZERO, hour);
        let mut measured = Measured::new();
        while Instant::now() < due + Duration::from_millis(5) {
            std::hint::spin_loop();
        }
        measured.count(&window, due, due + Duration::from_millis(4));
        assert_eq!((measured.transactions(), measured.late), (1, 1));
        assert!(measured.quantile_ms(0.5) >= 4.9, "{}", measured.quantile_ms(0.5));
    }
}
