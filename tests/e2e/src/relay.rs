//! A Unix socket in front of the sidecar's that cuts connections in the middle.

use crate::unique;
use fastrand::Rng;
use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite},
    net::{UnixListener, UnixStream},
    task::JoinHandle,
};

/// Passes bytes on until a connection has used up what it may carry; then both ends of it are closed.
#[derive(Debug)]
pub struct Relay {
    folder: TempDir,
    cuts: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

// === impl Relay ===

impl Relay {
    /// Each connection may carry so many bytes, drawn anew for each and for either direction.
    pub fn start(target: PathBuf, mut rng: Rng, bytes: Range<u64>) -> Self {
        let folder = TempDir::with_prefix(unique("relay")).expect("a temporary folder");
        let listener = UnixListener::bind(folder.path().join("cut.sock")).expect("a new socket");
        let cuts = Arc::new(AtomicUsize::new(0));
        let counted = cuts.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (up, down) = (rng.u64(bytes.clone()), rng.u64(bytes.clone()));
                let (target, cuts) = (target.clone(), counted.clone());
                tokio::spawn(async move {
                    // Nobody listens there while the sidecar is away; the application sees a connection that ends.
                    let Ok(server) = UnixStream::connect(target).await else { return };
                    if pass(client, server, up, down).await {
                        cuts.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        Self { folder, cuts, accepting }
    }

    /// Where applications connect.
    pub fn socket(&self) -> PathBuf {
        Path::join(self.folder.path(), "cut.sock")
    }

    /// How many connections were cut.
    pub fn cuts(&self) -> usize {
        self.cuts.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// True if the connection was cut, false if one of its ends closed it.
async fn pass(client: UnixStream, server: UnixStream, up: u64, down: u64) -> bool {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        cut = pass_at_most(up, from_client, to_server) => cut,
        cut = pass_at_most(down, from_server, to_client) => cut,
    }
}

async fn pass_at_most(bytes: u64, from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> bool {
    tokio::io::copy(&mut from.take(bytes), &mut to).await.is_ok_and(|passed| passed == bytes)
}
