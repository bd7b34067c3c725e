//! `sidecommit serve`: opens what the settings name, in an order in which nothing is promised too early.

use crate::{
    admin_http, cli,
    driver::{self, Clock, Failpoints, Handle, Parts, Running, Sidecar, Topics},
    exit::Failure,
    metrics::Metrics,
    settings::{OutcomesMode, Settings},
};
use sidecommit_core::{Blame, Input, LaneError, LaneErrorKind, LaneEvent, Millis, Start};
use sidecommit_identity::Identity;
use sidecommit_journal::{Binding, Journal, Options};
use sidecommit_kafka::{
    Catalog, ClientSettings, Cluster, Consumers, LaneSettings, Lanes, OutcomesPlace, OutcomesReader,
    OutcomesTopic, TopicLimits,
};
use sidecommit_rpc::{Listeners, ServerInfo, bind_tcp, bind_uds};
use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::{oneshot, watch},
};
use tracing::field::{DisplayValue, display};

/// How old a topic's configuration may become before it is read again.
const TOPIC_FACTS_MAX_AGE: Duration = Duration::from_secs(60);

/// Between two attempts to reach Kafka at the start.
const CONNECT_AGAIN: Duration = Duration::from_secs(1);

/// What remains of the grace after the engine's part, at most: to abort, to answer, to sync the journal, to close
/// connections. It must fit into what the kubelet leaves us, two seconds at the least (kubernetes.md 1).
const CLOSING_MAX: Duration = Duration::from_secs(2);

/// Of that for connections, at most.
const LINGER_MAX: Duration = Duration::from_millis(500);

/// Serves until SIGTERM. The settings are checked, nothing is open yet.
///
/// # Errors
/// If the sidecar cannot start or ends otherwise than by draining.
pub fn run(settings: &Settings, identity: &Identity) -> Result<(), Failure> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::internal)?;
    let result = runtime.block_on(serve(settings, identity));
    // Blocking look-ups of topics may still hang in librdkafka.
    runtime.shutdown_background();
    result
}

async fn serve(settings: &Settings, identity: &Identity) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::internal)?;
    let metrics = Metrics::new(settings);
    let Some(opened) = connected(settings, identity, &metrics, &mut terminate).await? else { return Ok(()) };
    let Opened { parts, topics, cluster_id } = opened;
    let Running { handle, serving, drained } = driver::start(parts)?;
    // Only now: the journal's lock is held, so no other process of this folder uses the sockets.
    let listeners = listen(settings).await?;
    let metrics_listener = listen_for_metrics(settings).await?;
    // The bound addresses: port 0 lets the system choose one, and whoever reads the log can find it.
    tracing::info!(
        slot = %identity.slot,
        socket = settings.socket.as_deref().map(|path| display(path.display())),
        tcp = bound(listeners.tcp.as_ref()),
        metrics = bound(metrics_listener.as_ref()),
        "listening"
    );

    let info = ServerInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        slot: identity.slot.clone(),
        cluster_id,
        limits: settings.limits(),
    };
    let sidecar = Sidecar { engine: handle.clone(), topics, metrics: metrics.clone(), serving, info };
    let connections = watch::Sender::new(0);
    let (closed, closing) = watch::channel(false);
    follow_connections(connections.subscribe(), handle.clone());
    if let Some(listener) = metrics_listener {
        let (engine, mut closing) = (handle.clone(), closing.clone());
        let ask = move || {
            let engine = engine.clone();
            async move { engine.look(|engine, now| engine.status(now)).await }
        };
        let until = async move { drop(closing.wait_for(|closed| *closed).await) };
        tokio::spawn(admin_http::serve(listener, ask, metrics, until));
    }
    let options = sidecommit_rpc::Options {
        message_bytes_max: settings.max_message_size,
        linger: linger(settings.grace),
    };
    let finished = finished(terminate, handle, settings.grace, drained);
    let shutdown = async move {
        finished.await;
        closed.send_replace(true);
    };
    sidecommit_rpc::serve(Arc::new(sidecar), listeners, options, connections, shutdown)
        .await
        .map_err(Failure::internal)?;
    remove_sockets(settings);
    tracing::info!("drained");
    Ok(())
}

/// What stands before the engine starts.
struct Opened {
    parts: Parts,
    topics: Topics,
    cluster_id: Arc<str>,
}

