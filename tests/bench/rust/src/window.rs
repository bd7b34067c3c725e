use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::Serialize;

use crate::{error::Error, options::Options};

/// The time that is measured, and what was seen in it.
#[derive(Debug)]
pub(crate) struct Window {
    start: Instant,
    end: Instant,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    latencies: Vec<Duration>,
    records: usize,
    last_end: Instant,
}

#[derive(Debug, Serialize)]
struct Figures {
    transactions: usize,
    records: usize,
    seconds: f64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

// === impl Window ===

impl Window {
    /// Begins when the warm-up is over.
    pub(crate) fn new(options: &Options) -> Self {
        let start = Instant::now() + options.warmup;
        let seen = Seen { latencies: Vec::new(), records: 0, last_end: start };
        Self { start, end: start + options.seconds, seen: Mutex::new(seen) }
    }

    pub(crate) fn is_over_at(&self, time: Instant) -> bool {
        time >= self.end
    }

    pub(crate) fn until_start(&self) -> Duration {
        self.start.saturating_duration_since(Instant::now())
    }

    /// A transaction that just ended; it counts if it began within the window. Its latency is from when its caller asked for it.
    pub(crate) fn count(&self, asked: Instant, began: Instant, records: usize) {
        let ended = Instant::now();
        if began < self.start || self.is_over_at(began) {
            return;
        }
        let mut seen = self.seen.lock();
        seen.latencies.push(ended - asked);
        seen.records += records;
        seen.last_end = seen.last_end.max(ended);
    }

    /// What was measured, as a line of JSON.
    pub(crate) fn json(&self) -> Result<String, Error> {
        let mut seen = self.seen.lock();
        seen.latencies.sort_unstable();
        // By nearest rank.
        let quantile = |percent: usize| -> Result<f64, Error> {
            let rank = (seen.latencies.len() * percent).div_ceil(100);
            let latency = rank.checked_sub(1).and_then(|index| seen.latencies.get(index));
            Ok(latency.ok_or(Error::NothingMeasured)?.as_secs_f64() * 1e3)
        };
        Ok(serde_json::to_string(&Figures {
            transactions: seen.latencies.len(),
            records: seen.records,
            seconds: (seen.last_end - self.start).as_secs_f64(),
            p50_ms: quantile(50)?,
            p99_ms: quantile(99)?,
            max_ms: quantile(100)?,
        })?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// One that began a second ago and lasts a minute.
    fn window() -> Window {
        let start = Instant::now() - SECOND;
        let seen = Seen { latencies: Vec::new(), records: 0, last_end: start };
        Window { start, end: start + 60 * SECOND, seen: Mutex::new(seen) }
    }

    #[test]
    fn what_began_outside_of_the_window_does_not_count() {
        let window = window();
        window.count(window.start - SECOND, window.start - SECOND, 1);
        window.count(window.start, window.end, 1);
        assert!(matches!(window.json(), Err(Error::NothingMeasured)));
        // Asked for before it, begun within.
        window.count(window.start - SECOND, window.start, 3);
        let figures: serde_json::Value =
            serde_json::from_str(&window.json().expect("measured")).expect("JSON");
        assert_eq!((&figures["transactions"], &figures["records"]), (&1.into(), &3.into()));
        assert!(
            figures["seconds"].as_f64() >= Some(1.0) && figures["p50_ms"].as_f64() >= Some(2000.0),
            "{figures}"
        );
    }

    #[test]
    fn percentiles_are_the_nearest_ranks() {
        let window = window();
        window.seen.lock().latencies = (1..=100).rev().map(Duration::from_millis).collect();
        let figures: serde_json::Value =
            serde_json::from_str(&window.json().expect("measured")).expect("JSON");
        assert_eq!([&figures["p50_ms"], &figures["p99_ms"], &figures["max_ms"]], [50.0, 99.0, 100.0]);
    }
}
