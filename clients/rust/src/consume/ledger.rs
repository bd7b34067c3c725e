//! What a member has asked for, what it works on, and so what it may ask for.

use std::collections::HashSet;

/// Deliveries and credit of one subscription, over all its streams.
#[derive(Debug)]
pub(super) struct Ledger {
    /// How many deliveries may be outstanding at a time.
    wanted: usize,
    /// Credit of the present stream that no delivery has come for.
    credit: usize,
    /// The ids of those that the application has.
    in_hand: HashSet<String>,
}

// === impl Ledger ===

impl Ledger {
    pub(super) fn new(wanted: usize) -> Self {
        Self { wanted, credit: 0, in_hand: HashSet::new() }
    }

    /// A stream begins without credit. Returns how much to give.
    pub(super) fn opened(&mut self) -> usize {
        self.credit = 0;
        self.due()
    }

    /// A delivery came. Returns whether it is new: a resumed stream is told again what is outstanding.
    pub(super) fn delivered(&mut self, id: &str) -> bool {
        let new = self.in_hand.insert(id.to_owned());
        if new {
            // One that a resumed stream is told again took none, which is not to be seen; the next `opened` sets it right.
            self.credit = self.credit.saturating_sub(1);
        }
        new
    }

    /// The application is done with a delivery. Returns how much credit to give.
    pub(super) fn done(&mut self, id: &str) -> usize {
        self.in_hand.remove(id);
        self.due()
    }

    /// Nothing more is wanted.
    pub(super) fn stop(&mut self) {
        self.wanted = 0;
    }

    /// Whether nothing more is wanted.
    pub(super) fn is_stopped(&self) -> bool {
        self.wanted == 0
    }

    /// Whether the application has nothing.
    pub(super) fn is_idle(&self) -> bool {
        self.in_hand.is_empty()
    }

    fn due(&mut self) -> usize {
        let due = self.wanted.saturating_sub(self.credit + self.in_hand.len());
        self.credit += due;
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_and_what_is_in_hand_are_as_many_as_wanted() {
        let mut ledger = Ledger::new(2);
        assert_eq!(ledger.opened(), 2);
        assert!(ledger.delivered("a") && ledger.delivered("b"));
        assert_eq!(ledger.done("a"), 1);
        assert!(ledger.delivered("c"));
        assert_eq!((ledger.done("b"), ledger.done("c")), (1, 1));
    }

    #[test]
    fn a_resumed_stream_gets_credit_for_what_is_free_and_tells_nothing_twice() {
        let mut ledger = Ledger::new(3);
        ledger.opened();
        ledger.delivered("a");
        assert_eq!(ledger.opened(), 2);
        assert!(!ledger.delivered("a"));
        // Was lost with the stream; it took no credit.
        assert!(ledger.delivered("b"));
        assert_eq!((ledger.done("a"), ledger.done("b")), (1, 1));
    }

    #[test]
    fn who_has_more_than_was_asked_for_asks_for_none() {
        let mut ledger = Ledger::new(1);
        ledger.opened();
        assert!(ledger.delivered("a") && ledger.delivered("b"));
        assert_eq!((ledger.done("a"), ledger.done("b")), (0, 1));
    }

    #[test]
    fn after_a_stop_nothing_more_is_asked_for() {
        let mut ledger = Ledger::new(2);
        ledger.opened();
        ledger.delivered("a");
        ledger.stop();
        assert_eq!((ledger.done("a"), ledger.opened()), (0, 0));
        assert!(ledger.is_stopped() && ledger.is_idle());
    }
}
