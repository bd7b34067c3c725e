//! Delivery reports are awaited before the commit: rust-rdkafka's commit_transaction flushes first, and as long as anything is in flight
//! that sleeps in whole 100 ms polls.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use rdkafka::{
    ClientConfig, ClientContext,
    config::FromClientConfigAndContext as _,
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::DeliveryResult,
    producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer},
};

use super::{Client, Outgoing};

/// A producer with a thread that serves its delivery reports. (A BaseProducer that is polled by its user would do without, but its poll
/// returns only when its whole timeout is over.)
pub(crate) struct Awaited {
    producer: ThreadedProducer<Reports>,
    reports: Reports,
    topic: String,
}

/// Counts delivery reports.
#[derive(Clone, Default)]
pub(crate) struct Reports(Arc<(Mutex<Counts>, Condvar)>);

#[derive(Default)]
struct Counts {
    delivered: usize,
    /// The sender is woken when so many are: not for each report.
    wanted: usize,
    failed: Option<KafkaError>,
}

// === impl Awaited ===

impl Client for Awaited {
    type Context = Reports;

    fn open(config: &ClientConfig, topic: &str) -> KafkaResult<Self> {
        let reports = Reports::default();
        let producer = ThreadedProducer::from_config_and_context(config, reports.clone())?;
        Ok(Self { producer, reports, topic: topic.to_owned() })
    }

    fn producer(&self) -> &impl Producer<Reports> {
        &self.producer
    }

    fn send_all<'a>(&self, records: impl Iterator<Item = Outgoing<'a>>) -> KafkaResult<()> {
        let mut sent = 0;
        for record in records {
            self.send(record, sent)?;
            sent += 1;
        }
        self.reports.wait_for(sent)?;
        // librdkafka counts a message as in flight a moment longer than its report.
        while self.producer.in_flight_count() > 0 {
            std::thread::yield_now();
        }
        Ok(())
    }
}

impl Awaited {
    fn send(&self, record: Outgoing<'_>, sent: usize) -> KafkaResult<()> {
        let mut base = BaseRecord::<[u8], [u8]>::to(&self.topic).payload(record.value);
        base.key = record.key;
        base.partition = record.partition;
        loop {
            base = match self.producer.send(base) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), base)) => base,
                Err((error, _)) => return Err(error),
            };
            self.reports.wait_for_one_more(sent);
        }
    }
}

// === impl Reports ===

impl Reports {
    /// Waits for the reports of so many records and forgets them.
    fn wait_for(&self, records: usize) -> KafkaResult<()> {
        self.wait(|_| records);
        let mut counts = self.0.0.lock();
        counts.delivered = 0;
        counts.failed.take().map_or(Ok(()), Err)
    }

    /// Waits until there is room in the queue again: a report makes some.
    fn wait_for_one_more(&self, sent: usize) {
        self.wait(|delivered| sent.min(delivered + 1));
    }

    fn wait(&self, wanted: impl FnOnce(usize) -> usize) {
        let (counts, changed) = &*self.0;
        let mut counts = counts.lock();
        counts.wanted = wanted(counts.delivered);
        changed.wait_while(&mut counts, |counts| counts.delivered < counts.wanted && counts.failed.is_none());
        // The reports of the next records have nobody to wake.
        counts.wanted = usize::MAX;
    }
}

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let (counts, changed) = &*self.0;
        let mut counts = counts.lock();
        match result {
            Ok(_) => counts.delivered += 1,
            Err((error, _)) => counts.failed = Some(error.clone()),
        }
        if counts.delivered >= counts.wanted || counts.failed.is_some() {
            changed.notify_one();
        }
    }
}
