//! R2 and R3 for a lane: groups in doubt are decided by what the outcomes say, durably, before the lane is used (engine.md 5).

use super::{
    Engine, Timer, Verdict,
    adopt::complete_since,
    lane::{Awaits, Own},
    outcome::Cause,
    ownership::Ownership,
    verdict, verdict_by_reading,
};
use crate::{
    Birth, Ended, JournalEntry, LaneIndex, LaneOp, OutcomesKey, OutcomesView, OwnerRecord, PreparedGroup,
    Reason, TxnId, TxnOutcome, TxnSummary, encode_barrier,
    table::{LaneStep, TxnEvent},
};

impl Engine {
    /// R2 and R3 for a lane that we own.
    pub(super) fn settle_lane(&mut self, index: LaneIndex, view: &OutcomesView) {
        if !self.lane(index).settled {
            self.adopt(view);
        }
        let (born, now) = (view.births.contains_key(&(index, self.journal)), self.now);
        let removed = self.misses_a_birth(view) || !born && self.lane(index).seq > 0;
        let horizon = complete_since(view, index).filter(|_| !removed).unwrap_or(now);
        let journal = self.journal;
        let lane = self.lane(index);
        lane.born = born;
        lane.horizon = horizon;
        let decided: Vec<_> = lane.doubts.iter().map(|group| verdict(view, journal, group)).collect();
        let clear = decided.iter().all(|verdict| *verdict == Verdict::Committed);
        if !clear && !lane.barrier {
            return self.write_own(index, Own::Barrier);
        }
        let recalling = self.recall.is_some();
        if !self.lane(index).settled {
            self.recall_lane(index, horizon);
        }
        let lane = self.lane(index);
        let doubts = std::mem::take(&mut lane.doubts);
        if !doubts.is_empty() {
            for (group, verdict) in doubts.into_iter().zip(decided) {
                if recalling && verdict == Verdict::Aborted {
                    self.copied.push(group);
                } else {
                    self.settle_doubt(&group, verdict, view);
                }
            }
            self.release(index);
        }
        if self.recall.is_none() {
            self.settle_copied(view);
        }
        // R5: what was decided or adopted is durable before the lane is used.
        let token = self.sync();
        self.lane(index).awaits = Awaits::SettleSync(token);
        self.lane(index).since = now;
        if self.journal_failed() {
            self.on_synced(token);
        }
    }

    /// Commits a record of our own on a verified lane.
    pub(super) fn write_own(&mut self, index: LaneIndex, own: Own) {
        let (now, journal) = (self.now, self.journal);
        let birth = (
            OutcomesKey::Birth(index, journal),
            Birth { time: now, horizon: self.lane(index).horizon }.encode(),
        );
        let records = match (own, &self.ownership) {
            (Own::Owner, Ownership::Claiming { incarnation, .. }) => {
                let owner = OwnerRecord {
                    incarnation: *incarnation,
                    journal,
                    pod_uid: self.pod_uid.clone(),
                    lanes_max: self.limits.lanes_max,
                    time: now,
                };
                vec![(OutcomesKey::Owner, owner.encode())]
            }
            (Own::Birth, _) => vec![birth],
            (Own::Barrier, _) => vec![(OutcomesKey::Barrier(index, journal), encode_barrier(now))],
            (Own::Owner, _) => return,
        };
        let lane = self.lane(index);
        lane.step(now, LaneStep::Write);
        lane.awaits = Awaits::Commit(own);
        let writes = records.into_iter().map(|(key, value)| LaneOp::Write { key, value });
        let ops: Vec<_> =
            [LaneOp::Begin].into_iter().chain(writes).chain([LaneOp::Flush]).map(|op| lane.op(op)).collect();
        self.out.extend(ops);
    }

    /// A record of our own is committed.
    pub(super) fn on_own_written(&mut self, index: LaneIndex, ended: Ended) {
        let now = self.now;
        let lane = self.lane(index);
        // Whatever it was, a read up to the watermark after it is decisive about this lane.
        lane.barrier = true;
        lane.tainted |= !ended.clean;
        lane.step(now, LaneStep::Written);
        self.read(index);
    }

