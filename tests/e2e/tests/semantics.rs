//! What a transaction is: all or nothing, once, byte for byte.

use bytes::Bytes;
use sidecommit_e2e::{Cluster, Spec, offsets, record, unique};
use sidecommit_rpc::proto::v1;

#[tokio::test]
async fn a_commit_is_visible_and_an_abort_is_not() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(3);
    let sidecar = Spec::new(&cluster.bootstrap()).serve().await;
    let mut app = sidecar.app();

    let committed = app
        .run("one", vec![record(&topic, "k", "seen"), record(&topic, "l", "seen too")])
        .await
        .expect("commits");
    assert_eq!(committed.state(), v1::TransactionState::Committed);
    assert_eq!(committed.ranges.iter().map(|range| range.count).sum::<i64>(), 2);

    let txn = app.begin("two").await.expect("begins");
    app.produce(&txn, 0, vec![record(&topic, "k", "never seen")]).await.expect("accepts");
    assert_eq!(app.abort(&txn).await.expect("aborts").state(), v1::TransactionState::Aborted);

    let values: Vec<_> = cluster.values(&topic).into_iter().collect();
    assert_eq!(values, [("seen".to_owned(), 1), ("seen too".to_owned(), 1)]);
}

#[tokio::test]
async fn a_streamed_abort_is_not_visible_either() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let sidecar = Spec::new(&cluster.bootstrap()).set("limits.streaming_bytes", "0B").serve().await;
    let mut app = sidecar.app();

    let txn = app.begin("streams").await.expect("begins");
    app.produce(&txn, 0, vec![record(&topic, "k", "never seen")]).await.expect("accepts");
    assert!(app.get(&txn, false).await.expect("is open").lane.is_some(), "its records are in Kafka");
    app.abort(&txn).await.expect("aborts");
    app.run("after", vec![record(&topic, "k", "seen")]).await.expect("commits");

    let values: Vec<_> = cluster.values(&topic).into_iter().collect();
    assert_eq!(values, [("seen".to_owned(), 1)]);
}

#[tokio::test]
async fn records_arrive_byte_for_byte_where_they_were_sent() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(4);
    let sidecar = Spec::new(&cluster.bootstrap()).serve().await;
    let header = |name: &str, value: Option<&[u8]>| v1::Header {
        name: name.to_owned(),
        value: value.map(Bytes::copy_from_slice),
    };
    let sent = v1::Record {
        topic: topic.clone(),
        partition: Some(2),
        key: Some(Bytes::from_static(&[0, 255, 1])),
        value: Some(Bytes::from_static(&[9, 0, 200])),
        headers: vec![header("h", Some(&[1, 0])), header("h", None), header("", Some(&[]))],
        timestamp_ms: Some(1_700_000_000_123),
    };
    let bare = v1::Record { topic: topic.clone(), partition: Some(3), ..v1::Record::default() };
    let empty =
        v1::Record { key: Some(Bytes::new()), value: Some(Bytes::new()), partition: Some(1), ..bare.clone() };
    let committed = sidecar.app().run("bytes", vec![sent.clone(), bare, empty]).await.expect("commits");

    let mut seen = cluster.visible(&topic);
    seen.sort_by_key(|message| message.partition);
    let [second, first, third] = &seen[..] else { panic!("three records, not {seen:?}") };
    assert_eq!((second.partition, &second.key, &second.value), (1, &Some(vec![]), &Some(vec![])));
    assert_eq!((third.partition, &third.key, &third.value), (3, &None, &None));
    assert_eq!((first.partition, first.timestamp_ms), (2, Some(1_700_000_000_123)));
    assert_eq!((&first.key, &first.value), (&Some(vec![0, 255, 1]), &Some(vec![9, 0, 200])));
    let headers = [("h".to_owned(), Some(vec![1, 0])), ("h".to_owned(), None), (String::new(), Some(vec![]))];
    assert_eq!(first.headers, headers);
    let range = committed.ranges.iter().find(|range| range.partition == 2).expect("told where it went");
    assert_eq!((range.first_offset, range.last_offset, range.count), (first.offset, first.offset, 1));
}

