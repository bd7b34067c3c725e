//! How a transaction becomes final, and who is told.

use super::{Engine, Timer, Verdict, answers, answers::Waiter, memory::Found};
use crate::{
    JournalEntry, LaneIndex, Millis, PartitionRange, PreparedGroup, Reason, Refusal, TxnId, TxnOutcome,
    TxnSummary,
    engine::answers::Wants,
    engine::txn::Txn,
    table::{Next, TxnEvent, TxnState},
};

/// Why a transaction is aborted, for its caller.
#[derive(Clone, Debug)]
pub(super) struct Cause {
    pub(super) reason: Reason,
    pub(super) message: String,
    pub(super) record_index: Option<u64>,
}

impl Cause {
    pub(super) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), record_index: None }
    }

    /// The transaction's total time is over.
    pub(super) fn timed_out(id: TxnId, now: Millis) -> Self {
        Self::new(Reason::TimedOut, format!("{id} lived {} ms, its whole timeout", now - id.begun()))
    }

    fn outcome(&self) -> TxnOutcome {
        TxnOutcome::Aborted {
            reason: self.reason,
            message: self.message.clone(),
            record_index: self.record_index,
        }
    }
}

impl Engine {
    /// Moves by the table.
    ///
    /// # Panics
    /// If the table forbids it: a defect, and the safest thing is to stop and let the next start settle the past.
    pub(super) fn transit(&mut self, id: TxnId, event: TxnEvent) {
        let Some(txn) = self.txns.get_mut(&id) else { return };
        self.moves.push((id, txn.state, event));
        match txn.state.on(event) {
            Next::To(state) => txn.state = state,
            Next::NoOp => {}
            Next::Invalid => panic!("{id}: {event:?} in state {:?}", txn.state),
        }
    }

    /// Ends a transaction that was never PREPARED, or whose PREPARED group is journaled as settled by the caller.
    pub(super) fn abort_proven(&mut self, id: TxnId, cause: &Cause) -> Option<TxnSummary> {
        self.transit(id, TxnEvent::ProvenAborted);
        let summary = self.finish(id, cause.outcome())?;
        *self.counters.aborted.entry(cause.reason).or_default() += 1;
        Some(summary)
    }

    /// As [`Self::abort_proven`], journaled by itself (without a sync: losing it loses only the reason).
    pub(super) fn abort_now(&mut self, id: TxnId, cause: &Cause) {
        if let Some(summary) = self.abort_proven(id, cause) {
            self.put(JournalEntry::Finished(summary));
        }
    }

    pub(super) fn commit_proven(&mut self, id: TxnId, ranges: Vec<PartitionRange>) -> Option<TxnSummary> {
        self.transit(id, TxnEvent::ProvenCommitted);
        self.counters.committed += 1;
        self.finish(id, TxnOutcome::Committed(ranges))
    }

    pub(super) fn outcome_lost(&mut self, id: TxnId, group: &PreparedGroup) -> Option<TxnSummary> {
        self.transit(id, TxnEvent::EvidenceLost);
        self.counters.unknown += 1;
        self.finish(id, TxnOutcome::Unknown { coordinate: group.marker.clone() })
    }

    fn finish(&mut self, id: TxnId, outcome: TxnOutcome) -> Option<TxnSummary> {
        self.dequeue(id);
        let txn = self.txns.remove(&id)?;
        if let Some(at) = txn.wakes {
            self.timers.clear(at, Timer::Txn(id));
        }
        self.buffered -= txn.held;
        self.requests.remove(&txn.request_id);
        if let Some(key) = &txn.key {
            self.keys.remove(&key.hash);
        }
        let summary = txn.summary(outcome, self.now);
        self.settle_deliveries(&txn, &summary.outcome);
        let waited = self.forget_wait(txn.waiting).map(|waiting| waiting.call);
        for call in txn.parked.into_iter().map(|(call, _)| call).chain(waited) {
            self.reply(call, Err(answers::refusal(&summary.outcome)));
        }
        for waiter in txn.waiters {
            let answer = waiter.wants.answer(&Found::Finished(&summary), self.now);
            self.reply(waiter.call, answer);
        }
        self.memory.remember(summary.clone());
        Some(summary)
    }

