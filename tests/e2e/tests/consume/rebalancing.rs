//! Members that come and go.

use crate::support::{assigned, check_copy, fill, hold, kafka, settle, spec, visible};
use sidecommit_e2e::{Cluster, Copy, Reader, Sidecar, Spec, eventually, subscribe, unique};
use sidecommit_fixture::console_consumer;
use sidecommit_rpc::proto::v1;
use std::time::Duration;

const PARTITIONS: i32 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_zombie_commits_nothing() {
    let cluster = Cluster::shared();
    let (from, to) = (cluster.topic(1), cluster.topic(1));
    fill(kafka(), &from, 1, 50);
    let group = unique("zombie");
    let zombie = spec(&cluster.bootstrap()).serve().await;
    let mut reader = Reader::start(&zombie.socket(), subscribe(&group, &[&from])).await.expect("subscribes");
    let mut app = zombie.app();
    reader.credit(1);
    let delivery = reader.delivery().await.expect("comes");
    let txn = hold(&mut app, &delivery).await.expect("is to be had");
    let copy = |record: &v1::ConsumedRecord| v1::Record {
        topic: to.clone(),
        key: record.key.clone(),
        value: Some("a zombie's".into()),
        ..v1::Record::default()
    };
    let records: Vec<_> = delivery.records.iter().map(copy).collect();
    let count = records.len() as i64;
    app.produce(&txn, 0, records).await.expect("accepts");
    zombie.signal("STOP");

    let successor = spec(&cluster.bootstrap()).serve().await;
    let copier = Copy::new(successor.socket(), &group, &from, &to).start();
    eventually("the successor has copied all", 120, async || visible(cluster, &to) == 50).await;
    zombie.signal("CONT");
    let refused = app.settle(&txn, count).await.expect_err("it is not its partition any more");
    assert_eq!(refused.code, tonic::Code::Aborted, "{refused:?}");
    check_copy(&cluster.visible(&to), 1, 50);
    assert_eq!(copier.copied(), 50);
}

/// Three members copy while each is restarted in turn; returns how often partitions moved.
async fn rolling(is_static: bool) -> i64 {
    let cluster = Cluster::shared();
    let (from, to) = (cluster.topic(PARTITIONS), cluster.topic(PARTITIONS));
    let group = unique("rolling");
    let specs: Vec<Spec> = (0..3).map(|_| spec(&cluster.bootstrap())).collect();
    let instances: Vec<_> =
        (0..3).map(|n| if is_static { format!("{group}-{n}") } else { String::new() }).collect();
    let mut members = Vec::new();
    for (spec, instance) in specs.iter().zip(&instances) {
        let sidecar = spec.serve().await;
        let mut copy = Copy::new(sidecar.socket(), &group, &from, &to);
        copy.subscribe.group_instance_id.clone_from(instance);
        copy.subscribe.limits = Some(v1::DeliveryLimits { max_records: 10, ..Default::default() });
        members.push((sidecar, copy.start()));
    }
    let shared = async || {
        let mut held = Vec::new();
        for (sidecar, _) in &members {
            held.push(sessions(sidecar).iter().map(|session| session.partitions.len()).sum::<usize>());
        }
        held.iter().sum::<usize>() == PARTITIONS as usize && held.iter().all(|held| *held > 0)
    };
    eventually("everybody has a part", 120, shared).await;
    let before: i64 = members.iter().flat_map(|(sidecar, _)| sessions(sidecar)).map(|s| s.rebalances).sum();
    let mut written = 0;
    let mut after = 0;
    for n in 0..3 {
        fill_more(&from, &mut written);
        let (sidecar, _) = &mut members[n];
        let (old, restarted) = (sessions(sidecar), &specs[n]);
        after += old.iter().map(|session| session.rebalances).sum::<i64>();
        sidecar.signal("TERM");
        sidecar.wait(Duration::from_secs(60));
        members[n].0 = restarted.serve().await;
        fill_more(&from, &mut written);
        eventually("all is copied", 120, async || visible(cluster, &to) >= written).await;
    }
    after += members.iter().flat_map(|(sidecar, _)| sessions(sidecar)).map(|s| s.rebalances).sum::<i64>();
    check_copy(&cluster.visible(&to), PARTITIONS, written);
    after - before
}

