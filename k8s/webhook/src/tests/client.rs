//! HTTP by hand: what is on the wire is what is tested.

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName},
};
use std::{io, net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

pub(super) const NAME: &str = "injector.kube-system.svc";

/// A TLS connection as the API server makes it: the name of the Service, the bundle's authorities only.
pub(super) async fn connect(to: SocketAddr, bundle: &[CertificateDer<'static>]) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    for authority in bundle {
        roots.add(authority.clone()).unwrap();
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = clear(to).await.unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(ServerName::try_from(NAME).unwrap(), stream).await.unwrap()
}

pub(super) async fn clear(to: SocketAddr) -> io::Result<TcpStream> {
    TcpStream::connect(to).await
}

/// The whole answer to a POST of a review.
pub(super) async fn post(to: SocketAddr, bundle: &[CertificateDer<'static>], body: &str) -> String {
    let mut stream = connect(to, bundle).await;
    let head = format!(
        "POST /mutate HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // A server that has read enough answers before it was told all.
    let _ = stream.write_all(body.as_bytes()).await;
    let _ = stream.flush().await;
    read_answer(&mut stream).await
}

/// The whole answer to a GET in the clear.
pub(super) async fn get(to: SocketAddr, path: &str) -> String {
    let mut stream = clear(to).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    read_answer(&mut stream).await
}

/// What comes until the connection ends.
pub(super) async fn read_answer(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer).await;
    assert!(read.is_ok() || !answer.is_empty(), "{read:?}");
    String::from_utf8(answer).unwrap()
}
