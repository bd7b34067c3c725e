//! Talking to a running sidecar.

use crate::{exit::Failure, settings::Settings};
use hyper_util::rt::TokioIo;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::net::UnixStream;
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint, Uri},
};

/// A call that waits for an outcome is answered within limits.pending_wait, which is at most 60 s.
const DEADLINE: Duration = Duration::from_secs(65);

/// Connects to the operators' socket.
pub(super) async fn admin(settings: &Settings) -> Result<Channel, Failure> {
    let socket = settings.admin_socket.clone();
    unix(socket.clone()).await.map_err(|error| unreachable("admin_socket", &socket, &error))
}

/// Connects to where applications do.
pub(super) async fn application(settings: &Settings) -> Result<Channel, Failure> {
    match (&settings.socket, settings.tcp_address) {
        (Some(socket), _) => {
            unix(socket.clone()).await.map_err(|error| unreachable("socket", socket, &error))
        }
        (None, Some(address)) => tcp(&format!("http://{address}"))
            .await
            .map_err(|error| unreachable("tcp_address", Path::new(&address.to_string()), &error)),
        (None, None) => Err(Failure::Usage("socket: \"none\": expected a path, or tcp_address".to_owned())),
    }
}

/// A refused call as the command's end.
pub(super) fn failure(status: &Status) -> Failure {
    let message = format!("{}: {}", status.code().description(), status.message());
    match status.code() {
        Code::InvalidArgument => Failure::Usage(message),
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => Failure::Unavailable(message),
        Code::Internal | Code::Unknown | Code::Unimplemented => Failure::Internal(message),
        _ => Failure::Refused(message),
    }
}

async fn unix(path: PathBuf) -> Result<Channel, tonic::transport::Error> {
    // The authority must be one that h2 accepts, which a path is not.
    let endpoint = Endpoint::from_static("http://localhost").timeout(DEADLINE);
    let connect = move |_: Uri| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    };
    endpoint.connect_with_connector(tower::service_fn(connect)).await
}

async fn tcp(uri: &str) -> Result<Channel, tonic::transport::Error> {
    Endpoint::from_shared(uri.to_owned())?.timeout(DEADLINE).connect().await
}

fn unreachable(setting: &str, address: &Path, error: &tonic::transport::Error) -> Failure {
    let mut causes = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        causes = format!("{causes}: {cause}");
        source = cause.source();
    }
    Failure::Unavailable(format!(
        "{setting}: {:?}: no sidecar answers there: {causes}",
        address.display().to_string()
    ))
}
