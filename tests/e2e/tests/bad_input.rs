//! Bad input: the right code, reason, field and next action, and the transaction goes on.

use bytes::Bytes;
use sidecommit_e2e::{App, Cluster, Refused, Spec, record};
use sidecommit_rpc::proto::v1;
use tonic::Code;

fn assert_refused(refused: &Refused, code: Code, reason: &str, field: &str) {
    assert_eq!(
        (refused.code, refused.reason.as_str(), refused.next.as_str()),
        (code, reason, "FIX_REQUEST"),
        "{refused:?}"
    );
    assert!(refused.field.contains(field), "{field} in {refused:?}");
    assert!(!refused.message.is_empty());
}

async fn produce_err(app: &mut App, txn: &str, record: v1::Record) -> Refused {
    app.produce(txn, 1, vec![record]).await.expect_err("is bad")
}

#[tokio::test]
async fn a_bad_record_is_refused_by_name_and_the_transaction_goes_on() {
    let cluster = Cluster::shared();
    let topic = cluster.topic_with(2, &[("max.message.bytes", "2000")]);
    let compacted = cluster.topic_with(1, &[("cleanup.policy", "compact")]);
    let sidecar = Spec::new(&cluster.bootstrap()).serve().await;
    let mut app = sidecar.app();
    let txn = app.begin("bad").await.expect("begins");
    app.produce(&txn, 0, vec![record(&topic, "k", "good")]).await.expect("accepts");
    let good = record(&topic, "k", "v");
    let cases = [
        (v1::Record { topic: "no-such-topic".into(), ..good.clone() }, "UNKNOWN_TOPIC", "topic"),
        (v1::Record { topic: String::new(), ..good.clone() }, "INVALID_FIELD", "topic"),
        (v1::Record { partition: Some(2), ..good.clone() }, "PARTITION_OUT_OF_RANGE", "partition"),
        (v1::Record { partition: Some(-1), ..good.clone() }, "PARTITION_OUT_OF_RANGE", "partition"),
        (
            v1::Record { value: Some(Bytes::from(vec![0; 3_000])), ..good.clone() },
            "RECORD_TOO_LARGE",
            "value",
        ),
        (v1::Record { timestamp_ms: Some(-5), ..good.clone() }, "INVALID_TIMESTAMP", "timestamp_ms"),
        (v1::Record { timestamp_ms: Some(i64::MAX), ..good.clone() }, "INVALID_TIMESTAMP", "timestamp_ms"),
        (v1::Record { topic: compacted, key: None, ..good.clone() }, "KEY_REQUIRED", "key"),
    ];
    for (record, reason, field) in cases {
        let refused = produce_err(&mut app, &txn, record).await;
        assert_refused(&refused, Code::InvalidArgument, reason, field);
        assert_eq!(refused.detail.and_then(|detail| detail.record_index), Some(1), "{reason}");
    }
    app.commit(&txn, 1, 0).await.expect("nothing of the bad requests was added");
    assert_eq!(cluster.values(&topic).into_iter().collect::<Vec<_>>(), [("good".to_owned(), 1)]);
}

#[tokio::test]
async fn a_bad_call_is_refused_by_name() {
    let cluster = Cluster::shared();
    let sidecar = Spec::new(&cluster.bootstrap()).serve().await;
    let mut app = sidecar.app();
    assert_refused(
        &app.begin("").await.expect_err("empty"),
        Code::InvalidArgument,
        "INVALID_FIELD",
        "request_id",
    );
    let long = app.begin(&"x".repeat(129)).await.expect_err("long");
    assert_refused(&long, Code::InvalidArgument, "INVALID_FIELD", "request_id");
    assert!(long.message.contains("128"), "names the accepted form: {}", long.message);
    let id = app.commit("nonsense", 0, 0).await.expect_err("no id");
    assert_refused(&id, Code::InvalidArgument, "INVALID_FIELD", "transaction_id");
    let txn = app.begin("counts").await.expect("begins");
    let commit = v1::CommitRequest { transaction_id: txn.clone(), ..v1::CommitRequest::default() };
    let missing = Refused::from(app.stub.commit(commit).await.expect_err("no counts"));
    assert_refused(&missing, Code::InvalidArgument, "INVALID_FIELD", "record_count");
    let with_label =
        v1::BeginRequest { request_id: "counts".into(), label: "other".into(), ..Default::default() };
    let reused = app.begin_with(with_label).await.expect_err("other content");
    assert_refused(&reused, Code::InvalidArgument, "REQUEST_REUSED", "request_id");
    app.commit(&txn, 0, 0).await.expect("goes on");
}

#[tokio::test]
async fn every_limit_is_named_in_its_error() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let spec = Spec::new(&cluster.bootstrap())
        .set("limits.open_transactions", "2")
        .set("limits.records_per_transaction", "3")
        .set("limits.bytes_per_transaction", "10KiB")
        .set("limits.streaming_bytes", "10KiB");
    let sidecar = spec.serve().await;
    let mut app = sidecar.app();
    let txn = app.begin("one").await.expect("begins");
    app.begin("two").await.expect("begins");
    let full = app.begin("three").await.expect_err("two are open");
    assert_eq!((full.code, full.next.as_str()), (Code::ResourceExhausted, "RETRY_SAME"));
    assert_eq!(limit(&full), "limits.open_transactions");

    let four = (0..4).map(|n| record(&topic, "k", &n.to_string())).collect();
    let many = app.produce(&txn, 0, four).await.expect_err("three at most");
    assert_eq!((many.code, limit(&many).as_str()), (Code::InvalidArgument, "limits.records_per_transaction"));
    let large = app
        .produce(&txn, 0, vec![record(&topic, "k", &"x".repeat(11_000))])
        .await
        .expect_err("10 KiB at most");
    assert_eq!(
        (limit(&large).as_str(), large.next.as_str()),
        ("limits.bytes_per_transaction", "FIX_REQUEST")
    );
    app.produce(&txn, 0, vec![record(&topic, "k", "fits")]).await.expect("goes on");
    app.commit(&txn, 1, 0).await.expect("commits");
    app.begin("three").await.expect("there is room again");
}

fn limit(refused: &Refused) -> String {
    let limit = refused.detail.as_ref().and_then(|detail| detail.limit.as_ref());
    limit.map(|limit| limit.setting.clone()).unwrap_or_default()
}
