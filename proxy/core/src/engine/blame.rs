//! Whose fault it was that a group's Kafka transaction was aborted, and who tries again (engine.md 6).

use super::{Engine, lane::Group, outcome::Cause};
use crate::{
    Blame, LaneError, LaneErrorKind, LaneIndex, Reason, TxnId,
    table::{TxnEvent, TxnState},
};

/// A member's part in the failure of its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// It brought it about, with this record if it was one.
    Guilty(Option<u64>),
    /// It or another one did: the broker refuses batches.
    Suspect,
    /// Others did.
    Innocent,
    /// Nobody did.
    Unlucky,
}

impl Engine {
    /// EndTxn(commit) was never sent: the group is aborted; its members try again where that can help.
    pub(super) fn group_not_prepared(&mut self, index: LaneIndex, group: &Group, error: &LaneError) {
        let now = self.now;
        let timed_out =
            error.kind == LaneErrorKind::Fenced && now >= group.begun + self.limits.lane_timeout - 1_000;
        let reason = if timed_out { Reason::TimedOut } else { error.kind.abort_reason() };
        let parts = self.parts(&group.members, &error.blame);
        self.counters.splits += u64::from(group.members.len() > 1 && error.blame != Blame::Nobody);
        for (id, part) in group.members.iter().zip(parts) {
            let Some(txn) = self.txns.get_mut(id) else { continue };
            txn.alone |= part == Part::Suspect;
            txn.attempts += u32::from(part == Part::Unlucky);
            let hopeless = matches!(part, Part::Guilty(_))
                || error.kind == LaneErrorKind::TransactionalIdDenied
                || timed_out;
            let may_retry = txn.state == TxnState::Committing
                && txn.is_whole()
                && txn.attempts < self.limits.group_attempts_max
                && now < txn.deadline;
            if may_retry && !hopeless {
                self.transit(*id, TxnEvent::Requeued);
                match error.aborted {
                    true => self.enqueue(*id),
                    false => self.lane(index).unproven.push(*id),
                }
                continue;
            }
            let cause = match part {
                Part::Guilty(record_index) => Cause { reason, message: error.message.clone(), record_index },
                Part::Unlucky => Cause::new(reason, error.message.clone()),
                // Another one is to blame, and there is no time left to try without it.
                Part::Suspect | Part::Innocent => Cause::timed_out(*id, now),
            };
            if matches!(part, Part::Guilty(_)) {
                self.punish(*id, &error.blame);
            }
            self.abort_now(*id, &cause);
        }
    }

    /// Each member's part.
    fn parts(&self, members: &[TxnId], blame: &Blame) -> Vec<Part> {
        let suspects: Vec<Option<(Option<u64>, bool)>> = match blame {
            Blame::Nobody => return vec![Part::Unlucky; members.len()],
            Blame::Records { suspects, .. } => {
                let of = |member: usize| suspects.iter().find(|suspect| suspect.member as usize == member);
                (0..members.len()).map(|m| of(m).map(|s| (Some(s.index), s.proven))).collect()
            }
            Blame::Group(group_id) => {
                let sends = |id: &TxnId| self.txns.get(id).is_some_and(|txn| txn.offsets_of(group_id));
                members.iter().map(|id| sends(id).then_some((None, false))).collect()
            }
        };
        let suspected = suspects.iter().flatten().count();
        if suspected == 0 && members.len() > 1 {
            return vec![Part::Unlucky; members.len()]; // our own record or offsets
        }
        // Who is the only one under suspicion needs no further proof, but which of its records it was may have to be found yet.
        let only = suspected == 1;
        let alone = members.len() == 1;
        let one = |id: &TxnId| self.txns.get(id).is_some_and(|txn| txn.next_sequence == 1);
        let part = |(id, suspect): (&TxnId, Option<(Option<u64>, bool)>)| match suspect {
            Some((index, proven)) if proven || alone || only && (index.is_none() || one(id)) => {
                Part::Guilty(index)
            }
            Some(_) => Part::Suspect,
            None if alone => Part::Guilty(None),
            None => Part::Innocent,
        };
        members.iter().zip(suspects).map(part).collect()
    }

    /// A caller that spoils groups again and again runs alone with that topic. Not for a consumer group's sake: its generation
    /// is stale once, and the caller comes back with another.
    fn punish(&mut self, id: TxnId, blame: &Blame) {
        let Blame::Records { topic, .. } = blame else { return };
        let Some(caller) = self.txns.get(&id).map(|txn| txn.caller) else { return };
        if !self.quarantine.offended(self.now, caller, topic) {
            return;
        }
        // Those that wait already would spoil the next group.
        let waiting: Vec<_> = self.queue.iter().filter(|id| self.txns[id].caller == caller).collect();
        for id in waiting {
            self.dequeue(id);
            self.enqueue(id);
        }
    }
}
