//! GetTransaction.

use crate::{
    Answer, CallId, Get, Lookup, Reason, Refusal,
    engine::{
        Engine,
        answers::{Waiter, Wants},
        memory::Found,
        ownership::Ownership,
    },
};

impl Engine {
    pub(super) fn on_get(&mut self, call: CallId, get: &Get) {
        let live = match &get.by {
            Lookup::Id(id) => Some(id),
            Lookup::RequestId(request) => self.requests.get(request),
            Lookup::Key(key) => self.keys.get(&key.hash),
        };
        if let Some(txn) = live.and_then(|id| self.txns.get(id)) {
            if get.wait {
                return self.wait_for(txn.id, Waiter { call, wants: Wants::View });
            }
            let view = txn.view(self.now);
            return self.reply(call, Ok(Answer::Transaction(Box::new(view))));
        }
        let answer = self.find(&get.by).and_then(|found| Wants::View.answer(&found, self.now));
        self.reply(call, answer);
    }

    fn find(&self, by: &Lookup) -> Result<Found<'_>, Refusal> {
        let unknown = |what: &str, name: &str, forgotten: bool| {
            if !matches!(self.ownership, Ownership::Ours) {
                return self.refuse_unready();
            }
            // Once something was forgotten, this may have been it.
            let refusal = if forgotten {
                self.forgotten(format!(
                    "no transaction with {what} {name:?} is remembered: it may have been forgotten"
                ))
            } else {
                let message = format!("no transaction with {what} {name:?} is remembered");
                Refusal::new(Reason::NeverIssued, message)
            };
            refusal.field(what)
        };
        let dropped = self.memory.horizon() > 0;
        match by {
            Lookup::Id(id) => self.gone(*id),
            // Markers tell keys, not request_ids.
            Lookup::RequestId(name) => self
                .memory
                .by_request(name)
                .ok_or_else(|| unknown("request_id", name, dropped || self.memory.recalls())),
            Lookup::Key(key) => {
                self.memory.by_key(key).ok_or_else(|| unknown("idempotency_key", &key.text, dropped))
            }
        }
    }
}
