//! One caller: an application's thread, as it were.

use super::{Client, Load, Measured, Window, count, pace::Pace};
use crate::bench::Mode;
use sidecommit_rpc::proto::v1::{
    AbortRequest, BeginRequest, CommitRequest, ProduceRequest, ProduceStreamRequest, Record, TransactRequest,
};
use std::{
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};
use tonic::{Code, Status};

/// Of a message.
const MESSAGE_BYTES: usize = 256 << 10;
/// Before a transaction that was refused for want of room is made anew.
const REFUSED_PAUSE: Duration = Duration::from_millis(20);

/// One caller.
pub(super) struct Caller {
    client: Client,
    load: Load,
    /// Of one message.
    records: Vec<Record>,
    name: String,
}

// === impl Caller ===

impl Caller {
    pub(super) fn new(client: Client, load: Load, nth: u16) -> Self {
        let a_message = match load.mode {
            Mode::Transact => load.records,
            Mode::Stream | Mode::Interactive => (MESSAGE_BYTES / load.value.len()).clamp(1, load.records),
        };
        let records = load.records(a_message);
        Self { client, load, records, name: format!("bench-{:016x}-{nth}", fastrand::u64(..)) }
    }

    /// Makes transactions until the window is over.
    pub(super) async fn work(
        mut self,
        window: Window,
        pace: Pace,
        done: Arc<AtomicU64>,
    ) -> Result<Measured, Status> {
        let mut measured = Measured::new();
        let mut nth = 0_u64;
        while let Some(from) = pace.next().await {
            let began = Instant::now();
            while let Err(status) = self.transaction(nth).await {
                if status.code() != Code::ResourceExhausted {
                    return Err(status);
                }
                // The sidecar has as much as it may hold: the transaction is made anew, and its latency has all of that.
                measured.refused += 1;
                nth += 1;
                if window.is_over() {
                    return Ok(measured);
                }
                tokio::time::sleep(REFUSED_PAUSE).await;
            }
            measured.count(&window, from, began);
            count(&done);
            nth += 1;
        }
        Ok(measured)
    }

    async fn transaction(&mut self, nth: u64) -> Result<(), Status> {
        let name = format!("{}-{nth}", self.name);
        if self.load.mode == Mode::Transact {
            return self.transact(name).await;
        }
        let id = self.begin(name).await?;
        let produced = match self.load.mode {
            Mode::Stream => self.stream(&id).await,
            Mode::Transact | Mode::Interactive => self.in_steps(&id).await,
        };
        match produced {
            Ok(()) => self.commit(id).await,
            // What was accepted of it makes room for others.
            Err(status) => self.abort(id).await.and(Err(status)),
        }
    }

    async fn transact(&mut self, idempotency_key: String) -> Result<(), Status> {
        let records = self.records.clone();
        let request = TransactRequest { idempotency_key, records, ..TransactRequest::default() };
        self.client.transact(request).await.map(|_| ())
    }

    async fn in_steps(&mut self, id: &str) -> Result<(), Status> {
        for message in self.messages(id) {
            let ProduceStreamRequest { sequence, records, .. } = message;
            let produce = ProduceRequest { transaction_id: id.to_owned(), sequence, records };
            self.client.produce(produce).await?;
        }
        Ok(())
    }

    async fn stream(&mut self, id: &str) -> Result<(), Status> {
        let messages = tokio_stream::iter(self.messages(id));
        let mut acks = self.client.produce_stream(messages).await?.into_inner();
        let mut accepted = 0;
        while let Some(ack) = acks.message().await? {
            accepted = ack.next_sequence;
        }
        if accepted != self.total() {
            let total = self.total();
            return Err(Status::internal(format!("the stream ended after {accepted} of {total} records")));
        }
        Ok(())
    }

    async fn abort(&mut self, transaction_id: String) -> Result<(), Status> {
        let abort = AbortRequest { transaction_id, reason: "refused".to_owned(), ..AbortRequest::default() };
        self.client.abort(abort).await.map(|_| ())
    }

    async fn begin(&mut self, request_id: String) -> Result<String, Status> {
        let begin = BeginRequest { request_id, ..BeginRequest::default() };
        Ok(self.client.begin(begin).await?.into_inner().transaction_id)
    }

    async fn commit(&mut self, transaction_id: String) -> Result<(), Status> {
        let commit = CommitRequest {
            transaction_id,
            record_count: Some(self.total()),
            offsets_count: Some(0),
            ..CommitRequest::default()
        };
        self.client.commit(commit).await.map(|_| ())
    }

    fn total(&self) -> i64 {
        i64::try_from(self.load.records).unwrap_or(i64::MAX)
    }

    /// Made one by one as they are taken. The first names the transaction.
    fn messages(&self, id: &str) -> impl Iterator<Item = ProduceStreamRequest> + Send + use<> {
        let (records, total, mut id) = (self.records.clone(), self.load.records, Some(id.to_owned()));
        (0..total).step_by(records.len()).map(move |from| ProduceStreamRequest {
            transaction_id: id.take().unwrap_or_default(),
            sequence: i64::try_from(from).unwrap_or(i64::MAX),
            records: records[..records.len().min(total - from)].to_vec(),
        })
    }
}
