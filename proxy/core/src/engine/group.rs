//! The life of a group on its lane: fill, flush, PREPARED, EndTxn (engine.md 4).

use super::{
    Engine, Timer,
    lane::{Carries, Group, Phase},
    outcome::Cause,
    ownership::Ownership,
    txn::merge_offsets,
};
use crate::{
    Ended, Flushed, GroupUuid, JournalEntry, KeyHash, LaneError, LaneErrorKind, LaneIndex, LaneOp, Marker,
    Member, OutcomesKey, Outgoing, PartitionRange, PreparedGroup, Record, SyncToken, TxnId, TxnOutcome,
    table::{LaneStep, TxnEvent, TxnState},
};

/// A suspect with more records sends them in batches all the same: it would take too long, and the refusal names the batch.
const APART_MAX: usize = 100;

impl Engine {
    /// Starts a Kafka transaction on an idle lane.
    pub(super) fn start_group(&mut self, index: LaneIndex, members: Vec<TxnId>, carries: Carries) {
        let uuid = GroupUuid(self.random_16());
        let now = self.now;
        let streaming = carries == Carries::Stream;
        for id in &members {
            let txn = self.txns.get_mut(id).expect("members are in the table");
            txn.lane = Some(index);
            if !streaming {
                // A stream's offsets are claimed when they are known.
                self.claimed.extend(txn.offsets.keys().map(|claim| (claim.clone(), index)));
            }
            if !txn.ordering_key.is_empty() {
                self.ordered.insert(txn.ordering_key.clone(), index);
            }
        }
        let lane = self.lane(index);
        lane.step(now, LaneStep::Start);
        lane.seq += 1;
        lane.window = 0;
        lane.group = Some(Group {
            uuid,
            seq: lane.seq,
            members,
            carries,
            begun: now,
            phase: Phase::Filling { finishing: !streaming },
            reports: Vec::new(),
            marker: None,
        });
        let begin = lane.op(LaneOp::Begin);
        self.out.push(begin);
        if streaming {
            self.timers.set(now + self.limits.lane_timeout.saturating_sub(5_000), Timer::Lane(index));
            self.pump(index);
        } else {
            self.send_whole(index);
        }
    }

    /// Hands over a buffered group at once; its records stay in memory for another attempt.
    fn send_whole(&mut self, index: LaneIndex) {
        let Some(group) = self.lane(index).group.as_ref() else { return };
        let (members, carries) = (group.members.clone(), group.carries);
        let mut batch = Vec::new();
        for (member, id) in members.iter().enumerate() {
            let txn = &self.txns[id];
            batch.extend(txn.records.iter().cloned().enumerate().map(|(i, record)| Outgoing {
                member: member as u32,
                index: i as u64,
                record,
            }));
        }
        let marker = self.marker_op(index);
        let offsets = merge_offsets(members.iter().map(|id| &self.txns[id]));
        let send = if carries == Carries::Alone && batch.len() <= APART_MAX {
            LaneOp::SendApart
        } else {
            LaneOp::Send
        };
        let records = (!batch.is_empty()).then(|| send(batch));
        // The marker goes with the batch, and before offsets: it absorbs CONCURRENT_TRANSACTIONS at 20 ms instead of
        // AddOffsetsToTxn's longer back-off.
        let ops = records.into_iter().chain([marker]).chain(offsets.into_iter().map(LaneOp::Offsets));
        self.send_and_flush(index, ops.collect());
    }

    /// Hands over what the lane's window takes of a streaming transaction; then finishes it, if that was asked.
    pub(super) fn pump(&mut self, index: LaneIndex) {
        let window_max = self.limits.lane_window_bytes;
        let lane = &mut self.lanes[usize::from(index.0)];
        let Some(group) = lane.stream() else { return };
        let Phase::Filling { finishing } = group.phase else { return };
        let Some(txn) = self.txns.get_mut(&group.members[0]) else { return };
        let fits = |record: &&Record| {
            let fits = lane.window == 0 || lane.window + record.bytes() <= window_max;
            lane.window += if fits { record.bytes() } else { 0 };
            fits
        };
        let taken = txn.records.iter().take_while(fits).count();
        let outgoing = |(index, record)| Outgoing { member: 0, index, record };
        let batch: Vec<_> = (txn.first..).zip(txn.records.drain(..taken)).map(outgoing).collect();
        txn.first += taken as u64;
        if !batch.is_empty() {
            self.out.push(lane.op(LaneOp::Send(batch)));
        }
        if !txn.records.is_empty() {
            return;
        }
        let (id, parked) = (txn.id, std::mem::take(&mut txn.parked));
        if !parked.is_empty() {
            self.not_idle(id);
        }
        for (call, next_sequence) in parked {
            self.reply(call, Ok(crate::Answer::Produced { next_sequence }));
        }
        if finishing {
            self.finish_streaming(index);
        }
    }

