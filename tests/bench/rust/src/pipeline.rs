//! Topic to topic, exactly once: one consumer and one transactional producer. What is there when it is polled is a transaction.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    Message as _,
    config::FromClientConfig as _,
    consumer::{BaseConsumer, Consumer as _},
    message::BorrowedMessage,
    producer::Producer as _,
};

use crate::{
    client::{Client, Outgoing, PATIENCE},
    error::{Error, When as _},
    options::Options,
    settings,
    window::Window,
    work::Work,
};

/// Input that is there comes sooner.
const INPUT_PATIENCE: Duration = Duration::from_secs(3);

struct Pipeline<C> {
    consumer: BaseConsumer,
    client: C,
    records: usize,
}

/// Copies until the window is over, or the input is.
pub(crate) fn run<C: Client>(options: &Options) -> Result<String, Error> {
    let pipeline = Pipeline::<C>::open(options)?;
    // Joining the group is not what is measured, and so not even part of the warm-up.
    let first = pipeline.poll(PATIENCE)?;
    if first.is_empty() {
        return Err(Error::NothingToCopy);
    }
    pipeline.copy(&first)?;
    drop(first);
    let window = Arc::new(Window::new(options));
    let mut work = Work::new(&window);
    work.spawn(move || pipeline.work(&window));
    work.measured()
}

// === impl Pipeline ===

impl<C: Client> Pipeline<C> {
    fn open(options: &Options) -> Result<Self, Error> {
        let id = format!("bench-rust-{:016x}", fastrand::u64(..));
        let client =
            C::open(&settings::producer(options, &id), &options.topic).when("creating a producer")?;
        client.producer().init_transactions(PATIENCE).when("init_transactions")?;
        let consumer = BaseConsumer::from_config(&settings::consumer(options)).when("creating a consumer")?;
        consumer.subscribe(&[&options.input]).when("subscribing")?;
        Ok(Self { consumer, client, records: options.records() })
    }

    fn work(self, window: &Window) -> Result<(), Error> {
        loop {
            let records = self.poll(INPUT_PATIENCE)?;
            let began = Instant::now();
            if window.is_over_at(began) {
                return Ok(());
            }
            if records.is_empty() {
                eprintln!("the input ended before the window did");
                return Ok(());
            }
            self.copy(&records)?;
            window.count(began, began, records.len());
        }
    }

    /// What is there; nothing only if nothing came for so long. A poll that had another event to serve, as a rebalance, returns nothing too.
    fn poll(&self, patience: Duration) -> Result<Vec<BorrowedMessage<'_>>, Error> {
        let deadline = Instant::now() + patience;
        let mut records = Vec::new();
        while records.len() < self.records {
            let timeout = if records.is_empty() {
                deadline.saturating_duration_since(Instant::now())
            } else {
                Duration::ZERO
            };
            match self.consumer.poll(timeout) {
                Some(record) => records.push(record.when("polling")?),
                None if records.is_empty() && Instant::now() < deadline => {}
                None => break,
            }
        }
        Ok(records)
    }

    fn copy(&self, records: &[BorrowedMessage<'_>]) -> Result<(), Error> {
        let values: Vec<_> =
            records.iter().map(|record| record.payload().unwrap_or_default().to_ascii_uppercase()).collect();
        let copies = records.iter().zip(&values).map(|(record, value)| Outgoing {
            partition: Some(record.partition()),
            key: record.key(),
            value,
        });
        let producer = self.client.producer();
        producer.begin_transaction().when("begin_transaction")?;
        // Awaited before the offsets are sent: they back off longer if the last transaction is still being completed.
        self.client.send_all(copies).when("producing")?;
        let offsets = self.consumer.position().when("asking for the position")?;
        let group = self.consumer.group_metadata().ok_or(Error::NoGroup)?;
        producer
            .send_offsets_to_transaction(&offsets, &group, PATIENCE)
            .when("send_offsets_to_transaction")?;
        producer.commit_transaction(PATIENCE).when("commit_transaction")
    }
}
