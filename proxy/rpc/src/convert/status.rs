//! The sidecar's state as operators see it: core -> wire.

use super::{
    delivery::{delivery_text, session_text},
    field::{duration, int64, timestamp},
};
use crate::{NodeStatus, proto::v1};
use sidecommit_core::{
    Counters, LaneIndex, LaneStatus, Millis, OwnerRecord, PartitionStatus, Reason, Serving, SessionStatus,
    TransactionView, table::LaneState,
};
use std::collections::{BTreeMap, HashMap};

pub(crate) fn serving(serving: &Serving) -> v1::ServingState {
    match serving {
        Serving::NoSlot(_) => v1::ServingState::NoSlot,
        Serving::Connecting(_) | Serving::Recovering => v1::ServingState::Recovering,
        Serving::Ready => v1::ServingState::Ready,
        Serving::Draining => v1::ServingState::Draining,
        Serving::FencedByRival(_) => v1::ServingState::FencedByRival,
        Serving::JournalFailed(_) => v1::ServingState::JournalFailed,
    }
}

pub(crate) fn status(node: NodeStatus) -> v1::Status {
    let NodeStatus { serving: now, slot, engine, warnings } = node;
    let (detail, rival) = match &now {
        Serving::NoSlot(why) | Serving::Connecting(why) => (why.clone(), None),
        Serving::Recovering => ("claims its slot and settles what its predecessor left".to_owned(), None),
        Serving::Ready => (String::new(), None),
        Serving::Draining => ("was told to stop".to_owned(), None),
        Serving::FencedByRival(rival) => (
            format!("stepped down: pod {} owns the slot; `sidecommit resume` takes it back", rival.pod_uid),
            Some(owner(rival)),
        ),
        Serving::JournalFailed(why) => (format!("cannot write its journal: {why}"), None),
    };
    let head = v1::Status {
        serving: serving(&now).into(),
        detail,
        rival,
        slot: slot.map(|slot| slot.to_string()).unwrap_or_default(),
        warnings,
        ..Default::default()
    };
    let Some(engine) = engine else { return head };
    v1::Status {
        incarnation: engine.incarnation.0.into(),
        journal_id: engine.journal.to_string(),
        lanes: engine.lanes.iter().map(lane).collect(),
        open_transactions: engine.open as i64,
        queued_transactions: engine.queued as i64,
        in_doubt_transactions: engine.in_doubt as i64,
        buffered_bytes: int64(engine.buffered_bytes),
        oldest_in_kafka: Some(duration(engine.oldest_in_kafka)),
        counters: Some(counters(&engine.counters)),
        ..head
    }
}

/// The groups that lanes carry now.
pub(crate) fn groups(lanes: &[LaneStatus], transactions: &[TransactionView]) -> Vec<v1::TransactionGroup> {
    let mut carried: BTreeMap<LaneIndex, Vec<String>> = BTreeMap::new();
    for view in transactions {
        if let Some(lane) = view.lane {
            carried.entry(lane).or_default().push(view.txn.to_string());
        }
    }
    let state_of = |index| lanes.iter().find(|lane| lane.lane == index).map(|lane| lane_state(lane.state));
    let group = |(lane, transaction_ids): (LaneIndex, _)| v1::TransactionGroup {
        lane: lane.0.into(),
        lane_state: state_of(lane).unwrap_or(v1::LaneState::Unspecified).into(),
        transaction_ids,
    };
    carried.into_iter().map(group).collect()
}

/// The consumer groups that applications read with, by group.
pub(crate) fn sessions(mut sessions: Vec<SessionStatus>, now: Millis) -> Vec<v1::ConsumerGroupSession> {
    sessions.sort_by(|a, b| (&a.group_id, a.session).cmp(&(&b.group_id, b.session)));
    let session = |mut session: SessionStatus| {
        session.partitions.sort_by(|a, b| a.partition.cmp(&b.partition));
        v1::ConsumerGroupSession {
            session_id: session_text(session.session),
            group_id: session.group_id,
            group_instance_id: session.group_instance_id.unwrap_or_default(),
            connected: session.connected,
            credit: int64(session.credit),
            partitions: session.partitions.into_iter().map(|status| partition(status, now)).collect(),
            retried: int64(session.retried),
            dead_lettered: int64(session.dead_lettered),
            rebalances: int64(session.rebalances),
        }
    };
    sessions.into_iter().map(session).collect()
}

fn partition(status: PartitionStatus, now: Millis) -> v1::ConsumedPartition {
    let outstanding = status.outstanding;
    v1::ConsumedPartition {
        topic: status.partition.topic.to_string(),
        partition: status.partition.partition,
        position: status.position,
        settled: status.settled,
        end: status.end,
        // The end is known from the last fetch, so that it may lie behind.
        lag: status.end.zip(status.settled).map(|(end, settled)| end.saturating_sub(settled).max(0)),
        outstanding_delivery_id: outstanding.map(|(id, _)| delivery_text(id)).unwrap_or_default(),
        outstanding_age: outstanding.map(|(_, since)| duration(now.saturating_sub(since))),
        buffered_bytes: int64(status.buffered_bytes),
        attempts: status.attempts.into(),
    }
}

fn owner(owner: &OwnerRecord) -> v1::Owner {
    v1::Owner {
        incarnation: owner.incarnation.0.into(),
        journal_id: owner.journal.to_string(),
        pod_uid: owner.pod_uid.clone(),
        claim_time: Some(timestamp(owner.time)),
    }
}

fn lane(lane: &LaneStatus) -> v1::Lane {
    v1::Lane {
        lane: lane.lane.0.into(),
        state: lane_state(lane.state).into(),
        generation: lane.generation.0.into(),
        seq: int64(lane.seq),
        transactions: lane.transactions as i64,
        since: Some(timestamp(lane.since)),
        error: lane.error.clone().unwrap_or_default(),
    }
}

fn lane_state(state: LaneState) -> v1::LaneState {
    match state {
        LaneState::Closed => v1::LaneState::Closed,
        LaneState::Opening => v1::LaneState::Opening,
        LaneState::Verifying => v1::LaneState::Verifying,
        LaneState::Writing => v1::LaneState::Writing,
        LaneState::Idle => v1::LaneState::Idle,
        LaneState::Busy => v1::LaneState::Busy,
        LaneState::Stopped => v1::LaneState::Stopped,
    }
}

fn counters(counters: &Counters) -> v1::Counters {
    let by_reason = |counts: &BTreeMap<Reason, u64>| -> HashMap<String, i64> {
        counts.iter().map(|(reason, count)| (reason.name(), int64(*count))).collect()
    };
    v1::Counters {
        begun: int64(counters.begun),
        committed: int64(counters.committed),
        aborted: by_reason(&counters.aborted),
        unknown: int64(counters.unknown),
        in_doubt: int64(counters.in_doubt),
        refused: by_reason(&counters.refused),
        fences: int64(counters.fences),
        replaced: counters.replaced.iter().map(|(cause, n)| ((*cause).to_owned(), int64(*n))).collect(),
    }
}
