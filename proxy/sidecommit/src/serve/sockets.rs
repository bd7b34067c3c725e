//! Where the process listens, from its first moment to its last.

use super::{front::Front, stop::Stop};
use crate::{admin_http, exit::Failure, metrics::Metrics, settings::Settings};
use sidecommit_rpc::{Listeners, bind_tcp, bind_uds};
use std::{net::SocketAddr, path::Path, sync::Arc};
use tokio::{net::TcpListener, sync::watch};
use tracing::field::{DisplayValue, display};

/// Everything that is listened on. Bound only while the journal's folder is held, so that no other process of this folder uses the
/// sockets.
pub(super) struct Sockets {
    pub(super) api: Listeners,
    metrics: Option<TcpListener>,
    shutdown: Option<TcpListener>,
}

// === impl Sockets ===

impl Sockets {
    pub(super) async fn bind(settings: &Settings) -> Result<Self, Failure> {
        let uds = |path: &Path, mode| {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(Failure::internal)?;
            }
            bind_uds(path, mode).map_err(Failure::unavailable)
        };
        let tcp = match settings.tcp_address {
            Some(address) => Some(bind_tcp(address).await.map_err(Failure::unavailable)?),
            None => None,
        };
        let api = Listeners {
            uds: settings.socket.as_deref().map(|path| uds(path, settings.socket_mode)).transpose()?,
            tcp,
            admin_uds: Some(uds(&settings.admin_socket, 0o600)?),
        };
        let metrics = http("metrics_address", settings.metrics_address).await?;
        let shutdown = http("admin.shutdown_address", settings.admin_shutdown_address).await?;
        // The bound addresses: port 0 lets the system choose one, and whoever reads the log can find it.
        tracing::info!(
            socket = settings.socket.as_deref().map(|path| display(path.display())),
            tcp = bound(api.tcp.as_ref()),
            metrics = bound(metrics.as_ref()),
            shutdown = bound(shutdown.as_ref()),
            "listening"
        );
        Ok(Self { api, metrics, shutdown })
    }

    /// Serves HTTP until the process closes.
    pub(super) fn serve_http(
        &mut self,
        settings: &Settings,
        front: &Arc<Front>,
        metrics: &Metrics,
        stop: &Stop,
        closed: &watch::Receiver<bool>,
    ) {
        let stop = stop.clone();
        let shutdown: admin_http::Shutdown = Arc::new(move || stop.ask());
        let until = || {
            let mut closed = closed.clone();
            async move { drop(closed.wait_for(|closed| *closed).await) }
        };
        let beside = settings.admin_shutdown && self.shutdown.is_none();
        if let Some(listener) = self.metrics.take() {
            let front = front.clone();
            let ask = move || {
                let front = front.clone();
                async move { Some(front.look().await) }
            };
            let beside = beside.then(|| shutdown.clone());
            tokio::spawn(admin_http::serve(listener, ask, metrics.clone(), beside, until()));
        }
        if let Some(listener) = self.shutdown.take() {
            tokio::spawn(admin_http::serve_shutdown(listener, shutdown, until()));
        }
    }
}

/// An application that finds no socket knows at once that nobody serves.
pub(super) fn remove(settings: &Settings) {
    for path in settings.socket.iter().chain([&settings.admin_socket]) {
        if let Err(error) = std::fs::remove_file(path) {
            tracing::info!(%error, ?path, "the socket could not be removed");
        }
    }
}

async fn http(setting: &str, address: Option<SocketAddr>) -> Result<Option<TcpListener>, Failure> {
    let Some(address) = address else { return Ok(None) };
    let failed = |error| Failure::unavailable(format!("{setting}: cannot listen on {address}: {error}"));
    TcpListener::bind(address).await.map(Some).map_err(failed)
}

fn bound(listener: Option<&TcpListener>) -> Option<DisplayValue<SocketAddr>> {
    listener.and_then(|listener| listener.local_addr().ok()).map(display)
}
