//! What a read_committed reader sees, by Kafka's own console consumer.

use super::{
    super::{
        programs,
        records::{CREDITS, DEBITS, Half, Says, Value},
    },
    verdict::Seen,
};
use crate::exit::Failure;
use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, BaseRecord, Producer as _},
};
use std::{
    collections::{BTreeSet, HashSet},
    process::Stdio,
    time::Duration,
};
use tokio::io::{AsyncBufReadExt as _, BufReader};

const KAFKA_PATIENCE: Duration = Duration::from_secs(30);
/// Longer than a transaction may stay open on the broker (limits.lane_timeout), and a JVM's start.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Everything of a run.
pub(super) async fn read(servers: &str, run: &str) -> Result<Seen, Failure> {
    let to_end = async |topic: &'static str| {
        let partitions = mark_end(servers, topic, run)?;
        console(servers, topic, run, partitions).await
    };
    let (debits, credits) = futures_util::future::try_join(to_end(DEBITS), to_end(CREDITS)).await?;
    Ok(Seen { debits, credits })
}

/// Writes a record outside any transaction to each partition: a read_committed reader gets there only when everything
/// before it is decided, and then has seen everything. Returns the partitions.
fn mark_end(servers: &str, topic: &str, run: &str) -> Result<BTreeSet<i32>, Failure> {
    let failed =
        |error: &dyn std::fmt::Display| Failure::Unavailable(format!("Kafka, topic {topic}: {error}"));
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("enable.idempotence", "true")
        .create()
        .map_err(|error| failed(&error))?;
    let metadata =
        producer.client().fetch_metadata(Some(topic), KAFKA_PATIENCE).map_err(|error| failed(&error))?;
    let partitions: BTreeSet<i32> = metadata
        .topics()
        .iter()
        .flat_map(|topic| topic.partitions())
        .map(|partition| partition.id())
        .collect();
    for partition in &partitions {
        let value = Value { run: run.to_owned(), says: Says::End { partition: *partition } }.encode();
        let record = BaseRecord::<(), _>::to(topic).partition(*partition).payload(&value);
        producer.send(record).map_err(|(error, _)| failed(&error))?;
    }
    producer.flush(KAFKA_PATIENCE).map_err(|error| failed(&error))?;
    if partitions.is_empty() { Err(failed(&"it has no partitions")) } else { Ok(partitions) }
}

/// Reads until the end of each partition was seen.
async fn console(
    servers: &str,
    topic: &str,
    run: &str,
    mut open: BTreeSet<i32>,
) -> Result<Vec<Half>, Failure> {
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
    let mut halves = Vec::new();
    while !open.is_empty() {
        let Some(line) = lines.next_line().await.map_err(|error| failed(&error))? else {
            let ended = consumer.wait().await.map_err(|error| failed(&error))?;
            let what = format!(
                "{ended} before the end of partitions {open:?}: an open transaction holds readers back"
            );
            return Err(failed(&what));
        };
        // A rebalance of the consumer may deliver a record twice: its place tells.
        let Some(message) = parse(&line).filter(|message| seen.insert(message.place())) else { continue };
        match serde_json::from_str::<Value>(message.value) {
            Ok(value) if value.run != run => {}
            Ok(Value { says: Says::Moved(half), .. }) => halves.push(half),
            Ok(Value { says: Says::End { partition }, .. }) => {
                open.remove(&partition);
            }
            Err(error) => return Err(failed(&format!("{line:?}: {error}"))),
        }
    }
    consumer.kill().await.map_err(|error| failed(&error))?;
    Ok(halves)
}

/// A line of the console consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Message<'a> {
    partition: i32,
    offset: i64,
    value: &'a str,
}

/// None: a line that is no record, such as a warning.
fn parse(line: &str) -> Option<Message<'_>> {
    let mut fields = line.splitn(4, '\t');
    let partition = fields.next()?.strip_prefix("Partition:")?.parse().ok()?;
    let offset = fields.next()?.strip_prefix("Offset:")?.parse().ok()?;
    let value = fields.nth(1)?;
    Some(Message { partition, offset, value })
}

// === impl Message ===

impl Message<'_> {
    fn place(&self) -> (i32, i64) {
        (self.partition, self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_place_and_a_value() {
        let line = "Partition:3\tOffset:17\taccount-1\t{\"run\":\"a\tb\"}";
        assert_eq!(parse(line), Some(Message { partition: 3, offset: 17, value: "{\"run\":\"a\tb\"}" }));
        assert_eq!(parse("Processed a total of 17 messages"), None);
    }
}
