//! A member of a group, as the engine sees it.

use crate::support::{PATIENCE, client, kafka, unique};
use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, BaseRecord, Producer as _},
};
use sidecommit_core::{
    AssignedPartition, Consumed, ConsumerEvent, ConsumerId, ConsumerOp, Fingerprint, GroupProtocol, Reason,
    Reset, Retry, Subscribe, TopicPartition, Topics,
};
use sidecommit_fixture::Kafka;
use sidecommit_kafka::{ClientSettings, Cluster, Consumers, Properties};
use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    time::Duration,
};

pub(crate) const MEMBER: ConsumerId = ConsumerId(1);

/// Membership is lost that soon: the least that Kafka's default allows.
pub(crate) const SESSION: Duration = Duration::from_secs(6);

/// One member in a process of its own.
pub(crate) struct Member {
    pub(crate) consumers: Consumers,
    events: Receiver<ConsumerEvent>,
}

/// What was read of one partition.
#[derive(Debug, Default)]
pub(crate) struct Part {
    pub(crate) epoch: u32,
    pub(crate) records: Vec<Consumed>,
    pub(crate) position: i64,
    pub(crate) end: Option<i64>,
    pub(crate) at_end: bool,
}

pub(crate) fn subscribe(group: &str, topic: &str) -> Subscribe {
    Subscribe {
        group_id: group.to_owned(),
        topics: Topics::Named(vec![topic.into()]),
        group_instance_id: None,
        max_records: 500,
        max_delivery_bytes: 1 << 20,
        max_record_bytes: 4 << 20,
        reset: Reset::Earliest,
        protocol: GroupProtocol::ClassicCooperative,
        retry: Retry {
            max_attempts: 3,
            backoff: 100,
            backoff_max: 1000,
            topics: Vec::new(),
            dead_letters: None,
        },
        delivery_timeout: 60_000,
        session: None,
        fingerprint: Fingerprint::default(),
    }
}

pub(crate) fn at(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition::new(topic, partition)
}

pub(crate) fn group() -> String {
    unique("group")
}

// === impl Member ===

impl Member {
    pub(crate) fn join(subscribe: Subscribe) -> Self {
        let quick = SESSION.as_millis().to_string();
        let properties = [("session.timeout.ms", quick.as_str()), ("heartbeat.interval.ms", "500")];
        let properties = Properties::new(properties).expect("valid");
        Self::join_with(ClientSettings { properties, ..client() }, 1 << 20, subscribe)
    }

    pub(crate) fn join_with(settings: ClientSettings, read_ahead: u64, subscribe: Subscribe) -> Self {
        let (sender, events) = channel();
        let report = Arc::new(move |consumer, event| {
            assert_eq!(consumer, MEMBER);
            let _ = sender.send(event);
        });
        let cluster = Cluster::new(&settings).expect("cluster");
        let consumers = Consumers::new(settings, cluster, read_ahead, report);
        consumers.perform(MEMBER, ConsumerOp::Open(Box::new(subscribe)));
        Self { consumers, events }
    }

    pub(crate) fn order(&self, op: ConsumerOp) {
        self.consumers.perform(MEMBER, op);
    }

    pub(crate) fn event(&self) -> ConsumerEvent {
        self.events.recv_timeout(PATIENCE).expect("a report")
    }

