//! As rust-rdkafka's documentation shows it: a FutureProducer, its futures awaited, then commit_transaction. That flushes in polls of
//! 100 ms as long as librdkafka counts a message as in flight, which it does a moment longer than its future.

use std::{future::Future, pin::Pin, time::Duration};

use futures_util::future::try_join_all;
use rdkafka::{
    ClientConfig,
    client::DefaultClientContext,
    config::FromClientConfig as _,
    error::KafkaResult,
    producer::{FutureProducer, FutureRecord, Producer, future_producer::FutureProducerContext},
    util::AsyncRuntime,
};
use tokio::runtime::Runtime;

use super::{Client, Outgoing, PATIENCE};

/// A FutureProducer and who awaits its futures.
pub(crate) struct Documented {
    producer: FutureProducer<DefaultClientContext, Tokio>,
    runtime: Runtime,
    topic: String,
}

/// What the crate's feature `tokio` has; the workspace builds it without.
pub(crate) struct Tokio;

// === impl Documented ===

impl Client for Documented {
    type Context = FutureProducerContext<DefaultClientContext>;

    fn open(config: &ClientConfig, topic: &str) -> KafkaResult<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime =
            runtime.map_err(|error| rdkafka::error::KafkaError::ClientCreation(error.to_string()))?;
        Ok(Self { producer: FutureProducer::from_config(config)?, runtime, topic: topic.to_owned() })
    }

    fn producer(&self) -> &impl Producer<Self::Context> {
        &self.producer
    }

    fn send_all<'a>(&self, records: impl Iterator<Item = Outgoing<'a>>) -> KafkaResult<()> {
        let sent = records.map(|record| {
            let mut future = FutureRecord::<[u8], [u8]>::to(&self.topic).payload(record.value);
            future.key = record.key;
            future.partition = record.partition;
            self.producer.send(future, PATIENCE)
        });
        self.runtime.block_on(try_join_all(sent)).map(|_| ()).map_err(|(error, _)| error)
    }
}

// === impl Tokio ===

impl AsyncRuntime for Tokio {
    type Delay = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn spawn<T>(task: T)
    where
        T: Future<Output = ()> + Send + 'static,
    {
        tokio::spawn(task);
    }

    fn delay_for(duration: Duration) -> Self::Delay {
        Box::pin(tokio::time::sleep(duration))
    }
}
