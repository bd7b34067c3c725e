//! One file per call of the API.

mod abort;
mod begin;
mod commit;
mod get;
mod keep_alive;
mod lifecycle;
mod offsets;
mod produce;
mod transact;

pub(super) use offsets::too_many_groups;

use super::{Engine, Serving, Timer, answers, memory::Found, ownership::Ownership};
use crate::{CallId, Get, Incarnation, Lookup, Reason, Refusal, Request, TxnId};
use std::slice;

impl Engine {
    /// A call arrives. During the recovery it waits: what it asks about may not be known yet.
    pub(super) fn on_call(&mut self, call: CallId, request: Request) {
        // Resume is a word about the rival of now, not about one that may come.
        if self.serving == Serving::Recovering && !matches!(request, Request::Resume) {
            if self.lobby.len() >= self.limits.open_transactions {
                let refusal = self.refuse_unready();
                return self.reply(call, Err(refusal));
            }
            let until = self.now + self.limits.recovering_wait;
            self.timers.set(until, Timer::Lobby);
            return self.lobby.push_back((until, call, request));
        }
        self.take(call, request);
    }

    fn take(&mut self, call: CallId, request: Request) {
        if self.is_of_a_newer_owner(&request) {
            self.suspicious.push((call, request));
            return self.suspect();
        }
        self.perform(call, request);
    }

    pub(super) fn perform(&mut self, call: CallId, request: Request) {
        match request {
            Request::Begin(begin) => self.on_begin(call, &begin),
            Request::Produce(produce) => self.on_produce(call, produce),
            Request::SendOffsets(offsets) => self.on_send_offsets(call, &offsets),
            Request::KeepAlive(txns) => self.on_keep_alive(call, &txns),
            Request::Commit(commit) => self.on_commit(call, &commit),
            Request::Abort(abort) => self.on_abort(call, &abort),
            Request::Transact(transact) => self.on_transact(call, transact),
            Request::Get(get) => self.on_get(call, &get),
            Request::Resume => {
                self.on_resume();
                self.reply(call, Ok(crate::Answer::Resumed));
            }
        }
    }

    /// An id of a newer incarnation tells of a newer owner that an idle lane would not meet: it has to be seen whether it
    /// is so.
    fn is_of_a_newer_owner(&self, request: &Request) -> bool {
        let txns = match request {
            Request::Produce(produce) => slice::from_ref(&produce.txn),
            Request::SendOffsets(offsets) => slice::from_ref(&offsets.txn),
            Request::Commit(commit) => slice::from_ref(&commit.txn),
            Request::Abort(abort) => slice::from_ref(&abort.txn),
            Request::Get(Get { by: Lookup::Id(txn), .. }) => slice::from_ref(txn),
            Request::KeepAlive(txns) => txns,
            _ => return false,
        };
        matches!(self.ownership, Ownership::Ours)
            && txns.iter().any(|txn| txn.incarnation() > self.incarnation)
    }

    pub(super) fn leave_lobby(&mut self) {
        for (_, call, request) in std::mem::take(&mut self.lobby) {
            self.take(call, request);
        }
    }

    pub(super) fn on_lobby_due(&mut self) {
        self.check_ready();
        while self.lobby.front().is_some_and(|(until, ..)| *until <= self.now) {
            let Some((_, call, _)) = self.lobby.pop_front() else { return };
            let refusal = self.refuse_unready();
            self.reply(call, Err(refusal));
        }
    }

    /// What to say about a transaction that is not in the table.
    fn gone(&self, txn: TxnId) -> Result<Found<'_>, Refusal> {
        if let Some(found) = self.memory.by_id(txn) {
            return Ok(found);
        }
        // Before the claim it is not known what the journal missed; after a rival's, what the rival did.
        if !matches!(self.ownership, Ownership::Ours) {
            return Err(self.refuse_unready());
        }
        let never = || {
            let message = format!("{txn} was never issued by this sidecar's slot");
            Refusal::new(Reason::NeverIssued, message).field("transaction_id")
        };
        let incarnation = txn.incarnation();
        if incarnation == Incarnation(0) {
            return Err(never());
        }
        let remembered = txn.begun() > self.memory.horizon();
        if incarnation > self.incarnation && remembered {
            // The owner record was read after the call came, and is ours: the one of who issued this was removed.
            let message = format!(
                "{txn} is of an owner of slot {} whose record was removed: it may have been committed, look at Kafka",
                self.slot
            );
            return Err(self.forgotten(message).field("transaction_id"));
        }
        if incarnation == self.incarnation && remembered {
            if txn.begun() >= self.born {
                return Err(never());
            }
            let message = format!(
                "{txn} began before this owner of slot {}: another slot issued it, and it may have been committed, look at Kafka",
                self.slot
            );
            return Err(self.forgotten(message).field("transaction_id"));
        }
        if incarnation >= self.trusted_from && remembered {
            return Err(Refusal::new(
                Reason::SidecarRestarted,
                format!("{txn} was open when the sidecar ended: it was aborted and nothing of it is visible"),
            ));
        }
        let message = format!(
            "{txn} began at {}, and what ended before {} is forgotten: it may have been committed, look at Kafka",
            txn.begun(),
            self.memory.horizon()
        );
        Err(self.forgotten(message).field("transaction_id"))
    }

    /// What is not remembered and may have been committed. As long as not every lane's markers are read, Kafka may yet
    /// tell: a final word would send a caller to a person for nothing.
    fn forgotten(&self, message: String) -> Refusal {
        match &self.recall {
            None => Refusal::new(Reason::OutcomeForgotten, message),
            Some(read) => {
                let (read, lanes) = (read.len(), self.lanes.len());
                let message = format!("{message} (of {lanes} lanes {read} are read so far)");
                Refusal::new(Reason::Recovering, message).retry_after(500)
            }
        }
    }

    /// Why a transaction that is not open takes nothing more.
    pub(super) fn not_open(&self, txn: TxnId) -> Refusal {
        if let Some(txn) = self.txns.get(&txn) {
            return match &txn.abort_cause {
                Some(cause) => Refusal::new(cause.reason, cause.message.clone()),
                None => {
                    Refusal::new(Reason::NotOpen, format!("{} is {:?} and takes no more", txn.id, txn.state))
                        .field("transaction_id")
                }
            };
        }
        match self.gone(txn) {
            Ok(Found::Finished(summary)) => answers::refusal(&summary.outcome),
            Ok(Found::Recalled(txn)) => {
                Refusal::new(Reason::NotOpen, format!("{txn} is committed and takes no more"))
                    .field("transaction_id")
            }
            Err(refusal) => refusal,
        }
    }
}
