//! One caller: an application's thread, as it were.

use super::{Client, Load, Measured, Window, count, pace::Pace};
use crate::bench::Mode;
use sidecommit_rpc::proto::v1::{
    BeginRequest, CommitRequest, ProduceRequest, ProduceStreamRequest, Record, TransactRequest,
};
use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Instant,
};
use tonic::Status;

/// Of a message.
const MESSAGE_BYTES: usize = 256 << 10;

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
            let name = format!("{}-{nth}", self.name);
            match self.load.mode {
                Mode::Transact => self.transact(name).await?,
                Mode::Stream => self.stream(name).await?,
                Mode::Interactive => self.in_steps(name).await?,
            }
            measured.count(&window, from, began);
            count(&done);
            nth += 1;
        }
        Ok(measured)
    }

    async fn transact(&mut self, idempotency_key: String) -> Result<(), Status> {
        let records = self.records.clone();
        let request = TransactRequest { idempotency_key, records, ..TransactRequest::default() };
        self.client.transact(request).await.map(|_| ())
    }

    async fn in_steps(&mut self, request_id: String) -> Result<(), Status> {
        let id = self.begin(request_id).await?;
        for message in self.messages(&id) {
            let ProduceStreamRequest { sequence, records, .. } = message;
            let produce = ProduceRequest { transaction_id: id.clone(), sequence, records };
            self.client.produce(produce).await?;
        }
        self.commit(id).await
    }

    async fn stream(&mut self, request_id: String) -> Result<(), Status> {
        let id = self.begin(request_id).await?;
        let messages = tokio_stream::iter(self.messages(&id));
        let mut acks = self.client.produce_stream(messages).await?.into_inner();
        let mut accepted = 0;
        while let Some(ack) = acks.message().await? {
            accepted = ack.next_sequence;
        }
        if accepted != self.total() {
            let total = self.total();
            return Err(Status::internal(format!("the stream ended after {accepted} of {total} records")));
        }
        self.commit(id).await
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
