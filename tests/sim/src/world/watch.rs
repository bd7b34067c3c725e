//! Follows the rows that a process's transactions and lanes go through, and which of them a crash meets.

use super::{World, trace};
use crate::{
    coverage::{Act, Feature, Moment, Row},
    event::ProcId,
    ledger::AppId,
    track::TxnTrack,
};
use sidecommit_core::{
    Effect, Generation, JournalOp, LaneIndex, LaneOp, Marker, Member, OutcomesKey, Request, TxnId,
    table::{self, LaneState, LaneStep, TxnEvent, TxnState},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// A boundary at which a process may die.
#[derive(Clone, Copy, Debug)]
pub(super) struct Boundary {
    pub(super) act: Act,
    pub(super) moment: Moment,
    concerns: Concerns,
}

/// Whom a boundary concerns.
#[derive(Clone, Copy, Debug)]
enum Concerns {
    All,
    /// A lane with what it carries, if the producer that is meant is still the lane's.
    Lane(LaneIndex, Generation),
    Nobody,
}

/// A row that was gone through, by whom.
type Move = (Option<TxnId>, Option<LaneIndex>, Row);

/// A name and a space, if there is one.
fn text(name: Option<impl fmt::Display>) -> String {
    name.map(|name| format!("{name} ")).unwrap_or_default()
}

// === impl Boundary ===

impl Boundary {
    /// Of the whole process.
    pub(super) fn of(act: Act, moment: Moment) -> Self {
        Self { act, moment, concerns: Concerns::All }
    }

    /// Of a lane.
    pub(super) fn on(lane: LaneIndex, generation: Generation, act: Act, moment: Moment) -> Self {
        Self { act, moment, concerns: Concerns::Lane(lane, generation) }
    }

    /// The same, once the engine has been told.
    pub(super) fn told(self) -> Self {
        Self { moment: Moment::Told, ..self }
    }

    /// Of something that has no effect any more.
    pub(super) fn nobodys(act: Act, moment: Moment) -> Self {
        Self { act, moment, concerns: Concerns::Nobody }
    }
}

// === impl World ===

impl World {
    /// Follows a step.
    pub(super) fn watch(&mut self, proc: ProcId, effects: &[Effect]) {
        self.watch_effects(proc, effects);
        self.watch_moves(proc);
        for effect in effects {
            if let Effect::Journal(JournalOp::Sync(token)) = effect {
                self.procs[proc].track.syncs(*token);
            }
        }
    }

    /// Notes what the effects of a step tell about lanes: their producers and the members of their groups.
    fn watch_effects(&mut self, proc: ProcId, effects: &[Effect]) {
        for effect in effects {
            let Effect::Lane { lane, generation, op } = effect else { continue };
            match op {
                LaneOp::Open => {
                    self.procs[proc].track.lanes.entry(*lane).or_default().generation = *generation;
                }
                LaneOp::Write { key: OutcomesKey::Marker(..), value } => {
                    let members = Marker::decode(value).map(|marker| marker.members).unwrap_or_default();
                    self.watch_group(proc, *lane, &members);
                }
                _ => {}
            }
        }
    }

    /// Notes what a group is like that is on its way.
    fn watch_group(&mut self, proc: ProcId, lane: LaneIndex, members: &[Member]) {
        let ids: Vec<TxnId> = members.iter().map(|member| member.txn).collect();
        let apps: Vec<_> = members.iter().filter_map(|member| self.ledger.app_of(member)).collect();
        let process = &self.procs[proc];
        let queued = process.engine.status(self.now()).queued;
        let several = ids.len() > 1;
        let (mut keys, mut claims) = (Vec::new(), Vec::new());
        for app in &apps {
            let app = &self.ledger.apps[*app];
            keys.extend(Some(app.ordering_key.as_str()).filter(|key| !key.is_empty()));
            claims.extend(app.claims());
        }
        let repeats = |distinct: usize, all: usize| distinct < all;
        let shares_key = repeats(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
        let shares_claim = repeats(claims.iter().collect::<BTreeSet<_>>().len(), claims.len());
        let tried = |id: &TxnId| process.track.txns.get(id).is_some_and(|txn| txn.past.retry);
        let offender =
            |app: &AppId| process.spoilt.get(&self.ledger.apps[*app].client).is_some_and(|n| n.len() > 1);
        let quarantined = !several && queued > 0 && apps.iter().any(offender) && !ids.iter().any(tried);
        let all = [
            (Feature::Paced, process.track.ticks && several),
            (
                Feature::Crowded,
                queued > 0 && several && ids.len() >= process.limits.group_commit.transactions,
            ),
            (Feature::Ordered, shares_key),
            (Feature::Claimed, shares_claim),
            (Feature::Quarantined, quarantined),
        ];
        let with = all.into_iter().filter(|(_, there)| *there).map(|(feature, _)| feature).collect();
        self.procs[proc].track.group(lane, &ids, &with);
    }

    /// Notes the rows that the last step went through.
    fn watch_moves(&mut self, proc: ProcId) {
        let now = self.now();
        let process = &mut self.procs[proc];
        let views = process.engine.transactions(now);
        let lanes: BTreeMap<_, _> = views.iter().map(|view| (view.txn, view.lane)).collect();
        let moves: Vec<_> = process.engine.moves().collect();
        process.track.recent.clear();
        let mut gone: Vec<Move> = Vec::new();
        // Those that appeared and became final in one step are told by their moves only.
        let moved = moves.iter().filter_map(|(txn, _, row)| match row {
            table::Row::Txn(from, _) => Some(((*txn)?, *from)),
            table::Row::Lane(..) => None,
        });
        for (txn, state) in moved.chain(views.iter().map(|view| (view.txn, view.state))) {
            process.track.txns.entry(txn).or_insert_with(|| {
                let row = Row::Born(state);
                gone.push((Some(txn), None, row));
                TxnTrack::born(row)
            });
        }
        gone.extend(moves.into_iter().map(|(txn, lane, row)| (txn, lane, Row::Table(row))));
        for (txn, lane, row) in gone {
            if let (Some(txn), Row::Table(table::Row::Txn(TxnState::Open, TxnEvent::CommitAsked))) =
                (txn, row)
            {
                // One that has a lane already comes before whoever waits for it.
                let waits =
                    self.procs[proc].track.txns.get(&txn).is_some_and(|followed| followed.lane.is_none());
                self.ledger.takes(proc, txn, waits);
            }
            let with = self.features(proc, txn, lane);
            self.stats.coverage.gone(row, &with);
            trace!(self, "p{proc} {}{}{row}", text(txn), text(lane));
            self.follow(proc, txn, lane, row);
        }
        let track = &mut self.procs[proc].track;
        track.txns.retain(|txn, _| lanes.contains_key(txn));
        for (txn, followed) in &mut track.txns {
            (followed.before, followed.lane) = (followed.lane, lanes[txn]);
        }
    }

    fn follow(&mut self, proc: ProcId, txn: Option<TxnId>, lane: Option<LaneIndex>, row: Row) {
        if !row.moves() {
            return;
        }
        let process = &mut self.procs[proc];
        let track = &mut process.track;
        let carrier = lane.or_else(|| track.txns.get(&txn?).and_then(|followed| followed.lane));
        track.recent.push((carrier, row));
        if let Some(txn) = txn {
            if let Some(to) = row.txn_to().filter(|to| to.is_final()) {
                track.fresh.push(row);
                process.finals.insert(txn, to);
            }
            if let Some(followed) = track.txns.get_mut(&txn) {
                followed.row = row;
                if matches!(row, Row::Table(table::Row::Txn(_, TxnEvent::Requeued))) {
                    (followed.past.retry, followed.past.proven) = (true, track.proves);
                }
            }
        }
        if let Some(lane) = lane {
            let followed = track.lanes.entry(lane).or_default();
            followed.row = Some(row);
            if matches!(row, Row::Table(table::Row::Lane(_, LaneStep::Close))) {
                followed.with.clear();
            }
        }
    }

    /// A call about a transaction that is final: the table says that nothing moves, and the engine does not ask it.
    pub(super) fn watch_late_call(&mut self, proc: ProcId, request: &Request) {
        let (txn, event) = match request {
            Request::Commit(commit) => (commit.txn, TxnEvent::CommitAsked),
            Request::Abort(abort) => (abort.txn, TxnEvent::AbortAsked),
            _ => return,
        };
        if let Some(state) = self.procs[proc].finals.get(&txn) {
            self.stats.coverage.gone(Row::Table(table::Row::Txn(*state, event)), &[]);
        }
    }

    /// What makes a row harder now.
    fn features(&self, proc: ProcId, txn: Option<TxnId>, lane: Option<LaneIndex>) -> Vec<Feature> {
        let process = &self.procs[proc];
        let journal = &self.journals[self.pods[process.pod].journal];
        let track = &process.track;
        let open =
            |state: Option<LaneState>| !matches!(state, None | Some(LaneState::Closed | LaneState::Stopped));
        let others = track
            .lanes
            .iter()
            .filter(|(index, followed)| Some(**index) != lane && open(followed.row.and_then(Row::lane_to)));
        let needed = if lane.is_some() { 1 } else { 2 };
        let of_txn = txn.and_then(|txn| track.txns.get(&txn)).map(|txn| &txn.with);
        let of_lane = lane.and_then(|lane| track.lanes.get(&lane)).map(|lane| &lane.with);
        let all = [
            (Feature::Lanes, others.count() >= needed),
            (Feature::Zombie, process.owned && !self.ledger.owners.is_newest(proc)),
            (Feature::SecondJournal, journal.second),
            (Feature::Restored, journal.restored),
            (Feature::PowerLoss, journal.power_lost),
            (Feature::Tombstones, self.tombstoned),
            (Feature::Compacted, self.compacted),
        ];
        let of_group = of_txn.or(of_lane).into_iter().flatten().copied();
        all.into_iter().filter(|(_, there)| *there).map(|(feature, _)| feature).chain(of_group).collect()
    }

    /// What the groups are like that a death at a boundary meets.
    pub(super) fn met_with(&self, proc: ProcId, boundary: Boundary) -> BTreeSet<Feature> {
        let track = &self.procs[proc].track;
        match boundary.concerns {
            Concerns::All => track.txns.values().flat_map(|txn| txn.with.iter().copied()).collect(),
            Concerns::Lane(lane, generation) => {
                let lane = track.lanes.get(&lane).filter(|followed| followed.generation == generation);
                lane.map(|followed| followed.with.clone()).unwrap_or_default()
            }
            Concerns::Nobody => BTreeSet::new(),
        }
    }

    /// The rows that a death at a boundary meets.
    pub(super) fn met(&self, proc: ProcId, boundary: Boundary) -> BTreeSet<Row> {
        let track = &self.procs[proc].track;
        let told = boundary.moment == Moment::Told;
        match boundary.concerns {
            Concerns::All if told => {
                track.everything().chain(track.recent.iter().map(|(_, row)| *row)).collect()
            }
            Concerns::All => track.everything().collect(),
            Concerns::Lane(lane, generation) => {
                // What was asked of a producer that is replaced or stopped concerns nobody any more, but for what its
                // end has led to.
                let current = track.lanes.get(&lane).is_some_and(|followed| {
                    let stopped = followed.row.and_then(Row::lane_to) == Some(LaneState::Stopped);
                    followed.generation == generation && (!stopped || boundary.act == Act::Close)
                });
                let recent =
                    track.recent.iter().filter(|(at, _)| told && *at == Some(lane)).map(|(_, row)| *row);
                track.on_lane(lane, told).filter(|_| current).chain(recent).collect()
            }
            Concerns::Nobody => BTreeSet::new(),
        }
    }
}
