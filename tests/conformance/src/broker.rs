//! Kafka beside the sidecar: topics, input that is written, output that is waited for and read.

use crate::{
    Wrong, interrupt,
    look::{Looker, assign, reader},
    step::{Committed, Fill},
};
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    producer::{BaseProducer, BaseRecord, Producer as _},
    types::RDKafkaErrorCode,
};
use sidecommit_fixture::{Kafka, Message};
use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

const CALL_BOUND: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(60);
const PACE: Duration = Duration::from_millis(20);
/// default.replication.factor decides.
const CLUSTERS_DEFAULT: i32 = -1;

/// What a cell writes and sees. Its clients are made once: that takes longer than what most scenarios do with them.
pub(crate) struct Broker {
    config: ClientConfig,
    producer: BaseProducer,
    /// Sees what is written.
    uncommitted: BaseConsumer,
    /// Sees what is committed.
    committed: BaseConsumer,
    partitions: BTreeMap<String, i32>,
    /// How many records were written to a topic.
    written: BTreeMap<String, u64>,
    lookers: BTreeMap<String, Looker>,
}

// === impl Broker ===

impl Broker {
    pub(crate) fn new(kafka: &Kafka) -> Result<Self, Wrong> {
        let wrong = |error: KafkaError| Wrong::of("a client", &error);
        let config = kafka.client();
        Ok(Self {
            producer: config.clone().set("linger.ms", "2").create().map_err(wrong)?,
            uncommitted: reader(&config, "read_uncommitted").map_err(wrong)?,
            committed: reader(&config, "read_committed").map_err(wrong)?,
            config,
            partitions: BTreeMap::new(),
            written: BTreeMap::new(),
            lookers: BTreeMap::new(),
        })
    }

    /// Makes topics with so many partitions. Returns when every partition has its leader.
    pub(crate) fn create(&mut self, topics: BTreeMap<String, i32>, runtime: &Runtime) -> Result<(), Wrong> {
        let wrong = |error: &dyn std::error::Error| Wrong::of("create topics", error);
        let admin: AdminClient<DefaultClientContext> = self.config.create().map_err(|error| wrong(&error))?;
        let new = topics.iter().map(|(name, partitions)| {
            NewTopic::new(name, *partitions, TopicReplication::Fixed(CLUSTERS_DEFAULT))
        });
        let new: Vec<_> = new.collect();
        let options =
            AdminOptions::new().request_timeout(Some(CALL_BOUND)).operation_timeout(Some(CALL_BOUND));
        let created = runtime.block_on(admin.create_topics(&new, &options)).map_err(|error| wrong(&error))?;
        for result in created {
            result.map_err(|(topic, code)| Wrong::new(format!("create {topic}: {code}")))?;
        }
        for (topic, partitions) in &topics {
            // The controller has the topic; the broker learns of it a moment later.
            let until = Instant::now() + CALL_BOUND;
            while self.leaders(topic)? != *partitions as usize {
                interrupt::check()?;
                if Instant::now() >= until {
                    return Err(Wrong::new(format!("{topic} has no leader")));
                }
            }
        }
        self.partitions.extend(topics);
        Ok(())
    }

    /// Removes all topics that were made, and another one.
    pub(crate) fn remove(&self, another: &str, runtime: &Runtime) -> Result<(), Wrong> {
        let wrong = |error: KafkaError| Wrong::of("remove topics", &error);
        let admin: AdminClient<DefaultClientContext> = self.config.create().map_err(wrong)?;
        let topics: Vec<_> = self.partitions.keys().map(String::as_str).chain([another]).collect();
        let options =
            AdminOptions::new().request_timeout(Some(CALL_BOUND)).operation_timeout(Some(CALL_BOUND));
        let removed = runtime.block_on(admin.delete_topics(&topics, &options)).map_err(wrong)?;
        removed.into_iter().try_for_each(|result| match result {
            // The other one is not there if no sidecar served.
            Ok(_) | Err((_, RDKafkaErrorCode::UnknownTopicOrPartition)) => Ok(()),
            Err((topic, code)) => Err(Wrong::new(format!("remove {topic}: {code}"))),
        })
    }

    /// Producers of these transactional.ids, which fence whoever uses them.
    pub(crate) fn fence(&self, slot: &str, lanes: u16) -> Result<(), Wrong> {
        let fence = |lane: u16| {
            let id = format!("{slot}/{lane}");
            let mut config = self.config.clone();
            let producer: Result<BaseProducer, _> = config.set("transactional.id", &id).create();
            producer
                .and_then(|producer| producer.init_transactions(CALL_BOUND))
                .map_err(|error| Wrong::of(&id, &error))
        };
        // Side by side: each takes a while to find its coordinator.
        thread::scope(|scope| {
            let fences: Vec<_> = (0..lanes).map(|lane| scope.spawn(move || fence(lane))).collect();
            fences.into_iter().try_for_each(|fence| {
                fence.join().unwrap_or_else(|_| Err(Wrong::new("a foreign producer's thread panicked")))
            })
        })
    }

