//! Repeats that overlap, leave gaps or come too late.

use sidecommit_e2e::{Cluster, Spec, record};

#[tokio::test]
async fn repeats_get_the_stored_reply_before_and_after_a_restart() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let spec = Spec::new(&cluster.bootstrap());
    let sidecar = spec.serve().await;
    let mut app = sidecar.app();

    let txn = app.begin("request").await.expect("begins");
    assert_eq!(app.begin("request").await.expect("repeats"), txn);
    let records = vec![record(&topic, "k", "0"), record(&topic, "k", "1")];
    assert_eq!(app.produce(&txn, 0, records.clone()).await.expect("accepts"), 2);
    assert_eq!(app.produce(&txn, 0, records.clone()).await.expect("repeats"), 2);
    assert_eq!(
        app.produce(&txn, 1, vec![record(&topic, "k", "1"), record(&topic, "k", "2")])
            .await
            .expect("overlaps"),
        3
    );
    let gap = app.produce(&txn, 5, vec![record(&topic, "k", "5")]).await.expect_err("leaves a gap");
    assert_eq!(
        (gap.reason.as_str(), gap.detail.and_then(|detail| detail.next_sequence)),
        ("SEQUENCE_GAP", Some(3))
    );

    let reply = app.commit(&txn, 3, 0).await.expect("commits");
    assert_eq!(app.commit(&txn, 3, 0).await.expect("repeats"), reply);
    assert_eq!(app.abort(&txn).await.expect_err("too late").reason, "ALREADY_COMMITTED");
    assert_eq!(app.produce(&txn, 3, records.clone()).await.expect_err("too late").reason, "NOT_OPEN");

    let aborted = app.begin("aborted").await.expect("begins");
    app.abort(&aborted).await.expect("aborts");
    app.abort(&aborted).await.expect("repeats");
    assert_eq!(app.commit(&aborted, 0, 0).await.expect_err("is aborted").reason, "ABORTED_BY_CALLER");

    let key = app.transact("key", vec![record(&topic, "k", "keyed")]).await.expect("commits");
    let other = app.transact("key", vec![record(&topic, "k", "other")]).await.expect_err("has other content");
    assert_eq!((other.reason.as_str(), other.next.as_str()), ("KEY_REUSED", "FIX_REQUEST"));
    let open = app.begin("open").await.expect("begins");
    app.produce(&open, 0, records).await.expect("accepts");

    sidecar.kill();
    let sidecar = spec.serve().await;
    let mut app = sidecar.app();
    assert_eq!(app.commit(&txn, 3, 0).await.expect("is remembered"), reply);
    assert_eq!(app.begin("request").await.expect("is remembered"), txn);
    assert_eq!(app.transact("key", vec![record(&topic, "k", "keyed")]).await.expect("is remembered"), key);
    let gone = app.commit(&open, 2, 0).await.expect_err("ended with the sidecar");
    assert_eq!((gone.reason.as_str(), gone.next.as_str()), ("SIDECAR_RESTARTED", "BEGIN_AGAIN"));
    let now = app.begin("now").await.expect("begins");
    let never = app.commit(&forged(&now), 0, 0).await.expect_err("nobody issued it");
    assert_eq!((never.reason.as_str(), never.next.as_str()), ("NEVER_ISSUED", "BEGIN_AGAIN"));
    assert_eq!(cluster.visible(&topic).len(), 4);
}

/// An id of the running sidecar that it never issued.
fn forged(txn: &str) -> String {
    let other = if txn.ends_with('0') { "1" } else { "0" };
    format!("{}{other}", &txn[..txn.len() - 1])
}
