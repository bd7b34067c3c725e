use crate::{
    Api, Kept, Request, Rule, RuleId, Side, Tally, Via,
    addresses::Addresses,
    connection::Connection,
    inject::{self, Injection},
    rule::{Fault, Rules},
};
use bytes::Bytes;
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc::UnboundedSender, oneshot, watch},
    task::JoinSet,
};

/// A proxy before one broker or several; what passes it is cut when it is dropped.
pub struct FaultProxy {
    shared: Arc<Shared>,
    bootstrap: String,
    /// Aborts them when dropped.
    _listeners: JoinSet<()>,
}

/// What all connections of a proxy share.
pub(crate) struct Shared {
    pub(crate) addresses: Addresses,
    judge: Mutex<(Rules, fastrand::Rng)>,
    tally: watch::Sender<Tally>,
    connections: Mutex<BTreeMap<u64, UnboundedSender<Injection>>>,
    /// Who waits for the replies to kept requests: by connection and correlation_id.
    awaited: Mutex<Awaited>,
    next_connection: AtomicU64,
}

type Awaited = BTreeMap<(u64, i32), watch::Sender<Option<Bytes>>>;

// === impl FaultProxy ===

impl FaultProxy {
    /// Before the brokers at these addresses (`127.0.0.1:port`, separated by commas). With several, name all: the address
    /// of one that is not named reaches the client as it is.
    pub async fn start(brokers: &str) -> io::Result<Self> {
        Self::seeded(brokers, 0).await
    }

    /// Likewise, with the seed of its rules by probability.
    pub async fn seeded(brokers: &str, seed: u64) -> io::Result<Self> {
        let mut ends = Vec::new();
        for broker in brokers.split(',') {
            let broker: SocketAddr =
                broker.parse().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
            ends.push((TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?, broker));
        }
        let mut bootstrap = Vec::new();
        let mut ports = Vec::new();
        for (listener, broker) in &ends {
            let ours = listener.local_addr()?;
            bootstrap.push(ours.to_string());
            ports.push((broker.port(), ours.port()));
        }
        let shared = Arc::new(Shared {
            addresses: Addresses(ports),
            judge: Mutex::new((Rules::default(), fastrand::Rng::with_seed(seed))),
            tally: watch::Sender::default(),
            connections: Mutex::default(),
            awaited: Mutex::default(),
            next_connection: AtomicU64::default(),
        });
        let mut listeners = JoinSet::new();
        for (listener, broker) in ends {
            listeners.spawn(accept(shared.clone(), listener, broker));
        }
        Ok(Self { shared, bootstrap: bootstrap.join(","), _listeners: listeners })
    }

    /// Where clients connect instead of the brokers.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// From now on.
    pub fn add(&self, rule: Rule) -> RuleId {
        self.shared.judge.lock().0.add(rule)
    }

    /// Takes a rule away. What it holds or delays already stays so; what it kept can still be taken.
    pub fn remove(&self, rule: RuleId) {
        self.shared.judge.lock().0.remove(rule);
    }

    /// Takes all rules away.
    pub fn heal(&self) {
        self.shared.judge.lock().0.clear();
    }

    /// What it saw and did so far.
    pub fn tally(&self) -> Tally {
        self.shared.tally.borrow().clone()
    }

    /// Waits until this holds of the tally. Wakes with every frame.
    ///
    /// # Panics
    /// If it does not hold within 60 s.
    pub async fn until(&self, what: &str, holds: impl FnMut(&Tally) -> bool) {
        let patience = Duration::from_secs(60);
        let mut tally = self.shared.tally.subscribe();
        let held = tokio::time::timeout(patience, tally.wait_for(holds)).await;
        assert!(held.is_ok(), "not within {patience:?}: {what}; {self:?}");
    }

    /// Waits until a rule struck so often. By then its requests can be taken.
    ///
    /// # Panics
    /// If it does not within 60 s.
    pub async fn until_fired(&self, rule: RuleId, times: u64) {
        self.until(&format!("{rule:?} strikes {times} times"), |tally| tally.fired(rule) >= times).await;
    }

