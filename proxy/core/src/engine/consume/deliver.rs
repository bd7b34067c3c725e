//! Who is delivered what when.

use super::{
    Held,
    letters::GivenUp,
    partition::{Busy, Next},
};
use crate::{
    Consumed, ConsumerOp, Delivery, DeliveryId, Effect, Millis, Poison, Reason, Refusal, SessionId,
    StreamItem, SyncToken, TopicPartition, TopicPartitionOffset,
    engine::{Engine, Serving},
};

impl Engine {
    /// Does what has become possible in this step.
    pub(in crate::engine) fn deliver(&mut self) {
        for (id, refusal) in std::mem::take(&mut self.consuming.stuck) {
            self.end_session(id, &refusal, false);
        }
        while let Some(id) = self.consuming.touched.pop_first() {
            self.check_revoked(id);
            if self.serving == Serving::Ready {
                self.deliver_session(id);
                self.pause_or_resume(id);
                self.tell_idle(id);
            }
        }
        if self.serving != Serving::Ready && !self.consuming.sessions.is_empty() {
            self.stop_sessions();
        }
    }

    /// Nobody can settle anything here for a while.
    fn stop_sessions(&mut self) {
        if self.serving == Serving::Draining {
            return self.drain_sessions();
        }
        let refusal = self.refuse_unready();
        let ids: Vec<_> = self.consuming.sessions.keys().copied().collect();
        for id in ids {
            self.end_session(id, &refusal, false);
        }
    }

    fn deliver_session(&mut self, id: SessionId) {
        let Some(session) = self.consuming.sessions.get(&id) else { return };
        // Who was served longest ago is first.
        let mut waiting: Vec<_> = session
            .partitions
            .iter()
            .filter(|(from, partition)| partition.busy == Busy::No && !self.is_being_revoked(id, from))
            .map(|(from, partition)| (partition.served, from.clone()))
            .collect();
        waiting.sort();
        for (_, from) in waiting {
            self.deliver_partition(id, from);
        }
    }

    fn deliver_partition(&mut self, id: SessionId, from: TopicPartition) {
        let now = self.now;
        let Some(session) = self.consuming.sessions.get_mut(&id) else { return };
        let Some(partition) = session.partitions.get_mut(&from) else { return };
        let delay = session.subscribe.retry.topics.iter().find(|topic| topic.topic == from.topic);
        let next = match session.credit {
            // What needs no application goes on without one.
            0 => partition.without_application(&session.subscribe, delay, now).unwrap_or(Next::Nothing),
            _ => partition.next(&session.subscribe, delay, now),
        };
        match next {
            Next::Nothing => {}
            Next::Wait(until) => self.wake(until, id),
            Next::Move(record, poison) => self.move_record(id, from, &record, &poison),
            Next::Deliver(records) => self.send_delivery(id, from, records),
        }
    }

    fn send_delivery(&mut self, id: SessionId, from: TopicPartition, records: Vec<(Consumed, u32)>) {
        let delivery = DeliveryId(self.random_16());
        self.consuming.count += 1;
        let served = self.consuming.count;
        let Some(session) = self.consuming.sessions.get_mut(&id) else { return };
        session.credit -= 1;
        session.idle = false;
        let due = self.now + session.subscribe.delivery_timeout;
        if let Some(partition) = session.partitions.get_mut(&from) {
            partition.busy = Busy::Delivered(delivery);
            partition.served = served;
        }
        let held =
            Held { session: id, from: from.clone(), records: records.clone(), sent: self.now, txn: None };
        self.consuming.deliveries.insert(delivery, held);
        self.wake(due, id);
        // Before the application can die over it.
        let synced = self.remember(id, &from);
        let again = records.iter().any(|(_, attempt)| *attempt > 1);
        match synced.filter(|_| again) {
            // A record that kills its pod each time must not get away uncounted.
            Some(token) => drop(self.consuming.unsynced.insert(token, delivery)),
            // Most records need no second attempt: nobody waits for the first.
            None => self.tell_delivery(id, delivery, from, records),
        }
    }

    /// Whether the token is a delivery's, which can be told now.
    pub(in crate::engine) fn on_delivery_synced(&mut self, token: SyncToken) -> bool {
        let Some(delivery) = self.consuming.unsynced.remove(&token) else { return false };
        if let Some(held) = self.consuming.deliveries.get(&delivery) {
            let (id, from, records) = (held.session, held.from.clone(), held.records.clone());
            self.tell_delivery(id, delivery, from, records);
        }
        true
    }