    /// All that a read_committed reader sees, by partition and offset, once no transaction is open on the topic.
    pub(crate) fn visible(&self, topic: &str) -> Result<Vec<Message>, Wrong> {
        let wrong = |error: KafkaError| Wrong::of(topic, &error);
        let mut unread: BTreeSet<i32> = (0..self.partitions_of(topic)?).collect();
        for partition in &unread {
            let (_, end) = self.uncommitted.fetch_watermarks(topic, *partition, CALL_BOUND).map_err(wrong)?;
            let until = Instant::now() + PATIENCE;
            loop {
                let (_, stable) =
                    self.committed.fetch_watermarks(topic, *partition, CALL_BOUND).map_err(wrong)?;
                if stable >= end {
                    break;
                }
                interrupt::check()?;
                if Instant::now() >= until {
                    return Err(Wrong::new(format!("a transaction is open on {topic}/{partition} still")));
                }
                thread::park_timeout(PACE);
            }
        }
        assign(&self.committed, topic, unread.len() as i32).map_err(wrong)?;
        let mut messages = Vec::new();
        let until = Instant::now() + PATIENCE;
        while !unread.is_empty() {
            match self.committed.poll(PACE) {
                Some(Ok(message)) if message.topic() == topic => messages.push(Message::from(&message)),
                Some(Err(KafkaError::PartitionEOF(partition))) => drop(unread.remove(&partition)),
                Some(Err(error)) => return Err(wrong(error)),
                // Nothing, or of what was read before.
                Some(Ok(_)) | None => {
                    interrupt::check()?;
                    if Instant::now() >= until {
                        return Err(Wrong::new(format!("{topic} cannot be read to its end")));
                    }
                }
            }
        }
        self.committed.unassign().map_err(wrong)?;
        messages.sort_by_key(|message| (message.partition, message.offset));
        Ok(messages)
    }

    /// Writes input, without a transaction.
    pub(crate) fn fill(&mut self, fill: &Fill) -> Result<(), Wrong> {
        let topic = &*fill.topic;
        let partitions = self.partitions_of(topic)? as u64;
        let written = self.written.entry(topic.to_owned()).or_default();
        for number in *written..*written + fill.records {
            let key = number % fill.keys;
            let value = fill.values.get(&number).cloned().unwrap_or_else(|| number.to_string());
            let name = format!("key-{key}");
            let record =
                BaseRecord::to(topic).partition((key % partitions) as i32).key(&name).payload(&value);
            self.producer.send(record).map_err(|(error, _)| Wrong::of(topic, &error))?;
        }
        *written += fill.records;
        self.producer.flush(CALL_BOUND).map_err(|error| Wrong::of(topic, &error))
    }

    /// Waits until as many records are visible as were written to `of`, but so many.
    pub(crate) fn copied(&mut self, topic: &str, of: &str, but: u64) -> Result<(), Wrong> {
        let written = self.written.get(of).copied().unwrap_or_default();
        self.seen(topic, written.saturating_sub(but), None, None)
    }

    /// Waits until so many records are visible.
    pub(crate) fn seen(
        &mut self,
        topic: &str,
        count: u64,
        by: Option<&str>,
        feed: Option<&Fill>,
    ) -> Result<(), Wrong> {
        let until = Instant::now() + PATIENCE;
        loop {
            if !self.lookers.contains_key(topic) {
                let looker = Looker::new(&self.config, topic, self.partitions_of(topic)?)?;
                self.lookers.insert(topic.to_owned(), looker);
            }
            let looker = self.lookers.get_mut(topic);
            let seen = looker.map_or(Ok(0), |looker| looker.look(count, by))?;
            if seen >= count {
                return Ok(());
            }
            interrupt::check()?;
            if Instant::now() >= until {
                let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
                let after = PATIENCE.as_secs();
                return Err(Wrong::new(format!(
                    "after {after} s {seen} records{by} are visible, and not {count}"
                )));
            }
            feed.map(|feed| self.fill(feed)).transpose()?;
        }
    }

    /// A group's committed offset.
    pub(crate) fn check_committed(&self, expected: &Committed) -> Result<(), Wrong> {
        let Committed { group, topic, partition, offset } = expected;
        let wrong = |error: KafkaError| Wrong::of(group, &error);
        let mut config = self.config.clone();
        config.set("group.id", group).set("isolation.level", "read_committed");
        let consumer: BaseConsumer = config.create().map_err(wrong)?;
        let mut asked = TopicPartitionList::new();
        asked.add_partition(topic, *partition);
        let told = consumer.committed_offsets(asked, CALL_BOUND).map_err(wrong)?;
        match told.find_partition(topic, *partition).map(|found| found.offset()) {
            Some(Offset::Offset(found)) if found == *offset => Ok(()),
            found => Err(Wrong::new(format!("{group}: want offset {offset}, have {found:?}"))),
        }
    }

    /// Reads on nowhere.
    pub(crate) fn rest(&mut self) {
        self.lookers.clear();
    }

    fn partitions_of(&self, topic: &str) -> Result<i32, Wrong> {
        self.partitions.get(topic).copied().ok_or_else(|| Wrong::new(format!("{topic} was not made")))
    }

    /// How many partitions have a leader.
    fn leaders(&self, topic: &str) -> Result<usize, Wrong> {
        let metadata = self.committed.fetch_metadata(Some(topic), CALL_BOUND);
        let metadata = metadata.map_err(|error| Wrong::of(topic, &error))?;
        let partitions = metadata.topics().first().map_or(&[][..], |found| found.partitions());
        Ok(partitions.iter().filter(|partition| partition.leader() >= 0).count())
    }
}
