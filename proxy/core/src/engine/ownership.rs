//! Who owns the slot: claiming it, verifying it after every init, stepping down (engine.md 3).

use super::{
    Engine, Serving,
    adopt::is_damaged,
    lane::{Awaits, Phase},
    outcome::Cause,
};
use crate::{
    CallId, Effect, Incarnation, JournalEntry, LaneIndex, LaneOp, OutcomesView, OwnerRecord, ReadResult,
    ReadToken, Reason, Refusal, Request,
    table::{LaneStep, TxnState},
};

/// What is known about who owns the slot.
#[derive(Clone, Debug)]
pub(super) enum Ownership {
    /// The owner record has not been read in this life.
    Unread,
    /// We are writing ours; `before` is what it replaces.
    Claiming { incarnation: Incarnation, before: Option<OwnerRecord> },
    /// Ours is committed.
    Ours,
    /// Somebody else's is.
    Rival,
    /// An operator, or a Lease that was won, proved that we are the rightful owner: claim over anyone.
    Proven,
}

impl Engine {
    /// The ownership rule: after every init, before that producer's first record.
    pub(super) fn on_view(&mut self, index: LaneIndex, view: &OutcomesView) {
        let owner = view.owner.as_ref();
        let ours = owner.is_some_and(|owner| self.wrote(owner, self.incarnation));
        match &self.ownership {
            Ownership::Rival => self.settle_by_reading(index, view),
            Ownership::Unread => match owner.filter(|owner| self.proves_us_zombie(owner)) {
                Some(rival) => self.step_down(rival.clone(), view),
                None => self.claim(index, view),
            },
            Ownership::Proven => self.claim(index, view),
            Ownership::Claiming { incarnation, .. }
                if owner.is_some_and(|owner| self.wrote(owner, *incarnation)) =>
            {
                self.on_claimed(index, view);
            }
            Ownership::Claiming { before, .. } if owner == before.as_ref() => self.claim(index, view),
            Ownership::Ours if ours => self.settle_lane(index, view),
            Ownership::Claiming { .. } | Ownership::Ours => self.step_down(self.rival(owner), view),
        }
    }

    /// The owner was read apart from any lane, for calls that wait to know it.
    pub(super) fn on_suspicion(&mut self, result: &ReadResult, calls: Vec<(CallId, Request)>) {
        let ReadResult::Done(view) = result else {
            for (call, _) in calls {
                let message = "whose the slot is could not be read".to_owned();
                let refusal = Refusal::new(Reason::KafkaUnreachable, message).retry_after(500);
                self.reply(call, Err(refusal));
            }
            return self.suspect();
        };
        let owner = view.owner.as_ref();
        let ours = owner.is_some_and(|owner| self.wrote(owner, self.incarnation));
        if matches!(self.ownership, Ownership::Ours) && !ours {
            self.step_down(self.rival(owner), view);
        }
        for (call, request) in calls {
            self.perform(call, request);
        }
        self.suspect();
    }

    /// Reads the owner record for the calls that wait for it, one read at a time.
    pub(super) fn suspect(&mut self) {
        if self.suspicion.is_none() && !self.suspicious.is_empty() {
            let token = ReadToken(self.token());
            self.suspicion = Some((token, std::mem::take(&mut self.suspicious)));
            self.out.push(Effect::Read(token));
        }
    }

    /// An owner that is not us. A removed owner record proves nothing in our favour.
    pub(super) fn rival(&self, owner: Option<&OwnerRecord>) -> OwnerRecord {
        owner.cloned().unwrap_or_else(|| OwnerRecord {
            incarnation: Incarnation(0),
            journal: self.journal,
            pod_uid: "unknown (the owner record was removed)".into(),
            lanes_max: self.limits.lanes_max,
            time: self.now,
        })
    }

    /// Whether an owner record is ours. The pod counts: a copy of the journal may be in use elsewhere.
    pub(super) fn wrote(&self, owner: &OwnerRecord, incarnation: Incarnation) -> bool {
        owner.journal == self.journal && owner.incarnation == incarnation && owner.pod_uid == self.pod_uid
    }

    /// A newer owner of another pod, while this pod once owned an older incarnation.
    pub(super) fn proves_us_zombie(&self, owner: &OwnerRecord) -> bool {
        owner.pod_uid != self.pod_uid
            && self
                .claims_made
                .iter()
                .any(|(incarnation, pod)| *pod == self.pod_uid && *incarnation < owner.incarnation)
    }

    pub(super) fn claim(&mut self, index: LaneIndex, view: &OutcomesView) {
        let before = view.owner.clone();
        let lanes = before.as_ref().map_or(0, |owner| owner.lanes_max);
        if lanes > 0 {
            self.lane_upto(LaneIndex(lanes - 1));
        }
        if let Ownership::Claiming { before: known, .. } = &mut self.ownership {
            *known = before;
        } else {
            self.first_claim(before, view);
        }
        self.adopt(view);
        let token = self.sync();
        self.lane(index).awaits = Awaits::ClaimSync(token);
        if self.journal_failed() {
            self.on_synced(token);
        }
    }

