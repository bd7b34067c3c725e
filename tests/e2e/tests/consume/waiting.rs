//! Applications that take their time, or are gone.

use crate::support::{SESSION_TIMEOUT, assigned, fill, hold, kafka, offsets, settle, spec};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use sidecommit_e2e::{Cluster, Reader, eventually, subscribe, unique};
use sidecommit_rpc::proto::v1;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_application_keeps_its_membership_and_memory_is_bounded() {
    const RECORDS: usize = 60_000;
    let cluster = Cluster::shared();
    let input = cluster.topic(1);
    let producer: BaseProducer = kafka().client().create().expect("a producer");
    let value = "x".repeat(2_000);
    for _ in 0..RECORDS {
        let mut record = BaseRecord::<str, str>::to(&input).payload(&value);
        while let Err((_, back)) = producer.send(record) {
            producer.poll(Duration::from_millis(10));
            record = back;
        }
    }
    producer.flush(Duration::from_secs(60)).expect("is delivered");
    let sidecar = spec(&cluster.bootstrap()).set("limits.read_ahead_bytes", "4MiB").serve().await;
    let before = sidecar.peak_memory();
    let limits = Some(v1::DeliveryLimits { max_records: 10, ..Default::default() });
    let with = v1::Subscribe { limits, ..subscribe(&unique("slow"), &[&input]) };
    let mut reader = Reader::start(&sidecar.socket(), with).await.expect("subscribes");
    let mut app = sidecar.app();
    let (started, mut next) = (Instant::now(), 0);
    while started.elapsed() < 2 * SESSION_TIMEOUT {
        reader.credit(1);
        let delivery = reader.delivery().await.expect("stays a member");
        assert_eq!(offsets(&delivery), (next..next + 10).collect::<Vec<_>>(), "nothing lost or repeated");
        next += 10;
        // Works.
        tokio::time::sleep(Duration::from_millis(200)).await;
        settle(&mut app, &delivery).await;
    }
    assert_eq!(reader.assigned, [(input, 0)]);
    let more = sidecar.peak_memory() - before;
    // 120 MB are in the topic. librdkafka has a queue of its own of the same size.
    assert!(more < 40 << 20, "{more} bytes for 4 MiB of reading ahead");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_settles_nothing_loses_its_membership() {
    let cluster = Cluster::shared();
    let input = cluster.topic(1);
    fill(kafka(), &input, 1, 1);
    let sidecar = spec(&cluster.bootstrap()).serve().await;
    let delivery_timeout = Some(prost_types::Duration { seconds: 1, nanos: 0 });
    let with = v1::Subscribe { delivery_timeout, ..subscribe(&unique("never"), &[&input]) };
    let mut reader = Reader::start(&sidecar.socket(), with.clone()).await.expect("subscribes");
    reader.credit(2);
    let delivery = reader.delivery().await.expect("comes");
    let ended = reader.delivery().await.expect_err("it took too long");
    assert_eq!((&*ended.reason, &*ended.next), ("DELIVERY_TIMED_OUT", "BEGIN_AGAIN"));
    let refused = hold(&mut sidecar.app(), &delivery).await.expect_err("is void");
    assert_eq!(refused.reason, "DELIVERY_REVOKED");
    let mut again = Reader::start(&sidecar.socket(), with).await.expect("subscribes");
    again.credit(1);
    assert_eq!(again.delivery().await.expect("comes again").records[0].attempt, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_comes_back_goes_on_and_one_that_does_not_has_failed() {
    let cluster = Cluster::shared();
    let input = cluster.topic(1);
    fill(kafka(), &input, 1, 1);
    let sidecar = spec(&cluster.bootstrap()).set("limits.session_grace", "1s").serve().await;
    let with = subscribe(&unique("breaks"), &[&input]);
    let mut app = sidecar.app();
    let mut reader = Reader::start(&sidecar.socket(), with.clone()).await.expect("subscribes");
    reader.credit(1);
    let delivery = reader.delivery().await.expect("comes");
    let session_id = reader.session.clone();
    drop(reader);
    let resume = v1::Subscribe { session_id, ..with.clone() };
    let mut resumed = Reader::start(&sidecar.socket(), resume).await.expect("subscribes");
    assert!(resumed.resumed);
    let again = resumed.delivery().await.expect("comes again, without credit");
    assert_eq!(again, delivery);
    let txn = hold(&mut app, &again).await.expect("is to be had");
    drop(resumed);
    eventually("its session ends", 60, async || {
        let state = app.get(&txn, false).await.expect("is known").state();
        state == v1::TransactionState::Aborted
    })
    .await;
    let refused = app.commit(&txn, 0, 1).await.expect_err("is aborted");
    assert_eq!(refused.reason, "SESSION_LOST");
    let mut other = Reader::start(&sidecar.socket(), with).await.expect("subscribes");
    assert!(!other.resumed);
    other.credit(1);
    assert_eq!(other.delivery().await.expect("comes").records[0].attempt, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_static_member_whose_application_is_back_at_once_has_failed_and_goes_on() {
    let cluster = Cluster::shared();
    let input = cluster.topic(1);
    fill(kafka(), &input, 1, 1);
    let sidecar = spec(&cluster.bootstrap()).serve().await;
    let group_instance_id = unique("instance");
    let with = v1::Subscribe { group_instance_id, ..subscribe(&unique("static"), &[&input]) };
    let mut app = sidecar.app();
    for life in 1..=4 {
        let mut reader = Reader::start(&sidecar.socket(), with.clone()).await.expect("subscribes");
        reader.credit(1);
        let delivery = reader.delivery().await.expect("comes");
        assert_eq!(delivery.records[0].attempt, life);
        if life == 4 {
            return settle(&mut app, &delivery).await;
        }
        hold(&mut app, &delivery).await.expect("is to be had");
        // Dies over it, well within its session's grace; who came before that is seen would be a second one of its name.
        drop(reader);
        let is_away = async || {
            let groups = sidecar.command(&["groups", "list", "--json"]).replace(char::is_whitespace, "");
            assert!(groups.contains("\"connected\":"), "{groups}");
            !groups.contains("\"connected\":true")
        };
        eventually("the sidecar has seen it go", 20, is_away).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idempotency_key_names_a_record_for_ever() {
    let cluster = Cluster::shared();
    let input = cluster.topic(1);
    fill(kafka(), &input, 1, 2);
    let mut keys = Vec::new();
    for _ in 0..2 {
        let sidecar = spec(&cluster.bootstrap()).serve().await;
        let with = subscribe(&unique("keys"), &[&input]);
        let mut reader = Reader::start(&sidecar.socket(), with).await.expect("subscribes");
        assigned(&mut reader, 1).await;
        reader.credit(1);
        let delivery = reader.delivery().await.expect("comes");
        keys.push(delivery.records.iter().map(|record| record.idempotency_key.clone()).collect::<Vec<_>>());
    }
    assert_eq!(keys[0], keys[1], "whoever reads it, and however often");
    assert_ne!(keys[0][0], keys[0][1]);
    assert!(keys[0][0].ends_with("/0/0") && keys[0][0].len() <= 128, "{}", keys[0][0]);
}
