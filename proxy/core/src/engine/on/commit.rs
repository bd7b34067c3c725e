//! Commit.

use super::offsets::too_many_groups;
use crate::{
    CallId, Commit, Reason, Refusal, TxnId,
    engine::{
        Engine,
        answers::{Waiter, Wants},
        lane::Phase,
        schedule::GROUPS_MAX,
        txn::Txn,
    },
    table::{TxnEvent, TxnState},
};

impl Engine {
    pub(super) fn on_commit(&mut self, call: CallId, commit: &Commit) {
        let Some(txn) = self.txns.get_mut(&commit.txn) else {
            let answer = self.gone(commit.txn).and_then(|found| Wants::Commit.answer(&found, self.now));
            return self.reply(call, answer);
        };
        if txn.state == TxnState::Open {
            txn.idle_deadline = self.now + self.limits.idle_timeout;
            if let Err(refusal) = self.complete(commit) {
                return self.reply(call, Err(refusal));
            }
            self.start_commit(commit.txn);
        } else {
            self.transit(commit.txn, TxnEvent::CommitAsked); // a repeat, or too late: nothing moves
        }
        self.wait_for(commit.txn, Waiter { call, wants: Wants::Commit });
    }

    /// From Open to Committing: nothing of the transaction is missing.
    pub(in crate::engine) fn start_commit(&mut self, id: TxnId) {
        self.transit(id, TxnEvent::CommitAsked);
        self.refuse_wait(id);
        if let Some(txn) = self.txns.get_mut(&id) {
            txn.commit_asked = true;
        }
        let txn = &self.txns[&id];
        match txn.lane {
            Some(index) => {
                if let Some(group) = self.lane(index).group.as_mut() {
                    group.phase = Phase::Filling { finishing: true };
                }
                self.pump(index);
            }
            None if txn.next_sequence == 0 && txn.offsets.is_empty() => self.commit_empty(id),
            None => self.enqueue(id),
        }
    }

    /// An empty transaction sends nothing and is COMMITTED; journaled, so that a repeat after a crash agrees.
    fn commit_empty(&mut self, id: TxnId) {
        let txn = &self.txns[&id];
        let summary = txn.summary(crate::TxnOutcome::Committed(Vec::new()), self.now);
        self.put(crate::JournalEntry::Finished(summary));
        let token = self.sync();
        self.empty.insert(token, id);
    }

    /// Adds the offsets that come with the Commit and compares the counts.
    fn complete(&mut self, commit: &Commit) -> Result<(), Refusal> {
        self.take_deliveries(commit.txn, &commit.deliveries)?;
        match self.txns.get_mut(&commit.txn) {
            Some(txn) => complete(txn, commit),
            None => Err(self.not_open(commit.txn)),
        }
    }
}

fn complete(txn: &mut Txn, commit: &Commit) -> Result<(), Refusal> {
    for group in &commit.offsets {
        txn.add_offsets(&group.group, &group.offsets);
    }
    if txn.groups() > GROUPS_MAX {
        return Err(too_many_groups(txn.id));
    }
    let (records, offsets) = (txn.next_sequence, txn.offsets.len() as u64);
    if (commit.record_count, commit.offsets_count) == (records, offsets) {
        return Ok(());
    }
    let message = format!(
        "Commit counts {} records and {} offsets, the sidecar has {records} records and {offsets} offsets",
        commit.record_count, commit.offsets_count
    );
    let field = if commit.record_count == records { "offsets_count" } else { "record_count" };
    Err(Refusal::new(Reason::Incomplete, message).field(field).next_sequence(records))
}
