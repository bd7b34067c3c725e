//! What is assigned to a member, and how it is read.

use crate::client::Logged;
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaResult,
};
use sidecommit_core::{PartitionEpoch, TopicPartition};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// How long a seek may hold up the thread.
const SEEK: Duration = Duration::from_millis(500);

/// An assigned partition.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) name: TopicPartition,
    pub(super) topic_id: Arc<str>,
    pub(super) epoch: PartitionEpoch,
    /// The engine wants nothing of it.
    pub(super) paused: bool,
    /// On its way to the group's offset.
    pub(super) rewinding: bool,
    /// On its way to another member.
    pub(super) leaving: bool,
    /// What was not reported yet; None before the first report.
    pub(super) position: Option<i64>,
    /// Where reading began: for a group without an offset that began at the end, which is elsewhere by now.
    pub(super) origin: Option<i64>,
}

/// All assigned partitions.
#[derive(Debug, Default)]
pub(super) struct Partitions(BTreeMap<Arc<str>, BTreeMap<i32, Partition>>);

// === impl Partition ===

impl Partition {
    fn new(name: TopicPartition, topic_id: Arc<str>) -> Self {
        Self {
            name,
            topic_id,
            epoch: 0,
            paused: false,
            rewinding: false,
            leaving: false,
            position: None,
            origin: None,
        }
    }

    /// All before is reported.
    pub(super) fn reach(&mut self, position: i64) {
        self.position = Some(position);
        self.origin.get_or_insert(position);
    }

    /// Whether what comes of it is of use.
    pub(super) fn is_read(&self) -> bool {
        !self.rewinding && !self.leaving
    }
}

// === impl Partitions ===

impl Partitions {
    pub(super) fn get(&mut self, topic: &str, partition: i32) -> Option<&mut Partition> {
        self.0.get_mut(topic)?.get_mut(&partition)
    }

    /// One that stays.
    pub(super) fn staying(&mut self, name: &TopicPartition) -> Option<&mut Partition> {
        self.get(&name.topic, name.partition).filter(|partition| !partition.leaving)
    }

    /// The id of a topic that is read: topics that are made again under their name lose all partitions first.
    pub(super) fn topic_id(&self, topic: &str) -> Option<Arc<str>> {
        Some(self.0.get(topic)?.values().next()?.topic_id.clone())
    }

    /// The ids of all topics that are read.
    pub(super) fn topic_ids(&self) -> impl Iterator<Item = (Arc<str>, Arc<str>)> {
        let first =
            |partitions: &BTreeMap<i32, Partition>| Some(partitions.values().next()?.topic_id.clone());
        self.0.iter().filter_map(move |(topic, partitions)| Some((topic.clone(), first(partitions)?)))
    }

    pub(super) fn add(&mut self, name: TopicPartition, topic_id: Arc<str>) {
        let topic = self.0.entry(name.topic.clone()).or_default();
        topic.insert(name.partition, Partition::new(name, topic_id));
    }

    pub(super) fn remove(&mut self, name: &TopicPartition) {
        if let Some(topic) = self.0.get_mut(&name.topic) {
            topic.remove(&name.partition);
            if topic.is_empty() {
                self.0.remove(&name.topic);
            }
        }
    }
}

/// Fetches again, from there on. A broker that nothing was fetched from is not told of a resume for up to a second, but of
/// a seek at once, unless it is to the offset 0 (rd_kafka_toppar_set_fetch_state).
pub(super) fn resume_at(
    consumer: &BaseConsumer<Logged>,
    name: &TopicPartition,
    position: i64,
) -> KafkaResult<()> {
    consumer.resume(&list([name]))?;
    seek(consumer, name, position)
}

/// What is polled from now on was fetched from there on: librdkafka drops everything older.
pub(super) fn seek(consumer: &BaseConsumer<Logged>, name: &TopicPartition, position: i64) -> KafkaResult<()> {
    let mut list = list([name]);
    list.set_partition_offset(&name.topic, name.partition, Offset::Offset(position))?;
    let list = consumer.seek_partitions(list, SEEK)?;
    list.elements().iter().try_for_each(|element| element.error())
}

/// For calls of rust-rdkafka.
pub(super) fn list<'a>(partitions: impl IntoIterator<Item = &'a TopicPartition>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for name in partitions {
        list.add_partition(&name.topic, name.partition);
    }
    list
}
