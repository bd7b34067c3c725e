//! Nobody leads the outcomes, or no broker is there at all, for a while: a sidecar goes on by itself once they are back.

use crate::{ask_commit, begun, brokers, one_lane};
use sidecommit_e2e::{
    Blind, Sidecar, Spec, Told, Work, check_ledger, eventually, fence, record, unique, values,
};
use sidecommit_fixture::Replicated;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// Transfers of one sidecar.
struct Transfers {
    sidecar: Sidecar,
    data: String,
    told: BTreeMap<String, Told>,
}

impl Transfers {
    async fn serve(brokers: &Replicated, spec: &Spec) -> Self {
        let data = unique("transfers");
        brokers.kafka().create_topic(&data, 1, &[]).expect("the topic can be made");
        Self { sidecar: spec.serve().await, data, told: BTreeMap::new() }
    }

    async fn begin(&self) -> (String, String) {
        begun(&mut self.sidecar.app(), &self.data).await
    }

    async fn settle(&mut self, (name, txn): (String, String)) {
        let told = match self.sidecar.app().settle(&txn, 2).await {
            Ok(_) => Told::Committed,
            Err(refused) if refused.code == tonic::Code::Aborted => Told::Aborted,
            Err(refused) => panic!("{name} ({txn}): {refused:?}"),
        };
        self.told.insert(name, told);
    }

    async fn logs(&self, line: &str, times: usize) {
        let logged = async || self.sidecar.log().matches(line).count() >= times;
        eventually(&format!("{times} of {line:?} in the log"), 90, logged).await;
    }

    /// It works on, and readers see what was told.
    async fn check(mut self, brokers: &Replicated) {
        let name = unique("outage");
        let mut blind = Blind::connect(&self.sidecar.socket());
        blind.transfer(&Work::transfer(&self.data, &name)).await.committed();
        self.told.insert(name, Told::Committed);
        check_ledger(&self.told, &values(brokers.kafka(), &self.data));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outcomes_are_read_once_their_partition_has_a_leader_again() {
    let mut brokers = brokers().await;
    let (spec, _) = one_lane(&brokers);
    let outcomes = unique("outcomes");
    let spec = spec
        .set("outcomes.topic", &outcomes)
        .set("outcomes.partitions", "1")
        .set("outcomes.replication_factor", "1")
        .set("outcomes.min_insync_replicas", "1")
        .expects_fence("the test inits its transactional.id");
    let mut transfers = Transfers::serve(&brokers, &spec).await;
    let doubtful = transfers.begin().await;

    let leader = brokers.leader(&outcomes, 0).expect("is led");
    let other = brokers.brokers().find(|broker| *broker != leader).expect("there are three");
    brokers.kill(leader).expect("it is ours");
    let is_leaderless = async || brokers.leader_told_by(other, &outcomes, 0) == Some(-1);
    eventually("nobody leads it", 60, is_leaderless).await;
    // What it asks for first is whether it still owns its slot, which is written in the outcomes.
    fence(brokers.kafka(), spec.slot(), 1);
    ask_commit(transfers.sidecar.app(), &doubtful.1);
    transfers.logs("reading the outcomes failed", 2).await;

    brokers.heal().expect("it comes back");
    transfers.settle(doubtful).await;
    transfers.check(&brokers).await;
    // The other tests on these brokers expect every partition to survive the loss of one.
    brokers.kafka().delete_topic(&outcomes).expect("nobody needs it any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outcomes_are_read_once_there_are_brokers_again() {
    let mut brokers = brokers().await;
    let (spec, _) = one_lane(&brokers);
    let spec = spec.set("failpoint", "after-prepared:1:stop");
    let mut transfers = Transfers::serve(&brokers, &spec).await;
    let doubtful = transfers.begin().await;
    ask_commit(transfers.sidecar.app(), &doubtful.1);
    eventually("it stops before EndTxn", 60, async || transfers.sidecar.is_stopped()).await;

    for broker in brokers.brokers() {
        brokers.kill(broker).expect("it is ours");
    }
    transfers.sidecar.signal("CONT");
    transfers.logs("lane failed", 1).await;

    brokers.heal().expect("they come back");
    transfers.settle(doubtful).await;
    transfers.check(&brokers).await;
}

/// While they come back, brokers that the controller has given up know of no broker, not even of themselves, and tell
/// whoever asks. librdkafka then forgets them all, for ever: <https://github.com/confluentinc/librdkafka/issues/5301>.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn brokers_that_have_told_of_no_broker_are_found_again() {
    /// Twice as long as it takes the controller to give a broker up.
    const CUT_OFF: Duration = Duration::from_secs(8);
    let mut brokers = brokers().await;
    let (spec, _) = one_lane(&brokers);
    let transfers = Transfers::serve(&brokers, &spec).await;
    for broker in brokers.brokers() {
        brokers.cut_off(broker);
    }
    let cut_off = Instant::now();
    let (back, is_back) = watch::channel(false);
    // Each record for a topic that nobody knows has the sidecar ask for metadata.
    let asking = tokio::spawn({
        let mut app = transfers.sidecar.app();
        async move {
            let txn = app.begin(&unique("asking")).await.expect("begins");
            while !*is_back.borrow() {
                let asked = app.produce(&txn, 0, vec![record(&unique("unknown"), "k", "v")]).await;
                asked.expect_err("nobody knows its topic");
            }
        }
    });
    eventually("the controller has given them up", 60, async || cut_off.elapsed() > CUT_OFF).await;
    brokers.heal().expect("they come back");
    back.send_replace(true);
    asking.await.expect("asks until then");
    transfers.check(&brokers).await;
}
