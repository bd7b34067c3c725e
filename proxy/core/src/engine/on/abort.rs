//! Abort.

use crate::{
    Abort, CallId, Reason,
    engine::{
        Engine,
        answers::{Waiter, Wants},
        outcome::Cause,
    },
    table::{TxnEvent, TxnState},
};

impl Engine {
    pub(super) fn on_abort(&mut self, call: CallId, abort: &Abort) {
        let Some(txn) = self.txns.get_mut(&abort.txn) else {
            let answer = match self.gone(abort.txn) {
                // A transaction that ended with an earlier life is aborted: that is what was asked.
                Err(refusal) if refusal.reason == Reason::SidecarRestarted => {
                    Ok(crate::Answer::Aborted { txn: abort.txn })
                }
                found => found.and_then(|found| Wants::Abort.answer(&found, self.now)),
            };
            return self.reply(call, answer);
        };
        let open = txn.state == TxnState::Open;
        if open && !abort.failures.is_empty() {
            txn.failures.clone_from(&abort.failures);
        }
        // While it commits or is in doubt the caller waits for the outcome.
        self.wait_for(abort.txn, Waiter { call, wants: Wants::Abort });
        if open {
            let (reason, who) = match abort.by_operator {
                true => (Reason::AbortedByOperator, "an operator"),
                false => (Reason::AbortedByCaller, "its application"),
            };
            let note = if abort.note.is_empty() { String::new() } else { format!(": {}", abort.note) };
            self.abort_unprepared(abort.txn, &Cause::new(reason, format!("aborted by {who}{note}")));
        } else {
            self.transit(abort.txn, TxnEvent::AbortAsked); // a repeat, or too late: nothing moves
        }
    }
}