    /// Ends a streaming transaction that is wholly handed over, once its offsets are free of others' claims.
    fn finish_streaming(&mut self, index: LaneIndex) {
        let Some(id) = self.lane(index).group.as_ref().map(|group| group.members[0]) else { return };
        let claims: Vec<_> = self.txns[&id].offsets.keys().cloned().collect();
        if claims.iter().any(|claim| self.claimed.get(claim).is_some_and(|holder| *holder != index)) {
            return; // schedule() comes back when a lane settles
        }
        self.claimed.extend(claims.into_iter().map(|claim| (claim, index)));
        let marker = self.marker_op(index);
        // Last: the marker of a long transaction must not hold back the shared outcomes partition's LSO.
        let offsets = merge_offsets(std::iter::once(&self.txns[&id]));
        let ops = offsets.into_iter().map(LaneOp::Offsets).chain([marker]);
        self.send_and_flush(index, ops.collect());
    }

    fn send_and_flush(&mut self, index: LaneIndex, ops: Vec<LaneOp>) {
        let lane = &mut self.lanes[usize::from(index.0)];
        for op in ops.into_iter().chain([LaneOp::Flush]) {
            self.out.push(lane.op(op));
        }
        if let Some(group) = lane.group.as_mut() {
            group.phase = Phase::Flushing;
        }
    }

    fn marker_op(&mut self, index: LaneIndex) -> LaneOp {
        let lane = &self.lanes[usize::from(index.0)];
        let group = lane.group.as_ref().expect("a group is being sent");
        let members = group.members.iter().map(|id| Member {
            txn: *id,
            key: self.txns[id].key.as_ref().map_or(KeyHash([0; 16]), |key| key.hash),
        });
        let marker = Marker { seq: group.seq, group: group.uuid, time: self.now, members: members.collect() };
        LaneOp::Write { key: OutcomesKey::marker(index, self.journal, group.seq), value: marker.encode() }
    }

    /// So much was delivered: room for more.
    pub(super) fn on_progress(&mut self, index: LaneIndex, bytes: u64) {
        let lane = &mut self.lanes[usize::from(index.0)];
        lane.window = lane.window.saturating_sub(bytes);
        let Some(group) = lane.stream() else { return };
        if let Some(txn) = self.txns.get_mut(&group.members[0]) {
            let freed = bytes.min(txn.held);
            txn.held -= freed;
            self.buffered -= freed;
            txn.idle_deadline = self.now + self.limits.idle_timeout;
        }
        self.pump(index);
    }

    /// Everything is delivered: PREPARED, durable before EndTxn.
    pub(super) fn on_flushed(&mut self, index: LaneIndex, flushed: Flushed) {
        if self.lane(index).phase() != Some(Phase::Flushing) {
            return;
        }
        let token = {
            let lane = self.lane(index);
            let group = lane.group.as_mut().expect("flushing");
            group.reports = flushed.members;
            group.marker = flushed.marker;
            let prepared = self.prepared(index);
            self.put(JournalEntry::Prepared(prepared));
            self.sync()
        };
        if let Some(group) = self.lane(index).group.as_mut() {
            group.phase = Phase::Preparing(token);
        }
    }

    fn prepared(&self, index: LaneIndex) -> PreparedGroup {
        let lane = &self.lanes[usize::from(index.0)];
        let group = lane.group.as_ref().expect("the lane carries a group");
        let members = group.members.iter().enumerate().map(|(member, id)| {
            let ranges = ranges(group, member);
            self.txns[id].summary(TxnOutcome::Committed(ranges), self.now)
        });
        PreparedGroup {
            lane: index,
            seq: group.seq,
            group: group.uuid,
            marker: group.marker.clone(),
            members: members.collect(),
        }
    }

    /// PREPARED is durable: from here on only Kafka may say that the group was aborted.
    pub(super) fn on_prepared(&mut self, token: SyncToken) {
        let preparing = |lane: &&mut super::Lane| lane.phase() == Some(Phase::Preparing(token));
        let Some(lane) = self.lanes.iter_mut().find(preparing) else { return };
        if let Some(group) = lane.group.as_mut() {
            group.phase = Phase::Ending;
        }
        self.out.push(lane.op(LaneOp::End { commit: true }));
    }

