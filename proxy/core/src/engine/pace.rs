//! When a group starts: at once for who is alone, and else when about as many wait as are to be expected.
//!
//! Small transactions come in waves: what one Kafka transaction carried is answered at once, and its callers come back at once. A
//! group that starts with the first of them leaves all others to the next one, and costs the broker as much as a full one.

use crate::{GroupCommit, Millis};

/// After so long without as many at once, they are not expected any more.
const MEMORY: Millis = 50;

/// For so many times `group_commit.wait` few wait for many to be done.
const BESIDE: u64 = 10;

/// How many commit at a time, and since when somebody waits who could start.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// How many were committing at once of late.
    company: usize,
    /// When they were.
    seen: Millis,
    /// Since when somebody waits for company.
    since: Option<Millis>,
}

/// What there is to carry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Transactions that wait and may share, their records and bytes.
    pub(super) waiting: (usize, u64, u64),
    /// Transactions on lanes that share.
    pub(super) carried: usize,
}

// === impl Pace ===

impl Pace {
    /// Somebody waits who did not before, or may start who could not.
    pub(super) fn arrived(&mut self, now: Millis, load: Load) {
        let present = load.present();
        if present >= self.company || now > self.seen + MEMORY {
            (self.company, self.seen) = (present, now);
        }
        self.since.get_or_insert(now);
    }

    /// Somebody who waited for others to be settled may start: the wait is over.
    pub(super) fn released(&mut self, now: Millis, limits: &GroupCommit) {
        self.since = Some(now.saturating_sub(limits.wait));
    }

    /// Whether a group is to start now.
    pub(super) fn is_due(&self, now: Millis, load: Load, limits: &GroupCommit) -> bool {
        let Some(since) = self.since else { return false };
        let (waiting, records, bytes) = load.waiting;
        let full = waiting >= limits.transactions || records >= limits.records || bytes >= limits.bytes;
        // Many small groups beside each other cost the broker more than they save. So those that wait start when they are as many as
        // those that lanes carry, else when some of these are done: half of the callers are served while the others come. But a
        // Kafka transaction that takes long, or hangs, holds up nobody else.
        let many = waiting >= load.carried || now >= since + BESIDE * limits.wait;
        waiting > 0 && (full || many && (load.present() >= self.company || now >= since + limits.wait))
    }

    /// When to look again whether a group is due.
    pub(super) fn deadline(&self, now: Millis, limits: &GroupCommit) -> Option<Millis> {
        let since = self.since?;
        [limits.wait, BESIDE * limits.wait].into_iter().map(|wait| since + wait).find(|at| *at > now)
    }

    /// A group started, or nobody could; `left`: those who wait still may.
    pub(super) fn started(&mut self, now: Millis, load: Load, left: bool) {
        // Whoever was expected and did not come in time is not expected again.
        (self.company, self.seen) = (self.company.min(load.present()), now);
        self.since = left.then_some(now);
    }
}

// === impl Load ===

impl Load {
    fn present(self) -> usize {
        self.waiting.0 + self.carried
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: GroupCommit = GroupCommit { transactions: 8, records: 100, bytes: 1000, wait: 5 };

    fn load(waiting: usize, carried: usize) -> Load {
        Load { waiting: (waiting, waiting as u64, waiting as u64), carried }
    }

    /// Four come at once, are carried, and their answers are on their way.
    fn after_four() -> Pace {
        let mut pace = Pace::default();
        for waiting in 1..=4 {
            pace.arrived(0, load(waiting, 0));
        }
        pace.started(0, load(0, 4), false);
        pace
    }

    #[test]
    fn one_caller_alone_never_waits() {
        let mut pace = Pace::default();
        for now in 0..10 {
            pace.arrived(now, load(1, 0));
            assert!(pace.is_due(now, load(1, 0), &LIMITS));
            pace.started(now, load(0, 1), false);
            assert!(!pace.is_due(now, load(0, 1), &LIMITS));
        }
    }

    #[test]
    fn who_was_there_before_is_waited_for_but_not_longer_than_the_bound() {
        let mut pace = after_four();
        for waiting in 1..=3 {
            pace.arrived(2, load(waiting, 0));
            assert!(!pace.is_due(2, load(waiting, 0), &LIMITS), "{waiting} of 4");
        }
        assert_eq!(pace.deadline(2, &LIMITS), Some(7));
        assert!(pace.is_due(7, load(3, 0), &LIMITS));
        pace.arrived(3, load(4, 0));
        assert!(pace.is_due(3, load(4, 0), &LIMITS));
    }

    #[test]
    fn who_does_not_come_is_waited_for_once() {
        let mut pace = after_four();
        pace.arrived(2, load(1, 0));
        assert!(pace.is_due(7, load(1, 0), &LIMITS));
        pace.started(7, load(0, 1), false);
        pace.arrived(9, load(1, 0));
        assert!(pace.is_due(9, load(1, 0), &LIMITS));
    }

    #[test]
    fn those_on_other_lanes_are_not_waited_for() {
        let mut pace = after_four();
        pace.arrived(2, load(2, 2));
        assert!(pace.is_due(2, load(2, 2), &LIMITS));
    }

    #[test]
    fn few_do_not_start_beside_many() {
        let mut pace = after_four();
        pace.arrived(2, load(1, 3));
        assert!(!pace.is_due(51, load(1, 3), &LIMITS));
        assert!(pace.is_due(51, load(3, 3), &LIMITS));
        assert!(pace.is_due(51, load(1, 1), &LIMITS));
        assert!(pace.is_due(51, Load { waiting: (1, 100, 1), carried: 3 }, &LIMITS), "it is full");
        assert_eq!(pace.deadline(51, &LIMITS), Some(52));
        assert!(pace.is_due(52, load(1, 3), &LIMITS), "those on the lanes take too long");
    }

    #[test]
    fn what_was_long_ago_is_forgotten() {
        let mut pace = after_four();
        pace.arrived(MEMORY + 1, load(1, 0));
        assert!(pace.is_due(MEMORY + 1, load(1, 0), &LIMITS));
    }

    #[test]
    fn a_full_group_waits_for_nobody() {
        let mut pace = Pace::default();
        for waiting in 1..=20 {
            pace.arrived(0, load(waiting, 0));
        }
        pace.started(0, load(0, 20), false);
        pace.arrived(1, load(8, 0));
        assert!(pace.is_due(1, load(8, 0), &LIMITS));
        assert!(!pace.is_due(1, load(7, 0), &LIMITS));
        assert!(pace.is_due(1, Load { waiting: (1, 100, 1), carried: 0 }, &LIMITS));
        assert!(pace.is_due(1, Load { waiting: (1, 1, 1000), carried: 0 }, &LIMITS));
    }
}
