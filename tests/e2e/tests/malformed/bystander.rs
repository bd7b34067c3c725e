//! Somebody else's application, which must not feel what the test does.

use sidecommit_e2e::{App, Cluster, Sidecar, eventually, record, unique};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};
use tokio::task::JoinHandle;

/// How many transactions it must get through to count as served.
const SERVED: usize = 5;

/// Commits one transaction after the other; any refusal fails the test.
pub(crate) struct Bystander {
    topic: String,
    committed: Arc<AtomicUsize>,
    enough: Arc<AtomicBool>,
    working: JoinHandle<()>,
}

// === impl Bystander ===

impl Bystander {
    pub(crate) fn start(cluster: Cluster, sidecar: &Sidecar) -> Self {
        let topic = cluster.topic(1);
        let committed = Arc::new(AtomicUsize::new(0));
        let enough = Arc::new(AtomicBool::new(false));
        let course = work(sidecar.app(), topic.clone(), committed.clone(), enough.clone());
        Self { topic, committed, enough, working: tokio::spawn(course) }
    }

    /// It is served now.
    pub(crate) async fn is_served(&self) {
        let before = self.committed.load(Ordering::Relaxed);
        eventually("the bystander is served", 60, async || {
            assert!(!self.working.is_finished(), "the bystander was refused");
            self.committed.load(Ordering::Relaxed) >= before + SERVED
        })
        .await;
    }

    /// It was served to the end, and all that it was told is so.
    pub(crate) async fn end(self, cluster: Cluster) {
        self.is_served().await;
        self.enough.store(true, Ordering::Relaxed);
        self.working.await.expect("the bystander was served");
        let values = cluster.values(&self.topic);
        assert_eq!(values.len(), self.committed.load(Ordering::Relaxed));
        assert!(values.values().all(|count| *count == 1));
    }
}

async fn work(mut app: App, topic: String, committed: Arc<AtomicUsize>, enough: Arc<AtomicBool>) {
    while !enough.load(Ordering::Relaxed) {
        let name = unique("bystander");
        app.run(&name, vec![record(&topic, &name, &name)]).await.expect("the bystander is served");
        committed.fetch_add(1, Ordering::Relaxed);
    }
}
