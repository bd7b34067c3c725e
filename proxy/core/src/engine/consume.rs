//! Reading for applications: sessions, their partitions, and the deliveries that transactions settle.
//!
//! ```text
//! fetched ─▶ queue ─▶ delivery ─▶ held by a transaction ─▶ committed: settled
//!              ▲          │                │ aborted
//!              └─ rewind ◀┴─ failed, given ┘
//! ```
//! A partition has one delivery outstanding. Whatever is not settled is read again from the group's offset, once the outcome
//! of the transaction that held it is known (engine.md 7).

mod deliver;
mod failed;
mod letters;
mod partition;
mod revoke;
mod session;
mod settle;
mod status;

use self::{failed::Failed, partition::Partition, revoke::Revoking};
use super::{Engine, Timer};
use crate::{
    Consumed, ConsumerEvent, ConsumerGroup, ConsumerId, ConsumerOp, DeliveryId, Effect, JournalEntry, Millis,
    PartitionMemory, Refusal, SessionId, StreamEvent, StreamId, StreamItem, Subscribe, SyncToken,
    TopicPartition, TxnId,
};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that applications read.
#[derive(Debug, Default)]
pub(super) struct Consuming {
    sessions: BTreeMap<SessionId, Session>,
    streams: BTreeMap<StreamId, SessionId>,
    members: BTreeMap<ConsumerId, SessionId>,
    /// Those that are outstanding.
    deliveries: BTreeMap<DeliveryId, Held>,
    /// Those that are told once the journal has them on stable storage.
    unsynced: BTreeMap<SyncToken, DeliveryId>,
    /// Records that are being moved, by the transaction that moves them.
    moves: BTreeMap<TxnId, (SessionId, TopicPartition, i64)>,
    /// What the journal remembers, by group.id and partition.
    memories: BTreeMap<(String, TopicPartition), PartitionMemory>,
    /// Sessions that cannot go on: they end before the step does.
    stuck: Vec<(SessionId, Refusal)>,
    /// Sessions for which something may have to be done before the step ends.
    touched: BTreeSet<SessionId>,
    /// Counts members and servings.
    count: u64,
}

/// One application that reads.
#[derive(Debug)]
struct Session {
    id: SessionId,
    subscribe: Subscribe,
    member: ConsumerId,
    stream: Option<StreamId>,
    /// When its stream went.
    alone_since: Option<Millis>,
    credit: u64,
    partitions: BTreeMap<TopicPartition, Partition>,
    revoking: Option<Revoking>,
    /// Idle was told and nothing came since.
    idle: bool,
    retried: u64,
    dead_lettered: u64,
    rebalances: u64,
}

/// A delivery that is outstanding.
#[derive(Debug)]
struct Held {
    session: SessionId,
    from: TopicPartition,
    /// For a stream that comes back.
    records: Vec<(Consumed, u32)>,
    sent: Millis,
    /// Which transaction settles it.
    txn: Option<TxnId>,
}

// === impl Consuming ===

impl Consuming {
    /// With what the journal remembers.
    pub(super) fn new(memories: Vec<(String, String, i32, PartitionMemory)>) -> Self {
        let keyed = memories.into_iter().map(|(group, topic, partition, memory)| {
            ((group, TopicPartition::new(topic, partition)), memory)
        });
        Self { memories: keyed.collect(), ..Self::default() }
    }

    /// Whether anybody reads.
    pub(super) fn reads(&self) -> bool {
        !self.sessions.is_empty()
    }

    /// Whether its application has not been told of it yet.
    fn is_unsynced(&self, delivery: DeliveryId) -> bool {
        self.unsynced.values().any(|unsynced| *unsynced == delivery)
    }
}

// === impl Held ===

impl Held {
    fn first(&self) -> i64 {
        self.records.first().map_or(0, |(record, _)| record.offset)
    }

    fn last(&self) -> i64 {
        self.records.last().map_or(0, |(record, _)| record.offset)
    }

    fn has(&self, offset: i64) -> bool {
        self.records.binary_search_by_key(&offset, |(record, _)| record.offset).is_ok()
    }
}

// === impl Session ===

impl Session {
    fn group(&self) -> ConsumerGroup {
        ConsumerGroup {
            group_id: self.subscribe.group_id.clone(),
            generation_id: -1,
            member_id: String::new(),
            group_instance_id: None,
            consumer: Some(self.member),
        }
    }

    fn op(&self, op: ConsumerOp) -> Effect {
        Effect::Consumer { consumer: self.member, op }
    }

    fn key(&self, from: &TopicPartition) -> (String, TopicPartition) {
        (self.subscribe.group_id.clone(), from.clone())
    }
}

