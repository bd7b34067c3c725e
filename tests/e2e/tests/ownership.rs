//! Two sidecars with one slot: the older steps down, and a zombie commits nothing.

use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use sidecommit_e2e::{App, Cluster, Sidecar, Spec, eventually, record, unique};
use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

/// An older one inits before it can read whose the slot is: once per lane it fences the owner, who opens it again.
const LAST_TWITCH: &str = "the older one inits a lane before it reads that the slot is not its own";

fn two_pods(cluster: Cluster) -> (Spec, Spec) {
    let slot = format!("e2e/test/{}/0", unique("app"));
    (Spec::of_slot(&cluster.bootstrap(), &slot), Spec::of_slot(&cluster.bootstrap(), &slot))
}

async fn steps_down(sidecar: &Sidecar, app: &mut App, topic: &str) {
    eventually("the older one steps down", 60, async || {
        // Only a producer's init or end meets the fence: work makes it notice.
        let _ = app.run(&unique("poke"), vec![record(topic, "k", "zombie")]).await;
        app.state().await.as_deref() == Some("FENCED_BY_RIVAL")
    })
    .await;
    let refused = app.begin(&unique("late")).await.expect_err("has stepped down");
    assert_eq!((refused.reason.as_str(), refused.next.as_str()), ("FENCED_BY_RIVAL", "WAIT_READY"));
    assert!(sidecar.log().contains("FencedByRival"));
}

/// How often each lane's producer was fenced.
fn fences(sidecar: &Sidecar) -> BTreeMap<String, usize> {
    let mut fences = BTreeMap::new();
    for line in
        sidecar.log().lines().filter(|line| line.contains("lane failed") && line.contains("kind=Fenced"))
    {
        let lane =
            line.split("lane=").nth(1).and_then(|rest| rest.split(' ').next()).expect("names its lane");
        *fences.entry(lane.to_owned()).or_default() += 1;
    }
    fences
}

/// The older one has stepped down for good: whatever is asked of it, the newer one is not fenced again.
async fn is_left_alone(newer: &Sidecar, older: &mut App, topic: &str) {
    for n in 0..20 {
        let _ = older.run(&unique("poke"), vec![record(topic, "k", "zombie")]).await;
        newer
            .app()
            .run(&unique("goes on"), vec![record(topic, "k", &format!("goes on {n}"))])
            .await
            .expect("serves");
    }
    let fences = fences(newer);
    assert!(fences.values().all(|fences| *fences <= 1), "one replacement a lane at most: {fences:?}");
}

#[tokio::test]
async fn the_older_of_two_steps_down_and_says_so() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let (first, second) = two_pods(cluster);
    let (first, second) = (first.expects_fence("the newer one starts"), second.expects_fence(LAST_TWITCH));
    let older = first.serve().await;
    let mut app = older.app();
    app.run("before", vec![record(&topic, "k", "older")]).await.expect("serves");

    let newer = second.serve().await;
    newer.app().run("after", vec![record(&topic, "k", "newer")]).await.expect("serves");
    steps_down(&older, &mut app, &topic).await;
    newer.app().run("still", vec![record(&topic, "k", "newest")]).await.expect("is not fenced back");
    is_left_alone(&newer, &mut app, &topic).await;

    let visible = cluster.values(&topic);
    assert_eq!(visible.get("zombie"), None);
    assert_eq!(["older", "newer", "newest"].map(|value| visible.get(value).copied()), [Some(1); 3]);
}

#[tokio::test]
async fn what_the_predecessor_committed_its_successor_confirms() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let (first, second) = two_pods(cluster);
    let older = first.serve().await;
    let committed =
        older.app().transact("order-1", vec![record(&topic, "k", "once")]).await.expect("commits");
    older.kill();
    let newer = second.serve().await;
    let again = newer
        .app()
        .transact("order-1", vec![record(&topic, "k", "once")])
        .await
        .expect("is known by its key");
    assert_eq!(again.transaction_id, committed.transaction_id);
    assert_eq!(cluster.values(&topic).get("once"), Some(&1));
}

#[tokio::test]
async fn a_zombie_commits_nothing_on_its_lanes_nor_on_a_lane_its_successor_never_opened() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let (first, second) = two_pods(cluster);
    // The successor may have one lane only: the zombie's others are lanes that it will never use.
    let (first, second) = (
        first
            .set("limits.lanes_warm", "4")
            .set("limits.streaming_bytes", "0B")
            .set("limits.lanes_reserved", "0")
            .expects_fence("its successor starts while it stands still"),
        second
            .set("limits.lanes_max", "1")
            .set("limits.lanes_warm", "1")
            .set("limits.lanes_reserved", "0")
            .expects_fence(LAST_TWITCH),
    );
    let zombie = first.serve().await;
    let mut app = zombie.app();
    let mut open = Vec::new();
    for n in 0..3 {
        let txn = app.begin(&format!("open-{n}")).await.expect("begins");
        app.produce(&txn, 0, vec![record(&topic, "k", "zombie")]).await.expect("streams");
        open.push(txn);
    }
    zombie.signal("STOP");
    let successor = second.serve().await;
    successor.app().run("new", vec![record(&topic, "k", "successor")]).await.expect("serves");
    zombie.signal("CONT");

    for txn in &open {
        let refused = app.settle_or_refused(txn).await;
        assert!(refused.is_err(), "a zombie's commit was acknowledged: {refused:?}");
    }
    steps_down(&zombie, &mut app, &topic).await;
    successor.app().run("newer", vec![record(&topic, "k", "successor too")]).await.expect("is not fenced");
    is_left_alone(&successor, &mut app, &topic).await;
    let visible = cluster.values(&topic);
    assert_eq!(visible.get("zombie"), None);
    assert_eq!(visible.get("successor too"), Some(&1));
}

