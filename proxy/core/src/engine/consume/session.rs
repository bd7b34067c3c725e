//! From Subscribe to the end of a session.

use super::{Failed, Held, Partition, Session};
use crate::{
    AssignedPartition, ConsumerId, ConsumerOp, DeliveryId, Effect, GroupProtocol, PartitionMemory, Poison,
    Reason, Refusal, SessionId, StreamId, StreamItem, Subscribe, TopicPartition, Topics,
    engine::{Engine, Serving, outcome::Cause},
    table::TxnState,
};
use std::collections::BTreeMap;

impl Engine {
    pub(super) fn on_subscribe(&mut self, stream: StreamId, subscribe: Subscribe) {
        match self.subscribe(stream, subscribe) {
            Ok(id) => {
                self.consuming.streams.insert(stream, id);
                self.consuming.touched.insert(id);
            }
            Err(refusal) => self.end_stream(stream, refusal),
        }
    }

    fn subscribe(&mut self, stream: StreamId, subscribe: Subscribe) -> Result<SessionId, Refusal> {
        if self.serving != Serving::Ready {
            return Err(self.refuse_unready());
        }
        if let Some(id) = subscribe.session.filter(|id| self.consuming.sessions.contains_key(id)) {
            self.resume_session(id, stream, &subscribe)?;
            return Ok(id);
        }
        self.check_lanes(subscribe.protocol)?;
        self.end_namesake(&subscribe);
        let (sessions, limit) = (self.consuming.sessions.len(), self.limits.sessions);
        if sessions >= limit {
            let message = format!("{sessions} sessions read, at most {limit} are allowed (limits.sessions)");
            return Err(Refusal::new(Reason::SessionsExceeded, message)
                .exceeded("limits.sessions", limit as u64, sessions as u64)
                .retry_after(1_000));
        }
        // One that was known in an earlier life keeps its name: its application is alive.
        let id = subscribe.session.unwrap_or_else(|| SessionId(self.random_16()));
        self.consuming.count += 1;
        let member = ConsumerId(self.consuming.count);
        let open = ConsumerOp::Open(Box::new(subscribe.clone()));
        let session = Session {
            id,
            subscribe,
            member,
            stream: Some(stream),
            alone_since: None,
            credit: 0,
            partitions: BTreeMap::new(),
            revoking: None,
            idle: false,
            retried: 0,
            dead_lettered: 0,
            rebalances: 0,
        };
        self.out.push(session.op(open));
        self.consuming.members.insert(member, id);
        self.consuming.sessions.insert(id, session);
        self.tell(id, StreamItem::Started { session: id, resumed: false });
        Ok(id)
    }

    /// What a member that is gone has begun in Kafka has to end before others get its partitions. With KIP-848 only the broker
    /// knows when that is.
    fn check_lanes(&self, protocol: GroupProtocol) -> Result<(), Refusal> {
        let (lane, session) = (self.limits.lane_timeout, self.limits.session_timeout);
        if protocol == GroupProtocol::Consumer || lane < session {
            return Ok(());
        }
        let message = format!(
            "limits.lane_timeout of the sidecar is {lane} ms: expected less than session.timeout.ms, {session} ms"
        );
        Err(Refusal::new(Reason::InvalidField, message).field("limits.lane_timeout"))
    }

    /// Whoever begins anew as a static member takes the place of whoever was it before: the group has one of the name, so the
    /// older one would be fenced in any case.
    fn end_namesake(&mut self, subscribe: &Subscribe) {
        let Some(instance) = &subscribe.group_instance_id else { return };
        let is_namesake = |session: &&Session| {
            session.subscribe.group_id == subscribe.group_id
                && session.subscribe.group_instance_id.as_ref() == Some(instance)
        };
        let Some(old) = self.consuming.sessions.values().find(is_namesake) else { return };
        let (id, lives) = (old.id, old.stream.is_some());
        let (reason, who) = match lives {
            true => (Reason::MemberFenced, "another application"),
            false => (Reason::SessionLost, "its application has lost it, and"),
        };
        let message = format!("{who} began anew as member {instance:?} of group {}", subscribe.group_id);
        // One that lives has not failed: two were given the same name.
        self.end_session(id, &Refusal::new(reason, message), !lives);
    }

