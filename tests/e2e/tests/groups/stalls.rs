//! Who waits for whom: readers for nobody that is buffered, Transact for no stream, and nobody for ever.

use crate::rig::spec;
use sidecommit_e2e::{App, Cluster, Metrics, Refused, Spec, eventually, record, unique};
use sidecommit_rpc::proto::v1::{self, TransactionState};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    task::{JoinSet, LocalSet},
    time::{sleep, timeout},
};

/// More than limits.streaming_bytes below.
const LARGE: usize = 20_000;
/// How long one of many small transactions may take while others stream.
const PROMPT: Duration = Duration::from_secs(10);
/// Transactions of which the first records are too much for the buffer.
const CROWD: usize = 120;
/// How long a full buffer may hold anybody up.
const RESOLVED: Duration = Duration::from_secs(60);

fn large(topic: &str, key: &str) -> Vec<v1::Record> {
    vec![record(topic, key, &"x".repeat(LARGE))]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stops_in_the_middle_of_a_small_transaction_stalls_no_reader() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let sidecar = spec(&cluster.bootstrap()).set("limits.idle_timeout", "3s").serve().await;
    let (mut stopped, mut other) = (sidecar.app(), sidecar.app());
    let txn = stopped.begin("stops").await.expect("begins");
    stopped.produce(&txn, 0, vec![record(&topic, "k", "never seen")]).await.expect("accepts");
    let mut seen = 0;
    let mut sees_the_next = async || {
        let name = unique("other");
        other.transact(&name, vec![record(&topic, "k", &name)]).await.expect("commits");
        seen += 1;
        // Its markers may be written after the reply.
        eventually("a reader sees it", 2, async || cluster.visible_now(&topic).len() == seen).await;
    };
    let mut while_open = 0;
    while stopped.get(&txn, false).await.expect("is known").state() == TransactionState::Open {
        sees_the_next().await;
        while_open += 1;
    }
    assert!(while_open > 1, "it was open while others committed");
    sees_the_next().await;
    let refused = stopped.commit(&txn, 1, 0).await.expect_err("is over");
    assert_eq!(refused.reason, "TIMED_OUT_IDLE");
    assert_eq!(cluster.values(&topic).get("never seen"), None);
}

