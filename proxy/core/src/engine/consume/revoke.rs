//! Partitions that are taken: by the state of who holds their records (engine.md 7).

use super::partition::Busy;
use crate::{
    ConsumerOp, DeliveryId, Millis, PartitionMemory, Reason, SessionId, StreamItem, TopicPartition, TxnId,
    engine::{Engine, outcome::Cause},
    table::TxnState,
};

/// The group waits for these partitions.
#[derive(Debug)]
pub(super) struct Revoking {
    pub(super) partitions: Vec<TopicPartition>,
    /// Deliveries of theirs that were outstanding and are not committed yet.
    pub(super) void: Vec<DeliveryId>,
    pub(super) lost: bool,
    /// Whatever is under way then is given up: its offsets are pending at the broker, which holds the next owner back.
    pub(super) until: Millis,
}

impl Engine {
    /// Open transactions that hold their records are aborted, those that may be committed are waited for.
    pub(super) fn on_revoking(&mut self, id: SessionId, partitions: Vec<TopicPartition>, lost: bool) {
        let until = self.now + self.limits.revoke_wait;
        let Some(session) = self.consuming.sessions.get_mut(&id) else { return };
        session.rebalances += 1;
        let outstanding = partitions.iter().filter_map(|from| match session.partitions.get(from)?.busy {
            Busy::Delivered(delivery) => Some(delivery),
            _ => None,
        });
        let void = outstanding.collect();
        session.revoking = Some(Revoking { partitions: partitions.clone(), void, lost, until });
        self.wake(until, id);
        for from in &partitions {
            let Some(txn) = self.holder(id, from) else { continue };
            let message = format!("{from} was taken from this member of the group");
            self.abort_unprepared(txn, &Cause::new(Reason::Rebalanced, message));
        }
    }

    /// Whether the partitions that are being taken can go.
    pub(super) fn check_revoked(&mut self, id: SessionId) {
        let Some(session) = self.consuming.sessions.get(&id) else { return };
        let Some(revoking) = &session.revoking else { return };
        let waits = |from: &TopicPartition| {
            let state = self.holder(id, from).and_then(|txn| Some(self.txns.get(&txn)?.state));
            matches!(state, Some(TxnState::Open | TxnState::Committing | TxnState::Aborting))
        };
        if !revoking.lost && self.now < revoking.until && revoking.partitions.iter().any(waits) {
            return;
        }
        let Some(session) = self.consuming.sessions.get_mut(&id) else { return };
        let Some(Revoking { partitions, void, lost, .. }) = session.revoking.take() else { return };
        let let_go = session.op(ConsumerOp::LetGo);
        partitions.iter().for_each(|from| self.drop_partition(id, from));
        self.tell(id, StreamItem::Revoked { partitions, deliveries: void, lost });
        self.out.push(let_go);
    }

    /// The partition is somebody else's: its delivery is void, and nobody here works on it any more.
    fn drop_partition(&mut self, id: SessionId, from: &TopicPartition) {
        let Some(session) = self.consuming.sessions.get_mut(&id) else { return };
        let Some(partition) = session.partitions.remove(from) else { return };
        let key = session.key(from);
        if let Some(memory) = self.consuming.memories.get(&key) {
            let memory = PartitionMemory { outstanding: None, ..memory.clone() };
            self.set_memory(key, memory);
        }
        match partition.busy {
            Busy::Delivered(delivery) => drop(self.consuming.deliveries.remove(&delivery)),
            Busy::Moving(txn) => drop(self.consuming.moves.remove(&txn)),
            Busy::No | Busy::Rewinding => {}
        }
    }

    /// A delivery was committed: it is not void, whoever has its partition.
    pub(super) fn not_void(&mut self, id: SessionId, delivery: DeliveryId) {
        let session = self.consuming.sessions.get_mut(&id);
        if let Some(revoking) = session.and_then(|session| session.revoking.as_mut()) {
            revoking.void.retain(|void| *void != delivery);
        }
    }

    pub(super) fn is_being_revoked(&self, id: SessionId, from: &TopicPartition) -> bool {
        let session = self.consuming.sessions.get(&id);
        let revoking = session.and_then(|session| session.revoking.as_ref());
        revoking.is_some_and(|revoking| revoking.partitions.contains(from))
    }

    /// A commit came into doubt: whoever waits for it to give a partition up waits no longer.
    pub(in crate::engine) fn touch_sessions_of(&mut self, txn: TxnId) {
        let held = self.consuming.deliveries.values().filter(|held| held.txn == Some(txn));
        let moved = self.consuming.moves.get(&txn).map(|moved| moved.0);
        let sessions: Vec<_> = held.map(|held| held.session).chain(moved).collect();
        self.consuming.touched.extend(sessions);
    }

    /// The transaction that holds the partition's records.
    fn holder(&self, id: SessionId, from: &TopicPartition) -> Option<TxnId> {
        match self.consuming.sessions.get(&id)?.partitions.get(from)?.busy {
            Busy::Delivered(delivery) => self.consuming.deliveries.get(&delivery)?.txn,
            Busy::Moving(txn) => Some(txn),
            _ => None,
        }
    }
}
