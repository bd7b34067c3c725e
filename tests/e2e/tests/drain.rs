//! SIGTERM.

use sidecommit_e2e::{Cluster, Spec, eventually, record, unique};
use std::time::Duration;

#[tokio::test]
async fn a_drain_lets_a_connected_application_finish_and_refuses_what_is_new() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let mut sidecar = Spec::new(&cluster.bootstrap()).serve().await;
    let mut app = sidecar.app();
    let txn = app.begin("last").await.expect("begins");
    app.produce(&txn, 0, vec![record(&topic, "k", "last")]).await.expect("accepts");
    sidecar.signal("TERM");
    eventually("new transactions are refused", 10, async || match app.begin(&unique("late")).await {
        Ok(early) => {
            // It came before the signal did.
            app.abort(&early).await.expect("aborts");
            false
        }
        Err(refused) => refused.reason == "DRAINING",
    })
    .await;
    app.commit(&txn, 1, 0).await.expect("what was open may finish");
    let status = sidecar.wait(Duration::from_secs(20));
    assert!(status.success(), "{status}; {}", sidecar.log());
    assert_eq!(cluster.visible(&topic).len(), 1);
}

// Two threads: the connection is closed by one while the other waits for the sidecar's end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_with_nobody_connected_aborts_at_once() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let spec = Spec::new(&cluster.bootstrap()).set("limits.streaming_bytes", "0B");
    let mut sidecar = spec.serve().await;
    let mut app = sidecar.app();
    let txn = app.begin("abandoned").await.expect("begins");
    app.produce(&txn, 0, vec![record(&topic, "k", "never seen")]).await.expect("streams");
    drop(app);
    sidecar.signal("TERM");
    let status = sidecar.wait(Duration::from_secs(10));
    assert!(status.success(), "{status}; {}", sidecar.log());
    let sidecar = spec.serve().await;
    assert_eq!(sidecar.app().commit(&txn, 1, 0).await.expect_err("was aborted").reason, "DRAINED");
    assert!(cluster.visible(&topic).is_empty());
}

#[tokio::test]
async fn the_grace_ends_a_drain_whose_application_does_not_finish() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let mut sidecar = Spec::new(&cluster.bootstrap()).set("grace", "6s").serve().await;
    let mut app = sidecar.app();
    let txn = app.begin("never ends").await.expect("begins");
    app.produce(&txn, 0, vec![record(&topic, "k", "never seen")]).await.expect("accepts");
    sidecar.signal("TERM");
    let status = sidecar.wait(Duration::from_secs(12));
    assert!(status.success(), "{status}; {}", sidecar.log());
    assert!(cluster.visible(&topic).is_empty());
}
