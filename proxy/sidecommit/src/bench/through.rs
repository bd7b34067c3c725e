//! The same through a running sidecar.

use super::{
    Mode,
    measure::{Measured, Window},
    work::Work,
};
use crate::{demo::channel, exit::Failure};
use sidecommit_rpc::proto::v1::{
    BeginRequest, CommitRequest, GetServerInfoRequest, ProduceStreamRequest, Record, ServingState,
    TransactRequest, transaction_service_client::TransactionServiceClient,
};
use std::{
    path::Path,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;
use tonic::{Status, transport::Channel};

const CALL_DEADLINE: Duration = Duration::from_secs(60);
const START_PATIENCE: Duration = Duration::from_secs(60);
const START_POLL: Duration = Duration::from_millis(50);
/// Of a message in a stream.
const MESSAGE_BYTES: usize = 256 << 10;

type Client = TransactionServiceClient<Channel>;

/// One caller.
struct Caller {
    client: Client,
    work: Work,
    /// Of one call.
    records: Vec<Record>,
    name: String,
}

/// Makes transactions for some time.
pub(super) async fn run(
    socket: &Path,
    work: &Work,
    callers: u16,
    time: Duration,
) -> Result<Measured, Failure> {
    let client = Client::new(channel::unix(socket, CALL_DEADLINE));
    serving(client.clone()).await?;
    let window = Window::of(time);
    let mut running = JoinSet::new();
    for nth in 0..callers {
        running.spawn(Caller::new(client.clone(), work.clone(), nth).work(window));
    }
    let mut all = Measured::new();
    while let Some(measured) = running.join_next().await {
        all.beside(&measured.map_err(Failure::internal)?.map_err(|status| failed(&status))?);
    }
    Ok(all)
}

/// Waits until the sidecar serves.
pub(super) async fn serving(mut client: Client) -> Result<(), Failure> {
    let end = Instant::now() + START_PATIENCE;
    loop {
        match client.get_server_info(GetServerInfoRequest {}).await {
            Ok(info) if info.get_ref().state() == ServingState::Ready => return Ok(()),
            Ok(info) if Instant::now() > end => {
                return Err(Failure::Unavailable(format!("the sidecar is {:?}", info.get_ref().state())));
            }
            Err(status) if Instant::now() > end => return Err(failed(&status)),
            Ok(_) | Err(_) => tokio::time::sleep(START_POLL).await,
        }
    }
}

pub(super) fn failed(status: &Status) -> Failure {
    Failure::Unavailable(format!("sidecar: {:?}: {}", status.code(), status.message()))
}

// === impl Caller ===

impl Caller {
    fn new(client: Client, work: Work, nth: u16) -> Self {
        let a_call = match work.mode {
            Mode::Transact => work.records,
            Mode::Stream => (MESSAGE_BYTES / work.value.len()).clamp(1, work.records),
        };
        let records = work.records(a_call);
        Self { client, work, records, name: format!("bench-{:016x}-{nth}", fastrand::u64(..)) }
    }

    async fn work(mut self, window: Window) -> Result<Measured, Status> {
        let mut measured = Measured::new();
        for nth in 0_u64.. {
            if window.is_over() {
                break;
            }
            let began = Instant::now();
            let name = format!("{}-{nth}", self.name);
            match self.work.mode {
                Mode::Transact => self.transact(name).await?,
                Mode::Stream => self.stream(name).await?,
            }
            window.count(began, &mut measured);
        }
        Ok(measured)
    }

    async fn transact(&mut self, idempotency_key: String) -> Result<(), Status> {
        let records = self.records.clone();
        let request = TransactRequest { idempotency_key, records, ..TransactRequest::default() };
        self.client.transact(request).await.map(|_| ())
    }

    async fn stream(&mut self, request_id: String) -> Result<(), Status> {
        let begin = BeginRequest { request_id, ..BeginRequest::default() };
        let transaction_id = self.client.begin(begin).await?.into_inner().transaction_id;
        let mut acks = self.client.produce_stream(self.messages(&transaction_id)).await?.into_inner();
        let total = self.work.records as i64;
        let mut accepted = 0;
        while let Some(ack) = acks.message().await? {
            accepted = ack.next_sequence;
        }
        if accepted != total {
            return Err(Status::internal(format!("the stream ended after {accepted} of {total} records")));
        }
        let commit = CommitRequest {
            transaction_id,
            record_count: Some(total),
            offsets_count: Some(0),
            ..CommitRequest::default()
        };
        self.client.commit(commit).await.map(|_| ())
    }

    /// Made one by one as the stream takes them.
    fn messages(&self, id: &str) -> impl futures_util::Stream<Item = ProduceStreamRequest> + use<> {
        let (records, total, mut id) = (self.records.clone(), self.work.records, Some(id.to_owned()));
        let chunks = (0..total).step_by(records.len()).map(move |from| ProduceStreamRequest {
            transaction_id: id.take().unwrap_or_default(),
            sequence: from as i64,
            records: records[..records.len().min(total - from)].to_vec(),
        });
        tokio_stream::iter(chunks)
    }
}
