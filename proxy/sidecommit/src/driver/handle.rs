//! How the rest of the process speaks to the engine's thread.

use super::Clock;
use sidecommit_core::{
    Answer, ConsumerEvent, ConsumerId, Engine, Generation, Input, LaneEvent, LaneIndex, Millis, ReadResult,
    ReadToken, Reason, Refusal, Request, StreamEvent, StreamId, StreamItem, Subscribe, SyncToken,
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
    mpsc,
};
use tokio::sync::{mpsc::UnboundedSender, oneshot};

/// What a Consume stream is told.
pub(super) type Items = UnboundedSender<Result<StreamItem, Refusal>>;

/// Somebody who wants to see the engine's state.
type Look = Box<dyn FnOnce(&Engine, Millis) + Send>;

/// What reaches the engine's thread.
pub(super) enum Message {
    Input(Input),
    Call {
        request: Request,
        reply: oneshot::Sender<Result<Answer, Refusal>>,
    },
    Subscribe {
        stream: StreamId,
        subscribe: Box<Subscribe>,
        items: Items,
    },
    Look(Look),
    /// End as it is: what is undecided is for whoever comes next.
    Quit,
}

/// Sends to the engine's thread; cheap to clone.
#[derive(Clone)]
pub struct Handle {
    sender: mpsc::Sender<Message>,
    clock: Clock,
    streams: Arc<AtomicU64>,
}

// === impl Handle ===

impl Handle {
    pub(super) fn new(sender: mpsc::Sender<Message>, clock: Clock) -> Self {
        Self { sender, clock, streams: Arc::default() }
    }

    /// The engine's time.
    pub fn now(&self) -> Millis {
        self.clock.now()
    }

    /// Asks the engine. The request is sent when the future is first polled; from then on dropping the future (the
    /// caller hung up) changes nothing.
    pub async fn call(&self, request: Request) -> Result<Answer, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Call { request, reply });
        answer.await.unwrap_or_else(|_| Err(Refusal::new(Reason::Draining, "the sidecar is ending")))
    }

    /// Looks at the engine's state.
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Engine, Millis) -> T + Send + 'static,
    ) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Look(Box::new(move |engine, now| {
            // The asker may be gone.
            let _ = reply.send(look(engine, now));
        })));
        answer.await.ok()
    }

    /// As [`Self::look`], for threads.
    pub fn look_blocking<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Engine, Millis) -> T + Send + 'static,
    ) -> Option<T> {
        let (reply, answer) = mpsc::sync_channel(1);
        self.send(Message::Look(Box::new(move |engine, now| {
            let _ = reply.send(look(engine, now));
        })));
        answer.recv().ok()
    }

    /// Tells the engine.
    pub fn tell(&self, input: Input) {
        self.send(Message::Input(input));
    }

    /// A Consume stream begins; what it is told goes to `items`.
    pub fn subscribe(&self, subscribe: Subscribe, items: Items) -> StreamId {
        let stream = StreamId(self.streams.fetch_add(1, Ordering::Relaxed));
        self.send(Message::Subscribe { stream, subscribe: Box::new(subscribe), items });
        stream
    }

    /// A Consume stream says something.
    pub fn stream(&self, stream: StreamId, event: StreamEvent) {
        self.tell(Input::Stream { stream, event });
    }

    /// A member of a consumer group reports.
    pub fn consumer(&self, consumer: ConsumerId, event: ConsumerEvent) {
        self.tell(Input::Consumer { consumer, event });
    }

    /// A lane reports.
    pub fn lane(&self, lane: LaneIndex, generation: Generation, event: LaneEvent) {
        self.tell(Input::Lane { lane, generation, event });
    }

    /// A read came back.
    pub fn read(&self, token: ReadToken, result: ReadResult) {
        self.tell(Input::Read { token, result });
    }

    /// Ends the engine's thread, whatever is under way.
    pub fn quit(&self) {
        self.send(Message::Quit);
    }

    pub(super) fn synced(&self, token: SyncToken) {
        self.tell(Input::Synced(token));
    }

    fn send(&self, message: Message) {
        // The engine's thread ends after its drain: then nobody listens and nothing is owed.
        let _ = self.sender.send(message);
    }
}