/// Waits for Kafka, unless SIGTERM comes first.
async fn connected(
    settings: &Settings,
    identity: &Identity,
    metrics: &Metrics,
    terminate: &mut Signal,
) -> Result<Option<Opened>, Failure> {
    let client = settings.clients().map_err(|error| Failure::Usage(error.to_string()))?;
    let cluster = Cluster::new(&client).map_err(Failure::internal)?;
    loop {
        let asked = cluster.clone();
        let id = tokio::task::spawn_blocking(move || asked.id());
        tokio::select! {
            _ = terminate.recv() => return Ok(None),
            id = id => match id.map_err(Failure::internal)? {
                Ok(id) => {
                    let (settings, identity, metrics) = (settings.clone(), identity.clone(), metrics.clone());
                    let open = move || open(&settings, &identity, metrics, client, cluster, id);
                    return tokio::task::spawn_blocking(open).await.map_err(Failure::internal)?.map(Some);
                }
                Err(error) => {
                    tracing::warn!(%error, servers = client.bootstrap_servers, "waiting for Kafka");
                    tokio::time::sleep(CONNECT_AGAIN).await;
                }
            },
        }
    }
}

/// Opens the journal, checks the outcomes topic, and makes ready what the engine is joined with. Blocks.
fn open(
    settings: &Settings,
    identity: &Identity,
    metrics: Metrics,
    client: ClientSettings,
    cluster: Cluster,
    cluster_id: String,
) -> Result<Opened, Failure> {
    let failpoints = settings.failpoint.as_deref().map(str::parse).transpose();
    let failpoints: Failpoints = failpoints
        .map(Option::unwrap_or_default)
        .map_err(|error| Failure::Usage(format!("failpoint: {error}")))?;
    let slot = identity.slot.clone();
    let binding = Binding { cluster_id: cluster_id.clone(), slot: slot.clone() };
    let options = Options { outcomes_remembered: settings.outcomes_remembered, ..Options::default() };
    let (journal, contents) =
        Journal::open(&settings.journal_dir, binding, options).map_err(cli::journal_failure)?;
    if !contents.foreign.is_empty() {
        let groups = contents.foreign.len();
        tracing::warn!(
            groups,
            "the journal was another slot's: `sidecommit settle` tells its undecided groups"
        );
    }
    let place = outcomes(settings, identity, &cluster)?;
    let catalog =
        Catalog::start(cluster.clone(), TOPIC_FACTS_MAX_AGE).map(Arc::new).map_err(Failure::internal)?;
    let topics = Topics::new(cluster.clone(), catalog.clone(), settings.outcomes_topic_of(&identity.prefix));
    let own = settings.outcomes_topic_of(&identity.prefix);
    let used = [own.as_str()];
    topics.look_for_warnings(if settings.outcomes_mode == OutcomesMode::Topic { &used } else { &[] });

    let clock = Clock::start();
    let start = Start {
        slot: slot.clone(),
        pod_uid: identity.pod_uid.clone(),
        journal: contents,
        limits: settings.limits(),
        seed: fastrand::u64(..),
        now: clock.now(),
    };
    let mut lanes = LaneSettings::new(client.clone(), place.clone());
    lanes.transaction_timeout = Duration::from_millis(settings.lane_timeout);
    let doubted = catalog.clone();
    lanes.topic_limits =
        TopicLimits::new(move |topic| catalog.cached(topic).map(|facts| facts.max_message_bytes));
    let (members, read_ahead) = ((client.clone(), cluster.clone()), settings.limits().read_ahead_bytes);
    let consumers = Box::new(move |engine: Handle| {
        let events = Arc::new(move |consumer, event| engine.consumer(consumer, event));
        Consumers::new(members.0, members.1, read_ahead, events)
    });
    let lane_slot = slot.clone();
    let lanes = Box::new(move |engine: Handle, consumers: Consumers| {
        Lanes::start(
            LaneSettings { consumers: Some(consumers), ..lanes },
            lane_slot,
            Arc::new(move |lane, generation, event| {
                if let LaneEvent::Failed(error) = &event {
                    learn(&doubted, error);
                }
                engine.lane(lane, generation, event);
            }),
        )
    });
    let reader = Box::new(move |engine: Handle| {
        let results = Arc::new(move |token, result| engine.read(token, result));
        OutcomesReader::start(&client, cluster, place, slot, results)
    });
    let parts = Parts { start, journal, consumers, lanes, reader, clock, metrics, failpoints };
    Ok(Opened { parts, topics, cluster_id: cluster_id.into() })
}