    /// A stream comes back: what is outstanding comes again.
    fn resume_session(
        &mut self,
        id: SessionId,
        stream: StreamId,
        subscribe: &Subscribe,
    ) -> Result<(), Refusal> {
        let Some(session) = self.consuming.sessions.get_mut(&id) else { return Ok(()) };
        if session.subscribe.fingerprint != subscribe.fingerprint {
            let message = "the session was begun with another subscription: leave session_id out";
            return Err(Refusal::new(Reason::InvalidField, message).field("session_id"));
        }
        session.alone_since = None;
        session.credit = 0;
        session.idle = false;
        let old = session.stream.replace(stream);
        let partitions: Vec<_> = session.partitions.keys().cloned().collect();
        if let Some(old) = old {
            self.consuming.streams.remove(&old);
            self.end_stream(
                old,
                Refusal::new(Reason::SessionTaken, "a newer stream has resumed the session"),
            );
        }
        self.tell(id, StreamItem::Started { session: id, resumed: true });
        if !partitions.is_empty() {
            self.tell(id, StreamItem::Assigned(partitions));
        }
        let outstanding: Vec<_> = self
            .consuming
            .deliveries
            .iter()
            .filter(|(delivery, held)| held.session == id && !self.consuming.is_unsynced(**delivery))
            .map(|(delivery, held)| (*delivery, held.from.clone(), held.records.clone()))
            .collect();
        for (delivery, from, records) in outstanding {
            self.tell_delivery(id, delivery, from, records);
        }
        Ok(())
    }

    pub(super) fn on_stream_closed(&mut self, stream: StreamId) {
        let Some(id) = self.consuming.streams.remove(&stream) else { return };
        let grace = self.now + self.limits.session_grace;
        let Some(session) = self.consuming.sessions.get_mut(&id) else { return };
        session.stream = None;
        session.alone_since = Some(self.now);
        self.wake(grace, id);
    }

    /// The member is out of its group: what its application holds cannot be settled any more. `failed`: that is the
    /// application's doing.
    pub(in crate::engine) fn end_session(&mut self, id: SessionId, why: &Refusal, failed: bool) {
        let held = self.consuming.deliveries.iter().filter(|(_, held)| held.session == id);
        let held: Vec<DeliveryId> = held.map(|(delivery, _)| *delivery).collect();
        let cause = Cause::new(why.reason, why.message.clone());
        for delivery in held {
            let Some(Held { txn, from, .. }) = self.consuming.deliveries.get(&delivery) else { continue };
            let (txn, from) = (*txn, from.clone());
            // What may be committed is no failure; what is aborted at once has counted as one already.
            let over = txn.is_none_or(|txn| self.abort_unprepared(txn, &cause));
            if over && failed {
                self.fail_delivery(id, delivery, why.reason);
            }
            self.consuming.deliveries.remove(&delivery);
            self.forget_outstanding(id, &from);
        }
        let moving: Vec<_> =
            self.consuming.moves.iter().filter(|(_, moved)| moved.0 == id).map(|(txn, _)| *txn).collect();
        for txn in moving {
            self.abort_unprepared(txn, &cause);
            self.consuming.moves.remove(&txn);
        }
        let Some(session) = self.consuming.sessions.remove(&id) else { return };
        // A member that leaves goes back to no offset: its question would be answered to nobody.
        self.out.retain(|effect| {
            !matches!(effect, Effect::Consumer { consumer, op: ConsumerOp::Rewind { .. } } if *consumer == session.member)
        });
        self.out.push(session.op(ConsumerOp::Close));
        self.consuming.members.remove(&session.member);
        if let Some(stream) = session.stream {
            self.consuming.streams.remove(&stream);
            self.end_stream(stream, why.clone());
        }
    }

    /// A delivery that is not settled is nobody's any more.
    fn forget_outstanding(&mut self, id: SessionId, from: &TopicPartition) {
        let Some(session) = self.consuming.sessions.get(&id) else { return };
        let key = session.key(from);
        if let Some(memory) = self.consuming.memories.get(&key) {
            let memory = PartitionMemory { outstanding: None, ..memory.clone() };
            self.set_memory(key, memory);
        }
    }

    pub(super) fn end_stream(&mut self, stream: StreamId, refusal: Refusal) {
        *self.counters.refused.entry(refusal.reason).or_default() += 1;
        self.out.push(Effect::Stream { stream, item: Err(refusal) });
    }

