//! Other ways to run: private groups instead of the outcomes topic, TCP instead of the socket, streams instead of calls,
//! and what operators see.

use sidecommit_e2e::{
    App, Cluster, FAILPOINTS, Refused, Spec, Told, check_ledger, eventually, record, unique,
};
use sidecommit_rpc::proto::v1;
use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

/// The system chooses a port that is free.
const ANY_PORT: &str = "127.0.0.1:0";

#[tokio::test]
async fn without_an_outcomes_topic_the_outcome_is_told_by_private_groups() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(2);
    let spec = Spec::new(&cluster.bootstrap())
        .set("outcomes.mode", "private-groups")
        .set("outcomes.private_groups_topic", &topic);
    let mut told = BTreeMap::new();
    for point in FAILPOINTS {
        let mut sidecar = spec.clone().set("failpoint", &format!("{point}:2")).serve().await;
        let mut app = sidecar.app();
        let mut open = Vec::new();
        for _ in 0..3 {
            let name = unique("transfer");
            let halves = ["debit", "credit"].map(|half| record(&topic, &name, &format!("{name}/{half}")));
            let Ok(txn) = app.begin(&name).await else { break };
            open.push((name, txn.clone()));
            if app.produce(&txn, 0, halves.to_vec()).await.is_err() || app.commit(&txn, 2, 0).await.is_err() {
                break;
            }
        }
        sidecar.wait(Duration::from_secs(20));
        drop(sidecar);
        let sidecar = spec.serve().await;
        for (name, txn) in open {
            let outcome = match sidecar.app().settle(&txn, 2).await {
                Ok(_) => Told::Committed,
                Err(refused) if refused.code == tonic::Code::Aborted => Told::Aborted,
                Err(refused) => panic!("{name} ({txn}), killed {point}: {refused:?}"),
            };
            told.insert(name, outcome);
        }
    }
    check_ledger(&told, &cluster.values(&topic));
    assert!(told.values().any(|told| *told == Told::Aborted), "{told:?}");
}

#[tokio::test]
async fn loopback_tcp_serves_like_the_socket() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let sidecar = Spec::new(&cluster.bootstrap()).set("tcp_address", ANY_PORT).serve().await;
    let mut app = App::connect_tcp(&sidecar.bound("tcp"));
    app.run("over tcp", vec![record(&topic, "k", "v")]).await.expect("commits");
    assert_eq!(cluster.visible(&topic).len(), 1);
    drop(sidecar);
}

#[tokio::test]
async fn a_stream_is_acknowledged_refused_by_index_and_taken_up_again() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(2);
    let sidecar = Spec::new(&cluster.bootstrap()).serve().await;
    let mut app = sidecar.app();
    let txn = app.begin("streams").await.expect("begins");
    let message = |sequence: i64, value: &str| v1::ProduceStreamRequest {
        transaction_id: txn.clone(),
        sequence,
        records: vec![record(&topic, "k", value)],
    };
    let bad = v1::Record { partition: Some(7), ..record(&topic, "k", "bad") };
    let bad = v1::ProduceStreamRequest { transaction_id: txn.clone(), sequence: 2, records: vec![bad] };
    let sent = vec![message(0, "a"), message(1, "b"), bad];
    let mut acks = app.stub.produce_stream(tokio_stream::iter(sent)).await.expect("opens").into_inner();
    let refused = loop {
        match acks.message().await {
            Ok(Some(ack)) => assert!(ack.next_sequence <= 2),
            Ok(None) => panic!("the bad record was taken"),
            Err(status) => break Refused::from(status),
        }
    };
    assert_eq!(refused.reason, "PARTITION_OUT_OF_RANGE");
    let detail = refused.detail.expect("has our detail");
    assert_eq!((detail.record_index, detail.next_sequence), (Some(2), Some(2)));

    let rest = vec![message(2, "c"), message(3, "d")];
    let mut acks = app.stub.produce_stream(tokio_stream::iter(rest)).await.expect("opens").into_inner();
    let mut last = 0;
    while let Some(ack) = acks.message().await.expect("takes the rest") {
        last = ack.next_sequence;
    }
    assert_eq!(last, 4);
    app.commit(&txn, 4, 0).await.expect("commits");
    let values: Vec<_> = cluster.values(&topic).into_iter().collect();
    assert_eq!(values, ["a", "b", "c", "d"].map(|value| (value.to_owned(), 1)));
}