    /// None if nothing is reported for so long.
    pub(crate) fn event_within(&self, time: Duration) -> Option<ConsumerEvent> {
        match self.events.recv_timeout(time) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("nobody reports"),
        }
    }

    /// The next report that is not about records.
    pub(crate) fn change(&self) -> ConsumerEvent {
        loop {
            let event = self.event();
            if !matches!(event, ConsumerEvent::Fetched { .. }) {
                return event;
            }
        }
    }

    pub(crate) fn assigned(&self) -> Vec<AssignedPartition> {
        match self.change() {
            ConsumerEvent::Assigned(assigned) => assigned,
            other => panic!("{other:?}"),
        }
    }

    /// Partitions by number.
    pub(crate) fn assigned_numbers(&self) -> Vec<i32> {
        numbers(self.assigned().into_iter().map(|assigned| assigned.partition))
    }

    pub(crate) fn revoking(&self) -> (Vec<i32>, bool) {
        match self.change() {
            ConsumerEvent::Revoking { partitions, lost } => (numbers(partitions), lost),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn rewound(&self, from: &TopicPartition, epoch: u32) -> i64 {
        match self.change() {
            ConsumerEvent::Rewound { from: told, epoch: of, position } => {
                assert_eq!((&told, of), (from, epoch));
                position
            }
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn failed(&self) -> Reason {
        match self.change() {
            ConsumerEvent::Failed { reason, message } => {
                assert!(!message.is_empty());
                reason
            }
            other => panic!("{other:?}"),
        }
    }

    /// Why it has failed, whatever came before.
    pub(crate) fn end(&self) -> Reason {
        loop {
            if let ConsumerEvent::Failed { reason, .. } = self.change() {
                return reason;
            }
        }
    }

    /// Why it has failed, whatever came before; it lets go what it is asked for.
    pub(crate) fn end_letting_go(&self) -> (Reason, String) {
        loop {
            match self.change() {
                ConsumerEvent::Failed { reason, message } => return (reason, message),
                ConsumerEvent::Revoking { .. } => self.order(ConsumerOp::LetGo),
                _ => {}
            }
        }
    }

    /// What is read of a partition until enough is.
    pub(crate) fn read(&self, of: &TopicPartition, enough: impl Fn(&Part) -> bool) -> Part {
        let mut part = Part::default();
        while !enough(&part) {
            match self.event() {
                ConsumerEvent::Fetched { from, epoch, records, position, end, at_end } => {
                    if &from == of {
                        part.records.extend(records);
                        part = Part { epoch, position, end, at_end, ..part };
                    }
                }
                other => panic!("{other:?} after {} records", part.records.len()),
            }
        }
        part
    }

    pub(crate) fn read_to_end(&self, of: &TopicPartition) -> Part {
        self.read(of, |part| part.at_end)
    }

    /// Reads so many records.
    pub(crate) fn read_records(&self, of: &TopicPartition, count: usize) -> Part {
        self.read(of, |part| part.records.len() >= count)
    }
}

// === impl Part ===

impl Part {
    pub(crate) fn offsets(&self) -> Vec<i64> {
        self.records.iter().map(|record| record.offset).collect()
    }

    pub(crate) fn values(&self) -> Vec<String> {
        let text = |record: &Consumed| String::from_utf8(record.value.clone()?.to_vec()).ok();
        self.records.iter().map(|record| text(record).expect("text")).collect()
    }
}

fn numbers(partitions: impl IntoIterator<Item = TopicPartition>) -> Vec<i32> {
    let mut numbers: Vec<i32> = partitions.into_iter().map(|partition| partition.partition).collect();
    numbers.sort_unstable();
    numbers
}

/// Writes records without a transaction.
pub(crate) fn produce(topic: &str, partition: i32, values: impl IntoIterator<Item = String>) {
    assert!(produce_to(kafka(), topic, partition, values, PATIENCE), "not delivered");
}

/// False if that takes longer.
pub(crate) fn produce_to(
    kafka: &Kafka,
    topic: &str,
    partition: i32,
    values: impl IntoIterator<Item = String>,
    limit: Duration,
) -> bool {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", kafka.bootstrap())
        .set("linger.ms", "5")
        .create()
        .expect("producer");
    for value in values {
        let record = BaseRecord::<str, str>::to(topic).partition(partition).payload(&value);
        producer.send(record).expect("queued");
    }
    producer.flush(limit).is_ok()
}

pub(crate) fn produce_some(topic: &str, partition: i32, count: usize) {
    produce(topic, partition, (0..count).map(|number| number.to_string()));
}
