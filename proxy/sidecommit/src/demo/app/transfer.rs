//! What the application has to do, decided by the seed.

use super::super::ledger::{Money, Told};
use std::collections::VecDeque;

const ACCOUNTS: u8 = 10;

/// One in so many transfers is given up after its records were sent.
const GIVEN_UP_ONE_IN: u64 = 8;

/// One transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Transfer {
    pub(super) id: u64,
    pub(super) money: Money,
    pub(super) way: Way,
}

/// Which calls it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Begin, Produce twice, Commit.
    Steps,
    /// The same, but the first Commit has a deadline that often passes: the outcome must be asked for.
    Hurried,
    /// Transact.
    AtOnce,
    /// Begin, Produce twice, Abort.
    GivenUp,
}

/// So many transfers to be acknowledged, and an eighth as many to be given up among them.
pub(super) fn transfers(acknowledged: u64, seed: u64) -> VecDeque<Transfer> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let given_up = acknowledged / GIVEN_UP_ONE_IN;
    let mut ways: Vec<Way> = (0..acknowledged)
        .map(|_| match rng.u8(..10) {
            0 => Way::Hurried,
            1..5 => Way::Steps,
            _ => Way::AtOnce,
        })
        .collect();
    ways.extend((0..given_up).map(|_| Way::GivenUp));
    rng.shuffle(&mut ways);
    ways.into_iter().zip(0..).map(|(way, id)| Transfer { id, money: money(&mut rng), way }).collect()
}

fn money(rng: &mut fastrand::Rng) -> Money {
    let from = rng.u8(..ACCOUNTS);
    let to = (from + rng.u8(1..ACCOUNTS)) % ACCOUNTS;
    Money { from, to, amount: rng.u32(1..=100) }
}

// === impl Transfer ===

impl Transfer {
    /// Whether an outcome ends it; else it is attempted again.
    pub(super) fn is_settled_by(&self, outcome: Told) -> bool {
        outcome != Told::Aborted || self.way == Way::GivenUp
    }

    /// The number of the attempt as the records carry it: attempts with one idempotency key have the same content.
    pub(super) fn attempt(&self, attempt: u32) -> u32 {
        if self.way == Way::AtOnce { 0 } else { attempt }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ways_occur_and_money_moves_between_two_accounts() {
        let transfers = transfers(400, 1);
        let count = |way| transfers.iter().filter(|transfer| transfer.way == way).count();
        assert_eq!(count(Way::GivenUp), 50);
        assert_eq!(transfers.len(), 450);
        assert!([Way::Steps, Way::Hurried, Way::AtOnce].into_iter().all(|way| count(way) > 10));
        assert!(
            transfers
                .iter()
                .all(|t| t.money.from != t.money.to && t.money.to < ACCOUNTS && t.money.amount > 0)
        );
    }

    #[test]
    fn an_abort_is_the_end_only_of_what_was_given_up() {
        let of = |way| Transfer { id: 0, money: Money { from: 0, to: 1, amount: 1 }, way };
        assert!(of(Way::GivenUp).is_settled_by(Told::Aborted));
        assert!(!of(Way::Steps).is_settled_by(Told::Aborted));
        assert!(of(Way::Steps).is_settled_by(Told::Committed));
        assert!(of(Way::AtOnce).is_settled_by(Told::Unknown));
    }
}
