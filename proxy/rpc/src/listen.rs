//! Where the server listens: Unix sockets and loopback TCP, nothing else.

use crate::Error;
use std::{
    fs, io,
    net::SocketAddr,
    os::unix::{
        ffi::OsStrExt,
        fs::{FileTypeExt, PermissionsExt},
    },
    path::Path,
};
use tokio::net::{TcpListener, UnixListener, UnixSocket};

/// sockaddr_un.sun_path less its NUL.
const SOCKET_PATH_BYTES_MAX: usize = 107;
const BACKLOG: u32 = 1024;

/// What the server listens on.
#[derive(Debug, Default)]
pub struct Listeners {
    /// Unix socket for applications.
    pub uds: Option<UnixListener>,
    /// Loopback TCP for applications, see [`bind_tcp`].
    pub tcp: Option<TcpListener>,
    /// Unix socket for operators.
    pub admin_uds: Option<UnixListener>,
}

/// Listens on a Unix socket with the given mode. A socket file that nobody serves any more is removed; so call this only
/// while holding what makes this process the only one here (the journal's lock).
///
/// Must be called within a tokio runtime.
///
/// # Errors
/// [`Error::SocketPathTooLong`], [`Error::NotASocket`], [`Error::SocketInUse`], [`Error::Listen`].
pub fn bind_uds(path: &Path, mode: u32) -> Result<UnixListener, Error> {
    if path.as_os_str().as_bytes().len() > SOCKET_PATH_BYTES_MAX {
        return Err(Error::SocketPathTooLong { path: path.into() });
    }
    let failed = |source| Error::Listen { at: path.display().to_string(), source };
    remove_stale(path)?;
    let socket = UnixSocket::new_stream().map_err(failed)?;
    socket.bind(path).map_err(failed)?;
    // Before listen, so that nobody connects while the mode is still the umask's.
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(failed)?;
    socket.listen(BACKLOG).map_err(failed)
}

/// Listens on a loopback address.
///
/// # Errors
/// [`Error::NotLoopback`], [`Error::Listen`].
pub async fn bind_tcp(address: SocketAddr) -> Result<TcpListener, Error> {
    if !address.ip().is_loopback() {
        return Err(Error::NotLoopback { address });
    }
    let failed = |source| Error::Listen { at: address.to_string(), source };
    TcpListener::bind(address).await.map_err(failed)
}

fn remove_stale(path: &Path) -> Result<(), Error> {
    let failed = |source| Error::Listen { at: path.display().to_string(), source };
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => return Err(Error::NotASocket { path: path.into() }),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed)
        }
        Ok(_) => Err(Error::SocketInUse { path: path.into() }),
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODE: u32 = 0o660;

    #[tokio::test]
    async fn a_stale_socket_is_replaced_a_served_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.sock");
        let first = bind_uds(&path, MODE).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        assert!(matches!(bind_uds(&path, MODE), Err(Error::SocketInUse { .. })));
        drop(first);
        assert!(path.exists());
        bind_uds(&path, MODE).unwrap();
    }

    #[tokio::test]
    async fn a_file_in_the_way_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notes.txt");
        fs::write(&path, "mine").unwrap();
        assert!(matches!(bind_uds(&path, MODE), Err(Error::NotASocket { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }

    #[tokio::test]
    async fn the_path_may_have_107_bytes_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let of = |len: usize| dir.path().join("s".repeat(len - dir.path().as_os_str().len() - 1));
        bind_uds(&of(107), MODE).unwrap();
        let error = bind_uds(&of(108), MODE).unwrap_err();
        assert!(matches!(error, Error::SocketPathTooLong { .. }));
        assert!(error.to_string().contains("108 bytes: at most 107"), "{error}");
    }

    #[tokio::test]
    async fn tcp_is_loopback_only() {
        assert!(bind_tcp("127.0.0.1:0".parse().unwrap()).await.is_ok());
        for outside in ["0.0.0.0:0", "[::]:0", "10.0.0.1:0"] {
            assert!(matches!(bind_tcp(outside.parse().unwrap()).await, Err(Error::NotLoopback { .. })));
        }
    }
}
