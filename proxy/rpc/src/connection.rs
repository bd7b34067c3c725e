//! Accepted connections, and how many of them are open: drain needs to know whether an application is still there.

use crate::authority::Mender;
use futures_util::stream;
use std::{
    io,
    pin::Pin,
    sync::Arc,
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

/// Counts open connections.
pub(crate) type Count = Arc<watch::Sender<usize>>;

/// An accepted connection, counted while it lives.
pub(crate) struct Connection<S> {
    io: S,
    mender: Option<Mender>,
    _open: Open,
}

/// One open connection.
struct Open(Count);

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
    count: Count,
) -> impl Stream<Item = io::Result<Connection<A::Io>>> {
    stream::unfold((listener, count), |(listener, count)| async move {
        loop {
            match listener.accept().await {
                Ok(io) => {
                    let mender = A::PATH_AS_AUTHORITY.then(Mender::new);
                    let connection = Connection { io, mender, _open: Open::new(count.clone()) };
                    return Some((Ok(connection), (listener, count)));
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

// === impl Open ===

impl Open {
    fn new(count: Count) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

// === impl Connection ===

impl<S: Unpin> Connected for Connection<S> {
    type ConnectInfo = ();

    fn connect_info(&self) {}
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
