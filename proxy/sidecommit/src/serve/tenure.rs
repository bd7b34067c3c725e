//! Who the sidecar is, and for how long: for good, or as long as it holds a Lease.

use super::{front::Front, stop::Stop};
use crate::{exit::Failure, settings::Settings};
use sidecommit_core::Serving;
use sidecommit_identity::Identity;
use sidecommit_lease::{Config, Held, Slots};
use std::time::Duration;
use tokio::sync::watch;

/// How long the release of a Lease may take; what is not released expires.
const RELEASE_MAX: Duration = Duration::from_secs(1);

/// Where identities come from.
pub(super) enum Claimant {
    /// From the settings: this one, for good.
    Fixed(Identity),
    /// From the Leases of the workload.
    Lease(Slots),
}

/// An identity for a term.
pub(super) enum Tenure {
    /// Ends only with the process.
    Fixed(Identity),
    /// Ends when the Lease is lost.
    Leased(Identity, Held),
}

// === impl Claimant ===

impl Claimant {
    /// Nothing is claimed yet.
    pub(super) async fn of(settings: &Settings, who: super::Who) -> Result<Self, Failure> {
        match who {
            super::Who::Fixed(identity) => Ok(Self::Fixed(identity)),
            super::Who::Leased => Ok(Self::Lease(Slots::new(client().await?, config(settings)?))),
        }
    }

    /// An identity; waits for a Lease, and tells what for. None: the process is to end.
    pub(super) async fn claim(
        &self,
        settings: &Settings,
        front: &Front,
        stop: &Stop,
    ) -> Result<Option<Tenure>, Failure> {
        let slots = match self {
            Self::Fixed(identity) => return Ok(Some(Tenure::Fixed(identity.clone()))),
            Self::Lease(slots) => slots,
        };
        let (waiting, mut why) = watch::channel(None);
        let telling = async {
            while why.changed().await.is_ok() {
                if let Some(why) = why.borrow_and_update().clone() {
                    front.wait(None, Serving::NoSlot(why));
                }
            }
            // Nothing more will be told.
            std::future::pending::<()>().await;
        };
        let held = tokio::select! {
            () = stop.asked() => return Ok(None),
            () = telling => return Ok(None),
            held = slots.claim(&waiting) => held,
        };
        let identity = settings.identity_of_lease(held.ordinal()).map_err(|e| Failure::usage(&[e]))?;
        Ok(Some(Tenure::Leased(identity, held)))
    }

    /// The workload's slots, if they are by Lease.
    pub(super) fn slots(&self) -> Option<&Slots> {
        match self {
            Self::Fixed(_) => None,
            Self::Lease(slots) => Some(slots),
        }
    }
}

/// Speaks to the API server, as a service account of a pod or as a kubeconfig says.
pub(crate) async fn client() -> Result<kube::Client, Failure> {
    kube::Client::try_default().await.map_err(|error| {
        Failure::Usage(format!(
            "no way to the API server: expected the token of a service account (a projected volume at \
             /var/run/secrets/kubernetes.io/serviceaccount), or KUBECONFIG: {error}"
        ))
    })
}

fn config(settings: &Settings) -> Result<Config, Failure> {
    // Checked before: identity_of_lease requires them.
    let required = |name: &str, value: &Option<String>| {
        value
            .clone()
            .ok_or_else(|| Failure::Usage(format!("{name}: not set: required with identity = lease")))
    };
    Ok(Config {
        namespace: required("namespace", &settings.namespace)?,
        workload: required("workload", &settings.workload)?,
        holder: required("pod_uid", &settings.pod_uid)?,
        pod_name: settings.pod_name.clone().unwrap_or_default(),
        slots: settings.leases_slots,
        duration: settings.leases_duration,
        lanes: settings.lanes_max,
    })
}

// === impl Tenure ===

impl Tenure {
    /// Who we are.
    pub(super) fn identity(&self) -> &Identity {
        match self {
            Self::Fixed(identity) | Self::Leased(identity, _) => identity,
        }
    }

    /// Whether the identity was won by a Lease.
    pub(super) fn is_leased(&self) -> bool {
        matches!(self, Self::Leased(..))
    }

    /// Resolves when the identity is not ours any more, or may not be soon: why.
    pub(super) async fn lost(&mut self) -> String {
        match self {
            Self::Fixed(_) => std::future::pending().await,
            Self::Leased(_, held) => held.lost().await,
        }
    }

    /// Gives the identity back. `settled`: nothing is open under its ids.
    pub(super) async fn release(self, settled: bool) {
        let Self::Leased(identity, held) = self else { return };
        match tokio::time::timeout(RELEASE_MAX, held.release(settled)).await {
            Ok(Ok(())) => tracing::info!(slot = %identity.slot, settled, "released the slot"),
            Ok(Err(error)) => {
                tracing::info!(slot = %identity.slot, %error, "the slot was not released: it expires")
            }
            Err(_) => {
                tracing::info!(slot = %identity.slot, "the API server does not answer: the slot expires")
            }
        }
    }
}
