//! Open loop: when transactions are due. Pure.

use std::time::Duration;

/// Transactions at a fixed rate for some time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    rate: f64,
    total: u64,
}

// === impl Schedule ===

impl Schedule {
    pub(super) fn new(rate: f64, length: Duration) -> Self {
        Self { rate, total: (length.as_secs_f64() * rate).ceil() as u64 }
    }

    /// How many there are.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// When the nth is due, from the beginning. Each is computed by itself, so no error adds up.
    pub(super) fn due(&self, nth: u64) -> Duration {
        Duration::from_secs_f64(nth as f64 / self.rate)
    }

    /// How many are due by then.
    pub(super) fn due_by(&self, elapsed: Duration) -> u64 {
        // Fewer than there are, whatever rounding does; the rest one by one, as `due` says.
        let mut by = ((elapsed.as_secs_f64() * self.rate) as u64).saturating_sub(1).min(self.total);
        while by < self.total && self.due(by) <= elapsed {
            by += 1;
        }
        by
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_due_after_the_other_at_the_rate_until_the_end() {
        let schedule = Schedule::new(4.0, Duration::from_secs(2));
        assert_eq!(schedule.total(), 8);
        assert_eq!([0, 1, 7].map(|nth| schedule.due(nth).as_millis()), [0, 250, 1750]);
        let by = |millis| schedule.due_by(Duration::from_millis(millis));
        assert_eq!([by(0), by(249), by(250), by(1750), by(60_000)], [1, 1, 2, 8, 8]);
    }

    #[test]
    fn what_is_due_by_its_own_time_is_due() {
        for rate in [0.3, 7.0, 333.3, 99_999.0] {
            let schedule = Schedule::new(rate, Duration::from_secs(20));
            for nth in (0..schedule.total()).step_by(37) {
                let due = schedule.due(nth);
                assert!(schedule.due_by(due) > nth && schedule.due_by(due) <= nth + 2, "{rate} {nth}");
                let before = due.saturating_sub(Duration::from_micros(2));
                assert!(nth == 0 || schedule.due_by(before) <= nth, "{rate} {nth}");
            }
        }
    }

    #[test]
    fn a_slow_rate_has_one_at_least() {
        assert_eq!(Schedule::new(0.01, Duration::from_secs(1)).total(), 1);
    }
}
