//! An application that copies: reads, transforms, writes, and settles, each delivery in one transaction.

use crate::{App, Reader, Refused, reader::Told, subscribe};
use bytes::Bytes;
use sidecommit_rpc::proto::v1;
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{sync::watch, task::JoinHandle, time::sleep};

/// How long it waits after something went wrong.
const PAUSE: Duration = Duration::from_millis(50);

/// What to copy, and how.
#[derive(Clone, Debug)]
pub struct Copy {
    /// The sidecar's socket.
    pub socket: PathBuf,
    /// What to read.
    pub subscribe: v1::Subscribe,
    /// Where to write.
    pub to: String,
}

/// A running copier. Aborting it is the death of the application: its connections break.
#[derive(Debug)]
pub struct Copier {
    task: JoinHandle<()>,
    over: Arc<watch::Sender<bool>>,
    copied: Arc<AtomicUsize>,
}

// === impl Copy ===

impl Copy {
    /// From one topic to another.
    pub fn new(socket: PathBuf, group: &str, from: &str, to: &str) -> Self {
        Self { socket, subscribe: subscribe(group, &[from]), to: to.to_owned() }
    }

    /// Starts.
    pub fn start(self) -> Copier {
        let copied = Arc::<AtomicUsize>::default();
        let over = Arc::new(watch::Sender::new(false));
        let (counter, until) = (copied.clone(), over.subscribe());
        let task = tokio::spawn(async move {
            let run = self.run(&counter, until);
            run.await;
        });
        Copier { task, over, copied }
    }

    /// Until it is over. Whatever goes wrong, it subscribes again: what is not settled comes again.
    async fn run(self, copied: &AtomicUsize, until: watch::Receiver<bool>) {
        let mut session = String::new();
        while !*until.borrow() {
            let subscribe = v1::Subscribe { session_id: session.clone(), ..self.subscribe.clone() };
            let ended = match Reader::start(&self.socket, subscribe).await {
                Ok(mut reader) => {
                    session.clone_from(&reader.session);
                    reader.credit(2);
                    match self.copy_all(&mut reader, copied, until.clone()).await {
                        Some(refused) => refused,
                        None => return,
                    }
                }
                Err(refused) => refused,
            };
            // A session that has to be begun anew.
            if ended.next == "BEGIN_AGAIN" {
                session.clear();
            }
            sleep(ended.delay.unwrap_or(PAUSE)).await;
        }
    }

    /// None: it is over, between two deliveries.
    async fn copy_all(
        &self,
        reader: &mut Reader,
        copied: &AtomicUsize,
        mut until: watch::Receiver<bool>,
    ) -> Option<Refused> {
        let mut app = App::connect(&self.socket);
        loop {
            let told = tokio::select! {
                told = reader.next() => told,
                _ = until.wait_for(|over| *over) => return None,
            };
            match told {
                Ok(Told::Delivery(delivery)) => {
                    let records = delivery.records.len();
                    if self.copy(&mut app, delivery).await {
                        copied.fetch_add(records, Ordering::Relaxed);
                    }
                    reader.credit(1);
                }
                Ok(Told::Rebalanced | Told::Idle | Told::Refused(_)) => {}
                Err(refused) => return Some(refused),
            }
        }
    }

    /// One delivery. False: it is void, and whatever it was comes again.
    async fn copy(&self, app: &mut App, delivery: v1::Delivery) -> bool {
        // Names the attempt: should the answer get lost, the same call is repeated.
        let key = delivery.delivery_id.clone();
        let records: Vec<_> = delivery.records.iter().map(|record| self.transformed(record)).collect();
        loop {
            let request = v1::TransactRequest {
                idempotency_key: key.clone(),
                records: records.clone(),
                delivery_ids: vec![delivery.delivery_id.clone()],
                ..v1::TransactRequest::default()
            };
            match app.stub.transact(request).await.map_err(Refused::from) {
                Ok(_) => return true,
                Err(refused) if refused.asks_again() => sleep(refused.delay.unwrap_or(PAUSE)).await,
                Err(_) => return false,
            }
        }
    }

    /// f(input): the value in brackets, in the partition of its key.
    pub(crate) fn transformed(&self, record: &v1::ConsumedRecord) -> v1::Record {
        let value = record.value.as_deref().unwrap_or_default();
        v1::Record {
            topic: self.to.clone(),
            key: record.key.clone(),
            value: Some(Bytes::from([b"[", value, b"]"].concat())),
            ..v1::Record::default()
        }
    }
}

// === impl Copier ===

impl Copier {
    /// Records whose commit it was told.
    pub fn copied(&self) -> usize {
        self.copied.load(Ordering::Relaxed)
    }

    /// The application ends in order: what it works on is settled.
    pub async fn end(mut self) {
        self.over.send_replace(true);
        // It was not aborted, and panics nowhere.
        let _ = (&mut self.task).await;
    }

    /// The application dies.
    pub fn kill(self) {
        self.task.abort();
    }
}

impl Drop for Copier {
    fn drop(&mut self) {
        self.task.abort();
    }
}
