//! Flow control end to end: however slow Kafka is and however full the buffer, a stream waits and nothing of it is lost.

use bytes::Bytes;
use sidecommit_e2e::{App, Cluster, Spec, eventually};
use sidecommit_fixture::Kafka;
use sidecommit_rpc::proto::v1;
use std::{
    collections::BTreeMap,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_stream::wrappers::ReceiverStream;

const STREAMS: usize = 8;
const RECORD_BYTES: usize = 8 << 10;
const RECORDS_PER_MESSAGE: usize = 32;
const BUFFER_BYTES: u64 = 16 << 20;

/// A sidecar with room for a fraction of what is sent through it.
fn spec(cluster: Cluster) -> Spec {
    Spec::new(&cluster.bootstrap())
        .set("limits.buffer_bytes", &format!("{BUFFER_BYTES}B"))
        .set("limits.lane_window_bytes", "4MiB")
        .set("limits.lane_timeout", "5m")
}

/// Streams that fill their transactions at once, over one connection.
struct Uploads {
    running: JoinSet<(String, i64)>,
    /// Records that are acknowledged, of all of them.
    acked: Arc<AtomicI64>,
}

impl Uploads {
    async fn start(app: &App, topic: &str, messages: usize) -> Self {
        let acked = Arc::new(AtomicI64::new(0));
        let mut running = JoinSet::new();
        for stream in 0..STREAMS {
            let mut app = app.clone();
            let begin = v1::BeginRequest {
                request_id: format!("{topic}-{stream}"),
                timeout: Some(prost_types::Duration { seconds: 300, nanos: 0 }),
                ..v1::BeginRequest::default()
            };
            let txn = app.begin_with(begin).await.expect("begins");
            running.spawn(upload(app, topic.to_owned(), txn, stream, messages, acked.clone()));
        }
        Self { running, acked }
    }

    fn acked(&self) -> i64 {
        self.acked.load(Ordering::Relaxed)
    }

    /// Waits until all have committed.
    async fn finish(mut self) {
        while let Some(done) = self.running.join_next().await {
            done.expect("commits");
        }
    }
}

async fn upload(
    mut app: App,
    topic: String,
    txn: String,
    stream: usize,
    messages: usize,
    acked: Arc<AtomicI64>,
) -> (String, i64) {
    let (send, sent) = mpsc::channel(1);
    let first = txn.clone();
    tokio::spawn(async move {
        let value = Bytes::from(vec![b'v'; RECORD_BYTES]);
        for message in 0..messages {
            let from = message * RECORDS_PER_MESSAGE;
            let records = (from..from + RECORDS_PER_MESSAGE).map(|index| v1::Record {
                topic: topic.clone(),
                key: Some(format!("{stream}/{index}").into()),
                value: Some(value.clone()),
                ..v1::Record::default()
            });
            let transaction_id = if message == 0 { first.clone() } else { String::new() };
            let sequence = from as i64;
            let message = v1::ProduceStreamRequest { transaction_id, sequence, records: records.collect() };
            send.send(message).await.expect("the stream stands");
        }
    });
    let mut acks = app.stub.produce_stream(ReceiverStream::new(sent)).await.expect("streams").into_inner();
    let mut next = 0;
    while let Some(ack) = acks.message().await.expect("is not refused") {
        acked.fetch_add(ack.next_sequence - next, Ordering::Relaxed);
        next = ack.next_sequence;
    }
    assert_eq!(next as usize, messages * RECORDS_PER_MESSAGE, "all of it was taken");
    app.settle(&txn, next).await.expect("commits");
    (txn, next)
}

/// Every record is visible, once.
fn check(cluster: Cluster, topic: &str, messages: usize) {
    let mut seen = BTreeMap::<String, usize>::new();
    for message in cluster.visible(topic) {
        let key = String::from_utf8(message.key.expect("has a key")).expect("is text");
        assert_eq!(message.value.map(|value| value.len()), Some(RECORD_BYTES), "{key}");
        *seen.entry(key).or_default() += 1;
    }
    assert!(seen.values().all(|count| *count == 1), "{:?}", seen.iter().find(|(_, count)| **count > 1));
    assert_eq!(seen.len(), STREAMS * messages * RECORDS_PER_MESSAGE);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_together_are_far_larger_than_the_buffer_all_commit_within_it() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(4);
    let sidecar = spec(cluster).serve().await;
    let before = sidecar.peak_memory();
    let messages = (64 << 20) / (RECORD_BYTES * RECORDS_PER_MESSAGE);
    Uploads::start(&sidecar.app(), &topic, messages).await.finish().await;
    let grown = sidecar.peak_memory() - before;
    println!("{} MiB more memory", grown >> 20);
    // What is in the buffer librdkafka has once more; each stream has its window of HTTP/2 and a message, as it came and as it
    // is decoded; and the allocator keeps some.
    let per_stream = (1 << 20) + 2 * (RECORD_BYTES * RECORDS_PER_MESSAGE) as u64;
    assert!(grown < 2 * BUFFER_BYTES + STREAMS as u64 * per_stream + (64 << 20), "{} MiB", grown >> 20);
    check(cluster, &topic, messages);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_stands_still_slows_streams_and_loses_nothing() {
    let kafka = Kafka::start().expect("a broker of its own");
    let broker = kafka.pid().expect("is a process here");
    let cluster = Cluster::own(kafka);
    let topic = cluster.topic(4);
    let sidecar = spec(cluster).serve().await;
    let messages = (16 << 20) / (RECORD_BYTES * RECORDS_PER_MESSAGE);
    let all = (STREAMS * messages * RECORDS_PER_MESSAGE) as i64;
    let uploads = Uploads::start(&sidecar.app(), &topic, messages).await;
    eventually("a quarter is taken", 60, async || uploads.acked() > all / 4).await;
    signal(broker, "STOP");
    let (mut last, mut still) = (uploads.acked(), 0);
    eventually("the streams stand still", 60, async || {
        still = if uploads.acked() == last { still + 1 } else { 0 };
        last = uploads.acked();
        still > 150
    })
    .await;
    assert!(last < all, "all was taken before the broker stood still: the test shows nothing");
    signal(broker, "CONT");
    uploads.finish().await;
    check(cluster, &topic, messages);
}

fn signal(pid: u32, name: &str) {
    let done = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status();
    assert!(done.expect("kill runs").success(), "kill -{name}");
}
