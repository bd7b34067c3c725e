//! Begin.

use crate::{
    Answer, Begin, CallId, Caller, Millis, Reason, Refusal, TxnId, TxnOutcome,
    engine::{Engine, Serving, memory::Found, txn::Txn},
    table::{LaneState, TxnState},
};
use std::collections::{BTreeMap, BTreeSet};

impl Engine {
    pub(super) fn on_begin(&mut self, call: CallId, begin: &Begin) {
        let answer = self.begun_before(begin).unwrap_or_else(|| {
            self.room_for_another()?;
            let timeout = self.timeout(begin.timeout)?;
            let txn = Txn {
                caller: begin.caller,
                request_id: begin.request_id.clone(),
                fingerprint: begin.fingerprint,
                label: begin.label.clone(),
                ordering_key: begin.ordering_key.clone(),
                ..self.blank(timeout)
            };
            let id = self.admit(txn);
            self.requests.insert(begin.request_id.clone(), id);
            Ok(Answer::Begun { txn: id, deadline: self.now + timeout })
        });
        self.reply(call, answer);
    }

    /// A repeat of the call gets the same transaction.
    fn begun_before(&self, begin: &Begin) -> Option<Result<Answer, Refusal>> {
        let reused = || {
            let message =
                format!("request_id {:?} was used for a Begin with other content", begin.request_id);
            Some(Err(Refusal::new(Reason::RequestReused, message).field("request_id")))
        };
        if let Some(txn) = self.requests.get(&begin.request_id).and_then(|id| self.txns.get(id)) {
            if txn.fingerprint != begin.fingerprint {
                return reused();
            }
            return Some(Ok(Answer::Begun { txn: txn.id, deadline: txn.deadline }));
        }
        let Some(Found::Finished(summary)) = self.memory.by_request(&begin.request_id) else { return None };
        // An application that lost the reply and comes after its transaction was aborted needs a new one.
        if matches!(summary.outcome, TxnOutcome::Aborted { .. }) {
            return None;
        }
        if summary.fingerprint != begin.fingerprint {
            return reused();
        }
        Some(Ok(Answer::Begun { txn: summary.txn, deadline: summary.ended }))
    }

    /// Whether one more transaction is welcome.
    pub(super) fn room_for_another(&self) -> Result<(), Refusal> {
        if self.serving != Serving::Ready {
            return Err(self.refuse_unready());
        }
        let full = |reason, what: &str, setting, limit: usize, actual: usize| {
            Err(Refusal::new(reason, format!("{actual} {what}, at most {limit} are allowed ({setting})"))
                .exceeded(setting, limit as u64, actual as u64)
                .retry_after(100))
        };
        // What a former slot left in doubt is nobody's to end here, and may stay for long.
        let (open, queue) = (self.txns.len().saturating_sub(self.formers), self.queue.len());
        if open >= self.limits.open_transactions {
            let setting = "limits.open_transactions";
            let limit = self.limits.open_transactions;
            return full(Reason::OpenTransactionsExceeded, "transactions are open", setting, limit, open);
        }
        if queue >= self.limits.queue {
            return full(
                Reason::QueueExceeded,
                "commits wait for a lane",
                "limits.queue",
                self.limits.queue,
                queue,
            );
        }
        let crowded = self.buffered * 5 > self.limits.buffer_bytes * 4 || self.stands_still();
        if crowded && !self.lanes.iter().any(|lane| lane.state == LaneState::Idle) {
            return Err(self.buffer_full(0));
        }
        Ok(())
    }

    pub(in crate::engine) fn buffer_full(&self, more: u64) -> Refusal {
        let (limit, actual) = (self.limits.buffer_bytes, self.buffered + more);
        let message = format!(
            "{actual} bytes accepted and not delivered, at most {limit} are allowed (limits.buffer_bytes)"
        );
        Refusal::new(Reason::BufferExceeded, message)
            .exceeded("limits.buffer_bytes", limit, actual)
            .retry_after(100)
    }

    pub(super) fn timeout(&self, asked: Option<Millis>) -> Result<Millis, Refusal> {
        let timeout = asked.unwrap_or(self.limits.default_timeout);
        let max = self.limits.max_timeout;
        if (1..=max).contains(&timeout) {
            return Ok(timeout);
        }
        let message =
            format!("timeout {timeout} ms: expected 1 ms to {max} ms (limits.max_timeout), or none");
        Err(Refusal::new(Reason::InvalidField, message).field("timeout"))
    }

    pub(in crate::engine) fn blank(&mut self, timeout: Millis) -> Txn {
        let random = self.random();
        Txn {
            id: TxnId::new(self.now, self.incarnation, random),
            caller: Caller::default(),
            request_id: String::new(),
            key: None,
            fingerprint: Default::default(),
            label: String::new(),
            ordering_key: String::new(),
            deadline: self.now + timeout,
            idle_deadline: self.now + self.limits.idle_timeout,
            underway: 0,
            state: TxnState::Open,
            lane: None,
            records: Vec::new(),
            first: 0,
            next_sequence: 0,
            bytes: 0,
            held: 0,
            offsets: BTreeMap::new(),
            attempts: 0,
            alone: false,
            turn: None,
            wakes: None,
            waiters: Vec::new(),
            deliveries: BTreeSet::new(),
            failures: Vec::new(),
            commit_asked: false,
            abort_cause: None,
            parked: Vec::new(),
            waiting: None,
        }
    }

    pub(in crate::engine) fn admit(&mut self, txn: Txn) -> TxnId {
        let id = txn.id;
        self.counters.begun += 1;
        self.txns.insert(id, txn);
        self.wake_when_due(id);
        id
    }
}
