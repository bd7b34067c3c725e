//! A server on both transports, in this process.

use crate::fake::Fake;
use sidecommit_rpc::{
    Listeners, Options, bind_tcp, bind_uds,
    proto::v1::{
        self, admin_service_client::AdminServiceClient, consume_service_client::ConsumeServiceClient,
        transaction_service_client::TransactionServiceClient,
    },
    serve,
};
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
};
use tonic::transport::{Channel, Endpoint};

pub(crate) type Client = TransactionServiceClient<Channel>;

pub(crate) struct Server {
    pub(crate) fake: Arc<Fake>,
    pub(crate) connections: watch::Receiver<usize>,
    pub(crate) tcp: SocketAddr,
    dir: TempDir,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), sidecommit_rpc::Error>>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let tcp = bind_tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = tcp.local_addr().unwrap();
        let listeners = Listeners {
            uds: Some(bind_uds(&dir.path().join("app.sock"), 0o666).unwrap()),
            tcp: Some(tcp),
            admin_uds: Some(bind_uds(&dir.path().join("admin.sock"), 0o600).unwrap()),
        };
        let fake = Fake::new();
        let (count, connections) = watch::channel(0);
        let (stop, stopped) = oneshot::channel();
        let backend = fake.clone();
        let running = tokio::spawn(async move {
            let shutdown = async move { stopped.await.unwrap_or_default() };
            serve(backend, listeners, options, count, shutdown).await
        });
        Self { fake, connections, tcp: address, dir, stop, running }
    }

    pub(crate) fn socket(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) async fn uds_channel(&self, name: &str) -> Channel {
        let uri = format!("unix://{}", self.socket(name).display());
        Endpoint::from_shared(uri).unwrap().connect().await.unwrap()
    }

    pub(crate) async fn tcp_channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.tcp)).unwrap().connect().await.unwrap()
    }

    pub(crate) async fn uds(&self) -> Client {
        Client::new(self.uds_channel("app.sock").await)
    }

    /// One client over each transport.
    pub(crate) async fn both(&self) -> [Client; 2] {
        [self.uds().await, Client::new(self.tcp_channel().await)]
    }

    pub(crate) async fn consumer(&self) -> ConsumeServiceClient<Channel> {
        ConsumeServiceClient::new(self.uds_channel("app.sock").await)
    }

    pub(crate) async fn admin(&self) -> AdminServiceClient<Channel> {
        AdminServiceClient::new(self.uds_channel("admin.sock").await)
    }

    /// Stops it; tells how long that took.
    pub(crate) async fn stop(self) -> Duration {
        let asked = tokio::time::Instant::now();
        self.stop.send(()).unwrap();
        self.running.await.unwrap().unwrap();
        asked.elapsed()
    }
}

pub(crate) async fn begin(client: &mut Client, request_id: &str) -> String {
    let request = v1::BeginRequest { request_id: request_id.into(), ..Default::default() };
    client.begin(request).await.unwrap().into_inner().transaction_id
}

pub(crate) fn record(value: &str) -> v1::Record {
    v1::Record {
        topic: "t".into(),
        key: Some("k".into()),
        value: Some(value.to_owned().into()),
        ..Default::default()
    }
}
