//! Several journals on one slot, old copies of one, and an outcomes topic that is compacted meanwhile: no answer is wrong,
//! and nothing is written twice.

use sidecommit_e2e::{
    App, Cluster, FAILPOINTS, Refused, Spec, Told, check_ledger, eventually, record, unique,
};
use sidecommit_rpc::proto::v1;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::{Duration, SystemTime},
};
use tonic::Code;

/// More than the markers that are kept of a lane, so that the oldest are overwritten.
const BEYOND_THE_RING: usize = 70;

/// An outcomes topic that Kafka compacts as soon as it can.
fn outcomes(cluster: Cluster) -> String {
    let eager = [
        ("cleanup.policy", "compact"),
        ("segment.ms", "100"),
        ("min.cleanable.dirty.ratio", "0.001"),
        ("max.compaction.lag.ms", "100"),
        ("delete.retention.ms", "0"),
    ];
    cluster.topic_with(1, &eager)
}

fn with_outcomes(spec: Spec, outcomes: &str) -> Spec {
    // One lane: its ring of markers is soon full.
    spec.set("outcomes.topic", outcomes)
        .set("outcomes.partitions", "1")
        .set("limits.lanes_max", "1")
        .set("limits.lanes_warm", "1")
        .set("limits.lanes_reserved", "0")
}

/// Waits until of all that is there now Kafka has kept the last record of each key only, and of `gone` nothing.
async fn compacted(cluster: Cluster, outcomes: &str, gone: &BTreeSet<String>) {
    cluster.put(outcomes, ["a stranger's", "a stranger's"].map(str::to_owned), Some("filler"));
    let records = |until: i64| {
        let visible = cluster.visible_now(outcomes).into_iter().filter(move |record| record.offset < until);
        visible.map(|record| String::from_utf8(record.key.expect("has a key")).expect("is text"))
    };
    let end = cluster.visible_now(outcomes).last().expect("something was written").offset + 1;
    let before = records(end).count();
    eventually("the outcomes topic is compacted", 120, async || {
        // Only what lies before the newest segment is cleaned: something must be written after it.
        cluster.put(outcomes, ["another's".to_owned()], Some("filler"));
        let mut seen = BTreeSet::new();
        let once = records(end).all(|key| !gone.contains(&key) && seen.insert(key));
        once && seen.len() < before
    })
    .await;
}

/// What was asked of several sidecars in turn, and what they said.
#[derive(Default)]
struct Ledger {
    /// By key: when it was first asked, and the transaction once it is told.
    keys: BTreeMap<String, (SystemTime, Option<String>)>,
    /// By name: the id, and what was told.
    ids: BTreeMap<String, (String, Option<Told>)>,
}

// === impl Ledger ===

impl Ledger {
    async fn transact(&mut self, app: &mut App, topic: &str, key: &str) -> Result<(), Refused> {
        let (first, known) = self.keys.entry(key.to_owned()).or_insert_with(|| (SystemTime::now(), None));
        let request = v1::TransactRequest {
            idempotency_key: key.to_owned(),
            first_attempt_time: Some((*first).into()),
            records: halves(topic, key),
            ..v1::TransactRequest::default()
        };
        let told = app.stub.transact(request).await.map_err(Refused::from)?.into_inner().transaction_id;
        let before = known.get_or_insert_with(|| told.clone());
        assert_eq!(*before, told, "{key} is another transaction now");
        Ok(())
    }

    async fn run(&mut self, app: &mut App, topic: &str) -> Result<(), Refused> {
        let name = unique("by-id");
        let txn = app.begin(&name).await?;
        self.ids.insert(name.clone(), (txn.clone(), None));
        app.produce(&txn, 0, halves(topic, &name)).await?;
        app.commit(&txn, 2, 0).await?;
        self.ids.insert(name, (txn, Some(Told::Committed)));
        Ok(())
    }

    /// One transaction after the other, by key and by id, until the sidecar dies.
    async fn work(&mut self, app: &mut App, topic: &str) {
        loop {
            let asked = match fastrand::bool() {
                true => self.transact(app, topic, &unique("by-key")).await,
                false => self.run(app, topic).await,
            };
            if asked.is_err() {
                return;
            }
        }
    }

