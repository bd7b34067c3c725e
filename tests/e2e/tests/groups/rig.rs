//! A sidecar whose transactions share groups, behind a fault proxy.

use sidecommit_e2e::{App, Cluster, Metrics, Sidecar, Spec, eventually, record, unique};
use sidecommit_faultproxy::{Api, EndTxn, FaultProxy, Rule, RuleId};
use std::sync::Arc;
use tokio::{sync::Semaphore, task::JoinSet};

/// Lanes of a rig.
pub(crate) const LANES: u64 = 4;

/// A sidecar behind a proxy.
pub(crate) struct Rig {
    pub(crate) cluster: Cluster,
    /// Ends before its broker is out of reach.
    pub(crate) sidecar: Sidecar,
    pub(crate) proxy: FaultProxy,
    /// Keeps every EndTxn request.
    watching: RuleId,
}

/// Every lane is busy with a transaction whose EndTxn is held back: what is committed meanwhile waits, and then shares a
/// group.
pub(crate) struct Plug<'a> {
    rig: &'a Rig,
    rule: RuleId,
    held: Arc<Semaphore>,
    transactions: JoinSet<()>,
}

/// A pod with group commit, and an outcomes topic of its own: what another's killed sidecar left open does not hold it
/// back.
pub(crate) fn spec(bootstrap: &str) -> Spec {
    Spec::new(bootstrap)
        .set("metrics_address", "127.0.0.1:0")
        .set("outcomes.topic", &unique("outcomes"))
        .set("outcomes.partitions", "1")
}

// === impl Rig ===

impl Rig {
    pub(crate) async fn new(cluster: Cluster, adapt: impl FnOnce(Spec) -> Spec) -> Self {
        let proxy = FaultProxy::start(&cluster.bootstrap()).await.expect("the proxy starts");
        let watching = proxy.add(Rule::request(Api::END_TXN).keep());
        let lanes = LANES.to_string();
        let spec = spec(proxy.bootstrap())
            .set("limits.lanes_max", &lanes)
            .set("limits.lanes_warm", &lanes)
            // A lane whose EndTxn is held back for less than 4 s is as good as before.
            .set("kafka.retry.backoff.ms", "5000")
            .set("kafka.retry.backoff.max.ms", "5000");
        let sidecar = adapt(spec).serve().await;
        Self { cluster, sidecar, proxy, watching }
    }

    /// An application's connection of its own.
    pub(crate) fn app(&self) -> App {
        self.sidecar.app()
    }

    /// How many Kafka transactions were asked to commit since this was last called.
    pub(crate) fn commits(&self) -> usize {
        let kept = self.proxy.take_kept(self.watching);
        let ends = kept.iter().map(|kept| EndTxn::parse(&kept.request).expect("librdkafka sends EndTxn v1"));
        ends.filter(|end| end.commit).count()
    }

    /// Makes every lane busy.
    pub(crate) async fn plug(&self) -> Plug<'_> {
        let topic = self.cluster.topic(1);
        let held = Arc::new(Semaphore::new(0));
        let rule = self.proxy.add(Rule::request(Api::END_TXN).hold(held.clone()));
        let mut transactions = JoinSet::new();
        for lane in 1..=LANES {
            let (mut app, topic) = (self.app(), topic.clone());
            transactions.spawn(async move {
                app.transact(&unique("plug"), vec![record(&topic, "k", "plug")]).await.expect("commits");
            });
            self.proxy.until_fired(rule, lane).await;
        }
        Plug { rig: self, rule, held, transactions }
    }

    /// Waits until so many committing transactions wait for a lane.
    pub(crate) async fn until_queued(&self, transactions: usize) {
        let queued = async || Metrics::of(&self.sidecar).sum("transactions_queued") as usize == transactions;
        eventually(&format!("{transactions} wait for a lane"), 20, queued).await;
    }
}

// === impl Plug ===

impl Plug<'_> {
    /// Lets the lanes go on.
    pub(crate) async fn pull(self) {
        // The rule first: what ends from here on is not held.
        self.rig.proxy.remove(self.rule);
        self.held.add_permits(LANES as usize);
        self.transactions.join_all().await;
    }
}
