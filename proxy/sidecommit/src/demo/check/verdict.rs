//! The comparison of what was told with what is visible.

use super::super::{
    ledger::{Line, Money, Told},
    records::Half,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// At most so many findings are described.
const FINDINGS_MAX: usize = 20;

/// What a read_committed reader sees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) debits: Vec<Half>,
    pub(super) credits: Vec<Half>,
}

/// How told and seen agree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Verdict {
    /// Transactions told COMMITTED.
    pub(in super::super) acknowledged: u64,
    /// Outcomes ABORTED told.
    pub(in super::super) aborted: u64,
    /// Transactions told COMMITTED whose debit and credit are visible.
    pub(in super::super) visible: u64,
    /// Transactions told COMMITTED of which a part or all is not visible as it was sent.
    pub(in super::super) lost: u64,
    /// Transfers of which the debit or the credit is visible more than once.
    pub(in super::super) duplicated: u64,
    /// Transactions of which one of debit and credit is visible, and the other is not.
    pub(in super::super) torn: u64,
    /// Transactions that are visible though the application was told ABORTED, or nothing.
    pub(in super::super) phantom: u64,
    /// Transactions whose outcome the sidecar could not tell.
    pub(in super::super) unknown: u64,
    /// Sum of the visible debits.
    pub(in super::super) debited: u64,
    /// Sum of the visible credits: the same, or money was made or lost.
    pub(in super::super) credited: u64,
    /// The first of what is wrong, for people.
    pub(in super::super) findings: Vec<String>,
}

/// A transaction as records name it.
type Name = (u64, u32);

/// What was told of a transaction, and how often its halves are visible.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    told: Option<Told>,
    debits: u32,
    credits: u32,
}

/// Compares.
pub(super) fn judge(lines: &[Line], seen: &Seen) -> Verdict {
    let sum = |halves: &[Half]| halves.iter().map(|half| u64::from(half.amount)).sum();
    let mut verdict =
        Verdict { debited: sum(&seen.debits), credited: sum(&seen.credits), ..Verdict::default() };
    let mut entries: BTreeMap<Name, Entry> = BTreeMap::new();
    let mut sent: HashMap<Name, Money> = HashMap::new();
    for line in lines {
        let name = (line.transfer, line.attempt);
        sent.insert(name, line.money);
        // Several attempts with one idempotency key are one entry, which the last of them decides.
        entries.entry(name).or_default().told = Some(line.outcome);
        verdict.aborted += u64::from(line.outcome == Told::Aborted);
    }
    let mut count = |halves: &[Half], side: Side| {
        for half in halves {
            let name = (half.transfer, half.attempt);
            let entry = entries.entry(name).or_default();
            // Another account or amount than was sent: not what was acknowledged, and never told to be there.
            if sent
                .get(&name)
                .is_none_or(|money| side.account_of(money) == half.account && money.amount == half.amount)
            {
                *side.of(entry) += 1;
            } else {
                verdict.phantom += 1;
                verdict.find(format!("transfer {name:?}: {half:?} is not what was sent"));
            }
        }
    };
    count(&seen.debits, Side::Debit);
    count(&seen.credits, Side::Credit);
    verdict.duplicates(&entries);
    for (name, entry) in &entries {
        verdict.entry(*name, entry);
    }
    verdict
}

#[derive(Clone, Copy)]
enum Side {
    Debit,
    Credit,
}

// === impl Side ===

impl Side {
    fn account_of(self, money: &Money) -> u8 {
        match self {
            Self::Debit => money.from,
            Self::Credit => money.to,
        }
    }

    fn of(self, entry: &mut Entry) -> &mut u32 {
        match self {
            Self::Debit => &mut entry.debits,
            Self::Credit => &mut entry.credits,
        }
    }
}

// === impl Verdict ===

impl Verdict {
    /// Whether everything is as promised.
    pub(in super::super) fn is_clean(&self) -> bool {
        let wrong = self.lost + self.duplicated + self.torn + self.phantom + self.unknown;
        wrong == 0 && self.visible == self.acknowledged && self.debited == self.credited
    }

    fn entry(&mut self, name: Name, entry: &Entry) {
        let (debit, credit) = (entry.debits > 0, entry.credits > 0);
        if debit != credit {
            self.torn += 1;
            self.find(format!("transfer {name:?}, told {:?}: debit {debit}, credit {credit}", entry.told));
        }
        match entry.told {
            Some(Told::Committed) => {
                self.acknowledged += 1;
                if debit && credit {
                    self.visible += 1;
                } else {
                    self.lost += 1;
                    self.find(format!("transfer {name:?} was told COMMITTED and is not visible whole"));
                }
            }
            Some(Told::Unknown) => {
                self.unknown += 1;
                self.find(format!("transfer {name:?}: its outcome was not told"));
            }
            Some(Told::Aborted) | None if debit || credit => {
                self.phantom += 1;
                self.find(format!("transfer {name:?} was told {:?} and is visible", entry.told));
            }
            Some(Told::Aborted) | None => {}
        }
    }