    /// Asks again for everything. Whoever cannot know says so; what is said does not change.
    async fn ask(&mut self, app: &mut App, topic: &str) {
        for key in self.keys.keys().cloned().collect::<Vec<_>>() {
            let told = self.keys[&key].1.is_some();
            let mut answer = self.transact(app, topic, &key).await;
            while answer.as_ref().is_err_and(|refused| refused.asks_again() || refused.next == "BEGIN_AGAIN")
            {
                assert!(!told, "{key} was told COMMITTED, now {answer:?}");
                answer = self.transact(app, topic, &key).await;
            }
            if let Err(refused) = answer {
                assert_eq!(refused.reason, "OUTCOME_FORGOTTEN", "{key}");
                assert!(told, "{key} was never told, and is among the last");
            }
        }
        for (name, (txn, told)) in &mut self.ids {
            let now = match app.settle(txn, 2).await {
                Ok(_) => Told::Committed,
                Err(refused) if refused.code == Code::Aborted => Told::Aborted,
                Err(refused) => {
                    assert_eq!(refused.reason, "OUTCOME_FORGOTTEN", "{name}");
                    continue;
                }
            };
            assert_eq!(*told.get_or_insert(now), now, "{name}");
        }
    }

    /// Everything is as it was told. What was forgotten by everybody is whole or not there.
    fn check(self, mut visible: BTreeMap<String, usize>) {
        let mut told = BTreeMap::new();
        for (key, (_, id)) in self.keys {
            assert!(id.is_some(), "{key} was never told");
            told.insert(key, Told::Committed);
        }
        for (name, (_, outcome)) in self.ids {
            if let Some(outcome) = outcome {
                told.insert(name, outcome);
                continue;
            }
            let halves = ["debit", "credit"].map(|half| visible.remove(&format!("{name}/{half}")));
            assert!(matches!(halves, [None, None] | [Some(1), Some(1)]), "{name}: {halves:?}");
        }
        check_ledger(&told, &visible);
    }
}

fn halves(topic: &str, name: &str) -> Vec<v1::Record> {
    ["debit", "credit"].map(|half| record(topic, name, &format!("{name}/{half}"))).to_vec()
}

#[tokio::test]
async fn two_journals_take_turns_on_a_slot_through_crashes_and_compaction() {
    let cluster = Cluster::shared();
    let (topic, outcomes) = (cluster.topic(1), outcomes(cluster));
    let slot = format!("e2e/test/{}/0", unique("app"));
    let volumes = [(); 2].map(|()| with_outcomes(Spec::of_slot(&cluster.bootstrap(), &slot), &outcomes));
    let mut ledger = Ledger::default();
    for turn in 0..4 {
        // A new pod, with the volume of the last but one.
        let spec = volumes[turn % 2].clone().set("pod_uid", &unique("pod"));
        let point = FAILPOINTS[turn % FAILPOINTS.len()];
        let commits = 2 + if turn % 3 == 0 { BEYOND_THE_RING } else { 2 };
        let mut sidecar = spec.set("failpoint", &format!("{point}:{}", 1 + commits)).serve().await;
        let mut app = sidecar.app();
        ledger.ask(&mut app, &topic).await;
        if turn % 2 == 1 {
            compacted(cluster, &outcomes, &BTreeSet::new()).await;
        }
        ledger.work(&mut app, &topic).await;
        sidecar.wait(Duration::from_secs(20));
    }
    for volume in volumes {
        let sidecar = volume.set("pod_uid", &unique("pod")).serve().await;
        ledger.ask(&mut sidecar.app(), &topic).await;
    }
    ledger.check(cluster.values(&topic));
}

