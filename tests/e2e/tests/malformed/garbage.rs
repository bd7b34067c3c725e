//! Bytes that are no HTTP/2, or nearly.

use crate::{ANY_PORT, MIB, SLACK, bystander::Bystander, rng};
use fastrand::Rng;
use sidecommit_e2e::{App, Cluster, Spec, eventually, record};
use std::time::Duration;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpStream, UnixListener, UnixStream},
    task::JoinSet,
    time::timeout,
};

const HANGS_UP: Duration = Duration::from_secs(60);
const CONNECTIONS: usize = 150;
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_bytes_and_nearly_right_ones_cost_their_connection_only() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let sidecar = Spec::new(&cluster.bootstrap()).set("tcp_address", ANY_PORT).serve().await;
    let (socket, tcp) = (sidecar.socket(), sidecar.bound("tcp"));
    let bystander = Bystander::start(cluster, &sidecar);
    let before = sidecar.peak_memory();
    let right = conversation(&topic).await;
    let unix = async || UnixStream::connect(&socket).await.expect("listens");
    let mut stream = unix().await;
    stream.write_all(&right).await.expect("is taken");
    eventually("as it is it is understood", 60, async || cluster.values(&topic).contains_key("replayed"))
        .await;

    let mut rng = rng("garbage");
    let mut sending = JoinSet::new();
    for _ in 0..CONNECTIONS {
        for bytes in [random(&mut rng, 0), random(&mut rng, PREFACE.len()), mutated(&mut rng, &right)] {
            sending.spawn(send(unix().await, bytes.clone()));
            sending.spawn(send(TcpStream::connect(&tcp).await.expect("listens"), bytes));
        }
    }
    sending.spawn(send(unix().await, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()));
    while let Some(sent) = sending.join_next().await {
        sent.expect("the sidecar hung up");
    }
    bystander.end(cluster).await;
    let grown = sidecar.peak_memory() - before;
    assert!(grown < SLACK, "{} MiB for nothing", grown / MIB);
}

/// What a client of ours sends on a connection for a Transact, taken down by a listener that never answers.
async fn conversation(topic: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let socket = folder.path().join("deaf.sock");
    let listener = UnixListener::bind(&socket).expect("a new socket");
    let (mut app, topic) = (App::connect(&socket), topic.to_owned());
    let calling =
        tokio::spawn(async move { app.transact("replayed", vec![record(&topic, "k", "replayed")]).await });
    let (mut stream, _) = listener.accept().await.expect("the client connects");
    let mut taken = Vec::new();
    while !ends_whole(&taken) {
        let read = stream.read_buf(&mut taken).await.expect("the client speaks");
        assert!(read > 0, "the client gave up");
    }
    calling.abort();
    taken
}

/// Whether the bytes are whole frames, the last of which is DATA that ends its stream.
fn ends_whole(taken: &[u8]) -> bool {
    let mut rest = taken.get(PREFACE.len()..).unwrap_or_default();
    let mut ended = false;
    while let Some((head, after)) = rest.split_first_chunk::<9>() {
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let Some(after) = after.get(length..) else { return false };
        ended = head[3] == 0 && head[4] & 1 == 1;
        rest = after;
    }
    ended && rest.is_empty()
}

/// Noise behind as much of the preface.
fn random(rng: &mut Rng, preface: usize) -> Vec<u8> {
    let noise = (0..rng.usize(1..2_000)).map(|_| rng.u8(..));
    PREFACE[..preface].iter().copied().chain(noise).collect()
}

/// Some bytes changed, left out or put in.
fn mutated(rng: &mut Rng, right: &[u8]) -> Vec<u8> {
    let mut bytes = right.to_vec();
    for _ in 0..rng.usize(1..6) {
        let at = rng.usize(PREFACE.len()..bytes.len());
        match rng.u8(..4) {
            0 => drop(bytes.remove(at)),
            1 => bytes.insert(at, rng.u8(..)),
            2 => bytes[at] ^= 1 << rng.u8(..8),
            _ => bytes[at] = rng.u8(..),
        }
    }
    bytes
}

/// Sends, and says that this was all; then the sidecar hangs up, if it did not before.
async fn send(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: Vec<u8>) {
    if stream.write_all(&bytes).await.is_ok() && stream.shutdown().await.is_ok() {
        let mut answer = Vec::new();
        // Reset or closed.
        let _ = timeout(HANGS_UP, stream.read_to_end(&mut answer)).await.expect("the sidecar hangs up");
    }
}
