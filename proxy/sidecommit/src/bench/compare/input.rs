//! What pipelines copy: records of 1 KB in small letters, evenly over the partitions.

use crate::{bench::target::PARTITIONS, demo::kafka::blocking, exit::Failure};
use rdkafka::{
    ClientConfig,
    error::KafkaError,
    producer::{BaseProducer, BaseRecord, Producer as _},
    types::RDKafkaErrorCode,
};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);
const BYTES: usize = 1024;

/// So many.
pub(super) async fn write(servers: &str, topic: &str, records: u64) -> Result<(), Failure> {
    let (servers, topic) = (servers.to_owned(), topic.to_owned());
    let failed = |error: KafkaError| Failure::Unavailable(format!("writing the input: {error}"));
    blocking(move || {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", &servers)
            .set("enable.idempotence", "true")
            .create()
            .map_err(failed)?;
        let value: Vec<u8> = (0..BYTES).map(|_| fastrand::lowercase() as u8).collect();
        for partition in (0..PARTITIONS).cycle().zip(0..records).map(|(partition, _)| partition) {
            send(&producer, &topic, partition, &value).map_err(failed)?;
        }
        producer.flush(PATIENCE).map_err(failed)
    })
    .await
}

/// Waits for room where there is none.
fn send(producer: &BaseProducer, topic: &str, partition: i32, value: &[u8]) -> Result<(), KafkaError> {
    loop {
        match producer.send(BaseRecord::<(), _>::to(topic).partition(partition).payload(value)) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                producer.poll(POLL);
            }
            Err((error, _)) => return Err(error),
        }
    }
}
