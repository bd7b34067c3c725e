//! A transaction that is not final.

use super::{answers::Waiter, outcome::Cause, queue::Turn, room::Waiting};
use crate::{
    CallId, Caller, ConsumerGroup, DeliveryId, Failure, Fingerprint, GroupOffsets, IdempotencyKey, LaneIndex,
    Millis, Record, TopicPartitionOffset, TransactionView, TxnId, TxnOutcome, TxnSummary, table::TxnState,
};
use std::collections::{BTreeMap, BTreeSet};

/// What offsets are claimed by: group.id, topic, partition.
pub(super) type Claim = (String, String, i32);

#[derive(Debug)]
pub(super) struct Txn {
    pub(super) id: TxnId,
    /// Over which connection it began.
    pub(super) caller: Caller,
    pub(super) request_id: String,
    pub(super) key: Option<IdempotencyKey>,
    pub(super) fingerprint: Fingerprint,
    pub(super) label: String,
    pub(super) ordering_key: String,
    pub(super) deadline: Millis,
    pub(super) idle_deadline: Millis,
    /// Calls about it that are not here yet.
    pub(super) underway: u32,
    pub(super) state: TxnState,
    /// Where it is carried; absent while it waits in memory.
    pub(super) lane: Option<LaneIndex>,
    /// Records that are not handed to a lane; of a buffered transaction all, kept for another attempt until it ends.
    pub(super) records: Vec<Record>,
    /// Index of the first of `records`.
    pub(super) first: u64,
    pub(super) next_sequence: u64,
    pub(super) bytes: u64,
    /// What it counts against the buffer now.
    pub(super) held: u64,
    pub(super) offsets: BTreeMap<Claim, (ConsumerGroup, TopicPartitionOffset)>,
    pub(super) attempts: u32,
    /// Suspected of having spoilt its group, or its caller is: runs alone.
    pub(super) alone: bool,
    /// Its place in the queue, once its commit was asked.
    pub(super) turn: Option<Turn>,
    /// When it is looked at next.
    pub(super) wakes: Option<Millis>,
    pub(super) waiters: Vec<Waiter>,
    /// Deliveries that it settles.
    pub(super) deliveries: BTreeSet<DeliveryId>,
    /// Records of theirs that the application could not process.
    pub(super) failures: Vec<Failure>,
    /// Its application asked for the commit.
    pub(super) commit_asked: bool,
    /// Why it is being aborted, while EndTxn(abort) is under way.
    pub(super) abort_cause: Option<Cause>,
    /// Produce calls whose answer waits for room on the lane, with what to answer.
    pub(super) parked: Vec<(CallId, u64)>,
    /// A Produce that waits for room, its records not accepted yet.
    pub(super) waiting: Option<Waiting>,
}

impl Txn {
    pub(super) fn summary(&self, outcome: TxnOutcome, ended: Millis) -> TxnSummary {
        TxnSummary {
            txn: self.id,
            request_id: self.request_id.clone(),
            key: self.key.clone(),
            fingerprint: self.fingerprint,
            label: self.label.clone(),
            outcome,
            ended,
            record_count: self.next_sequence,
            offsets_count: self.offsets.len() as u64,
        }
    }

    /// A transaction of an earlier life that only its journal entry tells about.
    pub(super) fn in_doubt(summary: &TxnSummary, lane: LaneIndex) -> Self {
        Self {
            id: summary.txn,
            caller: Caller::default(),
            request_id: summary.request_id.clone(),
            key: summary.key.clone(),
            fingerprint: summary.fingerprint,
            label: summary.label.clone(),
            ordering_key: String::new(),
            deadline: Millis::MAX,
            idle_deadline: Millis::MAX,
            underway: 0,
            state: TxnState::InDoubt,
            lane: Some(lane),
            records: Vec::new(),
            first: 0,
            next_sequence: summary.record_count,
            bytes: 0,
            held: 0,
            offsets: BTreeMap::new(),
            attempts: u32::MAX,
            alone: false,
            turn: None,
            wakes: None,
            waiters: Vec::new(),
            deliveries: BTreeSet::new(),
            failures: Vec::new(),
            commit_asked: true,
            abort_cause: None,
            parked: Vec::new(),
            waiting: None,
        }
    }

    pub(super) fn view(&self, now: Millis) -> TransactionView {
        TransactionView {
            txn: self.id,
            state: self.state,
            reason: self.abort_cause.as_ref().map(|cause| cause.reason),
            label: self.label.clone(),
            age: now.saturating_sub(self.id.begun()),
            deadline: (self.state == TxnState::Open).then(|| self.due()),
            record_count: self.next_sequence,
            offsets_count: self.offsets.len() as u64,
            ranges: Vec::new(),
            lane: self.lane,
        }
    }

    /// When its time is over if nothing happens until then. While a call is in progress it is not idle.
    pub(super) fn due(&self) -> Millis {
        let in_progress = self.underway > 0 || !self.parked.is_empty() || self.waiting.is_some();
        let may_idle = self.state == TxnState::Open && !in_progress;
        if may_idle { self.deadline.min(self.idle_deadline) } else { self.deadline }
    }

    /// Everything it was given is still in memory, so that it can enter another group.
    pub(super) fn is_whole(&self) -> bool {
        self.first == 0 && self.records.len() as u64 == self.next_sequence
    }

    pub(super) fn add_offsets(&mut self, group: &ConsumerGroup, offsets: &[TopicPartitionOffset]) {
        for offset in offsets {
            let claim = (group.group_id.clone(), offset.topic.clone(), offset.partition);
            self.offsets.insert(claim, (group.clone(), offset.clone()));
        }
    }

    /// Whether it commits offsets for the group.
    pub(super) fn offsets_of(&self, group_id: &str) -> bool {
        self.offsets.keys().any(|(of, ..)| of == group_id)
    }

    pub(super) fn groups(&self) -> usize {
        group_count(self.offsets.keys())
    }
}

/// How many consumer groups the claims (sorted) belong to.
pub(super) fn group_count<'a>(claims: impl Iterator<Item = &'a Claim>) -> usize {
    let mut ids: Vec<&str> = claims.map(|claim| claim.0.as_str()).collect();
    ids.dedup();
    ids.len()
}

/// Offsets of several members merged in commit order, one entry per group and generation.
pub(super) fn merge_offsets<'a>(members: impl Iterator<Item = &'a Txn>) -> Vec<GroupOffsets> {
    let mut merged: BTreeMap<&Claim, &(ConsumerGroup, TopicPartitionOffset)> = BTreeMap::new();
    for member in members {
        merged.extend(&member.offsets);
    }
    let mut out: Vec<GroupOffsets> = Vec::new();
    for (group, offset) in merged.into_values() {
        match out.iter_mut().find(|entry| entry.group == *group) {
            Some(entry) => entry.offsets.push(offset.clone()),
            None => out.push(GroupOffsets { group: group.clone(), offsets: vec![offset.clone()] }),
        }
    }
    out
}
