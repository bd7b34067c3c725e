//! Messages that are no protobuf, too large, or larger than they look.

use crate::{
    ANY_PORT, MIB, SLACK,
    bystander::Bystander,
    raw::{self, call},
    rng,
};
use bytes::Bytes;
use prost::Message as _;
use sidecommit_e2e::{App, Cluster, Refused, Spec, record};
use sidecommit_rpc::proto::v1;
use tonic::{Code, transport::Endpoint};

const METHODS: [&str; 9] = [
    "GetServerInfo",
    "Begin",
    "Produce",
    "SendOffsets",
    "KeepAlive",
    "Commit",
    "Abort",
    "Transact",
    "GetTransaction",
];
const MESSAGE_MAX: u64 = 4 * MIB;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_protobuf_is_refused_call_by_call() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let sidecar = Spec::new(&cluster.bootstrap()).set("tcp_address", ANY_PORT).serve().await;
    let bystander = Bystander::start(cluster, &sidecar);
    let address = format!("http://{}", sidecar.bound("tcp"));
    let channel = Endpoint::from_shared(address).expect("an address").connect_lazy();
    let bad: [(&str, Bytes); 5] = [
        ("a length that is never reached", Bytes::from_static(&[0x0a, 0x7f, 1, 2, 3])),
        ("a number without an end", Bytes::from_static(&[0x0a; 1]).into_iter().chain([0xff; 11]).collect()),
        ("an end of a group that never began", Bytes::from_static(&[0x0c])),
        ("field number 0", Bytes::from_static(&[0x00, 0x00])),
        ("groups within groups", Bytes::from(vec![0x0b; 10_000])),
    ];
    for method in METHODS {
        for (what, bytes) in &bad {
            let status = call(channel.clone(), method, bytes.clone()).await.expect_err(what);
            assert_eq!(status.code(), Code::Internal, "{method}, {what}: {status:?}");
        }
    }
    let not_utf8 = Bytes::from_static(&[0x0a, 2, 0xc3, 0x28]);
    let status = call(channel.clone(), "Begin", not_utf8).await.expect_err("is no text");
    assert_eq!(status.code(), Code::Internal, "{status:?}");

    let right = v1::TransactRequest {
        idempotency_key: "mutated".into(),
        records: vec![record(&topic, "key", "value"); 3],
        ..v1::TransactRequest::default()
    };
    let right = right.encode_to_vec();
    let mut rng = rng("messages");
    for n in 0..1_000 {
        let mut bytes = right.clone();
        for _ in 0..rng.usize(1..8) {
            let at = rng.usize(..bytes.len());
            bytes[at] = rng.u8(..);
        }
        let method = METHODS[n % METHODS.len()];
        // Either it is understood, or its caller is told that it was not.
        if let Err(status) = call(channel.clone(), method, bytes.into()).await {
            let refused = Refused::from(status);
            let library = refused.code == Code::Internal && refused.reason.is_empty();
            assert!(library || !refused.reason.is_empty(), "{method}: {refused:?}");
        }
    }
    bystander.end(cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_beyond_the_limit_is_refused_before_it_is_read() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let spec = Spec::new(&cluster.bootstrap()).set("max_message_size", "4MiB");
    let sidecar = spec.serve().await;
    let bystander = Bystander::start(cluster, &sidecar);
    let before = sidecar.peak_memory();
    let mut app = sidecar.app();
    let txn = app.begin("giant").await.expect("begins");
    let giant = vec![record(&topic, "k", &"x".repeat(1_000)); 5_000];
    for _ in 0..20 {
        let refused = app.produce(&txn, 0, giant.clone()).await.expect_err("is beyond 4 MiB");
        assert_eq!(refused.code, Code::OutOfRange, "{refused:?}");
    }
    // Said to be giant: nothing of it has to come.
    let calls = raw::connect(&sidecar.socket()).await;
    for bytes in [MESSAGE_MAX as u32 + 1, u32::MAX] {
        for method in ["Begin", "Produce", "ProduceStream"] {
            let (response, mut stream) = raw::open(&calls, method).await;
            stream.send_data(raw::header(bytes), false).expect("is sent");
            assert_eq!(raw::code(response).await, Code::OutOfRange, "{method}");
        }
    }
    app.produce(&txn, 0, vec![record(&topic, "k", "fits")]).await.expect("goes on");
    app.commit(&txn, 1, 0).await.expect("nothing of the giants was taken");
    assert_eq!(cluster.values(&topic).len(), 1);
    bystander.end(cluster).await;
    let grown = sidecar.peak_memory() - before;
    assert!(grown < SLACK, "{} MiB for what was refused", grown / MIB);
}

/// Headers without a name and a value are nearly nothing on the wire, and not in memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_small_on_the_wire_counts_as_what_it_takes_in_memory() {
    const BUFFER: u64 = 16 * MIB;
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let spec = Spec::new(&cluster.bootstrap())
        .set("max_message_size", "1MiB")
        .set("limits.buffer_bytes", "16MiB")
        .set("limits.streaming_bytes", "16MiB")
        .set("limits.bytes_per_transaction", "16MiB");
    let sidecar = spec.serve().await;
    let mut app = sidecar.app();
    let before = sidecar.peak_memory();
    let header = v1::Header::default();
    let headers = v1::Record { headers: vec![header; 100_000], ..record(&topic, "k", "v") };
    let mut refused = 0;
    for n in 0..50 {
        refused += usize::from(put(&mut app, &format!("headers-{n}"), headers.clone()).await.is_err());
    }
    assert!(refused > 0, "5,000,000 headers were accepted");
    let grown = sidecar.peak_memory() - before;
    assert!(grown < 4 * BUFFER + SLACK, "{} MiB for a buffer of {}", grown / MIB, BUFFER / MIB);
}

async fn put(app: &mut App, name: &str, record: v1::Record) -> Result<i64, Refused> {
    let txn = app.begin(name).await?;
    let added = app.produce(&txn, 0, vec![record]).await;
    if let Err(refused) = &added {
        assert!(["BUFFER_EXCEEDED", "BUFFER_PRESSURE"].contains(&refused.reason.as_str()), "{refused:?}");
    }
    added
}
