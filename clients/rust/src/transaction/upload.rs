//! A transaction's ProduceStream: pulls batches from the outbox as fast as the sidecar takes them, and is opened anew, from what
//! was acknowledged last, when it breaks.

use crate::{
    backoff::Backoff,
    outbox::{Batch, Outbox},
    record::Record,
    refusal::Refusal,
    rpc::Stub,
    trace::Trace,
    v1::{NextAction, ProduceStreamRequest, ProduceStreamResponse, Reason},
};
use futures_util::stream;
use parking_lot::Mutex;
use std::{
    pin::pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, Waker},
};
use tokio::sync::Notify;
use tonic::{Code, Request, Status};

/// What the transaction and its stream share.
#[derive(Debug)]
pub(super) struct Upload {
    transaction_id: String,
    state: Mutex<State>,
    /// Acks, failures, and batches for a stream that is not open.
    changed: Notify,
    /// Of the first record.
    trace: OnceLock<Trace>,
}

#[derive(Debug, Default)]
struct State {
    outbox: Outbox,
    /// Why nothing more can be sent.
    failure: Option<Refusal>,
    /// Why the last stream broke.
    last: Option<Refusal>,
    /// Counts the streams: an older one that is not gone yet must take no batches.
    stream: u64,
    /// The stream waits for a batch.
    waiting: Option<Waker>,
    /// No more records come: streams end when all is sent.
    closed: bool,
}

// === impl Upload ===

impl Upload {
    pub(super) fn new(transaction_id: String) -> Self {
        Self { transaction_id, state: Mutex::default(), changed: Notify::new(), trace: OnceLock::new() }
    }

    /// Takes a record, or gives it back while the window is full.
    pub(super) fn offer(&self, record: Record) -> Result<Option<Record>, Refusal> {
        let mut state = self.state.lock();
        match &state.failure {
            Some(failure) => Err(failure.clone()),
            None if state.closed => Err(Refusal {
                code: Code::FailedPrecondition,
                reason: Reason::NotOpen,
                ..Refusal::malformed("its commit or abort was asked")
            }),
            None if state.outbox.is_full() => Ok(Some(record)),
            None => {
                self.add(&mut state, record);
                Ok(None)
            }
        }
    }

    /// Takes a record, however full the window is.
    pub(super) fn push(&self, record: Record) {
        self.add(&mut self.state.lock(), record);
    }

    fn add(&self, state: &mut State, record: Record) {
        self.trace.get_or_init(Trace::current);
        if state.outbox.push(record) {
            self.wake(state);
        }
    }

    /// Waits for room in the window.
    pub(super) async fn room(&self) -> Result<(), Refusal> {
        self.until(|state| !state.outbox.is_full()).await
    }

    /// Waits until all is acknowledged.
    pub(super) async fn settled(&self) -> Result<(), Refusal> {
        self.until(|state| state.outbox.is_empty()).await
    }

    /// Has everything sent. Where no stream was needed so far and one message is enough, that is for the caller to send.
    pub(super) fn flush(&self) -> Option<Batch> {
        let mut state = self.state.lock();
        let first = state.stream == 0 && !state.outbox.has_unsent() && state.failure.is_none();
        if !state.outbox.seal() {
            return None;
        }
        if first {
            return state.outbox.next();
        }
        self.wake(&mut state);
        None
    }

