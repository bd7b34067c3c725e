//! Records: checked against what is known of their topics, payloads shared with the receive buffer.

use super::{
    Trace,
    field::{invalid, quoted, without_nul},
};
use crate::{Backend, proto::v1};
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use sidecommit_core::{Millis, NextAction, Reason, Record, Refusal, TopicFacts, TxnId};
use std::{collections::HashMap, pin::pin, sync::Arc};

/// Messages with less payload are copied: a [`Bytes`] keeps the whole receive buffer alive (8 KiB at least), which
/// nobody would count.
const SHARED_FROM_BYTES: usize = 4096;

/// The topics that one message names, each looked up once.
pub(crate) struct Topics<'a, B> {
    backend: &'a B,
    /// Which the message is about, if one is there already.
    txn: Option<TxnId>,
    known: HashMap<Arc<str>, Arc<TopicFacts>>,
}

/// Where payloads live from now on.
enum Payloads {
    /// In the receive buffer.
    Shared,
    /// In a buffer of their own.
    Copied(BytesMut),
}

// === impl Topics ===

impl<'a, B: Backend> Topics<'a, B> {
    pub(crate) fn new(backend: &'a B) -> Self {
        Self { backend, txn: None, known: HashMap::new() }
    }

    /// As [`Self::new`], for a message about a transaction.
    pub(crate) fn of(backend: &'a B, txn: TxnId) -> Self {
        Self { txn: Some(txn), ..Self::new(backend) }
    }

    /// Checks the records of a message; `first` is the index in the transaction of the first of them, `trace` that of the call.
    pub(crate) async fn records(
        &mut self,
        wire: Vec<v1::Record>,
        first: u64,
        trace: &Trace,
    ) -> Result<Vec<Record>, Refusal> {
        let now = self.backend.now();
        let mut payloads = Payloads::of(&wire);
        let mut records = Vec::with_capacity(wire.len());
        for (wire, index) in wire.into_iter().zip(first..) {
            let (topic, facts) =
                self.topic("records.topic", &wire.topic).await.map_err(|refusal| blamed(refusal, index))?;
            let record =
                record(wire, topic, now, &mut payloads, trace).map_err(|refusal| blamed(refusal, index))?;
            facts.accept(&record, index, now)?;
            records.push(record);
        }
        Ok(records)
    }

    /// A topic's shared name and what is known of it.
    pub(crate) async fn topic(
        &mut self,
        field: &str,
        name: &str,
    ) -> Result<(Arc<str>, Arc<TopicFacts>), Refusal> {
        if let Some((name, facts)) = self.known.get_key_value(name) {
            return Ok((name.clone(), facts.clone()));
        }
        if !is_topic(name) {
            return Err(invalid(field, quoted(name), "a topic: 1 to 249 of [A-Za-z0-9._-], not . or .."));
        }
        let facts = self.facts(name).await.map_err(|refusal| match refusal.reason {
            Reason::UnknownTopic | Reason::TopicDenied => refusal.field(field),
            _ => refusal,
        })?;
        let name: Arc<str> = name.into();
        self.known.insert(name.clone(), facts.clone());
        Ok((name, facts))
    }

    async fn facts(&self, name: &str) -> Result<Arc<TopicFacts>, Refusal> {
        let mut lookup = pin!(self.backend.topic(name));
        // Mostly it is known at once, and the engine need not hear of it.
        if let Some(facts) = lookup.as_mut().now_or_never() {
            return facts;
        }
        let _underway = self.txn.map(|txn| self.backend.underway(txn));
        lookup.await
    }
}

// === impl Payloads ===

impl Payloads {
    fn of(records: &[v1::Record]) -> Self {
        let len = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        let bytes: usize = records
            .iter()
            .map(|record| {
                let headers: usize = record.headers.iter().map(|header| len(&header.value)).sum();
                len(&record.key) + len(&record.value) + headers
            })
            .sum();
        if bytes < SHARED_FROM_BYTES { Self::Copied(BytesMut::with_capacity(bytes)) } else { Self::Shared }
    }

    fn keep(&mut self, payload: Bytes) -> Bytes {
        match self {
            Self::Shared => payload,
            Self::Copied(buffer) => {
                buffer.extend_from_slice(&payload);
                buffer.split().freeze()
            }
        }
    }
}

/// Kafka's rule for topic names.
fn is_topic(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (1..=249).contains(&name.len()) && name != "." && name != ".." && name.bytes().all(plain)
}

fn record(
    wire: v1::Record,
    topic: Arc<str>,
    now: Millis,
    payloads: &mut Payloads,
    trace: &Trace,
) -> Result<Record, Refusal> {
    let mut headers = Vec::with_capacity(wire.headers.len());
    for header in wire.headers {
        without_nul("records.headers.name", &header.name)?;
        headers.push((header.name.into(), header.value.map(|value| payloads.keep(value))));
    }
    trace.follow(&mut headers);
    Ok(Record {
        topic,
        partition: wire.partition,
        key: wire.key.map(|key| payloads.keep(key)),
        value: wire.value.map(|value| payloads.keep(value)),
        headers,
        timestamp_ms: wire.timestamp_ms.unwrap_or_else(|| super::int64(now)),
    })
}

/// Names the record, if the record is to blame.
fn blamed(refusal: Refusal, index: u64) -> Refusal {
    match refusal.reason.next_action() {
        NextAction::FixRequest | NextAction::Stop => {
            Refusal { message: format!("record {index}: {}", refusal.message), ..refusal }.record(index)
        }
        _ => refusal,
    }
}