    /// Somebody waits for the transaction to become final.
    pub(super) fn wait_for(&mut self, id: TxnId, waiter: Waiter) {
        let Some(txn) = self.txns.get_mut(&id) else { return };
        txn.waiters.push(waiter);
        if matches!(txn.state, TxnState::InDoubt | TxnState::Aborting) {
            self.timers.set(self.now + self.limits.pending_wait, Timer::Pending(id));
        }
    }

    pub(super) fn doubt(&mut self, id: TxnId) {
        self.transit(id, TxnEvent::Doubted);
        self.touch_sessions_of(id);
        self.timers.set(self.now + self.limits.pending_wait, Timer::Pending(id));
    }

    /// Callers have waited long enough for an outcome in doubt: they are told to ask again.
    pub(super) fn on_pending_due(&mut self, id: TxnId) {
        let Some(txn) = self.txns.get_mut(&id) else { return };
        if !matches!(txn.state, TxnState::InDoubt | TxnState::Aborting) {
            return;
        }
        let state = txn.state;
        let waiters = std::mem::take(&mut txn.waiters);
        let (asking, watching): (Vec<_>, Vec<_>) = waiters.into_iter().partition(|w| w.wants != Wants::View);
        txn.waiters = watching;
        for waiter in asking {
            // Without a journal it may stay so for this process: the one after it will know.
            let refusal = if self.journal_failed() {
                self.refuse_unready()
            } else {
                let message = format!("{id} is {state:?}: its outcome is being read from Kafka");
                Refusal::new(Reason::OutcomePending, message).retry_after(500)
            };
            self.reply(waiter.call, Err(refusal));
        }
    }

    /// A PREPARED group of an earlier life.
    pub(super) fn remember_doubt(&mut self, group: PreparedGroup) {
        self.counters.in_doubt += 1;
        for member in &group.members {
            let txn = Txn::in_doubt(member, group.lane);
            if !txn.request_id.is_empty() {
                self.requests.insert(txn.request_id.clone(), txn.id);
            }
            if let Some(key) = &txn.key {
                self.keys.insert(key.hash, txn.id);
            }
            self.txns.insert(txn.id, txn);
        }
        let lane = self.lane_upto(group.lane);
        lane.seq = lane.seq.max(group.seq);
        lane.doubts.push(group);
    }

    /// A PREPARED group that this pod sent under another slot: in doubt until [`crate::Input::Former`] decides it, on no lane of ours.
    pub(super) fn remember_former(&mut self, group: &PreparedGroup) {
        for member in &group.members {
            // Decided in an earlier life.
            if self.memory.knows(member.txn) {
                continue;
            }
            let txn = Txn { lane: None, ..Txn::in_doubt(member, group.lane) };
            self.formers += usize::from(!self.txns.contains_key(&txn.id));
            if !txn.request_id.is_empty() {
                self.requests.insert(txn.request_id.clone(), txn.id);
            }
            if let Some(key) = &txn.key {
                self.keys.insert(key.hash, txn.id);
            }
            self.txns.insert(txn.id, txn);
        }
    }

    /// What Kafka says of such a group.
    pub(super) fn on_former(&mut self, group: &PreparedGroup, verdict: Verdict) {
        for member in &group.members {
            let is_former = |txn: &Txn| txn.state == TxnState::InDoubt && txn.lane.is_none();
            if !self.txns.get(&member.txn).is_some_and(is_former) {
                continue;
            }
            self.formers = self.formers.saturating_sub(1);
            let summary = match (verdict, &member.outcome) {
                (Verdict::Committed, TxnOutcome::Committed(ranges)) => {
                    self.commit_proven(member.txn, ranges.clone())
                }
                (Verdict::Aborted, _) => {
                    let message = "the commit was interrupted, and Kafka shows that it was aborted";
                    self.abort_proven(member.txn, &Cause::new(Reason::SidecarRestarted, message))
                }
                _ => self.outcome_lost(member.txn, group),
            };
            if let Some(summary) = summary {
                self.put(JournalEntry::Finished(summary));
            }
        }
    }

    /// Frees what the transactions of a lane hold against others, unless some are still to be settled.
    pub(super) fn release(&mut self, index: LaneIndex) {
        let copied = self.copied.iter().any(|group| group.lane == index);
        let lane = self.lane(index);
        if copied || !lane.doubts.is_empty() || !lane.unproven.is_empty() {
            return;
        }
        self.claimed.retain(|_, holder| *holder != index);
        self.ordered.retain(|_, holder| *holder != index);
        if !self.queue.is_empty() {
            self.pace.released(self.now, &self.limits.group_commit);
        }
    }
}
