//! The broker of a test and what its readers see.

use rdkafka::{
    Offset, TopicPartitionList,
    config::ClientConfig,
    consumer::{BaseConsumer, Consumer as _},
    producer::{BaseProducer, Producer as _},
};
use sidecommit_fixture::{Kafka, Message};
use std::{collections::BTreeMap, time::Duration};

/// A real broker: the shared one (`SIDECOMMIT_TEST_BOOTSTRAP`, or started once for this process).
#[derive(Clone, Copy, Debug)]
pub struct Cluster(&'static Kafka);

// === impl Cluster ===

impl Cluster {
    /// The shared broker.
    pub fn shared() -> Self {
        Self(Kafka::shared().expect("the shared broker starts"))
    }

    /// Where it listens.
    pub fn bootstrap(&self) -> String {
        self.0.bootstrap()
    }

    /// A new topic.
    pub fn topic(&self, partitions: i32) -> String {
        self.topic_with(partitions, &[])
    }

    /// A new topic with a configuration.
    pub fn topic_with(&self, partitions: i32, config: &[(&str, &str)]) -> String {
        let name = crate::unique("topic");
        self.0.create_topic(&name, partitions, config).expect("the topic can be made");
        name
    }

    /// What a read_committed reader sees.
    pub fn visible(&self, topic: &str) -> Vec<Message> {
        self.0.read_committed(topic).expect("the topic can be read")
    }

    /// What a read_committed reader sees now, not waiting for open transactions.
    pub fn visible_now(&self, topic: &str) -> Vec<Message> {
        self.0.read_stable(topic).expect("the topic can be read")
    }

    /// How often each value is visible.
    pub fn values(&self, topic: &str) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for message in self.visible(topic) {
            let value = String::from_utf8(message.value.unwrap_or_default()).expect("tests write text");
            *counts.entry(value).or_default() += 1;
        }
        counts
    }

    /// A group's committed offset, once no transaction of it is pending.
    pub fn committed_offset(&self, group: &str, topic: &str, partition: i32) -> Option<i64> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.bootstrap())
            .set("group.id", group)
            .set("isolation.level", "read_committed")
            .create()
            .expect("a consumer");
        let mut asked = TopicPartitionList::new();
        asked.add_partition(topic, partition);
        let answer =
            consumer.committed_offsets(asked, Duration::from_secs(30)).expect("the group can be asked");
        match answer.find_partition(topic, partition).expect("was asked for").offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    }

    /// How many records lie behind the last stable offset: 0 when no transaction is open on the partition.
    pub async fn unstable(&self, topic: &str, partition: i32) -> i64 {
        let end = |isolation: &str| {
            let consumer: BaseConsumer = ClientConfig::new()
                .set("bootstrap.servers", self.bootstrap())
                .set("isolation.level", isolation)
                .create()
                .expect("a consumer");
            consumer.fetch_watermarks(topic, partition, Duration::from_secs(30)).expect("can be asked").1
        };
        end("read_uncommitted") - end("read_committed")
    }

    /// Inits the transactional.ids of a slot's lanes from outside, which fences whoever uses them.
    pub fn fence(&self, slot: &str, lanes: u16) {
        for lane in 0..lanes {
            let producer: BaseProducer = ClientConfig::new()
                .set("bootstrap.servers", self.bootstrap())
                .set("transactional.id", format!("{slot}/{lane}"))
                .create()
                .expect("a producer");
            producer.init_transactions(Duration::from_secs(30)).expect("the broker answers");
        }
    }
}
