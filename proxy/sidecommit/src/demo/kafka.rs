//! The Kafka of a demo or bench: one of its own, or one that was given.

use super::programs;
use crate::exit::Failure;
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    producer::{BaseProducer, Producer as _},
    types::RDKafkaErrorCode,
};
use std::{process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Child,
};

/// For a call to Kafka.
const PATIENCE: Duration = Duration::from_secs(30);
/// An orderly stop of a broker takes half a second on an idle machine.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// A read_committed consumer of all partitions of a topic, from their beginning on, with these properties and a group.id, without
/// which there is no consumer; it commits nothing.
pub(crate) fn from_beginning(
    servers: &str,
    topic: &str,
    partitions: i32,
    properties: &[(&str, &str)],
) -> Result<BaseConsumer, Failure> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", servers)
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .extend(properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let consumer: BaseConsumer = config.create().map_err(Failure::unavailable)?;
    let mut all = TopicPartitionList::new();
    for partition in 0..partitions {
        all.add_partition_offset(topic, partition, Offset::Beginning).map_err(Failure::internal)?;
    }
    consumer.assign(&all).map_err(Failure::internal)?;
    Ok(consumer)
}

/// A Kafka that serves.
#[derive(Debug)]
pub(crate) struct Kafka {
    servers: String,
    brokers: usize,
    own: Option<Child>,
}

// === impl Kafka ===

impl Kafka {
    /// The given one, or a new broker: it is gone with its data after [`Kafka::stop`], or when this process ends.
    pub(crate) async fn start(given: Option<&str>) -> Result<Self, Failure> {
        let (servers, own) = match given {
            Some(servers) => (servers.to_owned(), None),
            None => own().await.map(|(servers, child)| (servers, Some(child)))?,
        };
        let brokers = {
            let servers = servers.clone();
            blocking(move || brokers(&servers)).await?
        };
        Ok(Self { servers, brokers, own })
    }

    /// bootstrap.servers.
    pub(crate) fn servers(&self) -> &str {
        &self.servers
    }

    /// The sidecar's settings for outcomes, explicitly lowered where there are too few brokers.
    pub(crate) fn outcomes(&self) -> [(&'static str, String); 2] {
        [
            ("--outcomes-replication-factor", self.brokers.min(3).to_string()),
            ("--outcomes-min-insync-replicas", self.brokers.min(2).to_string()),
        ]
    }

    /// Makes a topic, unless it is there.
    pub(crate) async fn create_topic(&self, name: &str, partitions: i32) -> Result<(), Failure> {
        let failed =
            |error: &dyn std::fmt::Display| Failure::Unavailable(format!("creating topic {name}: {error}"));
        let admin = self.admin().map_err(|error| failed(&error))?;
        // -1: as the brokers are configured.
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(-1));
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let results = admin.create_topics([&topic], &options).await.map_err(|error| failed(&error))?;
        match results.into_iter().next() {
            Some(Err((_, code))) if code != RDKafkaErrorCode::TopicAlreadyExists => Err(failed(&code)),
            _ => Ok(()),
        }
    }

    fn admin(&self) -> Result<AdminClient<DefaultClientContext>, KafkaError> {
        ClientConfig::new().set("bootstrap.servers", &self.servers).create()
    }

    /// Deletes topics.
    pub(crate) async fn delete_topics(&self, names: &[&str]) -> Result<(), Failure> {
        let failed =
            |error: &dyn std::fmt::Display| Failure::Unavailable(format!("deleting {names:?}: {error}"));
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let admin = self.admin().map_err(|error| failed(&error))?;
        let results = admin.delete_topics(names, &options).await.map_err(|error| failed(&error))?;
        for result in results {
            result.map_err(|(_, code)| failed(&code))?;
        }
        Ok(())
    }

    /// Ends the broker, if it is our own.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        let Some(mut child) = self.own else { return Ok(()) };
        // The end of its standard input asks it to end.
        drop(child.stdin.take());
        let status = tokio::time::timeout(STOP_PATIENCE, child.wait()).await;
        match status {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(Failure::Internal(format!("kafka-fixture: {status}"))),
            Ok(Err(error)) => Err(Failure::internal(error)),
            Err(_) => child.kill().await.map_err(Failure::internal),
        }
    }
}

async fn own() -> Result<(String, Child), Failure> {
    let failed = |what: &dyn std::fmt::Display| Failure::Unavailable(format!("starting Kafka: {what}"));
    let mut child = programs::kafka_fixture()?
        .arg("run")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(&error))?;
    let out = child.stdout.take().ok_or_else(|| failed(&"no standard output"))?;
    let line = BufReader::new(out).lines().next_line().await.map_err(|error| failed(&error))?;
    match line {
        Some(servers) => Ok((servers, child)),
        None => Err(failed(&"kafka-fixture ended; it says why on standard error")),
    }
}

fn brokers(servers: &str) -> Result<usize, Failure> {
    let failed = |error| Failure::Unavailable(format!("Kafka at {servers}: {error}"));
    let client: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", servers).create().map_err(failed)?;
    let metadata = client.client().fetch_metadata(None, PATIENCE).map_err(failed)?;
    Ok(metadata.brokers().len())
}

/// Runs what blocks where it may.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(Failure::internal)?
}
