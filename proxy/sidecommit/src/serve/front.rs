//! What stands behind the listeners for the whole life of the process: a running engine, or a waiting room that refuses every call with
//! the reason. So a connection outlives the engines it speaks with.

use crate::{
    driver::{Clock, Sidecar, grpc_name, name},
    metrics::Metrics,
};
use sidecommit_core::{
    Answer, Input, Limits, Millis, Refusal, Request, Serving, SessionStatus, Slot, Subscribe, TopicFacts,
    TransactionView, TxnId,
};
use sidecommit_rpc::{Backend, ConsumeStream, NodeStatus, ServerInfo, Underway};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// The sidecar as applications and operators see it.
pub(super) struct Front {
    stage: watch::Sender<Stage>,
    /// Drives health.
    serving: watch::Sender<Serving>,
    limits: Limits,
    metrics: Metrics,
    clock: Clock,
}

#[derive(Clone)]
enum Stage {
    /// There is no engine; whose it will be, once that is known.
    Waiting(Option<Slot>),
    Running(Arc<Sidecar>),
}

// === impl Front ===

impl Front {
    /// A waiting room.
    pub(super) fn new(limits: Limits, metrics: Metrics, serving: Serving) -> Self {
        Self {
            stage: watch::Sender::new(Stage::Waiting(None)),
            serving: watch::Sender::new(serving),
            limits,
            metrics,
            clock: Clock::start(),
        }
    }

    /// The clock of all engines of this process: it never goes back from one to the next.
    pub(super) fn clock(&self) -> Clock {
        self.clock
    }

    /// There is no engine, for this reason. What is under way with the last one goes on.
    pub(super) fn wait(&self, slot: Option<Slot>, why: Serving) {
        self.stage.send_replace(Stage::Waiting(slot));
        self.tell(why);
    }

    /// An engine takes over.
    pub(super) fn run(&self, sidecar: Sidecar) {
        self.stage.send_replace(Stage::Running(Arc::new(sidecar)));
    }

    /// Whether it serves, for health and for who waits.
    pub(super) fn tell(&self, serving: Serving) {
        self.serving.send_if_modified(|now| {
            let changed = *now != serving;
            *now = serving;
            changed
        });
    }

    /// The state as of now. Waits while an engine that has ended was not replaced yet, or for ever if it does not answer.
    pub(super) async fn look(&self) -> NodeStatus {
        let mut stage = self.stage.subscribe();
        loop {
            let now = stage.borrow_and_update().clone();
            match now {
                Stage::Waiting(slot) => {
                    let serving = self.serving.borrow().clone();
                    return NodeStatus { serving, slot, engine: None, warnings: Vec::new() };
                }
                Stage::Running(sidecar) => {
                    if let Some(node) = sidecar.status().await {
                        return self.seen(node);
                    }
                }
            }
            if stage.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// An engine whose slot is lost drains as any other: what it stands for is told here.
    fn seen(&self, node: NodeStatus) -> NodeStatus {
        match &*self.serving.borrow() {
            lost @ Serving::NoSlot(_) => NodeStatus { serving: lost.clone(), slot: None, ..node },
            _ => node,
        }
    }

    fn running(&self) -> Option<Arc<Sidecar>> {
        match &*self.stage.borrow() {
            Stage::Running(sidecar) => Some(sidecar.clone()),
            Stage::Waiting(_) => None,
        }
    }

    fn refusal(&self) -> Refusal {
        self.serving.borrow().refusal()
    }
}

impl Backend for Front {
    async fn call(&self, request: Request) -> Result<Answer, Refusal> {
        if let Some(sidecar) = self.running() {
            return sidecar.call(request).await;
        }
        let refusal = self.refusal();
        self.metrics.observe_call(name(&request), grpc_name(sidecommit_rpc::code(refusal.reason)), 0.0);
        Err(refusal)
    }

    fn underway(&self, txn: TxnId) -> Underway {
        match self.running() {
            Some(sidecar) => {
                sidecar.engine.tell(Input::Underway { txn, begins: true });
                Underway::new(move || sidecar.engine.tell(Input::Underway { txn, begins: false }))
            }
            None => Underway::new(|| ()),
        }
    }

    async fn topic(&self, name: &str) -> Result<Arc<TopicFacts>, Refusal> {
        match self.running() {
            Some(sidecar) => sidecar.topics.facts(name).await,
            None => Err(self.refusal()),
        }
    }

    fn pattern(&self, pattern: &str) -> Result<(), String> {
        sidecommit_kafka::check_pattern(pattern)
    }

    fn consume(&self, subscribe: Subscribe) -> ConsumeStream {
        if let Some(sidecar) = self.running() {
            return sidecar.consume(subscribe);
        }
        let (items, told) = mpsc::unbounded_channel();
        // Its stream is there to read it.
        let _ = items.send(Err(self.refusal()));
        ConsumeStream::new(|_| (), told)
    }

    async fn status(&self) -> NodeStatus {
        self.look().await
    }

    fn serving(&self) -> watch::Receiver<Serving> {
        self.serving.subscribe()
    }

    async fn transactions(&self) -> Vec<TransactionView> {
        match self.running() {
            Some(sidecar) => sidecar.transactions().await,
            None => Vec::new(),
        }
    }

    async fn sessions(&self) -> Vec<SessionStatus> {
        match self.running() {
            Some(sidecar) => sidecar.sessions().await,
            None => Vec::new(),
        }
    }

    fn now(&self) -> Millis {
        self.clock.now()
    }

    fn info(&self) -> ServerInfo {
        let (slot, cluster_id) = match &*self.stage.borrow() {
            Stage::Waiting(slot) => (slot.clone(), Arc::from("")),
            Stage::Running(sidecar) => (Some(sidecar.slot.clone()), sidecar.cluster_id.clone()),
        };
        ServerInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            slot,
            cluster_id,
            limits: self.limits.clone(),
        }
    }
}
