//! Serves the API on all listeners until told to stop.

use crate::{
    Backend, Error, Listeners,
    connection::{Accept, Connections, incoming},
    intake::Intake,
    proto::{
        FILE_DESCRIPTOR_SET,
        v1::{
            admin_service_server::{self, AdminServiceServer},
            consume_service_server::{self, ConsumeServiceServer},
            transaction_service_server::{self, TransactionServiceServer},
        },
    },
    service::{Admin, Consuming, Transactions},
};
use sidecommit_core::Serving;
use std::{future::Future, sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet};
use tonic::{body::Body, codegen::http::Request, service::Routes, transport::Server};
use tonic_health::{
    ServingStatus,
    pb::health_server::{self, HealthServer},
    server::{HealthReporter, HealthService},
};
use tonic_reflection::server::Builder;
use tower::util::MapRequestLayer;

/// Per stream; a message of bulk is some hundred kilobytes, a few of them should be under way.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
/// Per connection: none but that of its streams. One that waits for room is not read, and a window that is full of what such
/// streams have sent would hold up all others of the connection, those among them that could make room.
const CONNECTION_WINDOW_BYTES: u32 = (1 << 31) - 1;
/// Of HTTP/2: clients that heed it send a message of bulk in a few frames instead of one for each 16 KiB.
const FRAME_BYTES_MAX: u32 = 256 << 10;
/// Calls under way on one connection; beyond, clients wait.
const CALLS_PER_CONNECTION_MAX: u32 = 4096;
/// Calls that were cancelled before the server took them; short deadlines are no attack here.
const CANCELLED_PENDING_MAX: usize = 4096;

/// The services for applications.
const FOR_APPLICATIONS: [&str; 2] =
    [transaction_service_server::SERVICE_NAME, consume_service_server::SERVICE_NAME];

/// Settings of the server.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of a message at most.
    pub message_bytes_max: usize,
    /// After the shutdown signal calls under way may end within this time.
    pub linger: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { message_bytes_max: 16 << 20, linger: Duration::from_secs(1) }
    }
}

/// Serves until `shutdown`: TransactionService and ConsumeService to applications, AdminService to operators, health and
/// reflection to both.
///
/// `connections` is kept at the number of open connections of applications. After `shutdown` no connection is accepted
/// any more, and the function returns when all are closed, at the latest after [`Options::linger`].
///
/// # Errors
/// [`Error::Reflection`], [`Error::Serve`].
pub async fn serve<B: Backend>(
    backend: Arc<B>,
    listeners: Listeners,
    options: Options,
    connections: watch::Sender<usize>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    let health = HealthReporter::new();
    let intake = Intake::new(&backend.info().limits);
    let mut serving = backend.serving();
    let now = serving.borrow_and_update().clone();
    report(&health, &now).await;
    let transactions = Transactions { backend: backend.clone(), message_bytes: options.message_bytes_max };
    let transactions =
        TransactionServiceServer::new(transactions).max_decoding_message_size(options.message_bytes_max);
    let consuming = ConsumeServiceServer::new(Consuming { backend: backend.clone() })
        .max_decoding_message_size(options.message_bytes_max);
    let admin = AdminServiceServer::new(Admin { backend });
    let for_applications = Routes::new(transactions).add_service(consuming);
    let for_applications = beside(for_applications, &FOR_APPLICATIONS, &health)?;
    let for_operators = beside(Routes::new(admin), &[admin_service_server::SERVICE_NAME], &health)?;

    let (stop, stopping) = watch::channel(());
    let applications = Arc::new(Connections::new(connections));
    let operators = Arc::new(Connections::new(watch::Sender::new(0)));
    let mut servers = JoinSet::new();
    if let Some(listener) = listeners.uds {
        servers.spawn(listen(
            listener,
            applications.clone(),
            for_applications.clone(),
            intake.clone(),
            stopping.clone(),
        ));
    }
    if let Some(listener) = listeners.tcp {
        servers.spawn(listen(listener, applications, for_applications, intake.clone(), stopping.clone()));
    }
    if let Some(listener) = listeners.admin_uds {
        servers.spawn(listen(listener, operators, for_operators, intake, stopping));
    }
    let following = tokio::spawn(follow(health, serving));

    let result = tokio::select! {
        () = shutdown => {
            drop(stop);
            // Not all calls end by themselves: health and status can be watched for ever.
            tokio::time::timeout(options.linger, all(&mut servers)).await.unwrap_or(Ok(()))
        }
        result = all(&mut servers) => result,
    };
    following.abort();
    result
}

/// Services with health and reflection beside them.
fn beside(services: Routes, names: &[&str], health: &HealthReporter) -> Result<Routes, Error> {
    let reflection = || {
        let builder = Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
        let listed = names.iter().chain([&health_server::SERVICE_NAME]);
        listed.fold(builder, |builder, name| builder.with_service_name(*name))
    };
    Ok(services
        .add_service(HealthServer::new(HealthService::from_health_reporter(health.clone())))
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?))
}

async fn listen<A: Accept>(
    listener: A,
    connections: Arc<Connections>,
    routes: Routes,
    intake: Intake,
    mut stopping: watch::Receiver<()>,
) -> Result<(), Error> {
    let watched = move |request: Request<Body>| request.map(|body| intake.watch(body));
    Server::builder()
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES_MAX)
        .max_concurrent_streams(CALLS_PER_CONNECTION_MAX)
        .http2_max_pending_accept_reset_streams(Some(CANCELLED_PENDING_MAX))
        .layer(MapRequestLayer::new(watched))
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming(listener, connections), async move {
            // An error is the signal: the sender was dropped.
            while stopping.changed().await.is_ok() {}
        })
        .await
        .map_err(Error::Serve)
}

/// Waits for all servers, or for the first that fails.
async fn all(servers: &mut JoinSet<Result<(), Error>>) -> Result<(), Error> {
    while let Some(ended) = servers.join_next().await {
        match ended {
            Ok(result) => result?,
            // Nobody cancels them, so it panicked.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    Ok(())
}

async fn follow(health: HealthReporter, mut serving: watch::Receiver<Serving>) {
    while serving.changed().await.is_ok() {
        let now = serving.borrow_and_update().clone();
        report(&health, &now).await;
    }
    report(&health, &Serving::Draining).await;
}

/// The services for applications, and with them the sidecar as a whole, serve when the engine is ready; operators always
/// find theirs.
async fn report(health: &HealthReporter, serving: &Serving) {
    let status = match serving {
        Serving::Ready => ServingStatus::Serving,
        Serving::NoSlot(_)
        | Serving::Connecting(_)
        | Serving::Recovering
        | Serving::Draining
        | Serving::FencedByRival(_)
        | Serving::JournalFailed(_) => ServingStatus::NotServing,
    };
    for service in FOR_APPLICATIONS.into_iter().chain([""]) {
        health.set_service_status(service, status).await;
    }
    health.set_service_status(admin_service_server::SERVICE_NAME, ServingStatus::Serving).await;
}
