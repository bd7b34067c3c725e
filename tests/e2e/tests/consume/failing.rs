//! Records that fail.

use crate::support::{assigned, fail, fill, kafka, offsets, settle, spec};
use sidecommit_e2e::{Cluster, Reader, eventually, subscribe, unique};
use sidecommit_rpc::proto::v1;
use std::collections::BTreeMap;

fn policy(dead: &str) -> v1::RetryPolicy {
    v1::RetryPolicy {
        max_attempts: 2,
        backoff: Some(prost_types::Duration { seconds: 0, nanos: 10_000_000 }),
        dead_letter_topic: dead.to_owned(),
        ..v1::RetryPolicy::default()
    }
}

/// A letter's headers.
fn headers(cluster: Cluster, topic: &str) -> Vec<BTreeMap<String, String>> {
    let text = |value: Option<Vec<u8>>| String::from_utf8(value.unwrap_or_default()).expect("is text");
    let letters = cluster.visible(topic).into_iter();
    letters
        .map(|letter| letter.headers.into_iter().map(|(name, value)| (name, text(value))).collect())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poison_record_is_a_dead_letter_once_and_its_partition_goes_on() {
    let cluster = Cluster::shared();
    let (input, dead) = (cluster.topic(1), cluster.topic(1));
    fill(kafka(), &input, 1, 20);
    let sidecar = spec(&cluster.bootstrap()).serve().await;
    let group = unique("poison");
    let with = v1::Subscribe { retry_policy: Some(policy(&dead)), ..subscribe(&group, &[&input]) };
    let (mut reader, mut app) =
        (Reader::start(&sidecar.socket(), with).await.expect("subscribes"), sidecar.app());
    reader.credit(1000);
    let (mut seen, mut done) = (0, Vec::new());
    while done.last() != Some(&19) {
        let delivery = reader.delivery().await.expect("goes on");
        if offsets(&delivery).contains(&7) {
            seen += 1;
            fail(&mut app, &delivery, &[], true).await;
        } else {
            settle(&mut app, &delivery).await;
            done.extend(offsets(&delivery));
        }
    }
    let others: Vec<i64> = (0..20).filter(|offset| *offset != 7).collect();
    assert_eq!(done, others, "once, in order, unharmed");
    assert!(seen <= 7, "20, 10, 5, 3, 2 records, and alone: {seen} attempts");
    eventually("it is committed", 60, async || cluster.committed_offset(&group, &input, 0) == Some(20)).await;
    let letters = headers(cluster, &dead);
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(letters[0]["sidecommit-origin-offset"], "7");
    assert_eq!(letters[0]["sidecommit-origin-topic"], input);
    assert_eq!(letters[0]["sidecommit-group"], group);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_kills_its_pod_each_time_is_a_dead_letter_in_the_end() {
    let cluster = Cluster::shared();
    let (input, dead) = (cluster.topic(1), cluster.topic(1));
    fill(kafka(), &input, 1, 3);
    let spec = spec(&cluster.bootstrap());
    let group = unique("killer");
    let mut kills = 0;
    loop {
        let with = v1::Subscribe { retry_policy: Some(policy(&dead)), ..subscribe(&group, &[&input]) };
        let sidecar = spec.serve().await;
        let mut reader = Reader::start(&sidecar.socket(), with).await.expect("subscribes");
        let mut app = sidecar.app();
        reader.credit(10);
        assigned(&mut reader, 1).await;
        let mut survived = false;
        loop {
            let delivery = reader.delivery().await.expect("goes on");
            if offsets(&delivery).contains(&1) {
                break;
            }
            settle(&mut app, &delivery).await;
            survived = offsets(&delivery).contains(&2);
            if survived {
                break;
            }
        }
        sidecar.kill();
        if survived {
            break;
        }
        kills += 1;
        assert!(kills < 10, "it is never given up");
    }
    let letters = headers(cluster, &dead);
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(
        (&*letters[0]["sidecommit-origin-offset"], &*letters[0]["sidecommit-error-class"]),
        ("1", "DIED")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarts_of_healthy_members_are_no_attempts() {
    let cluster = Cluster::shared();
    let (input, dead) = (cluster.topic(1), cluster.topic(1));
    fill(kafka(), &input, 1, 1);
    let spec = spec(&cluster.bootstrap());
    let group = unique("healthy");
    for _ in 0..5 {
        let with = v1::Subscribe { retry_policy: Some(policy(&dead)), ..subscribe(&group, &[&input]) };
        let mut sidecar = spec.serve().await;
        let mut reader = Reader::start(&sidecar.socket(), with).await.expect("subscribes");
        reader.credit(1);
        let delivery = reader.delivery().await.expect("comes");
        assert_eq!(delivery.records[0].attempt, 1);
        sidecar.signal("TERM");
        let ended = reader.delivery().await.expect_err("drains");
        assert_eq!(ended.reason, "DRAINING");
        sidecar.wait(std::time::Duration::from_secs(60));
    }
    assert_eq!(cluster.visible(&dead), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_retried_later_while_its_partition_goes_on() {
    let cluster = Cluster::shared();
    let (input, later, dead) = (cluster.topic(1), cluster.topic(1), cluster.topic(1));
    fill(kafka(), &input, 1, 3);
    let sidecar = spec(&cluster.bootstrap()).serve().await;
    let retry_topics = vec![v1::RetryTopic {
        topic: later.clone(),
        delay: Some(prost_types::Duration { seconds: 2, nanos: 0 }),
    }];
    let retry_policy = v1::RetryPolicy { retry_topics, max_attempts: 1, ..policy(&dead) };
    let with = v1::Subscribe { retry_policy: Some(retry_policy), ..subscribe(&unique("later"), &[&input]) };
    let (mut reader, mut app) =
        (Reader::start(&sidecar.socket(), with).await.expect("subscribes"), sidecar.app());
    reader.credit(1000);
    let (mut order, mut keys) = (Vec::new(), Vec::new());
    while order.last() != Some(&(later.clone(), "0:1".to_owned())) {
        let delivery = reader.delivery().await.expect("goes on");
        let value = |record: &v1::ConsumedRecord| {
            String::from_utf8(record.value.clone().unwrap_or_default().to_vec()).expect("is text")
        };
        let failing = delivery.records.iter().filter(|record| value(record) == "0:1");
        keys.extend(failing.map(|record| record.idempotency_key.clone()));
        if delivery.topic == input && offsets(&delivery).contains(&1) {
            fail(&mut app, &delivery, &[1], true).await;
            continue;
        }
        settle(&mut app, &delivery).await;
        order.extend(delivery.records.iter().map(|record| (delivery.topic.clone(), value(record))));
    }
    let expected = [(&input, "0:0"), (&input, "0:2"), (&later, "0:1")];
    assert_eq!(order, expected.map(|(topic, value)| (topic.clone(), value.to_owned())));
    assert!(keys.len() >= 2 && keys.iter().all(|key| *key == keys[0]), "one record, one key: {keys:?}");
    assert_eq!(cluster.visible(&dead), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_topic_that_refuses_a_record_ends_the_stream_and_says_so() {
    let cluster = Cluster::shared();
    let (input, dead) = (cluster.topic(1), cluster.topic_with(1, &[("max.message.bytes", "100")]));
    fill(kafka(), &input, 1, 2);
    let sidecar = spec(&cluster.bootstrap())
        .expects("WARN .. lane failed .. Record", "the dead-letter topic is too small for the record")
        .serve()
        .await;
    let group = unique("refuses");
    let with = v1::Subscribe { retry_policy: Some(policy(&dead)), ..subscribe(&group, &[&input]) };
    let (mut reader, mut app) =
        (Reader::start(&sidecar.socket(), with.clone()).await.expect("subscribes"), sidecar.app());
    reader.credit(10);
    let delivery = reader.delivery().await.expect("comes");
    fail(&mut app, &delivery, &[0], false).await;
    let ended = reader.delivery().await.expect_err("it cannot be moved");
    assert_eq!((&*ended.reason, &*ended.next), ("RECORD_REJECTED", "FIX_REQUEST"));
    assert!(
        ended.message.contains(&format!("{input}/0 offset 0 cannot be moved to topic {dead}")),
        "{ended:?}"
    );
    assert_eq!(cluster.committed_offset(&group, &input, 0), None, "it is where it was");
    // Another topic takes it; that it is given up was not forgotten.
    let other = cluster.topic(1);
    let with = v1::Subscribe { retry_policy: Some(policy(&other)), ..with };
    let mut reader = Reader::start(&sidecar.socket(), with).await.expect("subscribes");
    reader.credit(10);
    let delivery = reader.delivery().await.expect("comes");
    assert_eq!(offsets(&delivery), [1]);
    assert_eq!(headers(cluster, &other)[0]["sidecommit-origin-offset"], "0");
}
