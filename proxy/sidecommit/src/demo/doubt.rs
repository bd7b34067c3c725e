//! Transactions caught by a kill between PREPARED and the reply, and how each was settled.

use super::{
    ledger::{Line, SettledBy, Told},
    point::Point,
    sidecar::Prepared,
};

/// A sidecar that was killed.
#[derive(Clone, Debug)]
pub(super) struct Killed {
    /// Where.
    pub(super) point: Point,
    /// What its journal held as PREPARED.
    pub(super) prepared: Vec<Prepared>,
    /// When it was found dead.
    pub(super) died_ms: u64,
    /// When the next one was started.
    pub(super) restarted_ms: u64,
}

/// A transaction that was in doubt, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Doubt {
    pub(super) point: Point,
    pub(super) outcome: Told,
    /// None: the application never was told.
    pub(super) settled_by: Option<SettledBy>,
}

// === impl Killed ===

impl Killed {
    /// Of the PREPARED ones those that were not answered yet: COMMITTED is journaled after the reply, so the others were
    /// no secret to anybody.
    pub(super) fn doubts(&self, lines: &[Line]) -> Vec<Doubt> {
        self.prepared.iter().filter_map(|prepared| self.doubt(prepared, lines)).collect()
    }

    fn doubt(&self, prepared: &Prepared, lines: &[Line]) -> Option<Doubt> {
        let settled = |outcome, settled_by| Some(Doubt { point: self.point, outcome, settled_by });
        if let Some(line) =
            lines.iter().find(|line| line.transaction_id.as_ref() == Some(&prepared.transaction_id))
        {
            // A call that was cut off by the kill is never settled by its first reply.
            let before = line.told_ms < self.restarted_ms || line.settled_by == SettledBy::Reply;
            return if before { None } else { settled(line.outcome, Some(line.settled_by)) };
        }
        let of_key = |line: &&Line| {
            line.idempotency_key.is_some()
                && line.idempotency_key == prepared.idempotency_key
                && line.told_ms >= self.restarted_ms
        };
        match lines.iter().find(of_key) {
            // Another transaction has the key: so this one was proven aborted, and the repeat tried anew.
            Some(line) if line.transaction_id.is_some() => settled(Told::Aborted, Some(line.settled_by)),
            // A refused Transact names no transaction.
            Some(line) => settled(line.outcome, Some(line.settled_by)),
            None => settled(Told::Unknown, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::ledger::Money, *};

    fn line(id: Option<&str>, key: Option<&str>, outcome: Told, settled_by: SettledBy, told_ms: u64) -> Line {
        Line {
            transfer: 0,
            attempt: 0,
            money: Money { from: 0, to: 1, amount: 1 },
            transaction_id: id.map(str::to_owned),
            idempotency_key: key.map(str::to_owned),
            outcome,
            reason: None,
            settled_by,
            told_ms,
        }
    }

    fn killed(key: Option<&str>) -> Killed {
        let prepared = Prepared { transaction_id: "t".to_owned(), idempotency_key: key.map(str::to_owned) };
        Killed { point: Point::AfterEnd, prepared: vec![prepared], died_ms: 90, restarted_ms: 100 }
    }

    #[test]
    fn what_was_answered_before_the_restart_was_not_in_doubt() {
        let lines = [line(Some("t"), None, Told::Committed, SettledBy::Reply, 99)];
        assert_eq!(killed(None).doubts(&lines), []);
        let slow_reader = [line(Some("t"), None, Told::Committed, SettledBy::Reply, 101)];
        assert_eq!(killed(None).doubts(&slow_reader), []);
    }

    #[test]
    fn what_was_told_after_it_was_in_doubt() {
        let lines = [line(Some("t"), None, Told::Committed, SettledBy::Repeat, 300)];
        let expected =
            Doubt { point: Point::AfterEnd, outcome: Told::Committed, settled_by: Some(SettledBy::Repeat) };
        assert_eq!(killed(None).doubts(&lines), [expected]);
    }

    #[test]
    fn an_aborted_key_is_found_by_the_key() {
        let lines = [
            line(None, Some("k"), Told::Aborted, SettledBy::Reply, 50),
            line(None, Some("k"), Told::Aborted, SettledBy::Repeat, 300),
            line(Some("u"), Some("k"), Told::Committed, SettledBy::Repeat, 400),
        ];
        let outcomes: Vec<Told> =
            killed(Some("k")).doubts(&lines).iter().map(|doubt| doubt.outcome).collect();
        assert_eq!(outcomes, [Told::Aborted]);
    }

    #[test]
    fn a_key_that_another_transaction_has_was_freed_by_an_abort() {
        let lines = [line(Some("u"), Some("k"), Told::Committed, SettledBy::Repeat, 300)];
        let doubts = killed(Some("k")).doubts(&lines);
        assert_eq!(doubts.len(), 1);
        assert_eq!((doubts[0].outcome, doubts[0].settled_by), (Told::Aborted, Some(SettledBy::Repeat)));
    }

    #[test]
    fn what_was_never_told_is_unknown() {
        let doubts = killed(None).doubts(&[]);
        assert_eq!(
            doubts.iter().map(|doubt| (doubt.outcome, doubt.settled_by)).collect::<Vec<_>>(),
            [(Told::Unknown, None)]
        );
    }
}