/// What the broker refused tells something of the topic: the next such record is to be refused when it comes.
fn learn(catalog: &Catalog, error: &LaneError) {
    let Blame::Records { topic, .. } = &error.blame else { return };
    match error.kind {
        LaneErrorKind::Record { denied: true } => catalog.deny(topic),
        _ => catalog.doubt(topic),
    }
}

/// Where the slot's own records go.
fn outcomes(settings: &Settings, identity: &Identity, cluster: &Cluster) -> Result<OutcomesPlace, Failure> {
    match settings.outcomes_mode {
        OutcomesMode::Topic => {
            let topic = OutcomesTopic {
                name: settings.outcomes_topic_of(&identity.prefix),
                partitions: settings.outcomes_partitions,
                replication: i32::from(settings.outcomes_replication_factor),
                min_insync_replicas: i32::from(settings.outcomes_min_insync_replicas),
            };
            topic.prepare(cluster, &identity.slot).map_err(Failure::unavailable)
        }
        OutcomesMode::PrivateGroups => {
            let missing =
                || Failure::Usage("outcomes.private_groups_topic: expected an existing topic".to_owned());
            Ok(OutcomesPlace::Groups {
                prefix: settings.private_groups_of(&identity.prefix),
                topic: settings.outcomes_private_groups_topic.clone().ok_or_else(missing)?,
                partition: settings.outcomes_private_groups_partition,
            })
        }
    }
}

async fn listen(settings: &Settings) -> Result<Listeners, Failure> {
    let tcp = match settings.tcp_address {
        Some(address) => Some(bind_tcp(address).await.map_err(Failure::unavailable)?),
        None => None,
    };
    let uds = |path: &Path, mode| {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(Failure::internal)?;
        }
        bind_uds(path, mode).map_err(Failure::unavailable)
    };
    Ok(Listeners {
        uds: settings.socket.as_deref().map(|path| uds(path, settings.socket_mode)).transpose()?,
        tcp,
        admin_uds: Some(uds(&settings.admin_socket, 0o600)?),
    })
}

async fn listen_for_metrics(settings: &Settings) -> Result<Option<TcpListener>, Failure> {
    let Some(address) = settings.metrics_address else { return Ok(None) };
    let failed =
        |error| Failure::unavailable(format!("metrics_address: cannot listen on {address}: {error}"));
    TcpListener::bind(address).await.map(Some).map_err(failed)
}

fn bound(listener: Option<&TcpListener>) -> Option<DisplayValue<SocketAddr>> {
    listener.and_then(|listener| listener.local_addr().ok()).map(display)
}

/// An application that finds no socket knows at once that nobody serves.
fn remove_sockets(settings: &Settings) {
    for path in settings.socket.iter().chain([&settings.admin_socket]) {
        if let Err(error) = std::fs::remove_file(path) {
            tracing::info!(%error, ?path, "the socket could not be removed");
        }
    }
}

fn follow_connections(mut connections: watch::Receiver<usize>, engine: Handle) {
    tokio::spawn(async move {
        loop {
            let open = *connections.borrow_and_update();
            engine.tell(Input::Connections(open));
            if connections.changed().await.is_err() {
                return;
            }
        }
    });
}

/// What the engine leaves of the grace.
fn closing(grace: Duration) -> Duration {
    (grace / 4).min(CLOSING_MAX)
}

/// What the engine's end leaves of that: less than all of it, or a short grace would have no time to end what is open.
fn linger(grace: Duration) -> Duration {
    (closing(grace) / 2).min(LINGER_MAX)
}

/// SIGTERM, then the drain.
async fn finished(mut terminate: Signal, engine: Handle, grace: Duration, drained: oneshot::Receiver<()>) {
    let _ = terminate.recv().await;
    let until = engine.now() + (grace - closing(grace)).as_millis() as Millis;
    engine.tell(Input::Drain { until });
    let give_up = tokio::time::timeout(grace - linger(grace), drained);
    if give_up.await.is_err() {
        tracing::warn!("the grace is over: what is undecided is settled by the next start");
    }
}
