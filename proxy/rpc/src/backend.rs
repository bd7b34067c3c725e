//! What the gRPC layer needs of the sidecar behind it.

use sidecommit_core::{
    Answer, Limits, Millis, Refusal, Request, Serving, Slot, Status, TopicFacts, TransactionView,
};
use std::{future::Future, sync::Arc};
use tokio::sync::watch;

/// The sidecar behind the gRPC layer.
pub trait Backend: Send + Sync + 'static {
    /// Hands a validated request to the engine and awaits its answer.
    ///
    /// Once polled the request is the engine's: dropping the future (its caller hung up) must not undo it.
    fn call(&self, request: Request) -> impl Future<Output = Result<Answer, Refusal>> + Send;

    /// What is known of a topic, from a cache where possible: it is asked once per topic and message.
    ///
    /// # Errors
    /// UNKNOWN_TOPIC (also for topics that applications may not write to, such as the outcomes), TOPIC_DENIED, or a
    /// reason to try again.
    fn topic(&self, name: &str) -> impl Future<Output = Result<Arc<TopicFacts>, Refusal>> + Send;

    /// The sidecar's state as of now.
    fn status(&self) -> impl Future<Output = NodeStatus> + Send;

    /// Whether the sidecar serves, as it changes; drives health and WatchStatus.
    fn serving(&self) -> watch::Receiver<Serving>;

    /// Transactions that are not final, oldest first.
    fn transactions(&self) -> impl Future<Output = Vec<TransactionView>> + Send;

    /// The time, as the engine is told it.
    fn now(&self) -> Millis;

    /// What does not change while the process lives.
    fn info(&self) -> ServerInfo;
}

/// The engine's state, and what else an operator should see with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// The engine's state.
    pub engine: Status,
    /// What weakens the promise, e.g. a topic with min.insync.replicas below 2; for people.
    pub warnings: Vec<String>,
}

/// What does not change while the process lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    /// Of the sidecar.
    pub version: String,
    /// Whose transactional.ids it uses.
    pub slot: Slot,
    /// Its limits.
    pub limits: Limits,
}
