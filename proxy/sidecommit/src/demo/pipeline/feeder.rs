//! Writes the input: at a steady rate, and no further than it is let.

use super::{super::kafka::blocking, PARTITIONS};
use crate::exit::Failure;
use rdkafka::{
    ClientConfig,
    error::KafkaError,
    producer::{BaseProducer, BaseRecord, Producer as _},
    types::RDKafkaErrorCode,
};
use std::time::Duration;
use tokio::{sync::watch, task::JoinHandle, time::MissedTickBehavior};

const PATIENCE: Duration = Duration::from_secs(30);
/// Records that are written at once, and how long until the next: 400 a second, so that no partition is ever done for long.
const BATCH: u64 = 8;
const PAUSE: Duration = Duration::from_millis(20);
const CUSTOMERS: u64 = 100;

/// A running one.
#[derive(Debug)]
pub(super) struct Feeder {
    gate: watch::Sender<u64>,
    task: JoinHandle<Result<(), Failure>>,
}

// === impl Feeder ===

impl Feeder {
    /// It waits until it is let.
    pub(super) fn start(
        servers: &str,
        topic: &str,
        records: u64,
        rng: fastrand::Rng,
    ) -> Result<Self, Failure> {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", servers)
            .set("enable.idempotence", "true")
            .create()
            .map_err(|error| failed(&error))?;
        let gate = watch::Sender::new(0);
        let task = tokio::spawn(feed(producer, topic.to_owned(), records, rng, gate.subscribe()));
        Ok(Self { gate, task })
    }

    /// So many records may be written in all.
    pub(super) fn let_to(&self, records: u64) {
        self.gate.send_replace(records);
    }

    /// Everything is written: what failed, if anything did.
    pub(super) async fn end(&mut self) -> Result<(), Failure> {
        (&mut self.task).await.map_err(Failure::internal)?
    }
}

async fn feed(
    producer: BaseProducer,
    topic: String,
    records: u64,
    mut rng: fastrand::Rng,
    mut gate: watch::Receiver<u64>,
) -> Result<(), Failure> {
    let mut beat = tokio::time::interval(PAUSE);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for nth in 0..records {
        if nth.is_multiple_of(BATCH) {
            beat.tick().await;
            producer.poll(Duration::ZERO);
        }
        if gate.wait_for(|most| nth < *most).await.is_err() {
            // Nobody wants any more.
            return Ok(());
        }
        send(&producer, &topic, nth, &mut rng).await?;
    }
    blocking(move || producer.flush(PATIENCE).map_err(|error| failed(&error))).await
}

/// An order: what a customer takes how many of, at which price. Its id is in no other.
async fn send(
    producer: &BaseProducer,
    topic: &str,
    nth: u64,
    rng: &mut fastrand::Rng,
) -> Result<(), Failure> {
    let partition = i32::try_from(nth % u64::from(PARTITIONS.unsigned_abs())).map_err(Failure::internal)?;
    let key = format!("customer-{}", rng.u64(..CUSTOMERS));
    let (quantity, price) = (rng.u32(1..100), rng.u32(1..10_000));
    let value = format!(r#"{{"id":"{partition}-{nth}","quantity":{quantity},"price":{price}}}"#);
    loop {
        let record = BaseRecord::to(topic).partition(partition).key(&key).payload(&value);
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {}
            Err((error, _)) => return Err(failed(&error)),
        }
        tokio::time::sleep(PAUSE).await;
        producer.poll(Duration::ZERO);
    }
}

fn failed(error: &KafkaError) -> Failure {
    Failure::Unavailable(format!("writing the input: {error}"))
}
