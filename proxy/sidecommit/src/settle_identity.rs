//! Ends what the last owner of a slot left open, by initialising its ids: for a slot that nobody will have again, such as one of a
//! StatefulSet that was scaled down. If the slot has a Lease it must be free, and it is held meanwhile.

use crate::{
    exit::Failure,
    serve::{Owned, Settler, api_server},
    settings::Settings,
};
use k8s_openapi::api::coordination::v1::Lease;
use sidecommit_core::Slot;
use sidecommit_lease::{Config, Guard, Slots, Taken};
use std::time::{Duration, Instant};

/// Between two looks at a Lease.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a Lease that shows none lasts.
const DURATION: Duration = Duration::from_secs(15);

/// A slot that is to be settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Released {
    slot: Slot,
    namespace: String,
    workload: String,
    ordinal: u32,
}

/// A Lease as a person has to know of it.
struct Holder {
    name: String,
    duration: Duration,
}

// === impl Released ===

impl Released {
    /// From `namespace/workload/ordinal`, with the prefix that is set.
    pub(crate) fn parse(settings: &Settings, identity: &str) -> Result<Self, Failure> {
        let malformed = || {
            Failure::Usage(format!(
                "--identity: {identity:?}: expected <namespace>/<workload>/<ordinal>, such as shop/orders/3"
            ))
        };
        let [namespace, workload, ordinal] = identity.split('/').collect::<Vec<_>>()[..] else {
            return Err(malformed());
        };
        let number: u32 = ordinal.parse().map_err(|_| malformed())?;
        let prefix = settings.prefix.as_deref().ok_or_else(|| {
            Failure::Usage("prefix: not set: expected the first part of the slot's ids".to_owned())
        })?;
        let slot = format!("{prefix}/{namespace}/{workload}/{number}");
        Ok(Self {
            slot: slot.parse().map_err(|_| malformed())?,
            namespace: namespace.to_owned(),
            workload: workload.to_owned(),
            ordinal: number,
        })
    }

    pub(crate) fn slot(&self) -> &Slot {
        &self.slot
    }

    /// Settles it: how many ids were initialised.
    pub(crate) async fn settle(&self, settings: &Settings) -> Result<u16, Failure> {
        let taken = match api_server().await {
            Ok(client) => self.take(client, settings).await?,
            Err(error) => {
                tracing::info!(%error, "nobody can tell whether the slot's Lease is held");
                None
            }
        };
        let settler = Settler::of_settings(settings, self.slot.clone()).await?;
        let lanes = taken.as_ref().map_or(settings.lanes_max, Taken::lanes);
        let guard = taken.as_ref().map(Taken::guard);
        let holds = move || guard.as_ref().is_none_or(Guard::holds);
        settler.settle(self.slot.clone(), lanes, holds).await.map_err(Failure::unavailable)?;
        let owned = settler.look_up(self.slot.clone()).await.map_err(Failure::unavailable)?;
        if let Some(taken) = taken {
            taken.settled().await.map_err(Failure::unavailable)?;
        }
        Ok(match owned {
            Owned::Lanes(owned) => owned.max(lanes),
            Owned::Never | Owned::Blocked => lanes,
        })
    }

    /// Takes the slot's Lease, if it has one that is not settled; a holder that does not renew it is waited for.
    async fn take(&self, client: kube::Client, settings: &Settings) -> Result<Option<Taken>, Failure> {
        let name = format!("sidecommit-{}-{}", self.workload, self.ordinal);
        let leases = kube::Api::<Lease>::namespaced(client.clone(), &self.namespace);
        let slots = Slots::new(client, self.config(settings));
        let mut known: Option<(Holder, Instant)> = None;
        loop {
            let lease = match leases.get_opt(&name).await {
                Ok(Some(lease)) => lease,
                Ok(None) => return Ok(None),
                Err(error) => {
                    let text = format!("whether Lease {}/{name} is held: {error}", self.namespace);
                    return Err(Failure::Unavailable(text));
                }
            };
            if let Some(taken) = slots.take(self.ordinal).await.map_err(Failure::unavailable)? {
                return Ok(Some(taken));
            }
            let Some(holder) = holder_of(&lease) else { return Ok(None) };
            let (holder, since) = known.get_or_insert_with(|| (holder, Instant::now()));
            // Looked at for as long as it lasts and a little more, and it was renewed: somebody is there.
            if since.elapsed() > holder.duration + 3 * LOOK_EVERY {
                return Err(Failure::Refused(format!(
                    "slot {} is held by {} (Lease {}/{name}): stop it first",
                    self.slot, holder.name, self.namespace
                )));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn config(&self, settings: &Settings) -> Config {
        Config {
            namespace: self.namespace.clone(),
            workload: self.workload.clone(),
            holder: format!("sidecommit-settle-{:016x}", fastrand::u64(..)),
            pod_name: "sidecommit settle".to_owned(),
            slots: self.ordinal + 1,
            duration: settings.leases_duration,
            lanes: settings.lanes_max,
        }
    }
}

fn holder_of(lease: &Lease) -> Option<Holder> {
    let spec = lease.spec.as_ref()?;
    let uid = spec.holder_identity.clone().filter(|holder| !holder.is_empty())?;
    let pod = lease.metadata.annotations.as_ref().and_then(|all| all.get("sidecommit.dev/pod"));
    let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    Some(Holder {
        name: pod.map_or_else(|| uid.clone(), |pod| format!("pod {pod} ({uid})")),
        duration: seconds.map_or(DURATION, Duration::from_secs),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Environment, Flags};

    #[test]
    fn an_identity_is_three_parts_behind_the_prefix_that_is_set() {
        let settings = |prefix: &[(&'static str, &str)]| {
            let values = prefix.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            let flags = Flags { values, ..Flags::default() };
            Settings::load(&flags, &Environment::default()).unwrap()
        };
        let with = settings(&[("prefix", "p")]);
        let released = Released::parse(&with, "shop/orders/3").unwrap();
        assert_eq!(released.slot().as_str(), "p/shop/orders/3");
        for bad in ["shop/orders", "p/shop/orders/3", "shop/orders/x", "shop//3", "shop/or ders/3"] {
            let error = Released::parse(&with, bad).unwrap_err();
            assert!(error.code() == 64 && error.to_string().contains(bad), "{error}");
        }
        let error = Released::parse(&settings(&[]), "shop/orders/3").unwrap_err().to_string();
        assert!(error.starts_with("prefix: not set"), "{error}");
    }
}
