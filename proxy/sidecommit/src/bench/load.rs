//! The load: callers that make transactions through a sidecar for some time, one after the other (closed loop) or as they are due (open loop).

mod caller;
mod measured;
mod pace;
mod schedule;
mod window;

pub(super) use measured::Measured;
pub(super) use window::Window;

use super::args::{LoadArgs, Mode};
use crate::{demo::channel, exit::Failure};
use bytes::Bytes;
use caller::Caller;
use pace::Pace;
use sidecommit_rpc::proto::v1::{
    GetServerInfoRequest, Record, ServingState, transaction_service_client::TransactionServiceClient,
};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinSet;
use tonic::{Status, transport::Channel};

const CALL_DEADLINE: Duration = Duration::from_secs(60);
const START_PATIENCE: Duration = Duration::from_secs(60);
/// Short, since a sidecar's start is measured by it too.
const START_POLL: Duration = Duration::from_millis(5);
const STREAM_RECORDS: u32 = 10_000;
/// More callers than these share no connection, unless it is asked for.
const CALLERS_PER_CONNECTION: u16 = 64;

pub(super) type Client = TransactionServiceClient<Channel>;

/// What is done.
#[derive(Clone, Debug)]
pub(super) struct Load {
    pub(super) mode: Mode,
    pub(super) topic: Arc<str>,
    pub(super) callers: u16,
    pub(super) connections: u16,
    /// Per transaction.
    pub(super) records: usize,
    /// Random bytes: nothing that compresses.
    pub(super) value: Bytes,
    pub(super) warmup: Duration,
    pub(super) seconds: Duration,
    /// Open loop: transactions a second.
    pub(super) rate: Option<f64>,
}

/// A load under way.
pub(super) struct Running {
    pub(super) window: Window,
    /// Transactions so far, those of the warm-up too.
    done: Arc<AtomicU64>,
    pace: Pace,
    callers: JoinSet<Result<Measured, Status>>,
}

/// A client of a sidecar that may not serve yet.
pub(super) fn client(socket: &Path) -> Client {
    Client::new(channel::unix(socket, CALL_DEADLINE))
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

// === impl Load ===

impl Load {
    pub(super) fn of(args: &LoadArgs, callers: u16) -> Self {
        let records = match args.mode {
            Mode::Transact | Mode::Interactive => args.records.unwrap_or(1),
            Mode::Stream => args.records.unwrap_or(STREAM_RECORDS),
        };
        let value: Vec<u8> = (0..args.record_size).map(|_| fastrand::u8(..)).collect();
        Self {
            mode: args.mode,
            topic: args.topic.as_str().into(),
            callers,
            connections: args
                .connections
                .unwrap_or_else(|| callers.div_ceil(CALLERS_PER_CONNECTION))
                .min(callers),
            records: records as usize,
            value: value.into(),
            warmup: args.warmup,
            seconds: args.seconds,
            rate: args.rate,
        }
    }

    /// So many records as gRPC takes them; without a key, so that the partitioner spreads batches, not records.
    fn records(&self, count: usize) -> Vec<Record> {
        let record =
            Record { topic: self.topic.to_string(), value: Some(self.value.clone()), ..Record::default() };
        vec![record; count]
    }

    /// Begins.
    pub(super) async fn start(&self, socket: &Path) -> Result<Running, Failure> {
        let clients: Vec<Client> = (0..self.connections).map(|_| client(socket)).collect();
        for client in &clients {
            serving(client.clone()).await?;
        }
        let window = Window::of(self.warmup, self.seconds);
        let pace = Pace::start(self.rate, window).map_err(Failure::internal)?;
        let done = Arc::<AtomicU64>::default();
        let mut callers = JoinSet::new();
        for (nth, client) in (0..self.callers).zip(clients.iter().cycle()) {
            let caller = Caller::new(client.clone(), self.clone(), nth);
            callers.spawn(caller.work(window, pace.clone(), done.clone()));
        }
        Ok(Running { window, done, pace, callers })
    }
}

// === impl Running ===

impl Running {
    pub(super) fn done(&self) -> Arc<AtomicU64> {
        self.done.clone()
    }

    /// Waits for the last transaction.
    pub(super) async fn finish(mut self) -> Result<Measured, Failure> {
        let mut all = Measured::new();
        while let Some(measured) = self.callers.join_next().await {
            all.beside(&measured.map_err(Failure::internal)?.map_err(|status| failed(&status))?);
        }
        all.never_started = self.pace.never_started();
        Ok(all)
    }
}

/// Counts one.
fn count(done: &AtomicU64) {
    done.fetch_add(1, Ordering::Relaxed);
}
