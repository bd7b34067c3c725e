//! Clocks, connections, the drain, and the end of the journal.

use crate::{
    LaneIndex, Millis, Reason, TxnId,
    engine::{Engine, Serving, Timer, lane::Phase, outcome::Cause},
    table::TxnState,
};

impl Engine {
    /// Idle or total time of a transaction may be over.
    pub(in crate::engine) fn on_txn_due(&mut self, id: TxnId) {
        let Some(txn) = self.txns.get_mut(&id) else { return };
        txn.wakes = None;
        let due = txn.due();
        if due > self.now {
            return self.wake_when_due(id);
        }
        let cause = if due < txn.deadline {
            Cause::new(Reason::TimedOutIdle, format!("{id} was idle for {} ms", self.limits.idle_timeout))
        } else {
            Cause::timed_out(id, self.now)
        };
        self.abort_unprepared(id, &cause);
    }

    /// A call that is not here yet begins or ends.
    pub(in crate::engine) fn on_underway(&mut self, id: TxnId, begins: bool) {
        let Some(txn) = self.txns.get_mut(&id) else { return };
        txn.underway = if begins { txn.underway + 1 } else { txn.underway.saturating_sub(1) };
        self.not_idle(id);
    }

    /// The idle clock starts anew.
    pub(in crate::engine) fn not_idle(&mut self, id: TxnId) {
        let idle_deadline = self.now + self.limits.idle_timeout;
        let Some(txn) = self.txns.get_mut(&id).filter(|txn| txn.state == TxnState::Open) else { return };
        txn.idle_deadline = idle_deadline;
        self.wake_when_due(id);
    }

    /// Looks at the transaction when its time may be over. Whoever is woken too early looks again, so only an earlier time is set.
    pub(in crate::engine) fn wake_when_due(&mut self, id: TxnId) {
        let Some(txn) = self.txns.get_mut(&id) else { return };
        let due = txn.due();
        if txn.wakes.is_some_and(|at| at <= due) {
            return;
        }
        if let Some(at) = txn.wakes.replace(due) {
            self.timers.clear(at, Timer::Txn(id));
        }
        self.timers.set(due, Timer::Txn(id));
    }

    /// SIGTERM: nothing new is begun.
    pub(in crate::engine) fn on_drain(&mut self, until: Millis) {
        self.drain_until = Some(until);
        if matches!(self.serving, Serving::Ready | Serving::Recovering) {
            self.serving = Serving::Draining;
        }
        self.timers.set(until, Timer::Drain);
        self.leave_lobby();
        self.abort_abandoned();
    }

    pub(in crate::engine) fn on_connections(&mut self, open: usize) {
        self.connections = Some(open);
        self.abort_abandoned();
    }

    /// While draining with no application connected nobody will ever commit what is open.
    fn abort_abandoned(&mut self) {
        if self.drain_until.is_some() && self.connections == Some(0) {
            self.abort_all(
                &Cause::new(Reason::Drained, "the sidecar shut down and no application was connected"),
                false,
            );
        }
    }

    pub(in crate::engine) fn on_drain_due(&mut self) {
        if self.drain_until.is_some_and(|until| until <= self.now) {
            self.abort_all(&Cause::new(Reason::Drained, "the sidecar's grace to shut down was over"), true);
        }
    }

    fn abort_all(&mut self, cause: &Cause, committing: bool) {
        let meant = |state| state == TxnState::Open || committing && state == TxnState::Committing;
        let ids: Vec<_> = self.txns.values().filter(|txn| meant(txn.state)).map(|txn| txn.id).collect();
        for id in ids {
            self.abort_unprepared(id, cause);
        }
    }

    /// What has no EndTxn yet is aborted, the rest is told by Kafka; nothing new.
    pub(in crate::engine) fn on_journal_failed(&mut self, why: String) {
        if self.journal_failed() {
            return;
        }
        self.serving = Serving::JournalFailed(why.clone());
        let cause = Cause::new(Reason::JournalFailed, format!("the journal failed: {why}"));
        // Their COMMITTED may be in the journal or not: the next start will tell.
        for id in std::mem::take(&mut self.empty).into_values() {
            self.doubt(id);
        }
        self.abort_all(&cause, true);
        for index in (0..self.lanes.len() as u16).map(LaneIndex) {
            if matches!(self.lane(index).phase(), Some(Phase::Preparing(_))) {
                let members = self.lane(index).group.take().map(|group| group.members).unwrap_or_default();
                members.iter().for_each(|id| self.abort_now(*id, &cause));
                self.release(index);
                self.open_lane(index, "journal failed");
            }
        }
        self.leave_lobby();
    }

    /// Until when a draining engine may take.
    pub fn drain_until(&self) -> Option<Millis> {
        self.drain_until
    }
}
