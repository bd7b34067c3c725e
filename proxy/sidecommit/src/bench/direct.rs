//! librdkafka without a sidecar, one producer with a transactional.id of its own and a thread per caller.
//!
//! Delivery reports are awaited before the commit: rust-rdkafka's commit_transaction flushes first, and as long as
//! anything is in flight that sleeps in whole 100 ms polls.

use super::{
    Mode,
    measure::{Measured, Window},
    work::Work,
};
use crate::{demo::kafka::blocking, exit::Failure};
use futures_util::future::try_join_all;
use parking_lot::{Condvar, Mutex};
use rdkafka::{
    ClientConfig, ClientContext,
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::DeliveryResult,
    producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Counts delivery reports.
#[derive(Clone, Default)]
struct Reports(Arc<(Mutex<Counts>, Condvar)>);

#[derive(Default)]
struct Counts {
    delivered: usize,
    /// The caller is woken when so many are: not for each report.
    wanted: usize,
    failed: Option<KafkaError>,
}

/// One caller.
struct Direct {
    producer: ThreadedProducer<Reports>,
    reports: Reports,
    work: Work,
}

/// Makes transactions for some time.
pub(super) async fn run(
    servers: &str,
    work: &Work,
    callers: u16,
    time: Duration,
) -> Result<Measured, Failure> {
    let run = fastrand::u32(..);
    let opened = (0..callers).map(|caller| {
        let (servers, work) = (servers.to_owned(), work.clone());
        blocking(move || Direct::open(&servers, work, &format!("bench-{run:08x}-{caller}")).map_err(failed))
    });
    let opened = try_join_all(opened).await?;
    let window = Window::of(time);
    let callers = opened.into_iter().map(|caller| blocking(move || caller.work(window).map_err(failed)));
    let mut all = Measured::new();
    try_join_all(callers).await?.iter().for_each(|measured| all.beside(measured));
    Ok(all)
}

fn failed(error: KafkaError) -> Failure {
    Failure::Unavailable(format!("librdkafka: {error}"))
}

// === impl Direct ===

impl Direct {
    fn open(servers: &str, work: Work, id: &str) -> KafkaResult<Self> {
        let reports = Reports::default();
        // Small transactions wait for nothing; a large one fills its batches by itself.
        let linger = if work.mode == Mode::Transact { "0" } else { "5" };
        let producer: ThreadedProducer<Reports> = ClientConfig::new()
            .set("bootstrap.servers", servers)
            .set("transactional.id", id)
            .set("linger.ms", linger)
            .set("partitioner", "murmur2_random")
            .create_with_context(reports.clone())?;
        producer.init_transactions(PATIENCE)?;
        Ok(Self { producer, reports, work })
    }

    fn work(self, window: Window) -> KafkaResult<Measured> {
        let mut measured = Measured::new();
        while !window.is_over() {
            let began = Instant::now();
            self.transaction()?;
            window.count(began, &mut measured);
        }
        Ok(measured)
    }

    fn transaction(&self) -> KafkaResult<()> {
        self.producer.begin_transaction()?;
        for sent in 0..self.work.records {
            self.send(sent)?;
        }
        self.reports.wait_for(self.work.records)?;
        // librdkafka counts a message as in flight a moment longer than its report.
        while self.producer.in_flight_count() > 0 {
            std::thread::yield_now();
        }
        self.producer.commit_transaction(PATIENCE)
    }

    fn send(&self, sent: usize) -> KafkaResult<()> {
        let mut record = BaseRecord::<(), [u8]>::to(&self.work.topic).payload(&self.work.value);
        loop {
            record = match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), record)) => record,
                Err((error, _)) => return Err(error),
            };
            self.reports.wait_for_one_more(sent);
        }
    }
}

// === impl Reports ===

impl Reports {
    /// Waits for the reports of a transaction and forgets them.
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
