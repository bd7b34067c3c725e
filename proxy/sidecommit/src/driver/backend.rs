//! A running engine as the gRPC layer sees it, through [`crate::serve`]'s front.

use super::{Handle, topics::Topics};
use crate::metrics::Metrics;
use sidecommit_core::{
    Answer, Input, Refusal, Request, SessionStatus, Slot, Subscribe, TopicFacts, TransactionView, TxnId,
};
use sidecommit_rpc::{ConsumeStream, NodeStatus, Underway};
use std::{sync::Arc, time::Instant};
use tokio::sync::mpsc;

/// Joins the engine, the topics and the metrics for the gRPC layer.
pub struct Sidecar {
    /// To the engine.
    pub engine: Handle,
    /// What is known of topics.
    pub topics: Topics,
    /// Where calls are counted.
    pub metrics: Metrics,
    /// Whose transactional.ids it uses.
    pub slot: Slot,
    /// Kafka's.
    pub cluster_id: Arc<str>,
}

// === impl Sidecar ===

impl Sidecar {
    /// Hands a request to the engine and awaits its answer; the call is counted.
    ///
    /// # Errors
    /// What the engine refuses.
    pub async fn call(&self, request: Request) -> Result<Answer, Refusal> {
        let (rpc, started) = (name(&request), Instant::now());
        let answer = self.engine.call(request).await;
        let code =
            answer.as_ref().map_or_else(|refusal| grpc_name(sidecommit_rpc::code(refusal.reason)), |_| "OK");
        self.metrics.observe_call(rpc, code, started.elapsed().as_secs_f64());
        answer
    }

    /// A call about a transaction has begun.
    pub fn underway(&self, txn: TxnId) -> Underway {
        let engine = self.engine.clone();
        engine.tell(Input::Underway { txn, begins: true });
        Underway::new(move || engine.tell(Input::Underway { txn, begins: false }))
    }

    /// What is known of a topic.
    ///
    /// # Errors
    /// As [`Topics::facts`].
    pub async fn topic(&self, name: &str) -> Result<Arc<TopicFacts>, Refusal> {
        self.topics.facts(name).await
    }

    /// Begins a Consume stream.
    pub fn consume(&self, subscribe: Subscribe) -> ConsumeStream {
        let (items, told) = mpsc::unbounded_channel();
        let stream = self.engine.subscribe(subscribe, items);
        let engine = self.engine.clone();
        ConsumeStream::new(move |event| engine.stream(stream, event), told)
    }

    /// The engine's state as of now; None: its thread has ended.
    pub async fn status(&self) -> Option<NodeStatus> {
        let engine = self.engine.look(|engine, now| engine.status(now)).await?;
        Some(NodeStatus::of_engine(engine, self.topics.warnings()))
    }

    /// Transactions that are not final, oldest first.
    pub async fn transactions(&self) -> Vec<TransactionView> {
        self.engine.look(|engine, now| engine.transactions(now)).await.unwrap_or_default()
    }

    /// Consume sessions.
    pub async fn sessions(&self) -> Vec<SessionStatus> {
        self.engine.look(|engine, _| engine.sessions()).await.unwrap_or_default()
    }
}

pub(crate) fn name(request: &Request) -> &'static str {
    match request {
        Request::Begin(_) => "Begin",
        Request::Produce(_) => "Produce",
        Request::SendOffsets(_) => "SendOffsets",
        Request::KeepAlive(_) => "KeepAlive",
        Request::Commit(_) => "Commit",
        Request::Abort(_) => "Abort",
        Request::Transact(_) => "Transact",
        Request::Get(_) => "GetTransaction",
        Request::Resume => "Resume",
    }
}

pub(crate) fn grpc_name(code: tonic::Code) -> &'static str {
    use tonic::Code as C;
    match code {
        C::Ok => "OK",
        C::Cancelled => "CANCELLED",
        C::Unknown => "UNKNOWN",
        C::InvalidArgument => "INVALID_ARGUMENT",
        C::DeadlineExceeded => "DEADLINE_EXCEEDED",
        C::NotFound => "NOT_FOUND",
        C::AlreadyExists => "ALREADY_EXISTS",
        C::PermissionDenied => "PERMISSION_DENIED",
        C::ResourceExhausted => "RESOURCE_EXHAUSTED",
        C::FailedPrecondition => "FAILED_PRECONDITION",
        C::Aborted => "ABORTED",
        C::OutOfRange => "OUT_OF_RANGE",
        C::Unimplemented => "UNIMPLEMENTED",
        C::Internal => "INTERNAL",
        C::Unavailable => "UNAVAILABLE",
        C::DataLoss => "DATA_LOSS",
        C::Unauthenticated => "UNAUTHENTICATED",
    }
}
