//! Those who begin and never end.

use crate::{MIB, SLACK, bystander::Bystander, raw};
use bytes::Bytes;
use hyper_util::rt::TokioIo;
use sidecommit_e2e::{App, Cluster, Sidecar, Spec, record};
use sidecommit_rpc::proto::v1::transaction_service_client::TransactionServiceClient;
use std::{
    io,
    path::Path,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::UnixStream,
    task::{JoinSet, yield_now},
    time::timeout,
};
use tonic::{
    Code,
    transport::{Endpoint, Uri},
};

const BUFFER: u64 = 16 * MIB;
const CONNECTIONS: usize = 8;
const CALLS: usize = 64;
const TOLD: Duration = Duration::from_secs(60);

fn spec(cluster: Cluster) -> Spec {
    Spec::new(&cluster.bootstrap())
        .set("max_message_size", "1MiB")
        .set("limits.buffer_bytes", "16MiB")
        .set("limits.idle_timeout", "3s")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_are_begun_and_never_ended_are_bounded_in_memory_and_time() {
    let cluster = Cluster::shared();
    let sidecar = spec(cluster).serve().await;
    let bystander = Bystander::start(cluster, &sidecar);
    let before = sidecar.peak_memory();
    // Half of what each says will come: 256 MiB, were it all taken.
    let half = Bytes::from(vec![7; (MIB / 2) as usize]);
    let mut ends = JoinSet::new();
    for n in 0..CONNECTIONS {
        let calls = raw::connect(&sidecar.socket()).await;
        let method = ["Produce", "Transact", "ProduceStream"][n % 3];
        for _ in 0..CALLS {
            let (response, mut stream) = raw::open(&calls, method).await;
            stream.send_data(raw::header(MIB as u32), false).expect("is sent");
            stream.send_data(half.clone(), false).expect("is sent");
            ends.spawn(async move {
                let code = raw::code(response).await;
                drop(stream);
                code
            });
        }
    }
    bystander.is_served().await;
    let (mut full, mut late) = (0, 0);
    while let Some(code) = timeout(TOLD, ends.join_next()).await.expect("everybody is told") {
        match code.expect("is told") {
            Code::ResourceExhausted => full += 1,
            Code::DeadlineExceeded => late += 1,
            code => panic!("{code:?}"),
        }
    }
    assert!(full > 0 && late > 0, "{full} too many, {late} too late");
    let grown = sidecar.peak_memory() - before;
    assert!(grown < 2 * BUFFER + SLACK, "{} MiB for a buffer of {}", grown / MIB, BUFFER / MIB);
    // What they took is free again.
    let topic = cluster.topic_with(1, &[("max.message.bytes", "2000000")]);
    let large = "x".repeat(1_000_000);
    sidecar.app().run("large", vec![record(&topic, "k", &large)]).await.expect("there is room");
    bystander.end(cluster).await;
}

/// Connections that stand still after each number of bytes of what opens one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_stand_still_hold_up_nobody() {
    const OPENING: &[u8] =
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\x40\0\x01\x04\0\0\0\x01\x83\x86";
    let cluster = Cluster::shared();
    let sidecar = spec(cluster).serve().await;
    let bystander = Bystander::start(cluster, &sidecar);
    let before = sidecar.peak_memory();
    let mut standing = Vec::new();
    for n in 0..1_500 {
        let mut stream = connect(&sidecar.socket()).await;
        stream.write_all(&OPENING[..n % (OPENING.len() + 1)]).await.expect("is taken");
        standing.push(stream);
    }
    bystander.is_served().await;
    let grown = sidecar.peak_memory() - before;
    assert!(grown < SLACK, "{} MiB for {} connections", grown / MIB, standing.len());
    drop(standing);
    bystander.end(cluster).await;
}

/// Connects, however many wait to be accepted.
async fn connect(socket: &Path) -> UnixStream {
    loop {
        match UnixStream::connect(socket).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => yield_now().await,
            connected => return connected.expect("listens"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_sends_byte_by_byte_is_served() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let sidecar = spec(cluster).serve().await;
    let mut app = trickling(&sidecar);
    app.run("slow", vec![record(&topic, "k", "byte by byte")]).await.expect("commits");
    assert_eq!(cluster.values(&topic).len(), 1);
}

/// An application whose connection takes one byte at a time.
fn trickling(sidecar: &Sidecar) -> App {
    let socket = sidecar.socket();
    let connect = tower::service_fn(move |_: Uri| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(|stream| TokioIo::new(Trickle(stream))) }
    });
    let channel = Endpoint::from_static("http://localhost").connect_with_connector_lazy(connect);
    App { stub: TransactionServiceClient::new(channel) }
}

struct Trickle(UnixStream);

// === impl Trickle ===

impl AsyncWrite for Trickle {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, &bytes[..bytes.len().min(1)])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl AsyncRead for Trickle {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}
