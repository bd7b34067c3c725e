//! The journal is gone between a crash and the restart: right answers as far as the contract reaches.

use sidecommit_e2e::{Cluster, Spec, record};
use sidecommit_rpc::proto::v1;
use std::time::{Duration, SystemTime};

#[tokio::test]
async fn kafka_answers_for_a_lost_journal_and_nothing_is_written_twice() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let spec = Spec::new(&cluster.bootstrap());
    let mut sidecar = spec.clone().set("failpoint", "after-end:3").serve().await;
    let mut app = sidecar.app();
    let first = app.transact("key-1", vec![record(&topic, "k", "one")]).await.expect("commits");
    let second = app.run("request-2", vec![record(&topic, "k", "two")]).await.expect("commits");
    let open = app.begin("open").await.expect("begins");
    app.produce(&open, 0, vec![record(&topic, "k", "never seen")]).await.expect("accepts");
    app.transact("key-3", vec![record(&topic, "k", "three")]).await.expect_err("dies before the reply");
    sidecar.wait(Duration::from_secs(20));
    drop(sidecar);
    std::fs::remove_dir_all(spec.journal()).expect("the journal is deleted");

    let sidecar = spec.serve().await;
    let mut app = sidecar.app();
    // Known from their markers: the fact, not the coordinates.
    assert_eq!(app.commit(&second.transaction_id, 1, 0).await.expect("is known").ranges, []);
    let again = app.transact("key-1", vec![record(&topic, "k", "one")]).await.expect("is known");
    assert_eq!(again.transaction_id, first.transaction_id);
    app.transact("key-3", vec![record(&topic, "k", "three")]).await.expect("was committed before the crash");
    // Not known: it may have been committed as far as anybody can tell.
    let refused = app.commit(&open, 1, 0).await.expect_err("nobody remembers");
    assert_eq!((refused.reason.as_str(), refused.next.as_str()), ("OUTCOME_FORGOTTEN", "STOP"));
    let values: Vec<_> = cluster.values(&topic).into_iter().collect();
    assert_eq!(values, [("one", 1), ("three", 1), ("two", 1)].map(|(value, n)| (value.to_owned(), n)));
}

#[tokio::test]
async fn a_key_older_than_what_is_remembered_is_never_written_a_second_time() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    // Remembers few, so that the first is forgotten.
    let spec = Spec::new(&cluster.bootstrap()).set("limits.outcomes_remembered", "64");
    let sidecar = spec.serve().await;
    let mut app = sidecar.app();
    let first_attempt = SystemTime::now();
    app.transact("old", vec![record(&topic, "k", "old")]).await.expect("commits");
    for n in 0..80 {
        app.transact(&format!("newer-{n}"), vec![record(&topic, "k", "newer")]).await.expect("commits");
    }
    let request = v1::TransactRequest {
        idempotency_key: "old".into(),
        first_attempt_time: Some(first_attempt.into()),
        records: vec![record(&topic, "k", "old")],
        ..v1::TransactRequest::default()
    };
    let refused = sidecommit_e2e::Refused::from(app.stub.transact(request).await.expect_err("is forgotten"));
    assert_eq!((refused.reason.as_str(), refused.next.as_str()), ("OUTCOME_FORGOTTEN", "STOP"));
    assert_eq!(cluster.values(&topic).get("old"), Some(&1));
}