    pub(super) fn tell_delivery(
        &mut self,
        id: SessionId,
        delivery: DeliveryId,
        from: TopicPartition,
        records: Vec<(Consumed, u32)>,
    ) {
        let Some(session) = self.consuming.sessions.get(&id) else { return };
        let Some(partition) = session.partitions.get(&from) else { return };
        let topic_id = partition.topic_id.clone();
        let moved = super::letters::is_retry(&session.subscribe, &from);
        let delivery = Delivery { id: delivery, from, topic_id, moved, records };
        self.tell(id, StreamItem::Delivery(Box::new(delivery)));
    }

    /// A record that is given up goes to another topic, and its offset with it, in a transaction of our own.
    fn move_record(&mut self, id: SessionId, from: TopicPartition, record: &Consumed, poison: &Poison) {
        let Some(session) = self.consuming.sessions.get(&id) else { return };
        let Some(partition) = session.partitions.get(&from) else { return };
        let to = super::letters::destination(&session.subscribe, &from, poison.retryable);
        let Some(to) = to else { return self.cannot_move(id, &from, record, poison) };
        let (group, now) = (session.group(), self.now);
        let attempts = partition.failed.attempts(record.offset);
        let given_up = GivenUp { record, from: &from, topic_id: &partition.topic_id, poison, attempts };
        let letter = super::letters::letter(&given_up, &session.subscribe, to, now);
        let offset = TopicPartitionOffset {
            topic: from.topic.to_string(),
            partition: from.partition,
            offset: record.offset + 1,
            metadata: String::new(),
        };
        let bytes = letter.bytes();
        let mut txn = self.blank(self.limits.default_timeout);
        txn.label = format!("{from} offset {} to {}", record.offset, letter.topic);
        txn.next_sequence = 1;
        txn.records = vec![letter];
        txn.bytes = bytes;
        txn.held = bytes;
        txn.add_offsets(&group, &[offset]);
        self.buffered += bytes;
        let txn = self.admit(txn);
        self.consuming.moves.insert(txn, (id, from.clone(), record.offset));
        let session = self.consuming.sessions.get_mut(&id);
        if let Some(partition) = session.and_then(|session| session.partitions.get_mut(&from)) {
            partition.busy = Busy::Moving(txn);
        }
        self.start_commit(txn);
    }

    /// There is no topic for what cannot succeed.
    fn cannot_move(&mut self, id: SessionId, from: &TopicPartition, record: &Consumed, poison: &Poison) {
        let max = self.consuming.sessions.get(&id).map(|session| session.subscribe.max_record_bytes);
        if max.is_some_and(|max| record.bytes() > max) {
            let message = format!("{from} offset {}: {}", poison.offset, poison.message);
            let refusal =
                Refusal::new(Reason::RecordTooLargeForClient, message).field("limits.max_message_bytes");
            return self.end_session(id, &refusal, false);
        }
        // Given up under an earlier subscription, which had one.
        let session = self.consuming.sessions.get_mut(&id);
        if let Some(partition) = session.and_then(|session| session.partitions.get_mut(from)) {
            partition.failed.pardon(poison.offset);
            self.consuming.touched.insert(id);
        }
    }

    /// A partition of which much was read waits until some of it is delivered.
    fn pause_or_resume(&mut self, id: SessionId) {
        let sessions = self.consuming.sessions.len().max(1) as u64;
        let ahead = self.limits.read_ahead_bytes.min(self.limits.read_ahead_total_bytes / sessions);
        let Some(session) = self.consuming.sessions.get_mut(&id) else { return };
        let share = ahead / (session.partitions.len().max(1) as u64);
        let mut ops = Vec::new();
        for (from, partition) in &mut session.partitions {
            let full = partition.bytes >= share;
            if full && !partition.paused {
                partition.paused = true;
                ops.push(ConsumerOp::Pause(from.clone()));
            } else if partition.paused && partition.bytes * 2 < share {
                partition.paused = false;
                ops.push(ConsumerOp::Resume(from.clone()));
            }
        }
        let consumer = session.member;
        self.out.extend(ops.into_iter().map(|op| Effect::Consumer { consumer, op }));
    }

    fn tell_idle(&mut self, id: SessionId) {
        let Some(session) = self.consuming.sessions.get_mut(&id) else { return };
        let all = !session.partitions.is_empty() && session.partitions.values().all(|p| p.is_idle());
        if all && !session.idle {
            session.idle = true;
            self.tell(id, StreamItem::Idle);
        }
    }

    /// When a failed partition is attempted again.
    pub(super) fn backoff(&self, id: SessionId, attempts: u32) -> Millis {
        let retry = self.consuming.sessions.get(&id).map(|session| &session.subscribe.retry);
        retry.map_or(0, |retry| {
            let doubled = retry.backoff.saturating_mul(1 << attempts.saturating_sub(1).min(30));
            doubled.min(retry.backoff_max)
        })
    }
}