    /// No more records come.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        self.wake(&mut state);
    }

    pub(super) fn count(&self) -> i64 {
        self.state.lock().outbox.count()
    }

    pub(super) fn acknowledge(&self, next_sequence: i64) {
        self.state.lock().outbox.acknowledge(next_sequence);
        self.changed.notify_waiters();
    }

    /// The sidecar goes on from another record than was thought.
    pub(super) fn rewind_to(&self, next_sequence: i64) {
        let mut state = self.state.lock();
        if !state.outbox.rewind_to(next_sequence) {
            state.failure = Some(Refusal {
                code: Code::DataLoss,
                next_action: NextAction::BeginAgain,
                ..Refusal::malformed("the sidecar no longer has records that it acknowledged")
            });
        }
        self.wake(&mut state);
        drop(state);
        self.changed.notify_waiters();
    }

    /// Nothing more can be sent; without a refusal what is not acknowledged is sent again.
    pub(super) fn fail(&self, refusal: Option<&Refusal>) {
        let mut state = self.state.lock();
        match refusal.filter(|refusal| !refusal.repeats()) {
            Some(refusal) => state.failure = Some(refusal.clone()),
            None => state.outbox.rewind(),
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// Why the last stream broke.
    pub(super) fn last(&self) -> Option<Refusal> {
        self.state.lock().last.clone()
    }

    /// That of the first record.
    pub(super) fn trace(&self) -> Trace {
        self.trace.get_or_init(Trace::current).clone()
    }

    /// There is something to send.
    fn wake(&self, state: &mut State) {
        match state.waiting.take() {
            Some(waker) => waker.wake(),
            None => self.changed.notify_waiters(),
        }
    }

    async fn until(&self, reached: impl Fn(&State) -> bool) -> Result<(), Refusal> {
        loop {
            let mut changed = pin!(self.changed.notified());
            // What changes from here on is not missed.
            changed.as_mut().enable();
            {
                let state = self.state.lock();
                match &state.failure {
                    Some(failure) => return Err(failure.clone()),
                    None if reached(&state) => return Ok(()),
                    None => {}
                }
            }
            changed.await;
        }
    }

    /// A new stream's number; what is not acknowledged is sent on it.
    fn open(&self) -> u64 {
        let mut state = self.state.lock();
        state.outbox.rewind();
        state.waiting = None;
        state.stream += 1;
        state.stream
    }

    /// The next message of a stream.
    fn poll_message(&self, stream: u64, context: &Context<'_>) -> Poll<Option<ProduceStreamRequest>> {
        let mut state = self.state.lock();
        if state.stream != stream {
            return Poll::Ready(None);
        }
        if let Some(Batch { sequence, records, .. }) = state.outbox.next() {
            let transaction_id = self.transaction_id.clone();
            return Poll::Ready(Some(ProduceStreamRequest { transaction_id, sequence, records }));
        }
        if state.closed {
            return Poll::Ready(None);
        }
        state.waiting = Some(context.waker().clone());
        Poll::Pending
    }

    /// Sends until the stream ends.
    async fn stream(self: &Arc<Self>, mut stub: Stub, backoff: &mut Backoff) -> Result<(), Status> {
        let (number, upload) = (self.open(), Arc::clone(self));
        let messages = stream::poll_fn(move |context| upload.poll_message(number, context));
        let mut request = Request::new(messages);
        self.trace().inject(request.metadata_mut());
        let mut acks = stub.produce_stream(request).await?.into_inner();
        while let Some(ProduceStreamResponse { next_sequence }) = acks.message().await? {
            self.acknowledge(next_sequence);
            *backoff = Backoff::default();
        }
        Ok(())
    }
}

/// Sends what there is to send, until the transaction is over.
pub(super) async fn run(upload: Arc<Upload>, stub: Stub) {
    let mut backoff = Backoff::default();
    while upload.until(|state| state.outbox.has_unsent()).await.is_ok() {
        let refusal = match upload.stream(stub.clone(), &mut backoff).await {
            Ok(()) if upload.state.lock().outbox.is_empty() => continue,
            Ok(()) => Refusal::of(&Status::unavailable("the stream ended before its last ack"), false),
            Err(status) => Refusal::of(&status, false),
        };
        let refusal = Refusal { transaction_id: Some(upload.transaction_id.clone()), ..refusal };
        upload.state.lock().last = Some(refusal.clone());
        match refusal.sends_from() {
            Some(sequence) => upload.rewind_to(sequence),
            None => upload.fail(Some(&refusal)),
        }
        backoff.rest(refusal.retry_delay).await;
    }
}
