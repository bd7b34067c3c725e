//! How the rest of the process speaks to the engine's thread.

use super::Clock;
use sidecommit_core::{
    Answer, Engine, Generation, Input, LaneEvent, LaneIndex, Millis, ReadResult, ReadToken, Reason, Refusal,
    Request, SyncToken,
};
use std::sync::mpsc;
use tokio::sync::oneshot;

/// Somebody who wants to see the engine's state.
type Look = Box<dyn FnOnce(&Engine, Millis) + Send>;

/// What reaches the engine's thread.
pub(super) enum Message {
    Input(Input),
    Call { request: Request, reply: oneshot::Sender<Result<Answer, Refusal>> },
    Look(Look),
}

/// Sends to the engine's thread; cheap to clone.
#[derive(Clone)]
pub struct Handle {
    sender: mpsc::Sender<Message>,
    clock: Clock,
}

// === impl Handle ===

impl Handle {
    pub(super) fn new(sender: mpsc::Sender<Message>, clock: Clock) -> Self {
        Self { sender, clock }
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

    /// A lane reports.
    pub fn lane(&self, lane: LaneIndex, generation: Generation, event: LaneEvent) {
        self.tell(Input::Lane { lane, generation, event });
    }

    /// A read came back.
    pub fn read(&self, token: ReadToken, result: ReadResult) {
        self.tell(Input::Read { token, result });
    }

    pub(super) fn synced(&self, token: SyncToken) {
        self.tell(Input::Synced(token));
    }

    fn send(&self, message: Message) {
        // The engine's thread ends only with the process, after the drain: then nobody listens and nothing is owed.
        let _ = self.sender.send(message);
    }
}
