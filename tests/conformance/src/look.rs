//! Readers.

use crate::Wrong;
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    message::Headers as _,
};
use std::{collections::BTreeMap, time::Duration};

const PACE: Duration = Duration::from_millis(20);

/// A read_committed reader that reads on.
pub(crate) struct Looker {
    consumer: BaseConsumer,
    seen: u64,
    /// By driver.
    made: BTreeMap<String, u64>,
}

/// A reader that learns at once that there is nothing more.
pub(crate) fn reader(config: &ClientConfig, isolation: &str) -> Result<BaseConsumer, KafkaError> {
    let mut config = config.clone();
    config
        // librdkafka assigns partitions to members of a group only; nothing is joined or committed.
        .set("group.id", "sidecommit-conformance")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", isolation)
        .set("fetch.wait.max.ms", "20");
    config.create()
}

pub(crate) fn assign(consumer: &BaseConsumer, topic: &str, partitions: i32) -> Result<(), KafkaError> {
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions {
        assignment.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    consumer.assign(&assignment)
}

// === impl Looker ===

impl Looker {
    pub(crate) fn new(config: &ClientConfig, topic: &str, partitions: i32) -> Result<Self, Wrong> {
        let wrong = |error: KafkaError| Wrong::of(topic, &error);
        let consumer = reader(config, "read_committed").map_err(wrong)?;
        assign(&consumer, topic, partitions).map_err(wrong)?;
        Ok(Self { consumer, seen: 0, made: BTreeMap::new() })
    }

    /// Reads on until so many were seen, or nothing comes.
    pub(crate) fn look(&mut self, count: u64, by: Option<&str>) -> Result<u64, Wrong> {
        loop {
            let seen = by.map_or(self.seen, |by| self.made.get(by).copied().unwrap_or_default());
            if seen >= count {
                return Ok(seen);
            }
            let message = match self.consumer.poll(PACE) {
                Some(Ok(message)) => message,
                Some(Err(KafkaError::PartitionEOF(_))) => continue,
                Some(Err(error)) => return Err(Wrong::of("read", &error)),
                None => return Ok(seen),
            };
            self.seen += 1;
            let driver =
                message.headers().and_then(|headers| headers.iter().find(|header| header.key == "driver"));
            if let Some(name) = driver.and_then(|header| header.value) {
                *self.made.entry(String::from_utf8_lossy(name).into_owned()).or_default() += 1;
            }
        }
    }
}
