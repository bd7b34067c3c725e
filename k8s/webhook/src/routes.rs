//! HTTP: what the API server calls, and what the kubelet and scrapers call.

use crate::{
    certs::serving::Serving,
    metrics::Metrics,
    reviewer::{NoAnswer, Reviewer},
};
use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::timeout;

/// Where the API server posts reviews.
pub const MUTATE: &str = "/mutate";
/// An API server takes objects of up to 3 MiB; a review holds one, as JSON, with something around it.
pub const BODY_MAX: usize = 8 << 20;
/// The API server waits for 5 s by our configuration, 30 s at most.
const REVIEW_MAX: Duration = Duration::from_secs(10);
/// OpenMetrics, as the encoder writes it.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whether to send reviews here. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    draining: Arc<AtomicBool>,
    serving: Serving,
}

/// What is served over TLS.
pub fn mutate(reviewer: Reviewer) -> Router {
    Router::new().route(MUTATE, post(review)).with_state(reviewer)
}

/// What is served in the clear.
pub fn health(readiness: Readiness, metrics: Metrics) -> Router {
    Router::new()
        .route("/metrics", get(scrape))
        .with_state(metrics)
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(readyz))
        .with_state(readiness)
}

async fn review(State(reviewer): State<Reviewer>, body: Body) -> Response {
    timeout(REVIEW_MAX, reviewed(&reviewer, body)).await.unwrap_or_else(|_| {
        refused(StatusCode::REQUEST_TIMEOUT, &format!("the review took more than {REVIEW_MAX:?}"))
    })
}

async fn reviewed(reviewer: &Reviewer, body: Body) -> Response {
    let body: Bytes = match to_bytes(body, BODY_MAX).await {
        Ok(body) => body,
        Err(error) => {
            let text = format!("the body cannot be read, or has more than {BODY_MAX} bytes: {error}");
            return refused(StatusCode::BAD_REQUEST, &text);
        }
    };
    match reviewer.review(&body).await {
        Ok(answer) => ([(header::CONTENT_TYPE, "application/json")], answer.to_string()).into_response(),
        Err(error @ NoAnswer::Bad(_)) => refused(StatusCode::BAD_REQUEST, &error.to_string()),
        Err(error @ NoAnswer::Namespace { .. }) => {
            refused(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string())
        }
    }
}

fn refused(code: StatusCode, text: &str) -> Response {
    tracing::warn!(code = code.as_u16(), text, "review: not answered");
    (code, format!("{text}\n")).into_response()
}

async fn scrape(State(metrics): State<Metrics>) -> Response {
    match metrics.encode() {
        Ok(page) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], page).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

async fn readyz(State(readiness): State<Readiness>) -> Response {
    readiness.why_not().map_or_else(
        || "ready\n".into_response(),
        |why| (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    )
}

// === impl Readiness ===

impl Readiness {
    /// Ready once there is a certificate, until it drains.
    pub fn new(serving: Serving) -> Self {
        Self { draining: Arc::default(), serving }
    }

    /// Told to stop: others are to be called from now on.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    fn why_not(&self) -> Option<&'static str> {
        if self.draining.load(Ordering::Relaxed) {
            return Some("draining: told to stop");
        }
        (!self.serving.is_set()).then_some("no certificate yet that the API server trusts")
    }
}
