//! ProduceStream: a task takes in the messages, the response stream tells how far it is.
//!
//! The two are apart so that an application that does not read its acks cannot stop its own upload. Between them is a
//! watch channel, which coalesces: the response stream always tells the latest.

use crate::{
    Backend,
    convert::{self, Trace, int64},
    proto::v1,
};
use futures_util::{FutureExt, StreamExt, stream};
use prost::Message;
use sidecommit_core::{Reason, Refusal, TxnId};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, time::timeout};
use tokio_stream::Stream;
use tonic::{Status, Streaming};

/// Messages without an ack at most.
const ACK_EVERY: u32 = 64;
/// After a message of this size the next one is probably on its way,
const BULK_BYTES: usize = 16 << 10;
/// so its ack waits this long for company: acks of bulk cost more than they tell.
const ACK_DELAY: Duration = Duration::from_millis(1);

/// How far an upload is.
#[derive(Clone, Default)]
struct Progress {
    /// Records before this index are accepted; absent before the first answer.
    next: Option<u64>,
    /// How it ended.
    end: Option<Result<(), Status>>,
}

struct Upload<B> {
    backend: Arc<B>,
    messages: Streaming<v1::ProduceStreamRequest>,
    trace: Trace,
    progress: watch::Sender<Progress>,
    txn: Option<TxnId>,
    next: Option<u64>,
    /// Messages accepted and not yet told.
    unacked: u32,
    /// The last message was large.
    bulk: bool,
}

/// Takes in the messages; the returned stream acknowledges them.
pub(super) fn start<B: Backend>(
    backend: Arc<B>,
    messages: Streaming<v1::ProduceStreamRequest>,
    trace: Trace,
) -> impl Stream<Item = Result<v1::ProduceStreamResponse, Status>> + Send {
    let (progress, told) = watch::channel(Progress::default());
    let upload =
        Upload { backend, messages, trace, progress, txn: None, next: None, unacked: 0, bulk: false };
    tokio::spawn(upload.run());
    acks(told)
}

/// The latest progress each time the application is ready for it; after the end always one more ack.
fn acks(
    told: watch::Receiver<Progress>,
) -> impl Stream<Item = Result<v1::ProduceStreamResponse, Status>> + Send {
    let ack = |next| v1::ProduceStreamResponse { next_sequence: int64(next) };
    stream::unfold(Some((told, None)), move |state| async move {
        let (mut told, acked) = state?;
        loop {
            let progress = told.borrow_and_update().clone();
            match progress.end {
                Some(Ok(())) => return progress.next.map(|next| (Ok(ack(next)), None)),
                Some(Err(status)) => return Some((Err(status), None)),
                None => {}
            }
            if let Some(next) = progress.next
                && acked != progress.next
            {
                return Some((Ok(ack(next)), Some((told, progress.next))));
            }
            if told.changed().await.is_err() {
                return Some((Err(Status::internal("the upload broke off: this is a bug")), None));
            }
        }
    })
}

// === impl Upload ===

impl<B: Backend> Upload<B> {
    async fn run(mut self) {
        let end = loop {
            match self.message().await {
                Ok(Some(message)) => {
                    if let Err(status) = self.take(message).await {
                        break Err(status);
                    }
                }
                Ok(None) => break Ok(()),
                Err(status) => break Err(status),
            }
        };
        self.progress.send_modify(|progress| {
            progress.next = self.next;
            progress.end = Some(end);
        });
    }

    /// The next message. If it is not there yet, those before it are acknowledged meanwhile.
    async fn message(&mut self) -> Result<Option<v1::ProduceStreamRequest>, Status> {
        if self.unacked > 0 {
            let ready = match self.messages.next().now_or_never() {
                None if self.bulk => timeout(ACK_DELAY, self.messages.next()).await.ok(),
                ready => ready,
            };
            if let Some(message) = ready {
                return message.transpose();
            }
            self.acknowledge();
        }
        self.messages.next().await.transpose()
    }

    async fn take(&mut self, message: v1::ProduceStreamRequest) -> Result<(), Status> {
        self.bulk = message.encoded_len() >= BULK_BYTES;
        let request = match self.transaction(&message.transaction_id) {
            Ok(txn) => {
                let records = message.records;
                convert::produce(&*self.backend, txn, message.sequence, records, &self.trace, true).await
            }
            Err(refusal) => Err(refusal),
        };
        let answer = match request {
            // The engine answers when it has room: that is the flow control.
            Ok(request) => self.backend.call(request).await,
            Err(refusal) => Err(refusal),
        };
        let answer = answer.map_err(|refusal| {
            let next_sequence = refusal.next_sequence.or(self.next);
            crate::status(&Refusal { next_sequence, ..refusal })
        })?;
        self.next = Some(convert::produced(answer)?);
        self.unacked += 1;
        if self.unacked >= ACK_EVERY {
            self.acknowledge();
        }
        Ok(())
    }

    /// The stream's transaction: named by the first message, at most repeated by later ones.
    fn transaction(&mut self, id: &str) -> Result<TxnId, Refusal> {
        match self.txn {
            Some(txn) if id.is_empty() => Ok(txn),
            Some(txn) => {
                if convert::txn("transaction_id", id)? == txn {
                    return Ok(txn);
                }
                let message =
                    format!("transaction_id {id}: expected {txn} or none: a stream has one transaction");
                Err(Refusal::new(Reason::InvalidField, message).field("transaction_id"))
            }
            None => {
                let txn = convert::txn("transaction_id", id)?;
                self.txn = Some(txn);
                Ok(txn)
            }
        }
    }

    fn acknowledge(&mut self) {
        self.unacked = 0;
        self.progress.send_modify(|progress| progress.next = self.next);
    }
}
