//! Which Events are told. A controller that is denied tries again and again: its Event is told once in a while, and all
//! together are as many as a cluster bears. Pure.

use super::Told;
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

/// What may be told.
#[derive(Debug)]
pub(super) struct Limiter {
    told: HashMap<Told, Instant>,
    tokens: f64,
    counted: Instant,
}

/// Whether something may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Yes.
    Tell,
    /// The same was told of late.
    Repeated,
    /// Too much is being told.
    TooMany,
}

const REPEAT: Duration = Duration::from_secs(600);
const BURST: f64 = 50.0;
const PER_SECOND: f64 = 1.0;
const REMEMBERED_MAX: usize = 1024;

// === impl Limiter ===

impl Limiter {
    pub(super) fn new(now: Instant) -> Self {
        Self { told: HashMap::new(), tokens: BURST, counted: now }
    }

    /// Asks for leave, and takes it.
    pub(super) fn ask(&mut self, told: &Told, now: Instant) -> Verdict {
        let late = |since: &Instant| now.duration_since(*since) < REPEAT;
        if self.told.get(told).is_some_and(late) {
            return Verdict::Repeated;
        }
        let refilled = now.duration_since(self.counted).as_secs_f64() * PER_SECOND;
        self.tokens = (self.tokens + refilled).min(BURST);
        self.counted = now;
        if self.tokens < 1.0 {
            return Verdict::TooMany;
        }
        if self.told.len() >= REMEMBERED_MAX {
            self.told.retain(|_, since| late(since));
        }
        // What is not remembered could be told again and again; so it is not told.
        if self.told.len() >= REMEMBERED_MAX {
            return Verdict::TooMany;
        }
        self.tokens -= 1.0;
        self.told.insert(told.clone(), now);
        Verdict::Tell
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{About, Reason},
        *,
    };
    use serde_json::json;

    fn told(name: u32) -> Told {
        let about = About::of(&json!({ "metadata": { "name": name.to_string() } }), "orders");
        Told { about, reason: Reason::Denied, message: "slots".to_owned() }
    }

    #[test]
    fn the_same_is_told_once_in_ten_minutes() {
        let start = Instant::now();
        let mut limiter = Limiter::new(start);
        assert_eq!(limiter.ask(&told(1), start), Verdict::Tell);
        assert_eq!(limiter.ask(&told(1), start + REPEAT / 2), Verdict::Repeated);
        assert_eq!(limiter.ask(&told(2), start + REPEAT / 2), Verdict::Tell);
        assert_eq!(limiter.ask(&told(1), start + REPEAT), Verdict::Tell);
    }

    #[test]
    fn a_crash_loop_of_many_pods_does_not_flood() {
        let start = Instant::now();
        let mut limiter = Limiter::new(start);
        // Ten a second for an hour, each with another name.
        let told = (0..36_000).filter(|n| {
            let now = start + Duration::from_millis(u64::from(*n) * 100);
            limiter.ask(&told(*n), now) == Verdict::Tell
        });
        let told = told.count();
        assert!((3_000..=3_660).contains(&told), "{told}");
    }
}