/// A naive recovery believes that an absent marker proves an abort. Here it is absent, and the transaction is committed.
#[tokio::test]
async fn what_a_stranger_tombstoned_and_compaction_removed_is_unknown_and_never_aborted() {
    let cluster = Cluster::shared();
    let (topic, outcomes) = (cluster.topic(1), outcomes(cluster));
    let spec = with_outcomes(Spec::new(&cluster.bootstrap()), &outcomes);
    let mut sidecar = spec.clone().set("failpoint", "after-end:2").serve().await;
    let mut app = sidecar.app();
    let told = app.run("told", vec![record(&topic, "k", "told")]).await.expect("commits").transaction_id;
    let doubt = app.begin("in doubt").await.expect("begins");
    app.produce(&doubt, 0, vec![record(&topic, "k", "in doubt")]).await.expect("accepts");
    app.commit(&doubt, 1, 0).await.expect_err("dies before it tells");
    sidecar.wait(Duration::from_secs(20));

    let lane = format!("{}/0/", spec.slot());
    let keys = cluster.visible(&outcomes).into_iter().filter_map(|record| record.key);
    let keys = keys.map(|key| String::from_utf8(key).expect("is text"));
    let ours: BTreeSet<String> = keys.filter(|key| key.starts_with(&lane)).collect();
    assert!(ours.len() >= 3, "birth and markers: {ours:?}");
    cluster.put(&outcomes, ours.clone(), None);
    compacted(cluster, &outcomes, &ours).await;
    assert_eq!(cluster.values(&topic).get("in doubt"), Some(&1), "it is committed");

    let sidecar = spec.expects("ERROR .. outcome unknown", "its marker was removed").serve().await;
    let mut app = sidecar.app();
    let refused = app.settle(&doubt, 1).await.expect_err("nobody can tell");
    assert_eq!(
        (refused.code, refused.reason.as_str(), refused.next.as_str()),
        (Code::DataLoss, "OUTCOME_UNKNOWN", "STOP")
    );
    assert!(refused.detail.is_some_and(|detail| detail.coordinate.is_some()), "says where to look");
    assert_eq!(app.settle(&told, 1).await.expect("was told, and is remembered").transaction_id, told);
    app.run("after", vec![record(&topic, "k", "after")]).await.expect("goes on");
}

#[tokio::test]
async fn a_journal_restored_from_an_older_copy_adopts_what_kafka_knows() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let spec = Spec::new(&cluster.bootstrap());
    let copies = tempfile::tempdir().expect("a temporary folder");
    let copy = copies.path().join("journal");
    let mut ledger = Ledger::default();
    let sidecar = spec.serve().await;
    ledger.transact(&mut sidecar.app(), &topic, "before the copy").await.expect("commits");
    ledger.run(&mut sidecar.app(), &topic).await.expect("commits");
    sidecar.kill();
    copy_folder(&spec.journal(), &copy);

    // Each life goes on from the same old copy; what the lives before did is in Kafka only.
    for point in FAILPOINTS {
        let mut sidecar = spec.clone().set("failpoint", &format!("{point}:5")).serve().await;
        let mut app = sidecar.app();
        ledger.ask(&mut app, &topic).await;
        let open = app.begin(&unique("open")).await.expect("begins");
        app.produce(&open, 0, halves(&topic, "never seen")).await.expect("accepts");
        ledger.work(&mut app, &topic).await;
        sidecar.wait(Duration::from_secs(20));
        drop(sidecar);
        fs::remove_dir_all(spec.journal()).expect("is there");
        copy_folder(&copy, &spec.journal());

        let sidecar = spec.serve().await;
        let mut app = sidecar.app();
        ledger.ask(&mut app, &topic).await;
        let refused = app.settle(&open, 2).await.expect_err("was never committed");
        assert!(["OUTCOME_FORGOTTEN", "SIDECAR_RESTARTED"].contains(&refused.reason.as_str()), "{refused:?}");
        sidecar.kill();
        fs::remove_dir_all(spec.journal()).expect("is there");
        copy_folder(&copy, &spec.journal());
    }
    ledger.check(cluster.values(&topic));
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a new folder");
    for entry in fs::read_dir(from).expect("is there") {
        let entry = entry.expect("can be listed");
        let to = to.join(entry.file_name());
        if entry.file_type().expect("can be listed").is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("can be copied");
        }
    }
}
