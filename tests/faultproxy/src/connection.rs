//! One connection through the proxy: what the client sends and what the broker answers, each judged by the rules.

use crate::{
    Request, Side,
    frame::{self, Frames},
    inject::Injection,
    proxy::Shared,
    rule::Fault,
};
use bytes::Bytes;
use parking_lot::Mutex;
use std::{collections::VecDeque, io, net::SocketAddr, sync::Arc};
use tokio::{
    io::AsyncWriteExt as _,
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{
        mpsc::{self, UnboundedReceiver},
        oneshot,
    },
};

/// Where a connection comes from and goes to.
pub(crate) struct Connection {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: u64,
    pub(crate) broker: SocketAddr,
    /// Requests whose replies have not come yet, in the order in which they were passed on.
    expected: Mutex<VecDeque<Expected>>,
}

struct Expected {
    request: Request,
    to: To,
}

/// Who gets a reply.
enum To {
    Client,
    Injector(oneshot::Sender<Bytes>),
    Nobody,
}

/// How a connection ends.
enum End {
    /// For both sides, at once.
    Cut,
    /// For the client; what it sent before is still executed.
    ClientGone,
}

// === impl Connection ===

impl Connection {
    pub(crate) fn new(shared: Arc<Shared>, id: u64, broker: SocketAddr) -> Self {
        Self { shared, id, broker, expected: Mutex::default() }
    }

    /// Until one of the two sides, or a rule, ends it.
    pub(crate) async fn serve(self, client: TcpStream) -> io::Result<()> {
        let broker = TcpStream::connect(self.broker).await?;
        client.set_nodelay(true)?;
        broker.set_nodelay(true)?;
        let (from_client, mut to_client) = client.into_split();
        let (from_broker, mut to_broker) = broker.into_split();
        let (injector, injected) = mpsc::unbounded_channel();
        self.shared.connected(self.id, injector);
        let mut replies = Frames::new(from_broker);
        let end = tokio::select! {
            end = self.requests(Frames::new(from_client), &mut to_broker, injected) => end,
            end = self.replies(&mut replies, &mut to_client) => end,
        };
        self.shared.disconnected(self.id);
        drop(to_client);
        if let End::ClientGone = end? {
            // Closed with replies unread it would be reset, and the broker might not read what was sent to it.
            to_broker.shutdown().await?;
            while let Some(reply) = replies.next().await? {
                self.shared.answered(self.id, frame::correlation_id(&reply)?, &reply);
            }
        }
        Ok(())
    }

    async fn requests(
        &self,
        mut from: Frames<OwnedReadHalf>,
        to: &mut OwnedWriteHalf,
        mut injected: UnboundedReceiver<Injection>,
    ) -> io::Result<End> {
        loop {
            let frame = tokio::select! {
                frame = from.next() => frame?,
                Some(Injection { request, reply }) = injected.recv() => {
                    self.pass(&request, To::Injector(reply), to).await?;
                    continue;
                }
            };
            let Some(frame) = frame else { return Ok(End::ClientGone) };
            let request = Request::parse(frame.freeze())?;
            let fault = self.shared.judge(&request, Side::Request, self);
            wait(&fault).await;
            match fault {
                Fault::Drop => continue,
                Fault::CutBefore => return Ok(End::Cut),
                Fault::Duplicate => {
                    self.pass(&request, To::Client, to).await?;
                    self.pass(&request, To::Nobody, to).await?;
                }
                _ => self.pass(&request, To::Client, to).await?,
            }
            self.shared.forwarded(request.api, Side::Request);
            if matches!(fault, Fault::CutAfter) {
                return Ok(End::ClientGone);
            }
        }
    }

    async fn pass(&self, request: &Request, answered: To, to: &mut OwnedWriteHalf) -> io::Result<()> {
        // Before it is sent: the reply may be quick.
        self.expected.lock().push_back(Expected { request: request.clone(), to: answered });
        to.write_all(request.frame()).await
    }

    async fn replies(&self, from: &mut Frames<OwnedReadHalf>, to: &mut OwnedWriteHalf) -> io::Result<End> {
        while let Some(mut reply) = from.next().await? {
            let id = frame::correlation_id(&reply)?;
            let Expected { request, to: answered } = self.expected(id)?;
            match answered {
                To::Client => {}
                To::Nobody => continue,
                To::Injector(injector) => {
                    // Who does not wait for it any more does not want it.
                    let _ = injector.send(reply.freeze());
                    continue;
                }
            }
            self.shared.addresses.replace(&mut reply);
            let fault = self.shared.judge(&request, Side::Reply, self);
            self.shared.answered(self.id, id, &reply);
            wait(&fault).await;
            match fault {
                Fault::Drop => continue,
                Fault::CutBefore => return Ok(End::Cut),
                Fault::Duplicate => {
                    to.write_all(&reply).await?;
                    to.write_all(&reply).await?;
                }
                _ => to.write_all(&reply).await?,
            }
            self.shared.forwarded(request.api, Side::Reply);
            if matches!(fault, Fault::CutAfter) {
                break;
            }
        }
        Ok(End::Cut)
    }

    fn expected(&self, correlation_id: i32) -> io::Result<Expected> {
        let mut expected = self.expected.lock();
        let at = expected.iter().position(|expected| expected.request.correlation_id == correlation_id);
        at.and_then(|at| expected.remove(at)).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

async fn wait(fault: &Fault) {
    match fault {
        Fault::Delay(by) => tokio::time::sleep(*by).await,
        Fault::Hold(until) => {
            if let Ok(permit) = until.acquire().await {
                permit.forget();
            }
        }
        _ => {}
    }
}
