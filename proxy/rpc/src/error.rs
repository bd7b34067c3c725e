//! Why the gRPC server cannot be started or goes down.

use std::{io, net::SocketAddr, path::PathBuf};

/// Why the gRPC server cannot be started or goes down.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// sockaddr_un has 108 bytes with the closing NUL.
    #[error("socket path {path:?} has {} bytes: at most 107 are possible, use a shorter folder", .path.as_os_str().len())]
    SocketPathTooLong {
        /// The path.
        path: PathBuf,
    },
    /// Removing it might destroy something.
    #[error("{path:?} is in the way of the socket: it is no socket, so it is not removed")]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// Another process serves there.
    #[error("another process listens on socket {path:?}")]
    SocketInUse {
        /// The path.
        path: PathBuf,
    },
    /// The API has no authentication: it must not leave the pod.
    #[error("listen address {address}: expected a loopback address (127.0.0.1 or [::1]) with a port")]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// The operating system refused.
    #[error("cannot listen on {at}: {source}")]
    Listen {
        /// The path or address.
        at: String,
        /// Why.
        source: io::Error,
    },
    /// The descriptors are compiled in, so this is a bug.
    #[error("cannot offer reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The transport failed.
    #[error("gRPC server failed: {0}")]
    Serve(#[from] tonic::transport::Error),
}
