//! Ids that nobody looks after: what their last owner left open holds back readers until the transaction timeout, unless somebody
//! inits them.

use super::{kafka::Kafka, open};
use crate::{exit::Failure, settings::Settings, settle::place};
use sidecommit_core::{ReadResult, Serving, Slot};
use sidecommit_kafka::{
    ClientSettings, Cluster, Error, LaneSettings, OutcomesPlace, read_outcomes, settle_lanes,
};
use sidecommit_lease::{Slots, Taken};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// Between two looks, on average: expiry shows only to one who looks repeatedly.
const LOOK_EVERY_MS: u64 = 1_000;

/// How long the ids of one slot may take; Kafka answers in a fraction of that.
const SETTLE_MAX: Duration = Duration::from_secs(10);

/// Settles the slots of others.
#[derive(Clone)]
pub(crate) struct Settler {
    settings: Arc<Settings>,
    /// Of the workload.
    slot: Slot,
    client: ClientSettings,
    cluster: Cluster,
    lanes: LaneSettings,
}

// === impl Settler ===

impl Settler {
    /// Beside the engine of `slot`. `place` is only used to reach the brokers.
    pub(super) fn new(settings: &Arc<Settings>, slot: &Slot, kafka: &Kafka, place: OutcomesPlace) -> Self {
        let (client, cluster) = (kafka.client.clone(), kafka.cluster.clone());
        let lanes = open::lane_settings(settings, client.clone(), place);
        Self { settings: settings.clone(), slot: slot.clone(), client, cluster, lanes }
    }

    /// Without an engine, for `slot` itself. Asks Kafka.
    pub(crate) async fn of_settings(settings: &Settings, slot: Slot) -> Result<Self, Failure> {
        let client = settings.clients().map_err(|error| Failure::usage(&[error]))?;
        let cluster = Cluster::new(&client).map_err(Failure::internal)?;
        let settings = Arc::new(settings.clone());
        let found = (settings.clone(), cluster.clone(), slot.clone());
        let found = tokio::task::spawn_blocking(move || place(&found.0, &found.1, &found.2));
        let place = found.await.map_err(Failure::internal)??;
        let lanes = open::lane_settings(&settings, client.clone(), place);
        Ok(Self { settings, slot, client, cluster, lanes })
    }

    pub(super) fn slot(&self) -> &Slot {
        &self.slot
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Another slot of the same workload.
    pub(super) fn sibling(&self, ordinal: u32) -> Option<Slot> {
        let (workload, _) = self.slot.as_str().rsplit_once('/')?;
        format!("{workload}/{ordinal}").parse().ok()
    }

    /// As long as the sidecar serves: settles what is abandoned, one slot after the other.
    pub(super) async fn run(self, slots: Slots, serving: watch::Receiver<Serving>) {
        let mut looks = Looks::while_ready(serving);
        while looks.next().await {
            looks.tell("abandoned slots cannot be settled", self.look(&slots).await);
        }
    }

    async fn look(&self, slots: &Slots) -> Result<(), String> {
        for abandoned in slots.abandoned().await.map_err(|error| error.to_string())? {
            let taken = slots.take(abandoned.ordinal).await.map_err(|error| error.to_string())?;
            // None: another was faster.
            if let Some(taken) = taken {
                self.settle_taken(taken).await?;
            }
        }
        Ok(())
    }

    /// Dropped without success, the Lease expires and is abandoned again.
    async fn settle_taken(&self, mut taken: Taken) -> Result<(), String> {
        let (ordinal, lanes) = (taken.ordinal(), taken.lanes());
        let Some(slot) = self.sibling(ordinal) else { return Ok(()) };
        let guard = taken.guard();
        tokio::select! {
            why = taken.lost() => return Err(format!("slot {slot} was taken meanwhile: {why}")),
            settled = self.settle(slot.clone(), lanes, move || guard.holds()) => settled.map_err(|error| error.to_string())?,
        }
        taken.settled().await.map_err(|error| error.to_string())?;
        tracing::info!(%slot, lanes, "settled an abandoned slot: its ids hold back nobody any more");
        Ok(())
    }

    /// Inits so many lanes of a slot first, since an open transaction on one of them may hold back its outcomes, then those that the
    /// owner record names beyond. `holds` says whether the slot is still ours to settle: an init would fence a new owner, and this thread
    /// goes on when its task has ended.
    pub(crate) async fn settle(
        &self,
        slot: Slot,
        lanes: u16,
        holds: impl Fn() -> bool + Send + 'static,
    ) -> Result<(), Error> {
        let this = self.clone();
        blocking(move || {
            let stop = |message: &str| {
                let act = format!("settling {slot}");
                Err(Error::Unreachable { act, message: message.to_owned() })
            };
            let init = |lanes| match holds() {
                true => settle_lanes(&this.lanes, &slot, lanes, SETTLE_MAX),
                false => stop("the slot is not ours to settle any more"),
            };
            init(0..lanes)?;
            match this.owned(&slot)? {
                Owned::Lanes(owned) if owned > lanes => init(lanes..owned),
                Owned::Lanes(_) | Owned::Never => Ok(()),
                Owned::Blocked => stop("another producer's open transaction holds back its owner record"),
            }
        })
        .await
    }

    /// How many lanes the slot's owner record names.
    pub(crate) async fn look_up(&self, slot: Slot) -> Result<Owned, Error> {
        let this = self.clone();
        blocking(move || this.owned(&slot)).await
    }

    fn owned(&self, slot: &Slot) -> Result<Owned, Error> {
        let failed =
            |message: String| Error::Unreachable { act: format!("reading the owner of {slot}"), message };
        let place = place(&self.settings, &self.cluster, slot).map_err(|error| failed(error.to_string()))?;
        match read_outcomes(&self.client, &self.cluster, place, slot, SETTLE_MAX)? {
            ReadResult::Done(view) => {
                Ok(view.owner.map_or(Owned::Never, |owner| Owned::Lanes(owner.lanes_max)))
            }
            ReadResult::Blocked => Ok(Owned::Blocked),
            ReadResult::Failed(message) => Err(failed(message)),
        }
    }
}

/// What Kafka says of a slot's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owned {
    /// There was none.
    Never,
    /// It may have used so many lanes.
    Lanes(u16),
    /// An open transaction, its own or another's, holds the outcomes back.
    Blocked,
}

async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(act).await.unwrap_or_else(|panicked| {
        Err(Error::Unreachable { act: "settling".to_owned(), message: panicked.to_string() })
    })
}

/// When to look: about each second, not in step with the workload's other pods, as long as the sidecar serves.
pub(super) struct Looks {
    serving: watch::Receiver<Serving>,
    trouble: Option<String>,
}

// === impl Looks ===

impl Looks {
    pub(super) fn while_ready(serving: watch::Receiver<Serving>) -> Self {
        Self { serving, trouble: None }
    }

    /// Resolves when it is time; false: the engine has ended.
    pub(super) async fn next(&mut self) -> bool {
        let millis = fastrand::u64(LOOK_EVERY_MS * 3 / 4..=LOOK_EVERY_MS * 5 / 4);
        tokio::time::sleep(Duration::from_millis(millis)).await;
        self.serving.wait_for(|serving| *serving == Serving::Ready).await.is_ok()
    }

    /// What came of it: trouble is said once, until it is over.
    pub(super) fn tell(&mut self, what: &str, looked: Result<(), String>) {
        let now = looked.err();
        if let Some(error) = now.as_ref().filter(|now| Some(*now) != self.trouble.as_ref()) {
            tracing::warn!(error, "{what}");
        }
        self.trouble = now;
    }
}