impl Engine {
    /// What an application's stream says.
    pub(super) fn on_stream(&mut self, stream: StreamId, event: StreamEvent) {
        match event {
            StreamEvent::Subscribe(subscribe) => self.on_subscribe(stream, *subscribe),
            StreamEvent::Closed => self.on_stream_closed(stream),
            StreamEvent::Credit(deliveries) => {
                if let Some(session) = self.attached(stream) {
                    session.credit += u64::from(deliveries);
                }
            }
            StreamEvent::Release(delivery) => {
                let given = self.free_delivery(stream, delivery);
                self.answer_stream(stream, delivery, given);
            }
            StreamEvent::Reject { delivery, index, reason } => {
                let given = self.reject(stream, delivery, index, reason);
                self.answer_stream(stream, delivery, given);
            }
        }
    }

    /// What a member of a group reports.
    pub(super) fn on_consumer(&mut self, consumer: ConsumerId, event: ConsumerEvent) {
        let Some(id) = self.consuming.members.get(&consumer).copied() else { return };
        self.consuming.touched.insert(id);
        match event {
            ConsumerEvent::Assigned(partitions) => self.on_assigned(id, partitions),
            ConsumerEvent::Revoking { partitions, lost } => self.on_revoking(id, partitions, lost),
            ConsumerEvent::Fetched { from, epoch, records, position, end, at_end } => {
                let Some(session) = self.consuming.sessions.get_mut(&id) else { return };
                let Some(partition) = session.partitions.get_mut(&from) else { return };
                if partition.epoch == epoch {
                    partition.fetched(records, position, end, at_end);
                }
            }
            ConsumerEvent::Rewound { from, epoch, position } => {
                let Some(session) = self.consuming.sessions.get_mut(&id) else { return };
                let Some(partition) = session.partitions.get_mut(&from) else { return };
                if partition.epoch == epoch && partition.busy == partition::Busy::Rewinding {
                    partition.busy = partition::Busy::No;
                    partition.fetched = partition.fetched.or(Some(position));
                    partition.settle(position);
                }
            }
            ConsumerEvent::Failed { reason, message } => {
                self.end_session(id, &Refusal::new(reason, message), false);
            }
        }
    }

    /// The session that a stream is attached to; something may be due for it.
    fn attached(&mut self, stream: StreamId) -> Option<&mut Session> {
        let id = *self.consuming.streams.get(&stream)?;
        self.consuming.touched.insert(id);
        self.consuming.sessions.get_mut(&id)
    }

    fn tell(&mut self, id: SessionId, item: StreamItem) {
        let stream = self.consuming.sessions.get(&id).and_then(|session| session.stream);
        if let Some(stream) = stream {
            self.out.push(Effect::Stream { stream, item: Ok(item) });
        }
    }

    fn answer_stream(&mut self, stream: StreamId, delivery: DeliveryId, given: Result<(), Refusal>) {
        if let Err(refusal) = given {
            *self.counters.refused.entry(refusal.reason).or_default() += 1;
            let item = StreamItem::Refused { delivery, refusal: Box::new(refusal) };
            self.out.push(Effect::Stream { stream, item: Ok(item) });
        }
    }

    /// Writes down what has to be known of a partition after a restart. Returns what tells that a new attempt is on stable
    /// storage.
    fn remember(&mut self, id: SessionId, from: &TopicPartition) -> Option<SyncToken> {
        let session = self.consuming.sessions.get(&id)?;
        let partition = session.partitions.get(from)?;
        let key = session.key(from);
        let outstanding = match partition.busy {
            partition::Busy::Delivered(delivery) => {
                self.consuming.deliveries.get(&delivery).map(|held| (id, held.first(), held.last()))
            }
            _ => None,
        };
        let (failed, poisoned) = partition.failed.parts();
        let topic_id = partition.topic_id.to_string();
        self.set_memory(key, PartitionMemory { topic_id, outstanding, failed, poisoned })
    }

    fn set_memory(&mut self, key: (String, TopicPartition), memory: PartitionMemory) -> Option<SyncToken> {
        let memory = (!memory.is_empty()).then_some(memory);
        if self.consuming.memories.get(&key) == memory.as_ref() {
            return None;
        }
        let (group_id, from) = key.clone();
        match memory.clone() {
            Some(memory) => self.consuming.memories.insert(key, memory),
            None => self.consuming.memories.remove(&key),
        };
        let (topic, partition) = (from.topic.to_string(), from.partition);
        let works = memory.as_ref().is_some_and(|memory| memory.outstanding.is_some());
        self.put(JournalEntry::Consumption { group_id, topic, partition, memory });
        // What is not synced dies with this process, and with it the attempt that it stands for.
        works.then(|| self.sync())
    }

    /// Goes back to the group's offset.
    fn rewind(&mut self, id: SessionId, from: &TopicPartition) {
        let Some(session) = self.consuming.sessions.get_mut(&id) else { return };
        let Some(partition) = session.partitions.get_mut(from) else { return };
        let epoch = partition.rewind();
        let op = ConsumerOp::Rewind { from: from.clone(), epoch };
        self.out.push(Effect::Consumer { consumer: session.member, op });
        self.consuming.touched.insert(id);
    }

    fn wake(&mut self, at: Millis, id: SessionId) {
        self.timers.set(at, Timer::Session(id));
    }
}