    /// Chooses the incarnation, and whether the journal can be believed about the past.
    pub(super) fn first_claim(&mut self, before: Option<OwnerRecord>, view: &OutcomesView) {
        let newest = before.as_ref().map_or(Incarnation(0), |owner| owner.incarnation).max(self.incarnation);
        let virgin = self.is_virgin(view);
        let incarnation = match &before {
            // Somebody removed the owner record: the clock is ahead of whatever the owners had counted to.
            None if !virgin => Incarnation((newest.0 + 1).max((self.now / 1_000) as u32)),
            // A pod may have had another slot before, and its application may still ask for what that one issued: by the clock, the
            // incarnations of two slots are not the same.
            _ if self.leased => Incarnation((newest.0 + 1).max((self.now / 1_000) as u32)),
            _ => Incarnation(newest.0 + 1),
        };
        // A claim of this journal is the newest; later ones of ours may have died before their owner record.
        let continues = before.as_ref().is_some_and(|owner| {
            owner.journal == self.journal
                && self.claims_made.contains(&(owner.incarnation, owner.pod_uid.clone()))
        });
        let used = self.lanes.iter().any(|lane| lane.seq > 0);
        let predecessor = before
            .as_ref()
            .map(|owner| owner.journal)
            .filter(|journal| *journal != self.journal || !continues);
        self.served = predecessor.into_iter().chain(used.then_some(self.journal)).collect();
        self.put(JournalEntry::Claim { incarnation, pod_uid: self.pod_uid.clone() });
        self.claims_made.push((incarnation, self.pod_uid.clone()));
        if virgin {
            self.trusted_from = incarnation;
        } else if !continues || self.misses_a_birth(view) || is_damaged(view) {
            // This journal was lost or restored, another one served the slot since, or nobody can tell.
            self.distrust(incarnation);
        }
        self.ownership = Ownership::Claiming { incarnation, before };
    }

    /// Nothing was ever written for the slot, as far as Kafka and the journal can tell.
    pub(super) fn is_virgin(&self, view: &OutcomesView) -> bool {
        let untouched = view.owner.is_none()
            && view.births.is_empty()
            && view.markers.is_empty()
            && view.tombstoned.is_empty()
            && !view.truncated;
        untouched && self.lanes.iter().all(|lane| lane.seq == 0)
    }

    /// A journal that served the slot has no birth on lane 0, where each writes one before it serves: its records were
    /// removed, so what it committed cannot be told any more.
    pub(super) fn misses_a_birth(&self, view: &OutcomesView) -> bool {
        self.served.iter().any(|journal| !view.births.contains_key(&(LaneIndex(0), *journal)))
    }

    /// The owner record is committed: the other lanes follow, each fencing what is left of its predecessor.
    pub(super) fn on_claimed(&mut self, index: LaneIndex, view: &OutcomesView) {
        let Ownership::Claiming { incarnation, .. } = self.ownership else { return };
        self.ownership = Ownership::Ours;
        self.incarnation = incarnation;
        for other in 0..self.lanes.len() as u16 {
            if LaneIndex(other) != index {
                self.open_lane(LaneIndex(other), "start");
            }
        }
        self.settle_lane(index, view);
    }

    /// Another owner has the slot.
    pub(super) fn step_down(&mut self, rival: OwnerRecord, view: &OutcomesView) {
        self.ownership = Ownership::Rival;
        if !self.journal_failed() {
            self.serving = Serving::FencedByRival(rival);
        }
        let message = self.refuse_unready().message;
        let cause = Cause::new(Reason::Fenced, message);
        for index in (0..self.lanes.len() as u16).map(LaneIndex) {
            match self.lane(index).phase() {
                // Its answer is awaited: the commit may have been executed before the rival's init.
                Some(Phase::Ending) => {}
                Some(Phase::Preparing(_)) => {
                    // EndTxn(commit) was never sent and never will be.
                    self.doubt_group(index);
                    for group in std::mem::take(&mut self.lane(index).doubts) {
                        self.abort_doubts(&group, &cause);
                    }
                    self.stop_lane(index);
                }
                Some(_) => {
                    let members =
                        self.lane(index).group.take().map(|group| group.members).unwrap_or_default();
                    members.iter().for_each(|id| self.abort_now(*id, &cause));
                    self.stop_lane(index);
                }
                None => self.stop_lane(index),
            }
        }
        let live = |txn: &&super::Txn| matches!(txn.state, TxnState::Open | TxnState::Committing);
        let waiting: Vec<_> = self.txns.values().filter(live).map(|txn| txn.id).collect();
        for id in waiting {
            let ending =
                self.lanes.iter().any(|lane| lane.group.as_ref().is_some_and(|g| g.members.contains(&id)));
            if !ending && !self.empty.values().any(|empty| *empty == id) {
                self.abort_now(id, &cause);
            }
        }
        for index in (0..self.lanes.len() as u16).map(LaneIndex) {
            self.settle_by_reading(index, view);
        }
        self.leave_lobby();
    }

    pub(super) fn stop_lane(&mut self, index: LaneIndex) {
        let now = self.now;
        let lane = self.lane(index);
        lane.step(now, LaneStep::Stop);
        let close = lane.op(LaneOp::Close);
        self.out.push(close);
        if !self.lane(index).doubts.is_empty() {
            self.read(index); // its marker may be there; only its absence could not be trusted
        }
    }

    /// An operator proves that this pod is the slot's rightful owner.
    pub(super) fn on_resume(&mut self) {
        if !matches!(self.ownership, Ownership::Rival) || self.journal_failed() {
            return;
        }
        self.ownership = Ownership::Proven;
        self.serving = if self.drain_until.is_some() { Serving::Draining } else { Serving::Recovering };
        for lane in &mut self.lanes {
            lane.settled = false;
            lane.awaits = Awaits::Nothing; // what was read without a claim is not needed any more
        }
        self.recall = None; // every lane is read anew
        self.started = self.now;
        self.open_lane(LaneIndex(0), "resume");
    }
}
