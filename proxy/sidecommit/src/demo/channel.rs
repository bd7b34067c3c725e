//! Connections to a sidecar's Unix socket.

use hyper_util::rt::TokioIo;
use std::{path::Path, time::Duration};
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint, Uri};

/// A channel that connects when it is first used, and again after each break; calls end after `deadline` at the latest.
pub(crate) fn unix(path: &Path, deadline: Duration) -> Channel {
    let path = path.to_owned();
    let connect = move |_: Uri| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    };
    // The authority must be one that h2 accepts, which a path is not.
    Endpoint::from_static("http://localhost")
        .timeout(deadline)
        .connect_with_connector_lazy(tower::service_fn(connect))
}
