//! What the cases share.

use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use sidecommit_e2e::{App, Cluster, Reader, Refused, Spec};
use sidecommit_fixture::{Kafka, Message};
use sidecommit_rpc::proto::v1;
use std::{collections::BTreeMap, time::Duration};

/// More than the time that a transaction may stay open in Kafka, and that is more than an application may be idle.
pub(crate) const SESSION_TIMEOUT: Duration = Duration::from_secs(12);

/// A sidecar whose consumers are noticed soon when they are gone.
pub(crate) fn spec(bootstrap: &str) -> Spec {
    Spec::new(bootstrap)
        .set("limits.lane_timeout", "11s")
        .variable("SIDECOMMIT_KAFKA_SESSION_TIMEOUT_MS", &SESSION_TIMEOUT.as_millis().to_string())
        .variable("SIDECOMMIT_KAFKA_HEARTBEAT_INTERVAL_MS", "500")
}

/// Writes so many records, evenly over the partitions: key and value are `partition:number`, the key without the number.
pub(crate) fn fill(kafka: &Kafka, topic: &str, partitions: i32, records: usize) {
    fill_from(kafka, topic, partitions, 0, records);
}

/// The same from a number on.
pub(crate) fn fill_from(kafka: &Kafka, topic: &str, partitions: i32, first: usize, records: usize) {
    let producer: BaseProducer = kafka.client().create().expect("a producer");
    for n in first..first + records {
        let partition = n as i32 % partitions;
        let (key, value) = (partition.to_string(), format!("{partition}:{n}"));
        let mut record = BaseRecord::to(topic).partition(partition).key(&key).payload(&value);
        while let Err((_, back)) = producer.send(record) {
            producer.poll(Duration::from_millis(10));
            record = back;
        }
    }
    producer.flush(Duration::from_secs(60)).expect("is delivered");
}

/// The shared broker.
pub(crate) fn kafka() -> &'static Kafka {
    Kafka::shared().expect("the shared broker starts")
}

/// # Panics
/// If the output is not the input, each record once, each key in order.
#[track_caller]
pub(crate) fn check_copy(output: &[Message], partitions: i32, records: usize) {
    let mut copies: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for message in output {
        let value = std::str::from_utf8(message.value.as_deref().expect("has one")).expect("is text");
        let inner = value.strip_prefix('[').and_then(|value| value.strip_suffix(']'));
        let (key, number) = inner.and_then(|value| value.split_once(':')).expect("f(input)");
        copies.entry(key.to_owned()).or_default().push(number.parse().expect("a number"));
    }
    for partition in 0..partitions {
        let expected: Vec<_> = (0..records).filter(|n| *n as i32 % partitions == partition).collect();
        let copied = copies.remove(&partition.to_string()).unwrap_or_default();
        let first = expected.iter().zip(&copied).position(|(expected, copied)| expected != copied);
        assert!(
            copied == expected,
            "partition {partition}: {} of {} records are there; the first difference is at {first:?}",
            copied.len(),
            expected.len()
        );
    }
    assert!(copies.is_empty(), "{copies:?}");
}

/// How many records are visible in a topic, open transactions not waited for.
pub(crate) fn visible(cluster: Cluster, topic: &str) -> usize {
    cluster.visible_now(topic).len()
}

/// Begins a transaction that holds a delivery.
pub(crate) async fn hold(app: &mut App, delivery: &v1::Delivery) -> Result<String, Refused> {
    let txn = app.begin(&sidecommit_e2e::unique("hold")).await?;
    let request = v1::SendOffsetsRequest {
        transaction_id: txn.clone(),
        delivery_ids: vec![delivery.delivery_id.clone()],
        ..v1::SendOffsetsRequest::default()
    };
    app.stub.send_offsets(request).await?;
    Ok(txn)
}

/// Settles a delivery without writing anything.
pub(crate) async fn settle(app: &mut App, delivery: &v1::Delivery) {
    let txn = hold(app, delivery).await.expect("is to be had");
    app.commit(&txn, 0, 1).await.expect("commits");
}

/// Fails a delivery, as a whole or by some of its offsets.
pub(crate) async fn fail(app: &mut App, delivery: &v1::Delivery, offsets: &[i64], retryable: bool) {
    let txn = hold(app, delivery).await.expect("is to be had");
    let failure = |offset: Option<i64>| v1::DeliveryFailure {
        delivery_id: delivery.delivery_id.clone(),
        offset,
        retryable,
        error_class: "Test".to_owned(),
        message: "the test says so".to_owned(),
    };
    let which = if offsets.is_empty() { vec![None] } else { offsets.iter().copied().map(Some).collect() };
    let request = v1::AbortRequest {
        transaction_id: txn,
        failures: which.into_iter().map(failure).collect(),
        ..v1::AbortRequest::default()
    };
    app.stub.abort(request).await.expect("aborts");
}

/// Waits until a reader has so many partitions.
pub(crate) async fn assigned(reader: &mut Reader, partitions: usize) {
    while reader.assigned.len() != partitions {
        reader.next().await.expect("goes on");
    }
}

/// The offsets of a delivery's records.
pub(crate) fn offsets(delivery: &v1::Delivery) -> Vec<i64> {
    delivery.records.iter().map(|record| record.offset).collect()
}
