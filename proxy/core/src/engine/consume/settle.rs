//! What becomes of a delivery: settled by a commit, attempted again after anything else.

use super::{Failed, partition::Busy};
use crate::{
    DeliveryId, Failure, Millis, Poison, Reason, Refusal, SessionId, StreamId, Subscribe, TopicPartition,
    TopicPartitionOffset, TxnId, TxnOutcome,
    engine::{Engine, outcome::Cause, schedule::GROUPS_MAX, txn::Txn},
};
use std::collections::BTreeMap;

/// Records of a delivery that can fail by name at once: so much is counted and remembered of each. Others are delivered again as
/// if they had not failed, and will.
const NAMED_MAX: usize = 1_000;

/// How long a partition waits at least before it is tried again to move its next record.
const MOVE_AGAIN: Millis = 1_000;

impl Engine {
    /// A transaction will settle these deliveries. Of one that is void nothing may be committed: the transaction is over.
    pub(in crate::engine) fn take_deliveries(
        &mut self,
        id: TxnId,
        deliveries: &[DeliveryId],
    ) -> Result<(), Refusal> {
        for delivery in deliveries {
            let held = self.consuming.deliveries.get(delivery);
            let Some(held) = held.filter(|held| !self.is_being_revoked(held.session, &held.from)) else {
                let refusal = revoked(*delivery);
                self.abort_unprepared(id, &Cause::new(refusal.reason, refusal.message.clone()));
                return Err(refusal);
            };
            if let Some(other) = held.txn.filter(|other| *other != id) {
                return Err(taken(*delivery, other));
            }
        }
        let offsets: Vec<_> = deliveries.iter().filter_map(|delivery| self.offset_past(*delivery)).collect();
        let Some(txn) = self.txns.get_mut(&id) else { return Err(self.not_open(id)) };
        let before = txn.offsets.clone();
        for (group, offset) in &offsets {
            txn.add_offsets(group, std::slice::from_ref(offset));
        }
        if txn.groups() > GROUPS_MAX {
            txn.offsets = before;
            return Err(crate::engine::on::too_many_groups(id));
        }
        txn.deliveries.extend(deliveries);
        for delivery in deliveries {
            if let Some(held) = self.consuming.deliveries.get_mut(delivery) {
                held.txn = Some(id);
            }
        }
        Ok(())
    }

    /// The group's next offset once the delivery is settled.
    fn offset_past(&self, delivery: DeliveryId) -> Option<(crate::ConsumerGroup, TopicPartitionOffset)> {
        let held = self.consuming.deliveries.get(&delivery)?;
        let session = self.consuming.sessions.get(&held.session)?;
        let offset = TopicPartitionOffset {
            topic: held.from.topic.to_string(),
            partition: held.from.partition,
            offset: held.last() + 1,
            metadata: String::new(),
        };
        Some((session.group(), offset))
    }

    /// A delivery of this stream's session that no transaction holds.
    fn free(&self, stream: StreamId, delivery: DeliveryId) -> Result<(SessionId, TopicPartition), Refusal> {
        let id = self.consuming.streams.get(&stream).copied();
        let held = self.consuming.deliveries.get(&delivery).filter(|held| Some(held.session) == id);
        let held = held.ok_or_else(|| revoked(delivery))?;
        match held.txn {
            Some(txn) => Err(taken(delivery, txn)),
            None => Ok((held.session, held.from.clone())),
        }
    }

    /// Given back without a failure.
    pub(super) fn free_delivery(&mut self, stream: StreamId, delivery: DeliveryId) -> Result<(), Refusal> {
        let (id, from) = self.free(stream, delivery)?;
        self.consuming.deliveries.remove(&delivery);
        self.rewind(id, &from);
        self.remember(id, &from);
        Ok(())
    }

    /// One of its records is given up.
    pub(super) fn reject(
        &mut self,
        stream: StreamId,
        delivery: DeliveryId,
        index: usize,
        reason: String,
    ) -> Result<(), Refusal> {
        let (id, from) = self.free(stream, delivery)?;
        let Some(held) = self.consuming.deliveries.get(&delivery) else { return Err(revoked(delivery)) };
        let records = held.records.len();
        let Some((record, _)) = held.records.get(index) else {
            let message = format!("index {index}: the delivery has {records} records, from 0 on");
            return Err(Refusal::new(Reason::InvalidField, message).field("index"));
        };
        let poison = Poison {
            offset: record.offset,
            retryable: false,
            error_class: "REJECTED".to_owned(),
            message: reason,
        };
        self.fail_records(id, &from, [poison]);
        self.consuming.deliveries.remove(&delivery);
        self.rewind(id, &from);
        self.remember(id, &from);
        Ok(())
    }

