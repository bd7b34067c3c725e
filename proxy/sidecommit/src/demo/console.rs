//! What read_committed readers see of a topic, by Kafka's own console consumer.

use super::programs;
use crate::exit::Failure;
use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, BaseRecord, Producer as _},
};
use std::{
    collections::{BTreeMap, HashSet},
    process::Stdio,
    time::Duration,
};
use tokio::io::{AsyncBufReadExt as _, BufReader};

const KAFKA_PATIENCE: Duration = Duration::from_secs(30);
/// Longer than a transaction may stay open on the broker (limits.lane_timeout), and a JVM's start.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// A record, as a line of the console consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) key: &'a str,
    pub(super) value: &'a str,
}

/// Reads a topic to its end, which it marks itself by a record in each partition, with the value that `mark` gives for it.
/// A record comes once, those of a partition in any order.
pub(super) async fn read(
    servers: &str,
    topic: &str,
    mark: impl Fn(i32) -> String,
    mut take: impl FnMut(Message<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut open = mark_end(servers, topic, &mark)?;
    let failed =
        |what: &dyn std::fmt::Display| Failure::Internal(format!("console consumer of {topic}: {what}"));
    let mut consumer = programs::kafka_fixture()?
        .args(["console-consumer", "--bootstrap", servers, "--topic", topic])
        .args(["--timeout-ms", &SILENCE_MAX.as_millis().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(&error))?;
    let out = consumer.stdout.take().ok_or_else(|| failed(&"no standard output"))?;
    let mut lines = BufReader::new(out).lines();
    let mut seen = HashSet::new();
    while !open.is_empty() {
        let Some(line) = lines.next_line().await.map_err(|error| failed(&error))? else {
            let ended = consumer.wait().await.map_err(|error| failed(&error))?;
            let open: Vec<_> = open.keys().collect();
            let what = format!(
                "{ended} before the end of partitions {open:?}: an open transaction holds readers back"
            );
            return Err(failed(&what));
        };
        // A rebalance of the consumer may deliver a record twice: its place tells.
        let Some(message) = parse(&line).filter(|message| seen.insert(message.place())) else { continue };
        if open.get(&message.partition).is_some_and(|mark| mark == message.value) {
            open.remove(&message.partition);
        } else {
            take(message).map_err(|error| failed(&format!("{line:?}: {error}")))?;
        }
    }
    consumer.kill().await.map_err(|error| failed(&error))
}

/// Writes a record outside any transaction to each partition: a read_committed reader gets there only when everything
/// before it is decided, and then has seen everything. Returns the partitions and the records' values.
fn mark_end(
    servers: &str,
    topic: &str,
    mark: impl Fn(i32) -> String,
) -> Result<BTreeMap<i32, String>, Failure> {
    let failed =
        |error: &dyn std::fmt::Display| Failure::Unavailable(format!("Kafka, topic {topic}: {error}"));
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("enable.idempotence", "true")
        .create()
        .map_err(|error| failed(&error))?;
    let metadata =
        producer.client().fetch_metadata(Some(topic), KAFKA_PATIENCE).map_err(|error| failed(&error))?;
    let marks: BTreeMap<i32, String> = metadata
        .topics()
        .iter()
        .flat_map(|topic| topic.partitions())
        .map(|partition| (partition.id(), mark(partition.id())))
        .collect();
    for (partition, value) in &marks {
        let record = BaseRecord::<(), _>::to(topic).partition(*partition).payload(value);
        producer.send(record).map_err(|(error, _)| failed(&error))?;
    }
    producer.flush(KAFKA_PATIENCE).map_err(|error| failed(&error))?;
    if marks.is_empty() { Err(failed(&"it has no partitions")) } else { Ok(marks) }
}

/// None: a line that is no record, such as a warning.
fn parse(line: &str) -> Option<Message<'_>> {
    let mut fields = line.splitn(4, '\t');
    let partition = fields.next()?.strip_prefix("Partition:")?.parse().ok()?;
    let offset = fields.next()?.strip_prefix("Offset:")?.parse().ok()?;
    Some(Message { partition, offset, key: fields.next()?, value: fields.next()? })
}

// === impl Message ===

impl Message<'_> {
    pub(super) fn place(&self) -> (i32, i64) {
        (self.partition, self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_place_a_key_and_a_value() {
        let line = "Partition:3\tOffset:17\taccount-1\t{\"run\":\"a\tb\"}";
        let message = Message { partition: 3, offset: 17, key: "account-1", value: "{\"run\":\"a\tb\"}" };
        assert_eq!(parse(line), Some(message));
        assert_eq!(parse("Processed a total of 17 messages"), None);
    }
}
