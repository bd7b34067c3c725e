//! One partition of a member: what was read of it, what is next, and what failed.

use super::failed::Failed;
use crate::{Consumed, DeliveryId, Millis, PartitionEpoch, Poison, RetryTopic, Subscribe, TxnId};
use std::{collections::VecDeque, sync::Arc};

#[derive(Debug)]
pub(super) struct Partition {
    pub(super) topic_id: Arc<str>,
    pub(super) epoch: PartitionEpoch,
    pub(super) busy: Busy,
    /// Read and not delivered.
    queue: VecDeque<Consumed>,
    pub(super) bytes: u64,
    /// The first offset that was not read.
    pub(super) fetched: Option<i64>,
    /// The first offset that is not settled, as far as it is known.
    pub(super) settled: Option<i64>,
    pub(super) end: Option<i64>,
    pub(super) at_end: bool,
    pub(super) paused: bool,
    /// Backs off until then.
    pub(super) not_before: Millis,
    pub(super) failed: Failed,
    /// When it was served last: who waited longest is next.
    pub(super) served: u64,
}

/// Why nothing more of a partition may be delivered now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Busy {
    /// It may.
    No,
    /// A delivery is outstanding.
    Delivered(DeliveryId),
    /// Its next record is on its way to another topic.
    Moving(TxnId),
    /// It goes back to the group's offset.
    Rewinding,
}

/// What is next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// These records, each with its attempt.
    Deliver(Vec<(Consumed, u32)>),
    /// This one has to be moved.
    Move(Box<Consumed>, Poison),
    /// Nothing before then.
    Wait(Millis),
    /// Nothing.
    Nothing,
}

impl Partition {
    pub(super) fn new(topic_id: Arc<str>, failed: Failed) -> Self {
        Self {
            topic_id,
            epoch: 0,
            busy: Busy::No,
            queue: VecDeque::new(),
            bytes: 0,
            fetched: None,
            settled: None,
            end: None,
            at_end: false,
            paused: false,
            not_before: 0,
            failed,
            served: 0,
        }
    }

    /// Records were read.
    pub(super) fn fetched(&mut self, records: Vec<Consumed>, position: i64, end: Option<i64>, at_end: bool) {
        let first = records.first().map_or(position, |record| record.offset);
        self.settled = self.settled.or(Some(first));
        self.bytes += records.iter().map(Consumed::bytes).sum::<u64>();
        self.queue.extend(records);
        self.fetched = Some(position);
        self.end = end.or(self.end);
        self.at_end = at_end;
    }

    /// Forgets what was read: it is read again from the group's offset.
    pub(super) fn rewind(&mut self) -> PartitionEpoch {
        self.queue.clear();
        self.bytes = 0;
        self.fetched = None;
        self.at_end = false;
        self.epoch += 1;
        self.busy = Busy::Rewinding;
        self.epoch
    }

    /// Everything before this offset is settled.
    pub(super) fn settle(&mut self, offset: i64) {
        self.settled = Some(offset);
        self.failed.settle(offset);
    }

    /// Whether there is nothing to read or to wait for.
    pub(super) fn is_idle(&self) -> bool {
        self.busy == Busy::No && self.queue.is_empty() && self.at_end
    }

    /// The next offset to deliver.
    pub(super) fn position(&self) -> Option<i64> {
        self.queue.front().map(|record| record.offset).or(self.fetched)
    }

    /// What is next that needs no application; None: a delivery is possible.
    pub(super) fn without_application(
        &self,
        subscribe: &Subscribe,
        delay: Option<&RetryTopic>,
        now: Millis,
    ) -> Option<Next> {
        if self.busy != Busy::No {
            return Some(Next::Nothing);
        }
        let Some(head) = self.queue.front() else { return Some(Next::Nothing) };
        if self.not_before > now {
            return Some(Next::Wait(self.not_before));
        }
        let due = delay.map_or(0, |delay| super::letters::due(head, delay));
        if due > now {
            return Some(Next::Wait(due));
        }
        // Not remembered: another subscription may take it.
        if head.bytes() > subscribe.max_record_bytes {
            return Some(Next::Move(Box::new(head.clone()), too_large(head, subscribe.max_record_bytes)));
        }
        let poison = self.failed.poisoned(head.offset)?;
        Some(Next::Move(Box::new(head.clone()), poison.clone()))
    }

    /// What is next, at most so much; takes what it tells to deliver.
    pub(super) fn next(&mut self, subscribe: &Subscribe, delay: Option<&RetryTopic>, now: Millis) -> Next {
        if let Some(next) = self.without_application(subscribe, delay, now) {
            return next;
        }
        let Some(head) = self.queue.front() else { return Next::Nothing };
        let due = |record: &Consumed| delay.map_or(0, |delay| super::letters::due(record, delay));
        let piece = self.failed.piece(head.offset, self.queue.iter().map(|record| record.offset));
        let (mut records, mut bytes) = (Vec::new(), 0);
        while let Some(record) = self.queue.front() {
            let enough = records.len() >= piece.records.min(subscribe.max_records)
                || record.offset > piece.last
                || bytes + record.bytes() > subscribe.max_delivery_bytes
                || record.bytes() > subscribe.max_record_bytes
                || due(record) > now;
            if enough && !records.is_empty() {
                break;
            }
            bytes += record.bytes();
            let Some(record) = self.queue.pop_front() else { break };
            records.push((record, piece.attempts + 1));
        }
        self.bytes -= bytes;
        Next::Deliver(records)
    }

    /// The record at the head was moved, or is void.
    pub(super) fn drop_head(&mut self) {
        if let Some(record) = self.queue.pop_front() {
            self.bytes -= record.bytes();
        }
    }
}

fn too_large(record: &Consumed, max: u64) -> Poison {
    Poison {
        offset: record.offset,
        retryable: false,
        error_class: crate::Reason::RecordTooLargeForClient.name(),
        message: format!("{} bytes, the client takes {max} (limits.max_message_bytes)", record.bytes()),
    }
}
