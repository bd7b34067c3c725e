//! What is delivered.

use crate::{
    consume::Said,
    v1::{self, Header},
};
use bytes::Bytes;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::mpsc::UnboundedSender;

/// Consecutive records of one partition. No other delivery of the partition comes before this one is done with.
///
/// It is settled by the commit of a transaction that it was given to ([`Transaction::settle`](crate::Transaction::settle),
/// [`Transact::settle`](crate::transact::Transact::settle)). Dropped without that it is given back: its records come again, which is
/// no failure.
#[derive(Debug)]
pub struct Delivery {
    id: String,
    topic: Arc<str>,
    partition: i32,
    records: Vec<ConsumedRecord>,
    /// Whether a transaction has it.
    held: AtomicBool,
    said: UnboundedSender<Said>,
}

/// A record that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsumedRecord {
    /// Its topic.
    pub topic: Arc<str>,
    /// Its partition.
    pub partition: i32,
    /// Its place there.
    pub offset: i64,
    /// Milliseconds since the Unix epoch; -1: none.
    pub timestamp_ms: i64,
    /// Absent: none.
    pub key: Option<Bytes>,
    /// Absent: a tombstone.
    pub value: Option<Bytes>,
    /// In order; names may repeat.
    pub headers: Vec<Header>,
    /// 1, and one more for each attempt of it that failed.
    pub attempt: i32,
    /// Names the record for ever, whoever reads it however often: for effects outside Kafka, e.g. a primary key.
    pub idempotency_key: String,
}

// === impl Delivery ===

impl Delivery {
    pub(crate) fn new(delivery: v1::Delivery, said: UnboundedSender<Said>) -> Self {
        let v1::Delivery { delivery_id: id, topic, partition, records } = delivery;
        let topic: Arc<str> = topic.into();
        let record = |record: v1::ConsumedRecord| ConsumedRecord {
            topic: Arc::clone(&topic),
            partition,
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            key: record.key,
            value: record.value,
            headers: record.headers,
            attempt: record.attempt,
            idempotency_key: record.idempotency_key,
        };
        let records = records.into_iter().map(record).collect();
        Self { id, topic, partition, records, held: AtomicBool::new(false), said }
    }

    /// Names this attempt; what comes again has another one.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its topic.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Its partition.
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// At least one.
    pub fn records(&self) -> &[ConsumedRecord] {
        &self.records
    }

    /// Gives one of its records up: it goes to the dead-letter topic, the others come again. `reason` is for people, at most 1024
    /// characters. Without a dead-letter topic the record has failed and is attempted again.
    ///
    /// # Panics
    /// If it has no such record.
    pub fn reject(self, index: usize, reason: impl Into<String>) {
        assert!(index < self.records.len(), "record {index} of {}", self.records.len());
        let said = Said::Reject { delivery_id: self.id.clone(), index: index as i32, reason: reason.into() };
        self.held();
        // If nobody reads any more, what is outstanding comes again.
        let _ = self.said.send(said);
    }

    /// There is nothing to be given back.
    pub(crate) fn held(&self) {
        self.held.store(true, Ordering::Relaxed);
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        let delivery_id = std::mem::take(&mut self.id);
        let release = !self.held.load(Ordering::Relaxed);
        // As above.
        let _ = self.said.send(Said::Done { delivery_id, release });
    }
}

// === impl ConsumedRecord ===

impl ConsumedRecord {
    /// Its value as text; empty if there is none.
    ///
    /// # Errors
    /// It is not UTF-8.
    pub fn text(&self) -> Result<&str, std::str::Utf8Error> {
        std::str::from_utf8(self.value.as_deref().unwrap_or_default())
    }

    /// Its value from JSON.
    ///
    /// # Errors
    /// As `serde_json`; also of a tombstone.
    #[cfg(feature = "json")]
    pub fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(self.value.as_deref().unwrap_or_default())
    }

    /// The value of the last header of that name; absent also if it is null.
    pub fn header(&self, name: &str) -> Option<&Bytes> {
        self.headers.iter().rev().find(|header| header.name == name)?.value.as_ref()
    }
}