    /// A transaction is final: what it held is settled, or goes back.
    pub(in crate::engine) fn settle_deliveries(&mut self, txn: &Txn, outcome: &TxnOutcome) {
        if let Some((id, from, offset)) = self.consuming.moves.remove(&txn.id) {
            let to = txn.records.first().map(|letter| letter.topic.clone()).unwrap_or_default();
            return self.moved(id, &from, offset, &to, outcome);
        }
        for delivery in &txn.deliveries {
            let Some(held) = self.consuming.deliveries.get(delivery) else { continue };
            let (id, from, next) = (held.session, held.from.clone(), held.last() + 1);
            match outcome {
                TxnOutcome::Committed(_) => {
                    self.consuming.deliveries.remove(delivery);
                    self.not_void(id, *delivery);
                    self.settled(id, &from, next);
                }
                TxnOutcome::Aborted { reason, .. } => {
                    self.blame(id, &from, *delivery, txn, *reason);
                    self.consuming.deliveries.remove(delivery);
                    self.rewind(id, &from);
                    self.remember(id, &from);
                }
                // The group's offset tells.
                TxnOutcome::Unknown { .. } => {
                    self.consuming.deliveries.remove(delivery);
                    self.rewind(id, &from);
                    self.remember(id, &from);
                }
            }
        }
    }

    fn settled(&mut self, id: SessionId, from: &TopicPartition, next: i64) {
        self.consuming.touched.insert(id);
        let session = self.consuming.sessions.get_mut(&id);
        let Some(partition) = session.and_then(|session| session.partitions.get_mut(from)) else { return };
        let failed_before = !partition.failed.is_empty();
        partition.settle(next);
        partition.busy = Busy::No;
        // Else what the journal has is harmless: it is of what lies before the group's offset.
        if failed_before {
            self.remember(id, from);
        }
    }

    /// Whether the application is to blame for an abort, and for which records.
    fn blame(
        &mut self,
        id: SessionId,
        from: &TopicPartition,
        delivery: DeliveryId,
        txn: &Txn,
        reason: Reason,
    ) {
        match reason {
            // Its application gave it up, and blames nobody: no failure, but no hot loop either.
            Reason::AbortedByCaller if txn.failures.is_empty() => self.back_off(id, from, 1),
            Reason::AbortedByCaller => self.fail_said(id, from, delivery, &txn.failures),
            // Once Commit was asked the time is the sidecar's, not the application's.
            Reason::TimedOut | Reason::TimedOutIdle if txn.commit_asked => {}
            Reason::TimedOut
            | Reason::TimedOutIdle
            | Reason::RecordRejected
            | Reason::SessionLost
            | Reason::DeliveryTimedOut => self.fail_delivery(id, delivery, reason),
            _ => {}
        }
    }

    /// What its application says has failed of a delivery; nothing: another one failed.
    fn fail_said(&mut self, id: SessionId, from: &TopicPartition, delivery: DeliveryId, said: &[Failure]) {
        let Some(held) = self.consuming.deliveries.get(&delivery) else { return };
        let (mut named, mut whole) = (BTreeMap::new(), None::<Poison>);
        for failure in said.iter().filter(|failure| failure.delivery == delivery) {
            // Of a record that is not in the delivery it is not known which is meant.
            let offset = failure.offset.filter(|offset| held.has(*offset));
            let poison = poison_of(failure, offset.unwrap_or_else(|| held.first()));
            let known = match offset {
                Some(offset) => named.entry(offset).or_insert_with(|| poison.clone()),
                None => whole.get_or_insert_with(|| poison.clone()),
            };
            // Given up for good counts.
            if known.retryable && !poison.retryable {
                *known = poison;
            }
        }
        match whole {
            // Those that are named explain it.
            Some(why) if named.is_empty() => self.fail_whole(id, delivery, &why),
            _ => self.fail_records(id, from, named.into_values().take(NAMED_MAX)),
        }
    }

    /// A delivery failed as a whole, for a reason of the sidecar's.
    pub(super) fn fail_delivery(&mut self, id: SessionId, delivery: DeliveryId, reason: Reason) {
        let why = Poison {
            offset: 0,
            retryable: true,
            error_class: reason.name(),
            message: "its delivery failed, and it was alone in it".to_owned(),
        };
        self.fail_whole(id, delivery, &why);
    }