#[tokio::test]
async fn one_key_sent_many_times_at_once_is_written_once() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let sidecar = Spec::new(&cluster.bootstrap()).serve().await;
    let callers = (0..16).map(|_| {
        let (mut app, topic) = (sidecar.app(), topic.clone());
        tokio::spawn(async move { app.transact("one key", vec![record(&topic, "k", "once")]).await })
    });
    let mut ids = Vec::new();
    for caller in callers.collect::<Vec<_>>() {
        ids.push(caller.await.expect("ends well").expect("commits").transaction_id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(cluster.values(&topic).get("once"), Some(&1));
}

#[tokio::test]
async fn operators_see_state_transactions_warnings_and_metrics() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let sidecar = Spec::new(&cluster.bootstrap()).set("metrics_address", ANY_PORT).serve().await;
    let address = sidecar.bound("metrics");
    let mut app = sidecar.app();
    app.run("one", vec![record(&topic, "k", "v")]).await.expect("commits");
    let txn = app.begin("shown").await.expect("begins");
    assert!(sidecar.command(&["transactions", "list"]).contains(&txn));
    let state = sidecar.command(&["healthcheck", "--json"]);
    assert!(state.contains("can lose committed records"), "{state}");

    assert!(http_get(&address, "/livez").starts_with("HTTP/1.1 200"));
    assert!(http_get(&address, "/readyz").starts_with("HTTP/1.1 200"));
    let metrics = http_get(&address, "/metrics");
    for name in
        ["committed", "unknown", "in_doubt", "limit{setting=\"limits.queue\"", "commit_duration", "fence"]
    {
        assert!(metrics.contains(name), "no {name} in\n{metrics}");
    }

    sidecar.command(&["transactions", "abort", &txn]);
    let refused = app.commit(&txn, 0, 0).await.expect_err("was aborted");
    assert_eq!((refused.reason.as_str(), refused.next.as_str()), ("ABORTED_BY_OPERATOR", "BEGIN_AGAIN"));
}

fn http_get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .expect("takes the request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answers");
    answer
}

#[tokio::test]
async fn overlapping_transactions_of_one_ordering_key_are_in_the_order_of_their_commits() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let sidecar = Spec::new(&cluster.bootstrap()).set("limits.streaming_bytes", "0B").serve().await;
    let mut app = sidecar.app();
    let mut begin = async |name: &str| {
        let request = v1::BeginRequest {
            request_id: name.into(),
            ordering_key: "account".into(),
            ..v1::BeginRequest::default()
        };
        app.begin_with(request).await.expect("begins")
    };
    let (first, second) = (begin("first").await, begin("second").await);
    app.produce(&first, 0, vec![record(&topic, "k", "1")]).await.expect("streams");
    app.produce(&second, 0, vec![record(&topic, "k", "2")]).await.expect("waits in memory");
    let waiting = {
        let (mut app, second) = (sidecar.app(), second.clone());
        tokio::spawn(async move { app.commit(&second, 1, 0).await })
    };
    eventually("the second waits", 10, async || {
        app.get(&second, false).await.is_ok_and(|txn| txn.state() == v1::TransactionState::Committing)
    })
    .await;
    app.commit(&first, 1, 0).await.expect("commits");
    waiting.await.expect("ends well").expect("commits after the first");
    let values: Vec<_> = cluster.visible(&topic).into_iter().map(|message| message.value).collect();
    assert_eq!(values, [Some(b"1".to_vec()), Some(b"2".to_vec())]);
}