    /// EndTxn was answered Ok.
    pub(super) fn on_group_ended(&mut self, index: LaneIndex, ended: Ended) {
        let Some(phase) = self.lane(index).phase() else { return };
        if !matches!(phase, Phase::Ending | Phase::Aborting) {
            return;
        }
        let Some(group) = self.lane(index).group.take() else { return };
        if phase == Phase::Ending {
            self.counters.groups += 1;
            self.counters.group_transactions += group.members.len() as u64;
            let mut members = Vec::new();
            for (member, id) in group.members.iter().enumerate() {
                members.extend(self.commit_proven(*id, ranges(&group, member)));
            }
            self.put(JournalEntry::Settled { lane: index, seq: group.seq, members });
        } else {
            self.abort_members(&group.members);
        }
        self.release(index);
        let now = self.now;
        if ended.clean && !matches!(self.ownership, Ownership::Rival) {
            self.lane(index).step(now, LaneStep::Clean);
            self.rest(index);
        } else {
            self.open_lane(index, "unclean end");
        }
    }

    /// Members whose abort was asked and is now done.
    fn abort_members(&mut self, members: &[TxnId]) {
        for id in members {
            let Some(cause) = self.txns.get_mut(id).and_then(|txn| txn.abort_cause.take()) else { continue };
            self.abort_now(*id, &cause);
        }
    }

    /// The group's producer failed.
    pub(super) fn on_group_failed(&mut self, index: LaneIndex, error: &LaneError) {
        let Some(group) = self.lane(index).group.take() else { return };
        match group.phase {
            Phase::Filling { .. } | Phase::Flushing => self.group_not_prepared(index, &group, error),
            Phase::Aborting => self.abort_members(&group.members),
            // EndTxn(commit) is or might be on its way: only Kafka can tell.
            Phase::Preparing(_) | Phase::Ending => {
                self.lane(index).group = Some(group);
                self.doubt_group(index);
            }
        }
        self.release(index);
        self.open_lane(index, cause_of(error.kind));
    }

    pub(super) fn doubt_group(&mut self, index: LaneIndex) {
        let prepared = self.prepared(index);
        self.counters.in_doubt += 1;
        for member in &prepared.members {
            self.doubt(member.txn);
        }
        let lane = self.lane(index);
        lane.group = None;
        lane.doubts.push(prepared);
    }

    /// Aborts an open or committing transaction that was not PREPARED. False if only Kafka can decide any more.
    pub(super) fn abort_unprepared(&mut self, id: TxnId, cause: &Cause) -> bool {
        let Some(txn) = self.txns.get_mut(&id) else { return false };
        // The COMMITTED of an empty transaction may be in the journal already.
        let decided = self.empty.values().any(|empty| *empty == id);
        if decided || !matches!(txn.state, TxnState::Open | TxnState::Committing) {
            return false;
        }
        let carried = txn.lane.filter(|index| {
            let group = self.lanes[usize::from(index.0)].group.as_ref();
            group.is_some_and(|group| group.members.contains(&id))
        });
        let Some(index) = carried else {
            // In memory only, or its group was proven aborted and it waits for another.
            self.lanes.iter_mut().for_each(|lane| lane.unproven.retain(|waiting| *waiting != id));
            self.abort_now(id, cause);
            return true;
        };
        match self.lane(index).phase() {
            Some(Phase::Filling { finishing: false }) => {
                self.transit(id, TxnEvent::AbortAsked);
                self.timers.set(self.now + self.limits.pending_wait, Timer::Pending(id));
                if let Some(txn) = self.txns.get_mut(&id) {
                    txn.abort_cause = Some(cause.clone());
                }
                let lane = self.lane(index);
                let end = lane.op(LaneOp::End { commit: false });
                if let Some(group) = lane.group.as_mut() {
                    group.phase = Phase::Aborting;
                }
                self.out.push(end);
                true
            }
            Some(Phase::Filling { .. } | Phase::Flushing) => {
                // The lane may be blocked in a call: replacing its producer ends that and aborts the transaction.
                let Some(group) = self.lane(index).group.take() else { return false };
                let others = LaneError::new(LaneErrorKind::Other, cause.message.clone());
                let rest: Vec<_> = group.members.iter().copied().filter(|member| *member != id).collect();
                self.abort_now(id, cause);
                self.group_not_prepared(index, &Group { members: rest, ..group }, &others);
                self.release(index);
                self.open_lane(index, "abort during flush");
                true
            }
            _ => false,
        }
    }
}

fn ranges(group: &Group, member: usize) -> Vec<PartitionRange> {
    let report = group.reports.iter().find(|report| report.member as usize == member);
    report.map_or_else(Vec::new, |report| report.ranges.clone())
}

/// The cause of a replacement, for the metric.
fn cause_of(kind: LaneErrorKind) -> &'static str {
    match kind {
        LaneErrorKind::Record { .. } => "record rejected",
        LaneErrorKind::Generation | LaneErrorKind::GroupDenied => "offsets rejected",
        LaneErrorKind::TransactionalIdDenied => "transactional.id denied",
        LaneErrorKind::Fenced => "fenced",
        LaneErrorKind::Unreachable => "unreachable",
        LaneErrorKind::Other => "failed",
    }
}