    fn fail_whole(&mut self, id: SessionId, delivery: DeliveryId, why: &Poison) {
        let Some(held) = self.consuming.deliveries.get(&delivery) else { return };
        let (from, first, last) = (held.from.clone(), held.first(), held.last());
        let Some(session) = self.consuming.sessions.get_mut(&id) else { return };
        let Some(partition) = session.partitions.get_mut(&from) else { return };
        let attempts = attempt_failed(&mut partition.failed, &session.subscribe, &from, first, last, why);
        self.back_off(id, &from, attempts);
        self.remember(id, &from);
    }

    /// Records that the application names failed; the others of their delivery did not.
    fn fail_records(
        &mut self,
        id: SessionId,
        from: &TopicPartition,
        failures: impl IntoIterator<Item = Poison>,
    ) {
        let Some(session) = self.consuming.sessions.get_mut(&id) else { return };
        let Some(partition) = session.partitions.get_mut(from) else { return };
        let (failed, mut attempts) = (&mut partition.failed, 0);
        for why in failures {
            let offset = why.offset;
            attempts = attempts.max(attempt_failed(failed, &session.subscribe, from, offset, offset, &why));
        }
        if attempts > 0 {
            self.back_off(id, from, attempts);
        }
    }

    fn back_off(&mut self, id: SessionId, from: &TopicPartition, attempts: u32) {
        let until = self.now + self.backoff(id, attempts);
        let session = self.consuming.sessions.get_mut(&id);
        if let Some(partition) = session.and_then(|session| session.partitions.get_mut(from)) {
            partition.not_before = until;
        }
    }

    /// A record was moved, or could not be.
    fn moved(&mut self, id: SessionId, from: &TopicPartition, offset: i64, to: &str, outcome: &TxnOutcome) {
        let committed = matches!(outcome, TxnOutcome::Committed(_));
        let backoff = self.backoff(id, u32::MAX).max(MOVE_AGAIN);
        let Some(session) = self.consuming.sessions.get_mut(&id) else { return };
        let Some(partition) = session.partitions.get_mut(from) else { return };
        if committed {
            let retryable = partition.failed.poisoned(offset).is_some_and(|poison| poison.retryable);
            let later = retryable && super::letters::is_later(&session.subscribe, from);
            session.retried += u64::from(later);
            session.dead_lettered += u64::from(!later);
            partition.drop_head();
            self.settled(id, from, offset + 1);
            return;
        }
        partition.not_before = self.now + backoff;
        if let Some(refusal) = refused_for_good(from, offset, to, outcome) {
            self.consuming.stuck.push((id, refusal));
        }
        self.rewind(id, from);
        self.remember(id, from);
    }
}

/// A record cannot be moved, and would not be the next time: its partition could only stand still unseen.
fn refused_for_good(from: &TopicPartition, offset: i64, to: &str, outcome: &TxnOutcome) -> Option<Refusal> {
    let TxnOutcome::Aborted { reason, message, .. } = outcome else { return None };
    let for_good = matches!(
        reason,
        Reason::RecordRejected | Reason::TopicDenied | Reason::GroupDenied | Reason::TransactionalIdDenied
    );
    let message = format!("{from} offset {offset} cannot be moved to topic {to}: {message}");
    for_good.then(|| Refusal::new(*reason, message).field("subscribe.retry_policy"))
}

/// One more attempt of these offsets failed; a record that has failed alone as often as it may is given up, where it can go
/// somewhere. Returns how many attempts failed.
pub(super) fn attempt_failed(
    failed: &mut Failed,
    subscribe: &Subscribe,
    from: &TopicPartition,
    first: i64,
    last: i64,
    why: &Poison,
) -> u32 {
    let alone = failed.fail(first, last);
    let hopeless = !why.retryable || alone >= subscribe.retry.max_attempts;
    if first == last && hopeless && super::letters::destination(subscribe, from, why.retryable).is_some() {
        failed.poison(Poison { offset: first, ..why.clone() });
    }
    failed.attempts(first)
}

fn poison_of(failure: &Failure, offset: i64) -> Poison {
    Poison {
        offset,
        retryable: failure.retryable,
        error_class: failure.error_class.clone(),
        message: failure.message.clone(),
    }
}

fn revoked(delivery: DeliveryId) -> Refusal {
    let message = format!(
        "delivery dl-{delivery} is void: it was settled, given back, delivered again, or its partition was taken"
    );
    Refusal::new(Reason::DeliveryRevoked, message).field("delivery_ids")
}

fn taken(delivery: DeliveryId, txn: TxnId) -> Refusal {
    let message = format!("delivery dl-{delivery} is held by {txn}");
    Refusal::new(Reason::DeliveryTaken, message).field("delivery_ids")
}