    pub(super) fn on_assigned(&mut self, id: SessionId, partitions: Vec<AssignedPartition>) {
        let Some(session) = self.consuming.sessions.get(&id) else { return };
        if let Some(refusal) = reads_its_dead_letters(&session.subscribe, &partitions) {
            return self.end_session(id, &refusal, false);
        }
        let mut told = Vec::new();
        for AssignedPartition { partition, topic_id } in partitions {
            let Some(session) = self.consuming.sessions.get_mut(&id) else { return };
            session.rebalances += u64::from(told.is_empty());
            session.idle = false;
            let memory = self.consuming.memories.get(&session.key(&partition));
            let memory = memory.filter(|memory| memory.topic_id == *topic_id).cloned().unwrap_or_default();
            let mut failed = Failed::new(memory.failed, memory.poisoned);
            // Whoever worked on it in an earlier life, and is not this application, died over it.
            let died = memory.outstanding.filter(|(worker, ..)| *worker != id);
            if let Some((_, first, last)) = died {
                super::settle::attempt_failed(
                    &mut failed,
                    &session.subscribe,
                    &partition,
                    first,
                    last,
                    &death(),
                );
            }
            session.partitions.insert(partition.clone(), Partition::new(topic_id, failed));
            self.remember(id, &partition);
            told.push(partition);
        }
        self.tell(id, StreamItem::Assigned(told));
    }

    /// Draining: what nobody can settle any more is given back, and who holds nothing leaves its group.
    pub(in crate::engine) fn drain_sessions(&mut self) {
        let ids: Vec<_> = self.consuming.sessions.keys().copied().collect();
        for id in ids {
            let waits = |held: &&Held| held.session == id && held.txn.is_some();
            let moving = self.consuming.moves.values().any(|moved| moved.0 == id);
            if moving || self.consuming.deliveries.values().any(|held| waits(&held)) {
                continue;
            }
            let refusal = self.refuse_unready();
            self.end_session(id, &refusal, false);
        }
    }

    pub(in crate::engine) fn on_session_due(&mut self, id: SessionId) {
        self.consuming.touched.insert(id);
        let Some(session) = self.consuming.sessions.get(&id) else { return };
        let grace = self.limits.session_grace;
        if session.alone_since.is_some_and(|since| since + grace <= self.now) {
            let message = format!("its application's Consume stream was gone for {grace} ms");
            return self.end_session(id, &Refusal::new(Reason::SessionLost, message), true);
        }
        let timeout = session.subscribe.delivery_timeout;
        let late =
            |held: &&Held| held.session == id && held.sent + timeout <= self.now && !self.is_settling(held);
        if let Some(held) = self.consuming.deliveries.values().find(|held| late(held)) {
            let message = format!("a delivery of {} was not settled within {timeout} ms", held.from);
            self.end_session(id, &Refusal::new(Reason::DeliveryTimedOut, message), true);
        }
    }

    /// Whether its application has done its part: what takes long then is Kafka, or us.
    fn is_settling(&self, held: &Held) -> bool {
        let txn = held.txn.and_then(|txn| self.txns.get(&txn));
        txn.is_some_and(|txn| txn.state != TxnState::Open)
    }
}

/// What was given up would come back as something new, and be given up again. That a pattern means it is only known when the
/// group says so.
fn reads_its_dead_letters(subscribe: &Subscribe, assigned: &[AssignedPartition]) -> Option<Refusal> {
    let dead = subscribe.retry.dead_letters.as_ref()?;
    let (Topics::Pattern(pattern), true) =
        (&subscribe.topics, assigned.iter().any(|assigned| assigned.partition.topic == *dead))
    else {
        return None;
    };
    let message = format!(
        "subscribe.topic_pattern {pattern:?} matches the subscription's own dead_letter_topic {dead}: expected one that \
         does not"
    );
    Some(Refusal::new(Reason::InvalidField, message).field("subscribe.topic_pattern"))
}

/// What a record is said to have done over which its application died.
fn death() -> Poison {
    Poison {
        offset: 0,
        retryable: true,
        error_class: "DIED".to_owned(),
        message: "its application died over it".to_owned(),
    }
}
