//! Transact: a whole transaction in one call, named by an idempotency key.

use crate::{
    CallId, Reason, Record, Refusal, Transact, TxnId,
    engine::{
        Engine,
        answers::{Waiter, Wants},
        memory::Found,
        outcome::Cause,
        txn::Txn,
    },
};

impl Engine {
    pub(super) fn on_transact(&mut self, call: CallId, transact: Transact) {
        if let Some((id, txn)) =
            self.keys.get(&transact.key.hash).and_then(|id| Some((*id, self.txns.get(id)?)))
        {
            if txn.fingerprint != transact.fingerprint {
                return self.reply(call, Err(reused(&transact)));
            }
            return self.wait_for(id, Waiter { call, wants: Wants::Commit });
        }
        if let Some(found) = self.memory.by_key(&transact.key) {
            let other =
                matches!(found, Found::Finished(summary) if summary.fingerprint != transact.fingerprint);
            let answer = if other { Err(reused(&transact)) } else { Wants::Commit.answer(&found, self.now) };
            return self.reply(call, answer);
        }
        match self.admit_transact(transact) {
            Ok(id) => {
                self.start_commit(id);
                self.wait_for(id, Waiter { call, wants: Wants::Commit });
            }
            Err(refusal) => self.reply(call, Err(refusal)),
        }
    }

    fn admit_transact(&mut self, transact: Transact) -> Result<TxnId, Refusal> {
        let horizon = self.memory.horizon();
        if let Some(first) = transact.first_attempt.filter(|first| *first <= horizon) {
            let message = format!(
                "key {:?} was first attempted at {first}, and what ended before {horizon} is forgotten: \
                 it may have been committed, look at Kafka",
                transact.key.text
            );
            return Err(self.forgotten(message).field("first_attempt_time"));
        }
        self.room_for_another()?;
        let timeout = self.timeout(transact.timeout)?;
        let bytes = transact.records.iter().map(Record::bytes).sum();
        let mut txn = Txn {
            caller: transact.caller,
            fingerprint: transact.fingerprint,
            ordering_key: transact.ordering_key,
            ..self.blank(timeout)
        };
        self.check_size(txn.id, transact.records.len() as u64, bytes)?;
        let buffer = self.limits.buffer_bytes;
        if bytes > buffer {
            // It waits in memory as a whole, so it would never fit.
            let message =
                format!("{bytes} bytes, at most {buffer} fit (limits.buffer_bytes): use Begin and Produce");
            let refusal = Refusal::new(Reason::TransactionTooLarge, message).field("records");
            return Err(refusal.exceeded("limits.buffer_bytes", buffer, bytes));
        }
        self.make_room(txn.id, bytes).map_err(|_| self.buffer_full(bytes))?;
        for group in &transact.offsets {
            txn.add_offsets(&group.group, &group.offsets);
        }
        if txn.groups() > crate::engine::schedule::GROUPS_MAX {
            return Err(super::offsets::too_many_groups(txn.id));
        }
        txn.next_sequence = transact.records.len() as u64;
        txn.records = transact.records;
        txn.bytes = bytes;
        txn.held = bytes;
        self.buffered += bytes;
        let hash = transact.key.hash;
        txn.key = Some(transact.key);
        let deliveries = transact.deliveries;
        let id = self.admit(txn);
        self.keys.insert(hash, id);
        // Nothing of it is left open if they are not to be had.
        if let Err(refusal) = self.take_deliveries(id, &deliveries) {
            self.abort_unprepared(id, &Cause::new(refusal.reason, refusal.message.clone()));
            return Err(refusal);
        }
        Ok(id)
    }
}

fn reused(transact: &Transact) -> Refusal {
    let message = format!("idempotency_key {:?} was used for other content", transact.key.text);
    Refusal::new(Reason::KeyReused, message).field("idempotency_key")
}