    /// Groups that were aborted, of a journal that misses something: its original may have tried the members again, on
    /// any lane. Now every lane is inited and read.
    fn settle_copied(&mut self, view: &OutcomesView) {
        let copied = std::mem::take(&mut self.copied);
        for group in &copied {
            let told = group.members.iter().all(|member| self.tells_since(view, member.ended));
            self.settle_doubt(group, if told { Verdict::Aborted } else { Verdict::Unknown }, view);
        }
        // A lane that carries a group frees what it held with that one's end.
        for group in copied {
            if self.lane(group.lane).group.is_none() {
                self.release(group.lane);
            }
        }
    }

    /// What Kafka said about a group in doubt.
    pub(super) fn settle_doubt(&mut self, group: &PreparedGroup, verdict: Verdict, view: &OutcomesView) {
        let mut members = Vec::new();
        for member in &group.members {
            // A later group of a journal that this one is a copy of may have carried the member.
            let elsewhere = verdict != Verdict::Committed && is_marked(view, member.txn);
            members.extend(match elsewhere {
                true => self.commit_proven(member.txn, Vec::new()),
                false => self.settle_member(group, member, verdict),
            });
        }
        // Without the requeued members: for them this is the GROUP_ABORTED that must precede their next PREPARED.
        self.put(JournalEntry::Settled { lane: group.lane, seq: group.seq, members });
    }

    /// One member's outcome; None if it is tried again.
    fn settle_member(
        &mut self,
        group: &PreparedGroup,
        member: &TxnSummary,
        verdict: Verdict,
    ) -> Option<TxnSummary> {
        let id = member.txn;
        let retry = self.txns.get(&id).is_some_and(|txn| {
            txn.is_whole()
                && txn.attempts.saturating_add(1) < self.limits.group_attempts_max
                && self.now < txn.deadline
        });
        match (verdict, &member.outcome) {
            (Verdict::Committed, TxnOutcome::Committed(ranges)) => self.commit_proven(id, ranges.clone()),
            (Verdict::Aborted, _) if retry && self.may_begin() => {
                self.transit(id, TxnEvent::Requeued);
                if let Some(txn) = self.txns.get_mut(&id) {
                    txn.attempts += 1;
                }
                self.enqueue(id);
                None
            }
            (Verdict::Aborted, _) => {
                let earlier = self.txns.get(&id).is_some_and(|txn| txn.attempts == u32::MAX);
                let reason = if earlier { Reason::SidecarRestarted } else { Reason::KafkaFailed };
                let cause =
                    Cause::new(reason, "the commit was interrupted, and Kafka shows that it was aborted");
                self.abort_proven(id, &cause)
            }
            _ => self.outcome_lost(id, group),
        }
    }

    pub(super) fn abort_doubts(&mut self, group: &PreparedGroup, cause: &Cause) {
        let members =
            group.members.iter().filter_map(|member| self.abort_proven(member.txn, cause)).collect();
        self.put(JournalEntry::Settled { lane: group.lane, seq: group.seq, members });
    }

    /// Having stepped down we may not init: what can be told by reading is told, the rest stays pending.
    pub(super) fn settle_by_reading(&mut self, index: LaneIndex, view: &OutcomesView) {
        let journal = self.journal;
        let behind = self.is_behind(view);
        for group in std::mem::take(&mut self.lane(index).doubts) {
            match verdict_by_reading(view, journal, &group) {
                // The original of this journal may have tried the members again.
                Some(Verdict::Aborted) if behind => self.lane(index).doubts.push(group),
                Some(verdict) => self.settle_doubt(&group, verdict, view),
                None => self.lane(index).doubts.push(group),
            }
        }
        let lane = self.lane(index);
        if lane.doubts.is_empty() && lane.group.is_none() {
            self.release(index);
        } else if !lane.doubts.is_empty() {
            let at = self.now + 2 * self.limits.reopen_backoff;
            self.lane(index).awaits = Awaits::ReadAgain(at);
            self.timers.set(at, Timer::Lane(index));
        }
    }
}

/// Whether some marker names the transaction.
fn is_marked(view: &OutcomesView, txn: TxnId) -> bool {
    view.markers.values().flat_map(|marker| &marker.members).any(|member| member.txn == txn)
}
