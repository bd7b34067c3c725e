//! HTTP for scrapers and the kubelet: /metrics, /livez, /readyz. Off unless metrics_address is set. And /shutdown, off unless it is
//! asked for.

use crate::metrics::Metrics;
use axum::{
    Router,
    extract::{ConnectInfo, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use sidecommit_core::{Serving, Status, table::LaneState};
use sidecommit_rpc::NodeStatus;
use std::{io, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};
use tokio::net::TcpListener;

/// The engine's loop is taken for dead if it does not answer within this; each of its steps takes far less.
const ANSWER_MAX: Duration = Duration::from_secs(5);

const DEAD: &str = "the engine's loop does not answer";

/// OpenMetrics, as the encoder writes it.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Asks the engine's loop for its state; None if it has ended.
type Ask = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Option<NodeStatus>> + Send>> + Send + Sync>;

/// Ends the process as SIGTERM does.
pub type Shutdown = Arc<dyn Fn() + Send + Sync>;

#[derive(Clone)]
struct Shared {
    ask: Ask,
    metrics: Metrics,
    patience: Duration,
}

/// Serves until `shutdown` is done. `ask` asks the engine's loop for its state: None if the loop has ended; a loop that
/// does not answer is taken for dead. With `shutdown` there is /shutdown too, for callers from loopback.
///
/// # Errors
/// If the listener fails.
pub async fn serve<F>(
    listener: TcpListener,
    ask: impl Fn() -> F + Send + Sync + 'static,
    metrics: Metrics,
    shutdown: Option<Shutdown>,
    until: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()>
where
    F: Future<Output = Option<NodeStatus>> + Send + 'static,
{
    let shared = Shared { ask: Arc::new(move || Box::pin(ask())), metrics, patience: ANSWER_MAX };
    let router = Router::new()
        .route("/metrics", get(scrape))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .with_state(shared)
        .merge(shutdown.map(shutting_down).unwrap_or_default());
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(until).await
}

/// Serves /shutdown and nothing else, until `until` is done.
///
/// # Errors
/// If the listener fails.
pub async fn serve_shutdown(
    listener: TcpListener,
    shutdown: Shutdown,
    until: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let service = shutting_down(shutdown).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(until).await
}

fn shutting_down(shutdown: Shutdown) -> Router {
    let asked = async move |ConnectInfo(caller): ConnectInfo<SocketAddr>| {
        if !caller.ip().to_canonical().is_loopback() {
            return (StatusCode::FORBIDDEN, "/shutdown is for callers from loopback\n".to_owned());
        }
        tracing::info!(%caller, "was asked to shut down");
        shutdown();
        (StatusCode::OK, "shutting down\n".to_owned())
    };
    Router::new().route("/shutdown", post(asked))
}

async fn scrape(State(shared): State<Shared>) -> Response {
    match shared.metrics.encode(shared.status().await) {
        Ok(page) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], page).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// Whether the event loop is alive, and nothing else: restarting the sidecar mends no Kafka.
async fn livez(State(shared): State<Shared>) -> Response {
    match shared.status().await {
        Some(_) => "alive\n".into_response(),
        None => unavailable(DEAD),
    }
}

async fn readyz(State(shared): State<Shared>) -> Response {
    match shared.status().await {
        Some(node) => not_ready(&node).map_or_else(|| "ready\n".into_response(), |why| unavailable(&why)),
        None => unavailable(DEAD),
    }
}

fn unavailable(why: &str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response()
}

/// Why the sidecar does not serve, for a person.
pub fn not_ready(node: &NodeStatus) -> Option<String> {
    match &node.serving {
        Serving::Ready => None,
        Serving::NoSlot(why) => Some(format!("no slot: {why}")),
        Serving::Connecting(why) => Some(format!("recovering: {why}")),
        Serving::Recovering => Some(format!("recovering: {}", unsettled(node.engine.as_ref()))),
        Serving::Draining => Some("draining: told to stop, begins nothing new".to_owned()),
        Serving::FencedByRival(rival) => Some(format!(
            "fenced by a rival: the slot {} is owned by incarnation {} of pod {}; if this pod is the rightful owner, run \
             `sidecommit resume`",
            node.slot.as_ref().map_or("(none)", |slot| slot.as_str()),
            rival.incarnation.0,
            rival.pod_uid
        )),
        Serving::JournalFailed(error) => Some(format!("journal failed: {error}; needs a restart")),
    }
}

/// Which lanes are waited for.
fn unsettled(status: Option<&Status>) -> String {
    let waiting = |state| matches!(state, LaneState::Opening | LaneState::Verifying | LaneState::Writing);
    let lanes: Vec<String> = status
        .into_iter()
        .flat_map(|status| &status.lanes)
        .filter(|lane| waiting(lane.state))
        .map(|lane| {
            let state = format!("{:?}", lane.state).to_lowercase();
            let error = lane.error.as_ref().map(|error| format!(" ({error})")).unwrap_or_default();
            format!("lane {} is {state}{error}", lane.lane)
        })
        .collect();
    if lanes.is_empty() { "claims the slot".to_owned() } else { lanes.join(", ") }
}

// === impl Shared ===

impl Shared {
    async fn status(&self) -> Option<NodeStatus> {
        tokio::time::timeout(self.patience, (self.ask)()).await.unwrap_or_default()
    }
}

#[cfg(test)]
#[path = "admin_http/tests.rs"]
mod tests;
