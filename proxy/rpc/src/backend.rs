//! What the gRPC layer needs of the sidecar behind it.

use sidecommit_core::{
    Answer, Limits, Millis, Refusal, Request, Serving, SessionStatus, Slot, Status, StreamEvent, StreamItem,
    Subscribe, TopicFacts, TransactionView, TxnId,
};
use std::{fmt, future::Future, sync::Arc};
use tokio::sync::{mpsc, watch};

/// The sidecar behind the gRPC layer.
pub trait Backend: Send + Sync + 'static {
    /// Hands a validated request to the engine and awaits its answer.
    ///
    /// Once polled the request is the engine's: dropping the future (its caller hung up) must not undo it.
    fn call(&self, request: Request) -> impl Future<Output = Result<Answer, Refusal>> + Send;

    /// A call about a transaction has begun, and it takes time until it can be handed to the engine: meanwhile, until the
    /// value is dropped, the transaction is not idle.
    fn underway(&self, txn: TxnId) -> Underway;

    /// What is known of a topic, from a cache where possible: it is asked once per topic and message.
    ///
    /// # Errors
    /// UNKNOWN_TOPIC (also for topics that applications may not write to, such as the outcomes), TOPIC_DENIED, or a
    /// reason to try again.
    fn topic(&self, name: &str) -> impl Future<Output = Result<Arc<TopicFacts>, Refusal>> + Send;

    /// Looks whether topics can be chosen by a regular expression.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    fn pattern(&self, pattern: &str) -> Result<(), String>;

    /// Begins a Consume stream: hands [`StreamEvent::Subscribe`] to the engine, and what comes after it.
    ///
    /// A refused subscription is told as the stream's first item; so is everything else that ends it.
    fn consume(&self, subscribe: Subscribe) -> ConsumeStream;

    /// The sidecar's state as of now.
    fn status(&self) -> impl Future<Output = NodeStatus> + Send;

    /// Whether the sidecar serves, as it changes; drives health and WatchStatus.
    fn serving(&self) -> watch::Receiver<Serving>;

    /// Transactions that are not final, oldest first.
    fn transactions(&self) -> impl Future<Output = Vec<TransactionView>> + Send;

    /// Consume sessions, in any order.
    fn sessions(&self) -> impl Future<Output = Vec<SessionStatus>> + Send;

    /// The time, as the engine is told it.
    fn now(&self) -> Millis;

    /// What changes rarely; the limits never.
    fn info(&self) -> ServerInfo;
}

/// A Consume stream between the gRPC layer and the engine.
///
/// Dropped, it tells the engine [`StreamEvent::Closed`]: always once, always last, also when it was the engine that ended it.
pub struct ConsumeStream {
    tell: Box<dyn Fn(StreamEvent) + Send + Sync>,
    items: mpsc::UnboundedReceiver<Result<StreamItem, Refusal>>,
}

/// A call about a transaction that is not the engine's yet, until it is dropped.
pub struct Underway(Box<dyn Fn() + Send + Sync>);

/// The sidecar's state, and what else an operator should see with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// Whether it serves.
    pub serving: Serving,
    /// Whose transactional.ids it uses; None: no slot is claimed.
    pub slot: Option<Slot>,
    /// The engine's state; None: there is no engine, as long as there is no slot or Kafka was not reached.
    pub engine: Option<Status>,
    /// What weakens the promise, e.g. a topic with min.insync.replicas below 2; for people.
    pub warnings: Vec<String>,
}

/// What changes rarely: once there is a slot, and Kafka was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    /// Of the sidecar.
    pub version: String,
    /// Whose transactional.ids it uses; None: no slot is claimed.
    pub slot: Option<Slot>,
    /// Kafka's, for idempotency keys; empty as long as Kafka was not reached.
    pub cluster_id: Arc<str>,
    /// Its limits.
    pub limits: Limits,
}

// === impl NodeStatus ===

impl NodeStatus {
    /// Of a running engine.
    pub fn of_engine(engine: Status, warnings: Vec<String>) -> Self {
        let (serving, slot) = (engine.serving.clone(), Some(engine.slot.clone()));
        Self { serving, slot, engine: Some(engine), warnings }
    }
}

// === impl ConsumeStream ===

impl ConsumeStream {
    /// `tell` hands an event to the engine and never blocks. `items` is what the engine tells: a refusal ends the stream.
    /// Credit bounds how much it holds.
    pub fn new(
        tell: impl Fn(StreamEvent) + Send + Sync + 'static,
        items: mpsc::UnboundedReceiver<Result<StreamItem, Refusal>>,
    ) -> Self {
        Self { tell: Box::new(tell), items }
    }

    pub(crate) fn tell(&self, event: StreamEvent) {
        (self.tell)(event);
    }

    /// None: the engine is gone.
    pub(crate) async fn next(&mut self) -> Option<Result<StreamItem, Refusal>> {
        self.items.recv().await
    }
}

impl Drop for ConsumeStream {
    fn drop(&mut self) {
        self.tell(StreamEvent::Closed);
    }
}

// === impl Underway ===

impl Underway {
    /// `end` tells the engine that it is over, and never blocks.
    pub fn new(end: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Box::new(end))
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        (self.0)();
    }
}

impl fmt::Debug for Underway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Underway").finish_non_exhaustive()
    }
}

impl fmt::Debug for ConsumeStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumeStream").finish_non_exhaustive()
    }
}
