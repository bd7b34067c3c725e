//! Clocks and cancelled calls.

use sidecommit_e2e::{Cluster, Spec, eventually, record, unique};
use sidecommit_rpc::proto::v1;
use std::time::Duration;

#[tokio::test]
async fn a_vanished_application_is_aborted_after_its_idle_timeout_and_readers_go_on() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let spec =
        Spec::new(&cluster.bootstrap()).set("limits.idle_timeout", "1s").set("limits.streaming_bytes", "0B");
    let sidecar = spec.serve().await;
    let mut app = sidecar.app();
    let txn = app.begin("vanishes").await.expect("begins");
    app.produce(&txn, 0, vec![record(&topic, "k", "never seen")]).await.expect("streams");
    app.run("other", vec![record(&topic, "k", "seen")]).await.expect("commits");
    eventually("the reader sees what lies behind the vanished one's record", 20, async || {
        cluster.values(&topic).contains_key("seen")
    })
    .await;
    let refused = app.commit(&txn, 1, 0).await.expect_err("is over");
    assert_eq!((refused.reason.as_str(), refused.next.as_str()), ("TIMED_OUT_IDLE", "BEGIN_AGAIN"));
    assert_eq!(cluster.values(&topic).get("never seen"), None);
}

#[tokio::test]
async fn keep_alive_holds_off_the_idle_timeout_but_not_the_total_one() {
    let cluster = Cluster::shared();
    let sidecar = Spec::new(&cluster.bootstrap()).set("limits.idle_timeout", "500ms").serve().await;
    let mut app = sidecar.app();
    let request = v1::BeginRequest {
        request_id: "kept".into(),
        timeout: Some(prost_types::Duration { seconds: 1, nanos: 500_000_000 }),
        ..v1::BeginRequest::default()
    };
    let txn = app.begin_with(request).await.expect("begins");
    let mut beats = 0;
    let refused = loop {
        let alive = v1::KeepAliveRequest { transaction_ids: vec![txn.clone()] };
        let alive = app.stub.keep_alive(alive).await.expect("answers").into_inner();
        if alive.deadlines[0].deadline.is_none() {
            break app.commit(&txn, 0, 0).await.expect_err("is over");
        }
        beats += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(beats > 6, "outlived its idle timeout: {beats} beats");
    assert_eq!(refused.reason, "TIMED_OUT");
}

#[tokio::test]
async fn the_brokers_timeout_is_told_as_such_and_the_next_begin_works() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let spec = Spec::new(&cluster.bootstrap())
        .set("limits.lane_timeout", "10s")
        .set("limits.idle_timeout", "9s")
        .set("limits.streaming_bytes", "0B")
        .expects_fence("the broker times its transaction out while it stands still");
    let sidecar = spec.serve().await;
    let mut app = sidecar.app();
    let txn = app.begin("slow").await.expect("begins");
    app.produce(&txn, 0, vec![record(&topic, "k", "never seen")]).await.expect("streams");
    eventually("the record is in Kafka", 20, async || cluster.unstable(&topic, 0).await > 0).await;
    sidecar.signal("STOP");
    eventually("the broker times the transaction out", 40, async || cluster.unstable(&topic, 0).await == 0)
        .await;
    sidecar.signal("CONT");
    let refused = app.settle(&txn, 1).await.expect_err("is over");
    assert_eq!((refused.reason.as_str(), refused.next.as_str()), ("TIMED_OUT", "BEGIN_AGAIN"));
    app.run("next", vec![record(&topic, "k", "seen")]).await.expect("works");
    assert_eq!(cluster.values(&topic).into_iter().collect::<Vec<_>>(), [("seen".to_owned(), 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_cut_off_by_its_deadline_goes_on_and_its_repeat_tells_the_outcome() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(3);
    let sidecar = Spec::new(&cluster.bootstrap()).serve().await;
    let callers = (0..4).map(|caller| {
        let (mut app, topic) = (sidecar.app(), topic.clone());
        tokio::spawn(async move {
            let mut cut = 0;
            for n in 0..250 {
                let name = format!("{caller}-{n}");
                let txn = app.begin(&unique("cut")).await.expect("begins");
                app.produce(&txn, 0, vec![record(&topic, &name, &name)]).await.expect("accepts");
                let deadline = Some(Duration::from_millis(5));
                cut += usize::from(app.commit_within(&txn, 1, 0, deadline).await.is_err());
                app.settle(&txn, 1).await.expect("commits");
            }
            cut
        })
    });
    let mut cut = 0;
    for caller in callers.collect::<Vec<_>>() {
        cut += caller.await.expect("a caller ends well");
    }
    assert!(cut > 0, "no deadline was missed: the test showed nothing");
    let visible = cluster.values(&topic);
    assert_eq!((visible.len(), visible.values().sum::<usize>()), (1_000, 1_000));
}

#[tokio::test]
async fn a_commit_that_overtakes_the_last_records_is_incomplete_and_never_a_prefix() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let sidecar = Spec::new(&cluster.bootstrap()).serve().await;
    let mut app = sidecar.app();
    let txn = app.begin("overtaken").await.expect("begins");
    app.produce(&txn, 0, vec![record(&topic, "k", "first")]).await.expect("accepts");
    let refused = app.commit(&txn, 2, 0).await.expect_err("the second record is missing");
    assert_eq!((refused.reason.as_str(), refused.next.as_str()), ("INCOMPLETE", "RETRY_SAME"));
    assert_eq!(refused.detail.and_then(|detail| detail.next_sequence), Some(1));
    assert!(cluster.visible(&topic).is_empty());
    app.produce(&txn, 1, vec![record(&topic, "k", "second")]).await.expect("is still open");
    app.commit(&txn, 2, 0).await.expect("is complete");
    assert_eq!(cluster.visible(&topic).len(), 2);
}
