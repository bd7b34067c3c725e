//! What is assigned to a member, and how it is read.

use rdkafka::TopicPartitionList;
use sidecommit_core::{PartitionEpoch, TopicPartition};
use std::{collections::BTreeMap, sync::Arc};

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
    /// Where reading began: for a group without an offset that began at the end, which is elsewhere by now.
    pub(super) origin: Option<i64>,
}

/// All assigned partitions.
#[derive(Debug, Default)]
pub(super) struct Partitions(BTreeMap<Arc<str>, BTreeMap<i32, Partition>>);

// === impl Partition ===

impl Partition {
    fn new(name: TopicPartition, topic_id: Arc<str>) -> Self {
        Self { name, topic_id, epoch: 0, paused: false, rewinding: false, leaving: false, origin: None }
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

/// For calls of rust-rdkafka.
pub(super) fn list<'a>(partitions: impl IntoIterator<Item = &'a TopicPartition>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for name in partitions {
        list.add_partition(&name.topic, name.partition);
    }
    list
}
