//! KeepAlive.

use crate::{Answer, CallId, TxnId, engine::Engine, table::TxnState};

impl Engine {
    pub(super) fn on_keep_alive(&mut self, call: CallId, txns: &[TxnId]) {
        let idle_deadline = self.now + self.limits.idle_timeout;
        let deadlines = txns.iter().map(|id| {
            let open = self.txns.get_mut(id).filter(|txn| txn.state == TxnState::Open);
            let deadline = open.map(|txn| {
                txn.idle_deadline = idle_deadline;
                txn.deadline
            });
            (*id, deadline)
        });
        let answer = Answer::Alive(deadlines.collect());
        self.reply(call, Ok(answer));
    }
}