    /// Hands over the requests that a rule kept since this was last asked.
    pub fn take_kept(&self, rule: RuleId) -> Vec<Kept> {
        self.shared.judge.lock().0.take_kept(rule)
    }

    /// Sends a kept request again, past all rules; returns the frame of the broker's reply.
    pub async fn inject(&self, kept: &Kept, via: Via) -> io::Result<Bytes> {
        if via == Via::OwnConnection {
            return inject::alone(kept).await;
        }
        let (reply, answered) = oneshot::channel();
        let injection = Injection { request: kept.request.clone(), reply };
        let connection = self.shared.connections.lock().get(&kept.connection).cloned();
        let sent = connection.and_then(|connection| connection.send(injection).ok());
        sent.ok_or(io::ErrorKind::NotConnected)?;
        answered.await.map_err(|_| io::ErrorKind::ConnectionReset.into())
    }
}

impl std::fmt::Debug for FaultProxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rules = &self.shared.judge.lock().0;
        write!(f, "proxy at {} with {rules:?}; passed so far:", self.bootstrap)?;
        let tally = self.tally();
        tally.all().try_for_each(|(api, side, counts)| write!(f, "\n  {api} {side:?}: {counts:?}"))
    }
}

async fn accept(shared: Arc<Shared>, listener: TcpListener, broker: SocketAddr) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { return };
                connections.spawn(serve(shared.clone(), client, broker));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(shared: Arc<Shared>, client: TcpStream, broker: SocketAddr) {
    let id = shared.next_connection.fetch_add(1, Ordering::Relaxed);
    let connection = Connection::new(shared.clone(), id, broker);
    // A connection that one side breaks, or a broker that is not there: to the client it is a lost connection.
    let _ = connection.serve(client).await;
    shared.closed(id);
}

// === impl Shared ===

impl Shared {
    /// What is done with a frame.
    pub(crate) fn judge(&self, request: &Request, side: Side, by: &Connection) -> Fault {
        let strikes = {
            let mut judge = self.judge.lock();
            let (rules, random) = &mut *judge;
            let mut strikes = rules.strike(request, side, random);
            for strike in &mut strikes {
                if strike.keeps {
                    let answer = self.answer(by.id, request);
                    let kept =
                        Kept { request: request.clone(), broker: by.broker, connection: by.id, answer };
                    rules.keep(strike.rule, kept);
                }
                if let Fault::DelayUpTo(most) = strike.fault {
                    strike.fault = Fault::Delay(most.mul_f64(random.f64()));
                }
            }
            strikes
        };
        self.tally.send_modify(|tally| {
            tally.saw(request.api, side);
            for strike in &strikes {
                tally.strikes(strike.rule, &strike.fault, request.api, side);
            }
        });
        let fault = strikes.into_iter().map(|strike| strike.fault).find(Fault::is_one);
        fault.unwrap_or(Fault::Nothing)
    }

    pub(crate) fn forwarded(&self, api: Api, side: Side) {
        self.tally.send_modify(|tally| tally.forwarded(api, side));
    }

    pub(crate) fn connected(&self, id: u64, injector: UnboundedSender<Injection>) {
        self.connections.lock().insert(id, injector);
    }

    pub(crate) fn disconnected(&self, id: u64) {
        self.connections.lock().remove(&id);
    }

    /// Where the reply to a request will be told.
    fn answer(&self, connection: u64, request: &Request) -> watch::Receiver<Option<Bytes>> {
        let mut awaited = self.awaited.lock();
        awaited
            .entry((connection, request.correlation_id))
            .or_insert_with(|| watch::Sender::new(None))
            .subscribe()
    }

    /// A reply came.
    pub(crate) fn answered(&self, connection: u64, correlation_id: i32, reply: &[u8]) {
        if let Some(waiting) = self.awaited.lock().remove(&(connection, correlation_id)) {
            waiting.send_replace(Some(Bytes::copy_from_slice(reply)));
        }
    }

    /// No replies come any more.
    pub(crate) fn closed(&self, connection: u64) {
        self.awaited.lock().retain(|(by, _), _| *by != connection);
    }
}

#[cfg(test)]
mod tests;
