//! `sidecommit serve`: the process, which is there from its first moment, and its terms, each of which serves under one identity.
//!
//! The sockets are bound once and stay: before the first term, between two, and while Kafka is not reached, calls are refused with the
//! reason, and the kubelet's probes are answered.

mod abandoned;
mod former;
mod front;
mod kafka;
mod open;
mod scaled;
mod sockets;
mod stop;
mod tenure;
mod term;

use self::{front::Front, kafka::Kafka, sockets::Sockets, stop::Stop, tenure::Claimant, term::End};
use crate::{cli, exit::Failure, metrics::Metrics, settings::Settings};
use sidecommit_core::Serving;
use sidecommit_identity::Identity;
use sidecommit_journal::FolderLock;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::watch;

pub(crate) use self::{
    abandoned::{Owned, Settler},
    tenure::client as api_server,
};

/// After a slot was lost, before the next claim; doubled each time, so that two who have one identity by mistake (two clusters with one
/// prefix) do not take it from each other each second.
const CLAIM_AGAIN: Duration = Duration::from_secs(1);
const CLAIM_AGAIN_MAX: Duration = Duration::from_secs(60);

/// A term as long as this was a good one.
const GOOD_TERM: Duration = Duration::from_secs(300);

/// Under which identity to serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// This one, for good.
    Fixed(Identity),
    /// One of the workload's, as long as its Lease is held.
    Leased,
}

/// What lives as long as the process.
struct Process {
    settings: Arc<Settings>,
    folder: FolderLock,
    front: Arc<Front>,
    metrics: Metrics,
    stop: Stop,
    connections: watch::Receiver<usize>,
    claimant: Claimant,
    /// Once it was reached.
    kafka: Option<Kafka>,
}

/// Serves until SIGTERM. The settings are checked, nothing is open yet.
///
/// # Errors
/// If the sidecar cannot start or ends otherwise than by draining.
pub fn run(settings: &Settings, who: Who) -> Result<(), Failure> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::internal)?;
    let result = runtime.block_on(serve(Arc::new(settings.clone()), who));
    // Blocking look-ups of topics may still hang in librdkafka.
    runtime.shutdown_background();
    result
}

async fn serve(settings: Arc<Settings>, who: Who) -> Result<(), Failure> {
    let stop = Stop::on_sigterm()?;
    let claimant = Claimant::of(&settings, who).await?;
    // First: no other process of this folder lives, so nobody else uses the sockets.
    let folder = FolderLock::acquire(&settings.journal_dir).map_err(cli::journal_failure)?;
    let mut sockets = Sockets::bind(&settings).await?;
    let metrics = Metrics::new(&settings);
    let first = match &claimant {
        Claimant::Fixed(_) => Serving::Connecting("has just been started".to_owned()),
        Claimant::Lease(_) => Serving::NoSlot("asks the API server for a Lease".to_owned()),
    };
    let front = Arc::new(Front::new(settings.limits(), metrics.clone(), first));
    let (closed, closing) = watch::channel(false);
    sockets.serve_http(&settings, &front, &metrics, &stop, &closing);
    let connections = watch::Sender::new(0);
    let process = Process {
        settings: settings.clone(),
        folder,
        front: front.clone(),
        metrics,
        stop,
        connections: connections.subscribe(),
        claimant,
        kafka: None,
    };
    let options = sidecommit_rpc::Options {
        message_bytes_max: settings.max_message_size,
        linger: term::linger(settings.grace),
    };
    let until = {
        let mut closing = closing.clone();
        async move { drop(closing.wait_for(|closed| *closed).await) }
    };
    let server = sidecommit_rpc::serve(front.clone(), sockets.api, options, connections, until);
    let served = async {
        let ended = process.terms(&closed).await;
        closed.send_replace(true);
        ended
    };
    tokio::pin!(server, served);
    let result = tokio::select! {
        ended = &mut served => {
            let closing = server.await.map_err(Failure::internal);
            ended.and(closing)
        }
        down = &mut server => match down {
            // Told to: the last term still gives its identity back.
            Ok(()) => served.await,
            Err(error) => Err(Failure::internal(error)),
        },
    };
    sockets::remove(&settings);
    if result.is_ok() {
        tracing::info!("drained");
    }
    result
}

// === impl Process ===

impl Process {
    /// Term after term, until the process is to end; connections are closed while the last one's identity is given back.
    async fn terms(mut self, closed: &watch::Sender<bool>) -> Result<(), Failure> {
        let mut pause = CLAIM_AGAIN;
        loop {
            let Some(mut tenure) = self.claimant.claim(&self.settings, &self.front, &self.stop).await? else {
                self.front.wait(None, Serving::Draining);
                return Ok(());
            };
            let began = Instant::now();
            let end = term::serve(&mut self, &mut tenure).await;
            let slot = Some(tenure.identity().slot.clone());
            match end {
                Ok(End::Stopped { settled }) => {
                    self.front.wait(slot, Serving::Draining);
                    closed.send_replace(true);
                    tenure.release(settled).await;
                    return Ok(());
                }
                Ok(End::Lost(why)) => {
                    self.metrics.lease_lost();
                    tracing::warn!(slot = %tenure.identity().slot, why, "lost the slot");
                    self.front.wait(None, Serving::NoSlot(format!("lost its slot: {why}")));
                    drop(tenure);
                    if began.elapsed() >= GOOD_TERM {
                        pause = CLAIM_AGAIN;
                    }
                    tokio::select! {
                        () = self.stop.asked() => {}
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = (pause * 2).min(CLAIM_AGAIN_MAX);
                }
                Err(failure) => {
                    self.front.wait(slot, Serving::Draining);
                    tenure.release(false).await;
                    return Err(failure);
                }
            }
        }
    }
}
