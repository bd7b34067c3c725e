mod awaited;
mod documented;

pub(crate) use awaited::Awaited;
pub(crate) use documented::Documented;

use std::time::Duration;

use rdkafka::{
    ClientConfig,
    error::KafkaResult,
    producer::{Producer, ProducerContext},
};

/// For what takes Kafka long only if it is ill.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A record to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) partition: Option<i32>,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: &'a [u8],
}

/// A producer, in one of the two ways to use it.
pub(crate) trait Client: Send + Sized + 'static {
    type Context: ProducerContext;

    fn open(config: &ClientConfig, topic: &str) -> KafkaResult<Self>;

    /// What both ways have in common.
    fn producer(&self) -> &impl Producer<Self::Context>;

    /// Sends records, and waits until all are acknowledged.
    fn send_all<'a>(&self, records: impl Iterator<Item = Outgoing<'a>>) -> KafkaResult<()>;
}
