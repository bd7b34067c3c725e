//! Callers that go on whatever happens.

use crate::PATIENCE;
use sidecommit_e2e::{App, Sidecar, Spec, Told, eventually, record, unique};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{task::JoinHandle, time::timeout};

/// A sidecar and its callers.
pub(crate) struct Callers {
    sidecar: Sidecar,
    over: Arc<AtomicBool>,
    committed: Arc<AtomicUsize>,
    tasks: Vec<JoinHandle<BTreeMap<String, Told>>>,
}

// === impl Callers ===

impl Callers {
    pub(crate) async fn start(spec: &Spec, topic: &str, callers: usize) -> Self {
        let sidecar = spec.serve().await;
        let (over, committed) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let tasks = (0..callers).map(|_| {
            let (mut app, topic) = (sidecar.app(), topic.to_owned());
            let (over, committed) = (over.clone(), committed.clone());
            tokio::spawn(async move {
                let mut told = BTreeMap::new();
                while !over.load(Ordering::Relaxed) {
                    let name = unique("caller");
                    let outcome = timeout(2 * PATIENCE, transfer(&mut app, &topic, &name)).await;
                    let outcome = outcome.unwrap_or_else(|_| panic!("{name} has no outcome"));
                    committed.fetch_add(usize::from(outcome == Told::Committed), Ordering::Relaxed);
                    told.insert(name, outcome);
                }
                told
            })
        });
        Self { tasks: tasks.collect(), sidecar, over, committed }
    }

    /// Waits until some more transactions were committed.
    pub(crate) async fn go_on(&self, when: &str) {
        let enough = self.committed.load(Ordering::Relaxed) + 2 * self.tasks.len();
        let what = format!("callers go on, {when}");
        eventually(&what, PATIENCE.as_secs(), async || {
            self.committed.load(Ordering::Relaxed) >= enough || self.tasks.iter().any(JoinHandle::is_finished)
        })
        .await;
    }

    /// What they were told.
    pub(crate) async fn stop(self) -> BTreeMap<String, Told> {
        self.over.store(true, Ordering::Relaxed);
        let mut told = BTreeMap::new();
        for task in self.tasks {
            told.extend(task.await.expect("a caller ends well"));
        }
        drop(self.sidecar);
        told
    }
}

async fn transfer(app: &mut App, topic: &str, name: &str) -> Told {
    let pause = || tokio::time::sleep(Duration::from_millis(20));
    let txn = loop {
        match app.begin(name).await {
            Ok(txn) => break txn,
            Err(refused) if refused.asks_again() => pause().await,
            Err(refused) => panic!("{name}: {refused:?}"),
        }
    };
    let halves = ["debit", "credit"].map(|half| record(topic, half, &format!("{name}/{half}")));
    while let Err(refused) = app.produce(&txn, 0, halves.to_vec()).await {
        if !refused.asks_again() {
            break; // Commit will be told why
        }
        pause().await;
    }
    match app.settle_within(&txn, 2, PATIENCE).await {
        Ok(_) => Told::Committed,
        Err(refused) if refused.code == tonic::Code::Aborted => Told::Aborted,
        Err(refused) => panic!("{name} ({txn}): {refused:?}"),
    }
}
