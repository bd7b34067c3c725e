use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use k8s_openapi::api::coordination::v1::Lease;
use parking_lot::Mutex;
use tokio::{sync::watch, time::Instant};

use crate::{
    claim,
    cluster::Cluster,
    config::Config,
    error::Error,
    evaluate::{State, evaluate},
    facts::Facts,
    held::{Held, Keeping},
    leases::{Failure, Leases},
    object,
    observed::Observed,
    settle::{self, Abandoned},
    standing::Standing,
    taken::Taken,
    tenure::{Tenure, limited},
};

/// The slots of one workload: their leases, and what we saw of each and when.
#[derive(Clone)]
pub struct Slots {
    pub(crate) leases: Arc<dyn Leases>,
    pub(crate) config: Arc<Config>,
    pub(crate) known: Arc<Mutex<Known>>,
}

/// What a process remembers between looks.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) observed: Observed,
    /// Held or being settled by this process.
    pub(crate) ours: BTreeSet<u32>,
    /// There, though the list does not show them: made by hand without the label.
    pub(crate) unlisted: BTreeSet<u32>,
}

/// One lease as a look showed it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) lease: Lease,
    pub(crate) facts: Facts,
    pub(crate) unchanged: std::time::Duration,
}

// === impl Slots ===

impl Slots {
    /// Nothing is asked of the API server yet.
    pub fn new(client: kube::Client, config: Config) -> Self {
        let cluster = Cluster::new(client, &config);
        Self::over(Arc::new(cluster), config)
    }

    pub(crate) fn over(leases: Arc<dyn Leases>, config: Config) -> Self {
        Self { leases, config: Arc::new(config), known: Arc::default() }
    }

    /// Claims the lowest slot that can be had: free, without a lease, or expired by our own observation; before all, the
    /// one this pod holds already. Waits until there is one, and tells through `waiting` what for.
    pub async fn claim(&self, waiting: &watch::Sender<Option<String>>) -> Held {
        claim::claim(self, waiting).await
    }

    /// Leases of this workload that are expired or released, and not settled: their ids are abandoned. Expiry shows only
    /// to one that looks repeatedly: call it every second, and it shows within a second.
    pub async fn abandoned(&self) -> Result<Vec<Abandoned>, Error> {
        settle::abandoned(self).await
    }

    /// Takes an abandoned slot for the time of settling it; none if it is not abandoned any more, or another was faster.
    pub async fn take(&self, ordinal: u32) -> Result<Option<Taken>, Error> {
        settle::take(self, ordinal).await
    }

    /// Lists the leases, and notes for how long each has been as it is.
    pub(crate) async fn look(&self) -> Result<BTreeMap<u32, Seen>, Error> {
        let patience = self.config.timing().call_at_most();
        let listed =
            limited(patience, self.leases.list()).await.map_err(|failure| self.error("list", failure))?;
        let mut leases: BTreeMap<u32, (Lease, Facts)> =
            listed.into_iter().filter_map(|l| self.read(l)).collect();
        let mut unlisted = self.known.lock().unlisted.clone();
        unlisted.retain(|ordinal| !leases.contains_key(ordinal));
        for ordinal in unlisted {
            leases.extend(self.get(ordinal).await?.and_then(|lease| self.read(lease)));
        }
        let mut known = self.known.lock();
        let now = Instant::now();
        known.observed.keep(|ordinal| leases.contains_key(&ordinal));
        known.unlisted.retain(|ordinal| leases.contains_key(ordinal));
        let seen = leases.into_iter().map(|(ordinal, (lease, facts))| {
            let unchanged = known.observed.note(ordinal, &facts.version, now);
            (ordinal, Seen { lease, facts, unchanged })
        });
        Ok(seen.collect())
    }

    /// One lease by name, if it is there.
    pub(crate) async fn get(&self, ordinal: u32) -> Result<Option<Lease>, Error> {
        let name = object::name(&self.config.workload, ordinal);
        match limited(self.config.timing().call_at_most(), self.leases.get(name)).await {
            Ok(lease) => Ok(Some(lease)),
            Err(Failure::Missing) => Ok(None),
            Err(failure) => Err(self.error("get", failure)),
        }
    }

    pub(crate) fn state(&self, seen: &Seen) -> State {
        evaluate(&seen.facts, Some(&self.config.holder), seen.unchanged, self.config.duration)
    }

    /// Writes `me` into a lease; the answer, and when it was asked for.
    pub(crate) async fn write(
        &self,
        lease: Lease,
        me: &str,
        lanes: u16,
    ) -> (Instant, Result<Lease, Failure>) {
        let absent = lease.metadata.resource_version.is_none();
        let wanted = object::hold(lease, &self.config, me, lanes, self.leases.wall_clock());
        let patience = self.config.timing().call_at_most();
        let sent = Instant::now();
        let call = if absent { self.leases.create(wanted) } else { self.leases.replace(wanted) };
        (sent, limited(patience, call).await)
    }

    /// Begins to renew what `write` wrote. If its answer came too late to rely on, it is lost from the start.
    pub(crate) fn keep(&self, ordinal: u32, me: String, lease: Lease, sent: Instant) -> Keeping {
        let tenure = Tenure {
            leases: Arc::clone(&self.leases),
            config: Arc::clone(&self.config),
            me,
            ordinal,
            lease,
            standing: Standing::new(sent + self.config.timing().held_for()),
        };
        Keeping::start(tenure, Arc::clone(&self.known))
    }

    pub(crate) fn error(&self, verb: &'static str, failure: Failure) -> Error {
        Error::of(verb, &self.config.namespace, failure)
    }

    fn read(&self, lease: Lease) -> Option<(u32, (Lease, Facts))> {
        let facts = object::facts(&lease, &self.config.workload)?;
        Some((facts.ordinal, (lease, facts)))
    }
}

impl std::fmt::Debug for Slots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slots")
            .field("config", &self.config)
            .field("known", &self.known)
            .finish_non_exhaustive()
    }
}
