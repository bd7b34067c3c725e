use crate::{Request, frame::Frames};
use bytes::Bytes;
use std::{io, net::SocketAddr};
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    sync::{oneshot, watch},
};

/// A request that a rule kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// As it passed.
    pub request: Request,
    pub(crate) broker: SocketAddr,
    pub(crate) connection: u64,
    pub(crate) answer: watch::Receiver<Option<Bytes>>,
}

/// On which connection a kept request is sent again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Via {
    /// One of its own: a request that sat somewhere while its connection was lost.
    OwnConnection,
    /// The one it came by, if that is still there; its client does not see the reply.
    SameConnection,
}

/// A request to be sent on a connection that is there.
pub(crate) struct Injection {
    pub(crate) request: Request,
    pub(crate) reply: oneshot::Sender<Bytes>,
}

// === impl Kept ===

impl Kept {
    /// Waits for the frame of the broker's reply to it, whether its client still does or not. An error if the connection
    /// was lost before.
    pub async fn answered(&self) -> io::Result<Bytes> {
        let mut answer = self.answer.clone();
        let answered = answer.wait_for(Option::is_some).await.map_err(|_| io::ErrorKind::ConnectionReset)?;
        answered.clone().ok_or_else(|| io::ErrorKind::ConnectionReset.into())
    }
}

/// Sends a request on a connection of its own; returns the reply's frame.
pub(crate) async fn alone(kept: &Kept) -> io::Result<Bytes> {
    let mut connection = TcpStream::connect(kept.broker).await?;
    connection.write_all(kept.request.frame()).await?;
    let reply = Frames::new(&mut connection).next().await?;
    reply.map(Into::into).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}
