//! The sidecar as the gRPC layer sees it.

use super::{Handle, topics::Topics};
use crate::metrics::Metrics;
use sidecommit_core::{
    Answer, Input, Millis, Refusal, Request, Serving, SessionStatus, Subscribe, TopicFacts, TransactionView,
    TxnId,
};
use sidecommit_rpc::{Backend, ConsumeStream, NodeStatus, ServerInfo, Underway};
use std::{sync::Arc, time::Instant};
use tokio::sync::{mpsc, watch};

/// Joins the engine, the topics and the metrics for the gRPC layer.
pub struct Sidecar {
    /// To the engine.
    pub engine: Handle,
    /// What is known of topics.
    pub topics: Topics,
    /// Where calls are counted.
    pub metrics: Metrics,
    /// Whether the engine serves.
    pub serving: watch::Receiver<Serving>,
    /// What does not change.
    pub info: ServerInfo,
}

// === impl Sidecar ===

impl Backend for Sidecar {
    async fn call(&self, request: Request) -> Result<Answer, Refusal> {
        let (rpc, started) = (name(&request), Instant::now());
        let answer = self.engine.call(request).await;
        let code =
            answer.as_ref().map_or_else(|refusal| grpc_name(sidecommit_rpc::code(refusal.reason)), |_| "OK");
        self.metrics.observe_call(rpc, code, started.elapsed().as_secs_f64());
        answer
    }

    fn underway(&self, txn: TxnId) -> Underway {
        let engine = self.engine.clone();
        engine.tell(Input::Underway { txn, begins: true });
        Underway::new(move || engine.tell(Input::Underway { txn, begins: false }))
    }

    async fn topic(&self, name: &str) -> Result<Arc<TopicFacts>, Refusal> {
        self.topics.facts(name).await
    }

    fn pattern(&self, pattern: &str) -> Result<(), String> {
        sidecommit_kafka::check_pattern(pattern)
    }

    fn consume(&self, subscribe: Subscribe) -> ConsumeStream {
        let (items, told) = mpsc::unbounded_channel();
        let stream = self.engine.subscribe(subscribe, items);
        let engine = self.engine.clone();
        ConsumeStream::new(move |event| engine.stream(stream, event), told)
    }

    async fn status(&self) -> NodeStatus {
        match self.engine.look(|engine, now| engine.status(now)).await {
            Some(engine) => NodeStatus { engine, warnings: self.topics.warnings() },
            // The engine has drained: the server is about to close the connection.
            None => std::future::pending().await,
        }
    }

    fn serving(&self) -> watch::Receiver<Serving> {
        self.serving.clone()
    }

    async fn transactions(&self) -> Vec<TransactionView> {
        self.engine.look(|engine, now| engine.transactions(now)).await.unwrap_or_default()
    }

    async fn sessions(&self) -> Vec<SessionStatus> {
        self.engine.look(|engine, _| engine.sessions()).await.unwrap_or_default()
    }

    fn now(&self) -> Millis {
        self.engine.now()
    }

    fn info(&self) -> ServerInfo {
        self.info.clone()
    }
}

fn name(request: &Request) -> &'static str {
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

fn grpc_name(code: tonic::Code) -> &'static str {
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
