//! Too many at once.

use crate::{MIB, SLACK, bystander::Bystander};
use sidecommit_e2e::{App, Cluster, Refused, Sidecar, Spec, record};
use std::{collections::BTreeMap, sync::Arc};
use tokio::{sync::Barrier, task::JoinSet};
use tonic::Code;

const CALLERS: usize = 10;
const EACH: usize = 1_000;
const OPEN_MAX: usize = 1_000;

/// Many applications at once, each on its own connection, do `course` with their number.
async fn crowd<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    sidecar: &Sidecar,
    course: impl Fn(App, usize) -> F,
) -> Vec<T> {
    let mut callers = JoinSet::new();
    for n in 0..CALLERS {
        callers.spawn(course(sidecar.app(), n));
    }
    callers.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_10_000_transactions_as_many_are_open_as_may_be() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    // Nobody's time is over while the crowd is counted.
    let spec = Spec::new(&cluster.bootstrap())
        .set("limits.default_timeout", "10m")
        .set("limits.lane_timeout", "12m")
        .set("limits.idle_timeout", "10m");
    let sidecar = spec.serve().await;
    let before = sidecar.peak_memory();
    let mut app = sidecar.app();
    let held = app.begin("held").await.expect("begins");
    let begun = crowd(&sidecar, |mut app, caller| async move {
        let mut begun = Vec::new();
        for n in 0..EACH {
            match app.begin(&format!("{caller}-{n}")).await {
                Ok(txn) => begun.push(txn),
                Err(refused) => assert_full(&refused),
            }
        }
        begun
    })
    .await;
    let begun: Vec<_> = begun.into_iter().flatten().collect();
    assert_eq!(begun.len(), OPEN_MAX - 1, "and the one that is held");

    app.produce(&held, 0, vec![record(&topic, "k", "held")]).await.expect("who is in is served");
    app.commit(&held, 1, 0).await.expect("who is in is served");
    let last = app.begin("last").await.expect("one has left");
    assert_full(&app.begin("one more").await.expect_err("is full again"));
    for txn in begun.iter().chain([&last]) {
        app.abort(txn).await.expect("aborts");
    }
    app.run("after", vec![record(&topic, "k", "after")]).await.expect("there is room");
    assert_eq!(cluster.values(&topic).len(), 2);
    let grown = sidecar.peak_memory() - before;
    assert!(grown < SLACK, "{} MiB for {OPEN_MAX} empty transactions", grown / MIB);
}

fn assert_full(refused: &Refused) {
    let limit = refused.detail.as_ref().and_then(|detail| detail.limit.as_ref()).expect("names the limit");
    assert_eq!(
        (refused.code, refused.reason.as_str(), refused.next.as_str(), limit.setting.as_str()),
        (Code::ResourceExhausted, "OPEN_TRANSACTIONS_EXCEEDED", "RETRY_SAME", "limits.open_transactions")
    );
    assert_eq!(limit.limit, OPEN_MAX as i64);
}

/// 120 MiB of records in 10,000 transactions, where 16 MiB may be in memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_fill_the_buffer_are_refused_or_aborted_and_the_others_commit() {
    const BUFFER: u64 = 16 * MIB;
    let cluster = Cluster::shared();
    let topic = cluster.topic(4);
    let spec = Spec::new(&cluster.bootstrap())
        .set("max_message_size", "1MiB")
        .set("limits.buffer_bytes", "16MiB")
        .set("limits.open_transactions", "10000")
        .set("limits.queue", "10000")
        .set("limits.default_timeout", "10m")
        .set("limits.lane_timeout", "12m")
        .set("limits.idle_timeout", "10m");
    let sidecar = spec.serve().await;
    let before = sidecar.peak_memory();
    let everyone_is_in = Arc::new(Barrier::new(CALLERS));
    let ends = crowd(&sidecar, |mut app, caller| {
        let (topic, everyone_is_in) = (topic.clone(), everyone_is_in.clone());
        async move {
            let (mut taken, mut ends) = (Vec::new(), Ends::default());
            for n in 0..EACH {
                let name = format!("{caller}-{n}");
                match put(&mut app, &name, record(&topic, &name, &filler(&name))).await {
                    Ok(txn) => taken.push((name, txn)),
                    Err(reason) => *ends.refused.entry(reason).or_default() += 1,
                }
            }
            everyone_is_in.wait().await;
            for (name, txn) in taken {
                match app.settle(&txn, 1).await {
                    Ok(_) => ends.committed.push(filler(&name)),
                    Err(gone) => {
                        assert_eq!((gone.code, gone.reason.as_str()), (Code::Aborted, "BUFFER_PRESSURE"));
                        ends.aborted += 1;
                    }
                }
            }
            ends
        }
    })
    .await;
    let grown = sidecar.peak_memory() - before;
    assert!(grown < 2 * BUFFER + SLACK, "{} MiB for a buffer of {}", grown / MIB, BUFFER / MIB);

    for ends in &ends {
        println!("{} committed, {} aborted, refused: {:?}", ends.committed.len(), ends.aborted, ends.refused);
    }
    assert!(ends.iter().any(|ends| !ends.refused.is_empty()), "the buffer was never full");
    let mut committed: Vec<_> = ends.into_iter().flat_map(|ends| ends.committed).collect();
    committed.sort();
    let visible = cluster.values(&topic);
    assert!(visible.values().all(|count| *count == 1));
    assert_eq!(visible.into_keys().collect::<Vec<_>>(), committed);
}

/// What became of one caller's transactions.
#[derive(Debug, Default)]
struct Ends {
    committed: Vec<String>,
    aborted: usize,
    refused: BTreeMap<String, usize>,
}

/// The value under a name: large.
fn filler(name: &str) -> String {
    format!("{name} {}", "x".repeat(12_000))
}

/// Begins with one record; the reason if that is refused.
async fn put(app: &mut App, name: &str, record: sidecommit_rpc::proto::v1::Record) -> Result<String, String> {
    let pressed = |refused: Refused| {
        let known = ["BUFFER_EXCEEDED", "BUFFER_PRESSURE"].contains(&refused.reason.as_str());
        assert!(known, "{refused:?}");
        refused.reason
    };
    let txn = app.begin(name).await.map_err(pressed)?;
    app.produce(&txn, 0, vec![record]).await.map_err(pressed)?;
    Ok(txn)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_connections_are_served_and_forgotten() {
    const CONNECTIONS: usize = 3_000;
    let cluster = Cluster::shared();
    let sidecar = Spec::new(&cluster.bootstrap()).serve().await;
    let bystander = Bystander::start(cluster, &sidecar);
    let before = sidecar.peak_memory();
    for round in 0..2 {
        let mut connected = Vec::new();
        for _ in 0..CONNECTIONS {
            let mut app = sidecar.app();
            assert_eq!(app.state().await.as_deref(), Some("READY"), "round {round}");
            connected.push(app);
        }
        bystander.is_served().await;
    }
    let grown = sidecar.peak_memory() - before;
    assert!(grown < 2 * SLACK, "{} MiB for {CONNECTIONS} connections", grown / MIB);
    bystander.end(cluster).await;
}