/// Nothing of these tests ends by a clock.
fn patient(spec: Spec) -> Spec {
    spec.set("limits.idle_timeout", "5m")
        .set("limits.lane_timeout", "10m")
        .set("limits.default_timeout", "10m")
        .set("limits.streaming_bytes", "16KiB")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_in_all_lanes_that_they_may_have_do_not_stop_transact() {
    let cluster = Cluster::shared();
    let (topic, streamed) = (cluster.topic(2), cluster.topic(2));
    let sidecar = patient(spec(&cluster.bootstrap()))
        .set("limits.lanes_max", "4")
        .set("limits.lanes_reserved", "2")
        .serve()
        .await;
    let mut app = sidecar.app();
    let mut streams = Vec::new();
    for n in 0..6 {
        let txn = app.begin(&unique("stream")).await.expect("begins");
        app.produce(&txn, 0, large(&streamed, &n.to_string())).await.expect("accepts");
        streams.push((txn, 1));
    }
    let mut on_lanes = 0;
    eventually("two of them stream", 20, async || {
        on_lanes = 0;
        for (txn, next) in &mut streams {
            // It is at a call that a transaction takes a lane.
            *next = app.produce(txn, *next, large(&streamed, "more")).await.expect("accepts");
            on_lanes += usize::from(app.get(txn, false).await.expect("is open").lane.is_some());
        }
        on_lanes == 2
    })
    .await;

    let mut others = JoinSet::new();
    for n in 0..64 {
        let (mut app, topic) = (sidecar.app(), topic.clone());
        others.spawn(async move {
            let name = unique("small");
            let records = vec![record(&topic, &name, &name)];
            let committed = async {
                match n % 2 {
                    0 => app.transact(&name, records).await.map(drop),
                    _ => app.run(&name, records).await.map(drop),
                }
            };
            timeout(PROMPT, committed).await.expect("does not wait for a stream").expect("commits");
        });
    }
    others.join_all().await;
    assert_eq!(cluster.visible(&topic).len(), 64);
    let mut records = 0;
    for (txn, next) in streams {
        assert_eq!(app.get(&txn, false).await.expect("is known").state(), TransactionState::Open);
        app.settle(&txn, next).await.expect("commits");
        records += next;
    }
    assert_eq!(cluster.visible(&streamed).len() as i64, records);
}

/// One of many whose transactions are too much for the buffer together.
struct Crowded {
    app: App,
    topic: String,
    name: String,
    /// How many had their first answer that says whether there is room.
    arrived: Arc<watch::Sender<usize>>,
    has_arrived: bool,
    /// What it was refused for, and where.
    met: BTreeSet<String>,
}

// === impl Crowded ===

impl Crowded {
    const RECORDS: i64 = 3;

    fn record(&self, n: i64) -> v1::Record {
        record(&self.topic, &self.name, &format!("{}/{n} {}", self.name, "x".repeat(9_000)))
    }

    /// Does what it is told until it is committed.
    async fn run(mut self) -> (String, BTreeSet<String>) {
        while !self.attempt().await {}
        (self.name, self.met)
    }

    fn arrive(&mut self) {
        if !std::mem::replace(&mut self.has_arrived, true) {
            self.arrived.send_modify(|arrived| *arrived += 1);
        }
    }

    async fn attempt(&mut self) -> bool {
        let Some(txn) = self.told(async |this| this.app.begin(&unique("crowded")).await).await else {
            return false;
        };
        for n in 0..Self::RECORDS {
            let record = self.record(n);
            let produced = async |this: &mut Self| this.app.produce(&txn, n, vec![record.clone()]).await;
            if self.told(produced).await.is_none() {
                return false;
            }
            // Nobody goes on before the first records fill the buffer.
            self.arrive();
            let mut arrived = self.arrived.subscribe();
            arrived.wait_for(|arrived| *arrived == CROWD).await.expect("we have its sender");
        }
        self.told(async |this| this.app.commit(&txn, Self::RECORDS, 0).await).await.is_some()
    }

    /// The answer; None: it was told to begin again.
    async fn told<T>(&mut self, mut call: impl AsyncFnMut(&mut Self) -> Result<T, Refused>) -> Option<T> {
        loop {
            let refused = match call(self).await {
                Ok(answer) => return Some(answer),
                Err(refused) => refused,
            };
            self.met.insert(refused.reason.clone());
            self.arrive();
            match refused.next.as_str() {
                "BEGIN_AGAIN" => return None,
                "RETRY_SAME" => sleep(refused.delay.expect("says when to try again")).await,
                _ => panic!("{refused:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_full_buffer_resolves_itself() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(3);
    let sidecar = patient(spec(&cluster.bootstrap()))
        .set("limits.lanes_max", "4")
        .set("limits.buffer_bytes", "1MiB")
        .set("limits.lane_window_bytes", "64KiB")
        .set("max_message_size", "1MiB")
        .serve()
        .await;
    let arrived = Arc::new(watch::Sender::new(0));
    let (local, mut crowd) = (LocalSet::new(), JoinSet::new());
    for _ in 0..CROWD {
        let (app, topic, name) = (sidecar.app(), topic.clone(), unique("crowded"));
        let one =
            Crowded { app, topic, name, arrived: arrived.clone(), has_arrived: false, met: BTreeSet::new() };
        let ends = async move { timeout(RESOLVED, one.run()).await.expect("is committed in the end") };
        crowd.spawn_local_on(ends, &local);
    }
    let ended = local.run_until(crowd.join_all()).await;
    let met: BTreeSet<_> = ended.iter().flat_map(|(_, met)| met).collect();
    println!("{met:?}");
    assert!(!met.is_empty(), "the buffer was full");
    let visible = cluster.values(&topic);
    assert!(visible.values().all(|times| *times == 1), "once");
    assert_eq!(visible.len() as i64, Crowded::RECORDS * CROWD as i64);
    for (name, _) in &ended {
        let whole = visible.keys().filter(|value| value.starts_with(&format!("{name}/"))).count();
        assert_eq!(whole as i64, Crowded::RECORDS, "{name}");
    }
    eventually("nothing is buffered", 20, async || Metrics::of(&sidecar).sum("buffered_bytes") == 0.0).await;
    sidecar.app().run("next", vec![record(&topic, "k", "next")]).await.expect("commits");
}
