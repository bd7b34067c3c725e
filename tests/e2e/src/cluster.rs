//! The broker of a test and what its readers see.

use rdkafka::{
    ClientContext, Offset, TopicPartitionList,
    config::ClientConfig,
    consumer::{BaseConsumer, Consumer as _},
    producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer},
};
use sidecommit_fixture::{Kafka, Message};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// A real broker: the shared one (`SIDECOMMIT_TEST_BOOTSTRAP`, or started once for this process).
#[derive(Clone, Copy, Debug)]
pub struct Cluster(&'static Kafka);

/// Whether the last record was taken by its broker.
struct Taken(Arc<AtomicBool>);

// === impl Cluster ===

impl Cluster {
    /// The shared broker.
    pub fn shared() -> Self {
        Self(Kafka::shared().expect("the shared broker starts"))
    }

    /// A broker of the test's own; it ends with the process.
    pub fn own(kafka: Kafka) -> Self {
        Self(Box::leak(Box::new(kafka)))
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

    /// Sets a topic's configuration, and returns once its broker goes by it: when it refuses this record.
    pub async fn tighten(&self, topic: &str, config: &[(&str, &str)], refused: (i64, &str)) {
        self.0.alter_topic(topic, config).expect("the topic can be altered");
        let told = Arc::new(AtomicBool::new(true));
        let config = self.0.client();
        let producer: ThreadedProducer<Taken> =
            config.create_with_context(Taken(told.clone())).expect("a producer");
        let (timestamp, payload) = refused;
        crate::eventually("the broker goes by the new configuration", 30, async || {
            let record = BaseRecord::<(), str>::to(topic).payload(payload).timestamp(timestamp);
            producer.send(record).expect("is taken");
            producer.flush(Duration::from_secs(30)).expect("is answered");
            !told.load(Ordering::Relaxed)
        })
        .await;
    }

    /// Allows everybody an operation on resources: [`Kafka::allow`].
    pub fn allow(&self, operation: &str, resources: &[&str]) {
        self.0.allow(operation, resources).expect("the ACL can be made");
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
        values(self.0, topic)
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
        let written = self.0.high_watermark(topic, partition).expect("can be asked");
        written - self.last_stable_offset(topic, partition)
    }

    /// How far readers of committed records come: the first open transaction's first record, or the end.
    pub fn last_stable_offset(&self, topic: &str, partition: i32) -> i64 {
        self.0.last_stable_offset(topic, partition).expect("can be asked")
    }

    /// Writes without a transaction, as a stranger would: values, or tombstones.
    pub fn put(&self, topic: &str, keys: impl IntoIterator<Item = String>, value: Option<&str>) {
        let producer: BaseProducer = self.0.client().create().expect("a producer");
        for key in keys {
            let record = BaseRecord::to(topic).partition(0).key(&key);
            let record = BaseRecord { payload: value, ..record };
            producer.send(record).expect("is taken");
        }
        producer.flush(Duration::from_secs(30)).expect("is delivered");
    }

    /// Inits a transactional.id from outside, which fences whoever uses it, and hands out the producer.
    pub fn init(&self, transactional_id: &str) -> BaseProducer {
        init(self.0, transactional_id)
    }

    /// Inits the transactional.ids of a slot's lanes from outside, which fences whoever uses them.
    pub fn fence(&self, slot: &str, lanes: u16) {
        fence(self.0, slot, lanes);
    }
}

/// How often each value of a topic is visible to a read_committed reader.
pub fn values(kafka: &Kafka, topic: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for message in kafka.read_committed(topic).expect("the topic can be read") {
        let value = String::from_utf8(message.value.unwrap_or_default()).expect("tests write text");
        *counts.entry(value).or_default() += 1;
    }
    counts
}

/// Inits the transactional.ids of a slot's lanes from outside, which fences whoever uses them.
pub fn fence(kafka: &Kafka, slot: &str, lanes: u16) {
    for lane in 0..lanes {
        init(kafka, &format!("{slot}/{lane}"));
    }
}

fn init(kafka: &Kafka, transactional_id: &str) -> BaseProducer {
    let mut config = kafka.client();
    let producer: BaseProducer =
        config.set("transactional.id", transactional_id).create().expect("a producer");
    producer.init_transactions(Duration::from_secs(30)).expect("the broker answers");
    producer
}

// === impl Taken ===

impl ClientContext for Taken {}

impl ProducerContext for Taken {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        self.0.store(result.is_ok(), Ordering::Relaxed);
    }
}
