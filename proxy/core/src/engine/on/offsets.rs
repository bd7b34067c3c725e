//! SendOffsets, with the application's own consumer or with deliveries.

use crate::{
    Answer, CallId, Offsets, Reason, Refusal, SendOffsets, TxnId,
    engine::{Engine, schedule::GROUPS_MAX},
    table::TxnState,
};

impl Engine {
    pub(super) fn on_send_offsets(&mut self, call: CallId, send: &SendOffsets) {
        let answer = self.add_offsets(send);
        self.reply(call, answer);
    }

    fn add_offsets(&mut self, send: &SendOffsets) -> Result<Answer, Refusal> {
        let idle_deadline = self.now + self.limits.idle_timeout;
        let Some(txn) = self.txns.get_mut(&send.txn).filter(|txn| txn.state == TxnState::Open) else {
            return Err(self.not_open(send.txn));
        };
        txn.idle_deadline = idle_deadline;
        match &send.offsets {
            Offsets::Explicit(group, offsets) => {
                let before = txn.offsets.clone();
                txn.add_offsets(group, offsets);
                if txn.groups() > GROUPS_MAX {
                    txn.offsets = before;
                    return Err(too_many_groups(send.txn));
                }
            }
            Offsets::Deliveries(deliveries) => self.take_deliveries(send.txn, deliveries)?,
        }
        let count = self.txns.get(&send.txn).map_or(0, |txn| txn.offsets.len() as u64);
        Ok(Answer::OffsetsTaken { count })
    }
}

pub(in crate::engine) fn too_many_groups(txn: TxnId) -> Refusal {
    let message = format!("{txn} would commit offsets of more than {GROUPS_MAX} consumer groups");
    Refusal::new(Reason::InvalidField, message).field("group_id")
}
