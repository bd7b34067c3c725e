//! Accepted connections: which of them a call came over (the engine is fair between them), and how many are open (drain
//! needs to know whether an application is still there).

use crate::authority::Mender;
use futures_util::stream;
use sidecommit_core::Caller;
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::watch,
};
use tokio_stream::Stream;
use tonic::transport::server::Connected;

/// After a failed accept (mostly: no free descriptor), before the next.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// Numbers connections, and counts the open ones.
pub(crate) struct Connections {
    open: watch::Sender<usize>,
    accepted: AtomicU64,
}

/// An accepted connection, counted while it lives.
pub(crate) struct Connection<S> {
    io: S,
    mender: Option<Mender>,
    caller: Caller,
    _open: Open,
}

/// One open connection.
struct Open(Arc<Connections>);

/// Somewhere connections come from.
pub(crate) trait Accept: Send + 'static {
    /// Clients may send a path as `:authority`.
    const PATH_AS_AUTHORITY: bool;
    /// The connections' type.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Io>> + Send;
}

/// The connections of a listener, for ever: a failed accept is told and tried again.
pub(crate) fn incoming<A: Accept>(
    listener: A,
    connections: Arc<Connections>,
) -> impl Stream<Item = io::Result<Connection<A::Io>>> {
    stream::unfold((listener, connections), |(listener, connections)| async move {
        loop {
            match listener.accept().await {
                Ok(io) => {
                    let mender = A::PATH_AS_AUTHORITY.then(Mender::new);
                    let caller = connections.next();
                    let connection = Connection { io, mender, caller, _open: Open::new(connections.clone()) };
                    return Some((Ok(connection), (listener, connections)));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_BACKOFF).await;
                }
            }
        }
    })
}

impl Accept for UnixListener {
    const PATH_AS_AUTHORITY: bool = true;
    type Io = UnixStream;

    async fn accept(&self) -> io::Result<Self::Io> {
        UnixListener::accept(self).await.map(|(stream, _)| stream)
    }
}

impl Accept for TcpListener {
    const PATH_AS_AUTHORITY: bool = false;
    type Io = TcpStream;

    async fn accept(&self) -> io::Result<Self::Io> {
        let (stream, _) = TcpListener::accept(self).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

// === impl Connections ===

impl Connections {
    /// `open` is kept at the number of open ones.
    pub(crate) fn new(open: watch::Sender<usize>) -> Self {
        Self { open, accepted: AtomicU64::new(0) }
    }

    fn next(&self) -> Caller {
        Caller(self.accepted.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

// === impl Open ===

impl Open {
    fn new(connections: Arc<Connections>) -> Self {
        connections.open.send_modify(|open| *open += 1);
        Self(connections)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.send_modify(|open| *open -= 1);
    }
}

// === impl Connection ===

impl<S: Unpin> Connected for Connection<S> {
    /// Found among the extensions of each request.
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        self.caller
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match &mut this.mender {
            Some(mender) => mender.poll_read(&mut this.io, cx, buf),
            None => Pin::new(&mut this.io).poll_read(cx, buf),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
