//! A sidecar that reaches its broker through a fault proxy only, and what its application was told.

use sidecommit_e2e::{App, Cluster, Refused, Sidecar, Spec, Told, check_ledger, offsets, record, unique};
use sidecommit_faultproxy::{Api, EndTxn, FaultProxy, Rule, RuleId};
use sidecommit_rpc::proto::v1;
use std::collections::BTreeMap;
use tokio::time::{Duration, Instant, sleep};
use tonic::Code;

/// How long librdkafka waits for a reply; it looks once per second.
pub(crate) const SOCKET_TIMEOUT: &str = "1500";
const PATIENCE: Duration = Duration::from_secs(120);

/// A sidecar behind a proxy.
pub(crate) struct Rig {
    pub(crate) cluster: Cluster,
    pub(crate) topic: String,
    /// Ends before its broker is out of reach.
    pub(crate) sidecar: Sidecar,
    pub(crate) proxy: FaultProxy,
    spec: Spec,
    /// Keeps every EndTxn request.
    watching: RuleId,
    ends: Vec<EndTxn>,
}

/// An application: one transaction after the other, of two records each, and what it was told.
pub(crate) struct Teller {
    pub(crate) app: App,
    pub(crate) told: BTreeMap<String, Told>,
    topic: String,
    group: String,
    /// Of the next transaction that sends one.
    offset: i64,
    /// The last that was told to be committed.
    committed: Option<i64>,
}

/// A transaction that was begun and has its records.
#[derive(Clone, Debug)]
pub(crate) struct Transfer {
    name: String,
    id: String,
    /// The offset that it sends.
    offset: Option<i64>,
}

// === impl Rig ===

impl Rig {
    /// Serving, with one lane: all its transactions have one transactional.id.
    pub(crate) async fn new(adapt: impl FnOnce(Spec) -> Spec) -> Self {
        let one = [("limits.lanes_max", "1"), ("limits.lanes_warm", "1"), ("limits.lanes_reserved", "0")];
        let one_lane = |spec: Spec| one.iter().fold(spec, |spec, (name, value)| spec.set(name, value));
        Self::seeded(0, |spec| adapt(one_lane(spec))).await
    }

    /// Likewise with all lanes, and with the seed of rules by probability.
    pub(crate) async fn seeded(seed: u64, adapt: impl FnOnce(Spec) -> Spec) -> Self {
        let cluster = Cluster::shared();
        let proxy = FaultProxy::seeded(&cluster.bootstrap(), seed).await.expect("the proxy starts");
        let watching = proxy.add(Rule::request(Api::END_TXN).keep());
        let spec = Spec::new(proxy.bootstrap())
            .set("kafka.socket.timeout.ms", SOCKET_TIMEOUT)
            // Other tests leave transactions open for long: they would hold back this one's outcomes.
            .set("outcomes.topic", &unique("outcomes"))
            .set("outcomes.partitions", "1")
            // Nothing may end by a clock.
            .set("limits.default_timeout", "5m")
            .set("limits.idle_timeout", "1m")
            .set("limits.lane_timeout", "2m");
        let spec = adapt(spec);
        let sidecar = spec.serve().await;
        Self { cluster, topic: cluster.topic(3), sidecar, proxy, spec, watching, ends: Vec::new() }
    }

    /// Its application, or one of them.
    pub(crate) fn teller(&self) -> Teller {
        Teller {
            app: self.sidecar.app(),
            told: BTreeMap::new(),
            topic: self.topic.clone(),
            group: unique("group"),
            offset: 0,
            committed: None,
        }
    }

    /// All EndTxn requests that reached the proxy so far.
    pub(crate) fn ends(&mut self) -> &[EndTxn] {
        let kept = self.proxy.take_kept(self.watching);
        self.ends.extend(
            kept.iter().map(|kept| EndTxn::parse(&kept.request).expect("librdkafka sends EndTxn v1")),
        );
        &self.ends
    }

    /// Inits the lane's transactional.id past the proxy: its producer is fenced.
    pub(crate) fn fence(&self) {
        self.cluster.fence(self.spec.slot(), 1);
    }

    /// Whether a transaction is open in Kafka.
    pub(crate) async fn is_open(&self) -> bool {
        for partition in 0..3 {
            if self.cluster.unstable(&self.topic, partition).await > 0 {
                return true;
            }
        }
        false
    }