    /// Over all attempts: money that moved twice in two attempts has moved twice.
    fn duplicates(&mut self, entries: &BTreeMap<Name, Entry>) {
        let mut transfers: BTreeMap<u64, (u32, u32)> = BTreeMap::new();
        for ((transfer, _), entry) in entries {
            let (debits, credits) = transfers.entry(*transfer).or_default();
            *debits += entry.debits;
            *credits += entry.credits;
        }
        for (transfer, (debits, credits)) in transfers {
            if debits > 1 || credits > 1 {
                self.duplicated += 1;
                self.find(format!("transfer {transfer}: {debits} debits and {credits} credits are visible"));
            }
        }
    }

    fn find(&mut self, finding: String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::super::ledger::SettledBy, *};

    const MONEY: Money = Money { from: 1, to: 2, amount: 10 };

    fn told(transfer: u64, attempt: u32, outcome: Told) -> Line {
        Line {
            transfer,
            attempt,
            money: MONEY,
            transaction_id: None,
            idempotency_key: None,
            outcome,
            reason: None,
            settled_by: SettledBy::Reply,
            told_ms: 0,
        }
    }

    fn half(transfer: u64, attempt: u32, account: u8) -> Half {
        Half { transfer, attempt, account, amount: 10 }
    }

    fn seen(debits: &[Name], credits: &[Name]) -> Seen {
        Seen {
            debits: debits.iter().map(|(t, a)| half(*t, *a, 1)).collect(),
            credits: credits.iter().map(|(t, a)| half(*t, *a, 2)).collect(),
        }
    }

    #[test]
    fn what_was_told_and_is_so_is_clean() {
        let lines = [told(0, 0, Told::Committed), told(1, 0, Told::Aborted), told(1, 1, Told::Committed)];
        let verdict = judge(&lines, &seen(&[(0, 0), (1, 1)], &[(1, 1), (0, 0)]));
        assert!(verdict.is_clean(), "{verdict:?}");
        assert_eq!((verdict.acknowledged, verdict.visible, verdict.aborted), (2, 2, 1));
        assert_eq!((verdict.debited, verdict.credited), (20, 20));
    }

    #[test]
    fn attempts_with_one_key_are_one_and_the_last_word_counts() {
        let lines = [told(0, 0, Told::Aborted), told(0, 0, Told::Committed)];
        let verdict = judge(&lines, &seen(&[(0, 0)], &[(0, 0)]));
        assert!(verdict.is_clean(), "{verdict:?}");
        assert_eq!((verdict.acknowledged, verdict.aborted), (1, 1));
    }

    #[test]
    fn an_acknowledged_transaction_that_is_not_there_is_lost() {
        let verdict = judge(&[told(0, 0, Told::Committed)], &Seen::default());
        assert_eq!((verdict.lost, verdict.torn, verdict.is_clean()), (1, 0, false));
    }

    #[test]
    fn half_a_transaction_is_torn_whatever_was_told() {
        let verdict = judge(&[told(0, 0, Told::Committed)], &seen(&[(0, 0)], &[]));
        assert_eq!((verdict.lost, verdict.torn, verdict.is_clean()), (1, 1, false));
        let verdict = judge(&[told(0, 0, Told::Unknown)], &seen(&[], &[(0, 0)]));
        assert_eq!((verdict.unknown, verdict.torn), (1, 1));
    }

    #[test]
    fn what_is_visible_twice_is_duplicated_also_in_two_attempts() {
        let twice = judge(&[told(0, 0, Told::Committed)], &seen(&[(0, 0), (0, 0)], &[(0, 0)]));
        assert_eq!((twice.duplicated, twice.is_clean()), (1, false));
        let lines = [told(0, 0, Told::Aborted), told(0, 1, Told::Committed)];
        let attempts = judge(&lines, &seen(&[(0, 0), (0, 1)], &[(0, 0), (0, 1)]));
        assert_eq!((attempts.duplicated, attempts.phantom, attempts.is_clean()), (1, 1, false));
    }

    #[test]
    fn what_was_told_aborted_or_never_told_and_is_visible_is_a_phantom() {
        let verdict = judge(&[told(0, 0, Told::Aborted)], &seen(&[(0, 0), (5, 0)], &[(0, 0), (5, 0)]));
        assert_eq!((verdict.phantom, verdict.is_clean()), (2, false));
    }

    #[test]
    fn another_amount_than_was_sent_is_lost_and_a_phantom() {
        let mut seen = seen(&[(0, 0)], &[(0, 0)]);
        seen.credits[0].amount = 11;
        let verdict = judge(&[told(0, 0, Told::Committed)], &seen);
        assert_eq!((verdict.lost, verdict.phantom, verdict.torn), (1, 1, 1));
        assert!(!verdict.is_clean());
    }

    #[test]
    fn an_unknown_outcome_is_not_clean() {
        assert!(!judge(&[told(0, 0, Told::Unknown)], &Seen::default()).is_clean());
    }
}
