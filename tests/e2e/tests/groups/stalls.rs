//! Who waits for whom: readers for nobody that is buffered, Transact for no stream, and nobody for ever.

use crate::rig::spec;
use sidecommit_e2e::{Cluster, Metrics, Spec, eventually, record, unique};
use sidecommit_rpc::proto::v1::TransactionState;
use std::time::Duration;
use tokio::{task::JoinSet, time::timeout};

/// More than limits.streaming_bytes below.
const LARGE: usize = 20_000;
/// How long one of many small transactions may take while others stream.
const PROMPT: Duration = Duration::from_secs(10);

fn large(topic: &str, key: &str) -> Vec<sidecommit_rpc::proto::v1::Record> {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_buffer_resolves_itself() {
    const OPEN: usize = 100;
    let cluster = Cluster::shared();
    let topic = cluster.topic(3);
    let sidecar = patient(spec(&cluster.bootstrap()))
        .set("limits.lanes_max", "4")
        .set("limits.buffer_bytes", "1MiB")
        .set("limits.lane_window_bytes", "64KiB")
        .set("max_message_size", "1MiB")
        .serve()
        .await;
    // Each is small enough to be buffered; together they are twice the buffer.
    let value = "x".repeat(7_000);
    let mut open = Vec::new();
    let (mut refused, mut committed) = (Vec::new(), Vec::new());
    for _ in 0..OPEN {
        let (mut app, name) = (sidecar.app(), unique("open"));
        let txn = match app.begin(&name).await {
            Ok(txn) => txn,
            Err(error) => {
                refused.push(error);
                continue;
            }
        };
        open.push((app, name, txn));
    }
    for n in 0..3 {
        let mut still_open = Vec::new();
        for (mut app, name, txn) in open {
            let value = format!("{name}/{n} {value}");
            match app.produce(&txn, n, vec![record(&topic, &name, &value)]).await {
                Ok(_) => still_open.push((app, name, txn)),
                Err(error) => refused.push(error),
            }
        }
        open = still_open;
    }
    for (mut app, name, txn) in open {
        match app.settle(&txn, 3).await {
            Ok(_) => committed.push(name),
            Err(error) => refused.push(error),
        }
    }
    println!("{} committed, {} refused", committed.len(), refused.len());
    assert!(!committed.is_empty() && !refused.is_empty(), "the buffer was full, and not for all");
    for refused in &refused {
        assert!(!refused.next.is_empty() && refused.detail.is_some(), "says what to do next: {refused:?}");
        let known = ["BUFFER_EXCEEDED", "BUFFER_PRESSURE"].contains(&refused.reason.as_str());
        assert!(known, "{refused:?}");
    }
    let visible = cluster.values(&topic);
    assert_eq!(visible.len(), 3 * committed.len(), "what committed is whole, and nothing else is visible");
    for name in &committed {
        assert_eq!(visible.keys().filter(|value| value.starts_with(&format!("{name}/"))).count(), 3);
    }

    // Those that were told to try again and did not hold nothing once they are over.
    let listed = sidecar.command(&["transactions", "list"]);
    for line in listed.lines() {
        let id = line.split_whitespace().find(|word| word.starts_with("tx-"));
        if let Some(id) = id {
            sidecar.app().abort(id).await.expect("aborts");
        }
    }
    eventually("nothing is buffered", 20, async || Metrics::of(&sidecar).sum("buffered_bytes") == 0.0).await;
    sidecar.app().run("next", vec![record(&topic, "k", "next")]).await.expect("commits");
}