    /// # Panics
    /// If a reader sees anything else than what these were told.
    pub(crate) fn check(&self, tellers: &[&Teller]) {
        let told = tellers.iter().flat_map(|teller| teller.told.clone()).collect();
        let visible = self.cluster.values(&self.topic);
        check_ledger(&told, &visible);
        for Teller { group, committed, .. } in tellers {
            let seen = self.cluster.committed_offset(group, &self.topic, 0);
            assert_eq!(seen, *committed, "{group}");
        }
    }
}

// === impl Teller ===

impl Teller {
    /// A transaction with its two records.
    pub(crate) async fn begin(&mut self) -> Transfer {
        let name = unique("transfer");
        let id = self.app.begin(&name).await.expect("begins");
        let halves = ["debit", "credit"].map(|half| record(&self.topic, half, &format!("{name}/{half}")));
        accepted(self.app.produce(&id, 0, halves.to_vec()).await);
        Transfer { name, id, offset: None }
    }

    /// Likewise, with an offset of its group.
    pub(crate) async fn begin_with_offset(&mut self) -> Transfer {
        let transfer = self.begin().await;
        self.offset += 1;
        let sent = offsets(&self.group, &self.topic, 0, self.offset);
        accepted(self.app.send_offsets(&transfer.id, sent).await);
        Transfer { offset: Some(self.offset), ..transfer }
    }

    /// Asks for its commit; the answer is left to [`Self::settle`].
    pub(crate) fn commit(&self, transfer: &Transfer) {
        let (mut app, transfer) = (self.app.clone(), transfer.clone());
        tokio::spawn(async move { commit(&mut app, &transfer).await });
    }

    /// Whether it is known and has no outcome yet.
    pub(crate) async fn is_waiting(&self, transfer: &Transfer) -> bool {
        let state = self.app.clone().get(&transfer.id, false).await.expect("is known").state();
        state == v1::TransactionState::Committing
    }

    /// Repeats Commit until there is an outcome. A second look has the same.
    pub(crate) async fn settle(&mut self, transfer: Transfer) -> Told {
        let told = outcome(&mut self.app, &transfer).await;
        assert_eq!(outcome(&mut self.app, &transfer).await, told, "{transfer:?} was told two outcomes");
        if told == Told::Committed {
            self.committed = transfer.offset.or(self.committed);
        }
        self.told.insert(transfer.name, told);
        told
    }

    /// A whole transaction, to its outcome.
    pub(crate) async fn transfer(&mut self) -> Told {
        let transfer = self.begin().await;
        self.settle(transfer).await
    }

    /// Likewise, with an offset of its group.
    pub(crate) async fn transfer_with_offset(&mut self) -> Told {
        let transfer = self.begin_with_offset().await;
        self.settle(transfer).await
    }

    /// The faults are over; what they left behind may still cost a transaction or two.
    pub(crate) async fn transfer_until_committed(&mut self) {
        let end = Instant::now() + PATIENCE;
        while self.transfer_with_offset().await != Told::Committed {
            assert!(Instant::now() < end, "nothing commits");
        }
    }
}

/// What streams may be aborted at once; its Commit will be told, too.
fn accepted(answer: Result<i64, Refused>) {
    assert!(answer.as_ref().err().is_none_or(|refused| refused.code == Code::Aborted), "{answer:?}");
}

async fn commit(app: &mut App, transfer: &Transfer) -> Result<(), Refused> {
    let offsets = i64::from(transfer.offset.is_some());
    app.commit(&transfer.id, 2, offsets).await.map(drop)
}

/// Repeats a Commit as its refusals say.
///
/// # Panics
/// If there is no outcome, or it is neither COMMITTED nor ABORTED.
async fn outcome(app: &mut App, transfer: &Transfer) -> Told {
    let end = Instant::now() + PATIENCE;
    loop {
        match commit(app, transfer).await {
            Ok(()) => return Told::Committed,
            Err(refused) if refused.code == Code::Aborted => return Told::Aborted,
            Err(refused) if refused.asks_again() => {
                assert!(Instant::now() < end, "{transfer:?}, no outcome within {PATIENCE:?}: {refused:?}");
                sleep(Duration::from_millis(20)).await;
            }
            Err(refused) => panic!("{transfer:?}: {refused:?}"),
        }
    }
}