/// What a zombie is that does not read the owner record between its init and its first record.
fn commit_naively(producer: &BaseProducer, topic: &str, value: &str) {
    producer.begin_transaction().expect("begins");
    producer.send(BaseRecord::to(topic).key("k").payload(value)).expect("is taken");
    producer.commit_transaction(Duration::from_secs(30)).expect("commits");
}

/// The traps that the test above stays clear of: Kafka itself stops neither.
#[tokio::test]
async fn a_zombie_that_did_not_read_the_owner_record_would_commit_on_any_lane_and_fence_its_successor() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let successor = Spec::new(&cluster.bootstrap())
        .set("limits.lanes_max", "1")
        .set("limits.lanes_warm", "1")
        .set("limits.lanes_reserved", "0")
        .expects_fence("the test inits its transactional.id");
    let (slot, successor) = (successor.slot().to_owned(), successor.serve().await);
    commit_naively(&cluster.init(&format!("{slot}/3")), &topic, "on a lane that is not used");
    commit_naively(&cluster.init(&format!("{slot}/0")), &topic, "on its successor's lane");
    let mut app = successor.app();
    for n in 0..3 {
        cluster.init(&format!("{slot}/0"));
        app.run(&unique("fenced"), vec![record(&topic, "k", &format!("successor {n}"))])
            .await
            .expect("serves");
    }
    assert!(fences(&successor)["0"] >= 3, "again and again: {:?}", fences(&successor));
    assert_eq!(cluster.values(&topic).len(), 2 + 3);
}

#[tokio::test]
async fn a_restarted_zombie_does_not_claim_and_resume_makes_it_the_owner() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let (first, second) = two_pods(cluster);
    let older = first.serve().await;
    older.kill();
    let newer = second.expects_fence(LAST_TWITCH).serve().await;
    let older = first.start();
    let mut app = older.app();
    eventually("the restarted zombie knows itself", 60, async || {
        app.state().await.as_deref() == Some("FENCED_BY_RIVAL")
    })
    .await;
    newer.app().run("newer", vec![record(&topic, "k", "newer")]).await.expect("still serves");
    newer.kill();

    older.command(&["resume"]);
    older.serving().await;
    app.run("older", vec![record(&topic, "k", "older")]).await.expect("owns the slot again");
    assert_eq!(cluster.values(&topic).len(), 2);
}

#[tokio::test]
async fn a_fence_by_somebody_who_does_not_own_the_slot_costs_a_producer_and_nothing_else() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let spec = Spec::new(&cluster.bootstrap())
        .set("limits.streaming_bytes", "1KiB")
        .expects_fence("the test inits its transactional.ids");
    let sidecar = spec.serve().await;
    let mut app = sidecar.app();
    let streaming = app.begin("streaming").await.expect("begins");
    let large = "x".repeat(2_000);
    app.produce(&streaming, 0, vec![record(&topic, "k", &large)]).await.expect("streams");
    let waiting = app.begin("waiting").await.expect("begins");
    app.produce(&waiting, 0, vec![record(&topic, "k", "waits in memory")]).await.expect("accepts");
    cluster.fence(spec.slot(), 8);

    let refused = app.settle(&streaming, 1).await.expect_err("its records are lost with the producer");
    assert_eq!((refused.reason.as_str(), refused.next.as_str()), ("FENCED", "BEGIN_AGAIN"));
    app.settle(&waiting, 1).await.expect("is tried again on a fresh producer");
    app.run("next", vec![record(&topic, "k", "next")]).await.expect("works");
    assert_eq!(app.state().await.as_deref(), Some("READY"), "it is still the owner");
    let values: Vec<_> = cluster.values(&topic).into_iter().collect();
    assert_eq!(values, [("next".to_owned(), 1), ("waits in memory".to_owned(), 1)]);
}

/// What keeps all of these tests honest: a sidecar's log is scanned when its test lets go of it.
#[tokio::test]
async fn a_warning_that_no_test_expects_fails_it() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let spec = Spec::new(&cluster.bootstrap());
    let fenced = async |spec: Spec| {
        let sidecar = spec.serve().await;
        cluster.fence(spec.slot(), 8);
        sidecar.app().run(&unique("fenced"), vec![record(&topic, "k", "v")]).await.expect("is tried again");
        assert!(!fences(&sidecar).is_empty());
        catch_unwind(AssertUnwindSafe(|| drop(sidecar)))
            .map_err(|panic| *panic.downcast::<String>().expect("a text"))
    };
    let complaint = fenced(spec.clone()).await.expect_err("nobody said that it would be fenced");
    assert!(
        complaint.contains("kind=Fenced") && complaint.contains("can lose committed records"),
        "{complaint}"
    );
    fenced(spec.expects_fence("the test inits its transactional.ids")).await.expect("was expected");
}
