//! The mutating admission webhook that injects the sidecar.
#![forbid(unsafe_code)]

pub mod admission;
pub mod certs;
pub mod decision;
pub mod events;
#[cfg(test)]
mod fake_api;
pub mod metrics;
pub mod namespaces;
pub mod reviewer;
pub mod routes;
pub mod server;

use certs::{
    files::{self, Files},
    keeper::{Keeper, Place},
    material::Plan,
    serving::Serving,
};
use decision::Decide;
use events::Events;
use jiff::Timestamp;
use kube::{Client, Config};
use metrics::Metrics;
use namespaces::Namespaces;
use reviewer::Reviewer;
use routes::Readiness;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

/// What we call ourselves where fields have owners.
pub(crate) const FIELD_MANAGER: &str = "sidecommit-webhook";

/// What a webhook is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the API server calls, with TLS.
    pub listen: SocketAddr,
    /// Where the kubelet and scrapers call, in the clear.
    pub http: SocketAddr,
    /// The certificate.
    pub certs: Certs,
    /// How often certificates are looked at.
    pub certs_poll: Duration,
    /// How long it goes on after SIGTERM, until nobody is sent here any more.
    pub shutdown_delay: Duration,
}

/// Where the certificate is from.
#[derive(Clone, Debug)]
pub enum Certs {
    /// The webhook makes it.
    Own(Place, Plan),
    /// Somebody else makes it.
    Files(Files),
}

/// Why a webhook ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The certificate's files.
    #[error(transparent)]
    Files(#[from] files::Error),
    /// A port cannot be opened.
    #[error("{flag} {address}: {error}")]
    Listen {
        /// The flag that names it.
        flag: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// TLS cannot be set up.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// A part ended that ends with the process only.
    #[error("a part of the webhook ended: {0}")]
    Ended(String),
}

/// Why there is no client of an API server.
#[derive(Debug, thiserror::Error)]
pub enum NoClient {
    /// Nobody says where it is.
    #[error("no API server is known, neither by KUBECONFIG nor by a pod's service account: {0}")]
    Unknown(Box<kube::config::InferConfigError>),
    /// What says where it is cannot be used.
    #[error("the API server's client: {0}")]
    Unusable(Box<kube::Error>),
}

/// The API answers within this or not at all: a connection that is dead must not hold up the next look.
const API_ANSWER_MAX: Duration = Duration::from_secs(8);
const API_CONNECT_MAX: Duration = Duration::from_secs(4);

/// A client of the API server that KUBECONFIG or the pod's service account names.
///
/// # Errors
/// If nothing names one, or what does cannot be used.
pub async fn client() -> Result<Client, NoClient> {
    let mut config = Config::infer().await.map_err(|error| NoClient::Unknown(Box::new(error)))?;
    config.read_timeout = Some(API_ANSWER_MAX);
    config.connect_timeout = Some(API_CONNECT_MAX);
    Client::try_from(config).map_err(|error| NoClient::Unusable(Box::new(error)))
}

/// A webhook whose ports are open. Nothing is answered yet.
pub struct Webhook {
    client: Client,
    options: Options,
    decide: Arc<dyn Decide>,
    serving: Serving,
    tls: TcpListener,
    http: TcpListener,
}

// === impl Webhook ===

impl Webhook {
    /// Reads the certificate's files, if there are any, then opens the ports.
    ///
    /// # Errors
    /// If a file cannot be used, or a port not opened.
    pub async fn open(client: Client, options: Options, decide: impl Decide) -> Result<Self, Error> {
        let serving = Serving::default();
        if let Certs::Files(files) = &options.certs {
            files.load(&serving)?;
        }
        let tls = listen("--listen", options.listen).await?;
        let http = listen("--http", options.http).await?;
        Ok(Self { client, options, decide: Arc::new(decide), serving, tls, http })
    }

    /// Where it listens: TLS, then HTTP.
    ///
    /// # Errors
    /// If the system does not know.
    pub fn addresses(&self) -> io::Result<[SocketAddr; 2]> {
        Ok([self.tls.local_addr()?, self.http.local_addr()?])
    }

    /// Serves until `stop` is done, then for [`Options::shutdown_delay`] more, then until what was asked is answered.
    ///
    /// # Errors
    /// If a part of it ends before: without its certificates' keeper it would fail later, and unseen.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) -> Result<(), Error> {
        let metrics = Metrics::new();
        let (events, telling) = Events::new(self.client.clone(), metrics.clone());
        let mut parts = JoinSet::new();
        parts.spawn(telling);
        self.keep_certificates(&mut parts, &metrics);
        let readiness = Readiness::new(self.serving.clone());
        let health = axum::serve(self.http, routes::health(readiness.clone(), metrics.clone()));
        parts.spawn(async move {
            if let Err(error) = health.await {
                tracing::error!(%error, "http: failed");
            }
        });

        let namespaces = Namespaces::new(self.client);
        let router = routes::mutate(Reviewer { decide: self.decide, namespaces, events, metrics });
        let (ending, ended) = watch::channel(false);
        let mut servers = JoinSet::new();
        servers.spawn(server::serve(self.tls, self.serving.config()?, router, until(ended)));
        tracing::info!(listen = %self.options.listen, http = %self.options.http, "webhook: up");

        tokio::select! {
            () = stop => {}
            part = parts.join_next() => return Err(ended_early(part)),
            part = servers.join_next() => return Err(ended_early(part)),
        }
        tracing::info!(delay = ?self.options.shutdown_delay, "webhook: told to stop, serving on for a while");
        readiness.drain();
        tokio::time::sleep(self.options.shutdown_delay).await;
        ending.send_replace(true);
        while servers.join_next().await.is_some() {}
        tracing::info!("webhook: stopped");
        Ok(())
    }

    fn keep_certificates(&self, parts: &mut JoinSet<()>, metrics: &Metrics) {
        let (poll, serving, metrics) = (self.options.certs_poll, self.serving.clone(), metrics.clone());
        match &self.options.certs {
            Certs::Own(place, plan) => {
                let keeper = Keeper::new(self.client.clone(), place, plan.clone(), poll, serving, metrics);
                parts.spawn(keeper.run());
            }
            Certs::Files(files) => {
                parts.spawn(follow(files.clone(), poll, serving, metrics));
            }
        }
    }
}

async fn listen(flag: &'static str, address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|error| Error::Listen { flag, address, error })
}

async fn until(mut ended: watch::Receiver<bool>) {
    // A dropped sender is an end as well.
    let _ = ended.wait_for(|ended| *ended).await;
}

fn ended_early(part: Option<Result<(), tokio::task::JoinError>>) -> Error {
    Error::Ended(match part {
        Some(Err(error)) => error.to_string(),
        _ => "without a word".to_owned(),
    })
}

/// Looks at the files again and again.
async fn follow(files: Files, poll: Duration, serving: Serving, metrics: Metrics) {
    loop {
        let expires = serving.not_after();
        metrics.certificate_expires(expires);
        tokio::time::sleep(poll).await;
        match files.load(&serving) {
            Ok(true) => tracing::info!("certificates: the files changed, serving what is in them"),
            Ok(false) if expires.is_some_and(|at| at < Timestamp::now()) => {
                tracing::error!(expired = ?expires, "certificates: what is in the files has expired");
            }
            Ok(false) => {}
            Err(error) => {
                metrics.certificates_failed();
                tracing::warn!(%error, "certificates: the files cannot be used, serving what was in them before");
            }
        }
    }
}

#[cfg(test)]
mod tests;