#[tokio::test]
async fn a_large_transaction_streams_and_is_whole() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(6);
    let sidecar = Spec::new(&cluster.bootstrap()).set("limits.lane_window_bytes", "64KiB").serve().await;
    let mut app = sidecar.app();
    let value = "x".repeat(1_000);
    let txn = app.begin("large").await.expect("begins");
    for batch in 0..50 {
        let records = (0..100).map(|i| record(&topic, &format!("{}", batch * 100 + i), &value)).collect();
        app.produce(&txn, batch * 100, records).await.expect("accepts");
    }
    assert!(cluster.visible_now(&topic).is_empty(), "nothing is visible before Commit");
    let committed = app.commit(&txn, 5_000, 0).await.expect("commits");
    assert_eq!(committed.ranges.iter().map(|range| range.count).sum::<i64>(), 5_000);
    assert_eq!(cluster.visible(&topic).len(), 5_000);
}

#[tokio::test]
async fn small_records_that_are_too_large_only_together_are_nobodys_fault() {
    let cluster = Cluster::shared();
    let topic = cluster.topic_with(1, &[("max.message.bytes", "20000")]);
    let sidecar = Spec::new(&cluster.bootstrap()).serve().await;
    let value = "x".repeat(1_000);
    let records = (0..64).map(|n| record(&topic, &n.to_string(), &value)).collect();
    sidecar.app().run("64 KB for a topic that takes 20 KB", records).await.expect("commits");
    assert_eq!(cluster.visible(&topic).len(), 64);
}

#[tokio::test]
async fn an_empty_transaction_commits_and_its_repeat_agrees_after_a_crash() {
    let cluster = Cluster::shared();
    let spec = Spec::new(&cluster.bootstrap());
    let sidecar = spec.serve().await;
    let txn = sidecar.app().begin("empty").await.expect("begins");
    sidecar.app().commit(&txn, 0, 0).await.expect("commits");
    sidecar.kill();
    let sidecar = spec.serve().await;
    sidecar.app().commit(&txn, 0, 0).await.expect("is remembered");
}

#[tokio::test]
async fn offsets_are_committed_with_the_records_or_not_at_all() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let group = unique("group");
    let sidecar = Spec::new(&cluster.bootstrap()).serve().await;
    let mut app = sidecar.app();
    let txn = app.begin("consume").await.expect("begins");
    app.produce(&txn, 0, vec![record(&topic, "k", "v")]).await.expect("accepts");
    assert_eq!(app.send_offsets(&txn, offsets(&group, &topic, 0, 5)).await.expect("takes"), 1);
    assert_eq!(
        app.send_offsets(&txn, offsets(&group, &topic, 0, 7)).await.expect("takes"),
        1,
        "the last one counts"
    );
    app.commit(&txn, 1, 1).await.expect("commits");
    assert_eq!(cluster.committed_offset(&group, &topic, 0), Some(7));

    let stale = v1::GroupOffsets {
        generation_id: Some(3),
        member_id: "gone".into(),
        ..offsets(&group, &topic, 0, 9)
    };
    let txn = app.begin("stale").await.expect("begins");
    app.produce(&txn, 0, vec![record(&topic, "k", "never seen")]).await.expect("accepts");
    app.send_offsets(&txn, stale).await.expect("takes");
    let refused = app.commit(&txn, 1, 1).await.expect_err("the generation is stale");
    assert_eq!((refused.reason.as_str(), refused.next.as_str()), ("REBALANCED", "BEGIN_AGAIN"));
    assert_eq!(cluster.committed_offset(&group, &topic, 0), Some(7));
    assert_eq!(cluster.visible(&topic).len(), 1);
}