/// More of the same numbering: `fill` begins at 0.
fn fill_more(topic: &str, written: &mut usize) {
    crate::support::fill_from(kafka(), topic, PARTITIONS, *written, 300);
    *written += 300;
}

/// What a sidecar's operators see of its consumers.
fn sessions(sidecar: &Sidecar) -> Vec<Session> {
    let groups = sidecar.command(&["groups", "list", "--json"]);
    serde_json::from_str::<Groups>(&groups).expect("is JSON").sessions
}

#[derive(serde::Deserialize)]
struct Groups {
    sessions: Vec<Session>,
}

#[derive(serde::Deserialize)]
struct Session {
    partitions: Vec<serde_json::Value>,
    rebalances: i64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_duplicates_nothing_cooperatively_and_with_static_members() {
    let cooperative = rolling(false).await;
    let fixed = rolling(true).await;
    println!("rolling restart of 3: {cooperative} changes of assignment; of static members: {fixed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_clients_see_the_same_offsets() {
    let cluster = Cluster::shared();
    let input = cluster.topic(1);
    fill(kafka(), &input, 1, 20);
    let group = unique("shared");
    let mut sidecar = spec(&cluster.bootstrap()).serve().await;
    let limits = Some(v1::DeliveryLimits { max_records: 5, ..Default::default() });
    let with = v1::Subscribe { limits, ..subscribe(&group, &[&input]) };
    let mut reader = Reader::start(&sidecar.socket(), with).await.expect("subscribes");
    let mut app = sidecar.app();
    assigned(&mut reader, 1).await;
    reader.credit(2);
    for _ in 0..2 {
        let delivery = reader.delivery().await.expect("comes");
        settle(&mut app, &delivery).await;
    }
    assert_eq!(cluster.committed_offset(&group, &input, 0), Some(10));
    sidecar.signal("TERM");
    sidecar.wait(Duration::from_secs(60));
    // Kafka's own consumer goes on where the group is.
    let mut console = console_consumer(&cluster.bootstrap(), &input, 10_000).expect("there is one");
    let console = console.args(["--group", &group]).output().expect("runs");
    let text = String::from_utf8_lossy(&console.stdout);
    let seen: Vec<_> = text.lines().filter_map(|line| line.rsplit('\t').next()).collect();
    let expected: Vec<_> = (10..20).map(|n| format!("0:{n}")).collect();
    assert_eq!(seen, expected, "{}", String::from_utf8_lossy(&console.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_joins_takes_partitions_with_what_is_open_on_them() {
    for protocol in
        [v1::GroupProtocol::ClassicCooperative, v1::GroupProtocol::ClassicEager, v1::GroupProtocol::Consumer]
    {
        let cluster = Cluster::shared();
        let input = cluster.topic(2);
        fill(kafka(), &input, 2, 20);
        let with =
            v1::Subscribe { group_protocol: protocol.into(), ..subscribe(&unique("joins"), &[&input]) };
        let specs = if protocol == v1::GroupProtocol::Consumer {
            // The broker decides these.
            [(); 2].map(|()| Spec::new(&cluster.bootstrap()))
        } else {
            [(); 2].map(|()| spec(&cluster.bootstrap()))
        };
        let first = specs[0].serve().await;
        let mut reader = Reader::start(&first.socket(), with.clone()).await.expect("subscribes");
        let mut app = first.app();
        reader.credit(2);
        let deliveries = [reader.delivery().await.expect("comes"), reader.delivery().await.expect("comes")];
        let mut open = Vec::new();
        for delivery in &deliveries {
            open.push((delivery, hold(&mut app, delivery).await.expect("is to be had")));
        }
        let second = specs[1].serve().await;
        let mut other = Reader::start(&second.socket(), with).await.expect("subscribes");
        other.credit(2);
        let taken = other.delivery().await.expect("comes");
        while reader.void.is_empty() {
            reader.next().await.expect("is told");
        }
        for (delivery, txn) in open {
            let outcome = app.commit(&txn, 0, 1).await;
            if reader.void.contains(&delivery.delivery_id) {
                assert_eq!(outcome.expect_err("is aborted").reason, "REBALANCED", "{protocol:?}");
            } else {
                assert_ne!(delivery.partition, taken.partition, "{protocol:?}");
                outcome.expect("is still its own");
            }
        }
        assert_eq!(taken.records[0].attempt, 1, "{protocol:?}: nobody failed");
        settle(&mut second.app(), &taken).await;
    }
}
