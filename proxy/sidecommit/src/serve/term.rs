//! One term: from an identity to its end. The engine of a term ends with it, so that nothing of a former identity is left in memory;
//! what it could not decide stays in the journal and in Kafka, for whoever has the slot next.

use super::{Process, abandoned, former, kafka::Kafka, open, scaled, tenure::Tenure};
use crate::{
    driver::{self, Ended, Handle, Running, Sidecar},
    exit::Failure,
};
use sidecommit_core::{Input, Millis, Serving};
use std::time::Duration;
use tokio::{
    sync::{oneshot, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

/// What remains of the grace after the engine's part, at most: to abort, to answer, to sync the journal, to close
/// connections. It must fit into what the kubelet leaves us, two seconds at the least (kubernetes.md 1).
const CLOSING_MAX: Duration = Duration::from_secs(2);

/// Of that for connections, at most.
const LINGER_MAX: Duration = Duration::from_millis(500);

/// After an engine was told to end as it is: it only closes its journal.
const QUIT_MAX: Duration = Duration::from_secs(10);

/// How a term ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The process is to end. `settled`: nothing is open in Kafka under the term's ids.
    Stopped { settled: bool },
    /// The identity is not ours any more: why.
    Lost(String),
}

/// A running engine with what follows it.
struct Engine {
    handle: Handle,
    serving: watch::Receiver<Serving>,
    ended: oneshot::Receiver<Ended>,
    /// Aborted when dropped.
    _following: JoinSet<()>,
}

/// Serves as the tenure says until either ends.
pub(super) async fn serve(process: &mut Process, tenure: &mut Tenure) -> Result<End, Failure> {
    let stop = process.stop.clone();
    let identity = tenure.identity().clone();
    tracing::info!(slot = %identity.slot, from = identity.kind.name(), "a term begins");
    macro_rules! or_end {
        ($step:expr) => {
            tokio::select! {
                () = stop.asked() => return Ok(End::Stopped { settled: false }),
                why = tenure.lost() => return Ok(End::Lost(why)),
                done = $step => done?,
            }
        };
    }
    let front = &process.front;
    let kafka = match process.kafka.clone() {
        Some(kafka) => kafka,
        None => or_end!(Kafka::reach(&process.settings, &identity.prefix, &identity.slot, front)),
    };
    process.kafka = Some(kafka.clone());
    let opened = open::journal(&process.settings, &process.folder, &identity, &kafka.cluster_id).await?;
    let undecided = opened.contents.foreign.clone();
    let place = or_end!(open::outcomes(&process.settings, &identity, &kafka, front));
    let parts = open::parts(
        &process.settings,
        &identity,
        &kafka,
        opened,
        place.clone(),
        process.metrics.clone(),
        front.clock(),
    )?;
    let mut engine = start(process, tenure, &kafka, parts)?;
    let mut following = JoinSet::new();
    let settings = process.settings.clone();
    following.spawn(former::settle(settings, kafka.clone(), undecided, engine.handle.clone()));
    if let Some(slots) = process.claimant.slots() {
        let settler = abandoned::Settler::new(&process.settings, &identity.slot, &kafka, place);
        following.spawn(settler.run(slots.clone(), engine.serving.clone()));
    } else if process.settings.leases_settle_statefulset {
        let settler = abandoned::Settler::new(&process.settings, &identity.slot, &kafka, place);
        following.spawn(scaled::run(settler, engine.serving.clone()));
    }
    let lost = tokio::select! {
        () = stop.asked() => None,
        why = tenure.lost() => Some(why),
        why = fenced(engine.serving.clone()), if tenure.is_leased() => Some(why),
        ended = &mut engine.ended => return Err(died(ended.is_ok())),
    };
    drop(following);
    match lost {
        None => {
            let settled = engine.drain(process.settings.grace, tenure).await;
            Ok(End::Stopped { settled })
        }
        Some(why) => {
            process.front.tell(Serving::NoSlot(format!("lost {}: {why}", identity.slot)));
            engine.abandon(process.settings.leases_duration / 5).await?;
            Ok(End::Lost(why))
        }
    }
}

fn start(process: &Process, tenure: &Tenure, kafka: &Kafka, parts: driver::Parts) -> Result<Engine, Failure> {
    let Running { handle, serving, ended } = driver::start(parts)?;
    process.front.tell(Serving::Recovering);
    process.front.run(Sidecar {
        engine: handle.clone(),
        topics: kafka.topics.clone(),
        metrics: process.metrics.clone(),
        slot: tenure.identity().slot.clone(),
        cluster_id: kafka.cluster_id.clone(),
    });
    let mut following = JoinSet::new();
    following.spawn(follow_connections(process.connections.clone(), handle.clone()));
    let (front, mut states, is_leased) = (process.front.clone(), serving.clone(), tenure.is_leased());
    following.spawn(async move {
        loop {
            let now = states.borrow_and_update().clone();
            // By Lease that is no state to be in: the term ends.
            if !(is_leased && matches!(now, Serving::FencedByRival(_))) {
                front.tell(now);
            }
            if states.changed().await.is_err() {
                return;
            }
        }
    });
    Ok(Engine { handle, serving, ended, _following: following })
}

async fn follow_connections(mut connections: watch::Receiver<usize>, engine: Handle) {
    loop {
        let open = *connections.borrow_and_update();
        engine.tell(Input::Connections(open));
        if connections.changed().await.is_err() {
            return;
        }
    }
}

/// Resolves when another owner has the slot.
async fn fenced(mut serving: watch::Receiver<Serving>) -> String {
    let rival = serving.wait_for(|serving| matches!(serving, Serving::FencedByRival(_))).await;
    match rival.as_deref() {
        Ok(Serving::FencedByRival(rival)) => {
            format!("fenced by incarnation {} of pod {}", rival.incarnation.0, rival.pod_uid)
        }
        // The engine has ended, which is told elsewhere.
        _ => std::future::pending().await,
    }
}

fn died(in_order: bool) -> Failure {
    let how = if in_order { "ended although nobody asked it to" } else { "panicked" };
    Failure::Internal(format!("the engine's thread {how}"))
}

// === impl Engine ===

impl Engine {
    /// SIGTERM: what is open may end within the grace. Whether nothing is open in Kafka then.
    async fn drain(mut self, grace: Duration, tenure: &mut Tenure) -> bool {
        let until = self.handle.now() + (grace - closing(grace)).as_millis() as Millis;
        self.handle.tell(Input::Drain { until });
        let give_up = sleep(grace - linger(grace));
        tokio::pin!(give_up);
        let ended = tokio::select! {
            ended = &mut self.ended => Some(ended),
            () = &mut give_up => None,
            why = tenure.lost() => {
                tracing::warn!(why, "the Lease was lost in the drain: what is open is aborted");
                self.handle.tell(Input::Drain { until: self.handle.now() });
                tokio::select! { ended = &mut self.ended => Some(ended), () = &mut give_up => None }
            }
        };
        match ended {
            Some(ended) => ended.is_ok_and(|ended| ended.settled),
            None => {
                tracing::warn!("the grace is over: what is undecided is settled by the next start");
                false
            }
        }
    }

    /// The identity is not ours any more: what is open is aborted, what is in doubt stays so, and after the margin, when another may
    /// have the slot, nothing of this engine is left.
    async fn abandon(mut self, margin: Duration) -> Result<(), Failure> {
        self._following.abort_all();
        let journal_failed = matches!(&*self.serving.borrow(), Serving::JournalFailed(_));
        self.handle.tell(Input::Drain { until: self.handle.now() });
        if timeout(margin, &mut self.ended).await.is_err() {
            tracing::info!("what is undecided is left to the slot's next owner");
            self.handle.quit();
            if timeout(QUIT_MAX, &mut self.ended).await.is_err() {
                return Err(Failure::Internal("the engine of a lost slot does not end".to_owned()));
            }
        }
        if journal_failed {
            // It cannot be opened again in this process.
            return Err(Failure::Internal("the journal failed, and the slot was lost".to_owned()));
        }
        Ok(())
    }
}

/// What the engine leaves of the grace.
fn closing(grace: Duration) -> Duration {
    (grace / 4).min(CLOSING_MAX)
}

/// What the engine's end leaves of that: less than all of it, or a short grace would have no time to end what is open.
pub(super) fn linger(grace: Duration) -> Duration {
    (closing(grace) / 2).min(LINGER_MAX)
}
