use std::time::Duration;

use crate::timing::Timing;

/// Whose slots are claimed, by whom, and for how long.
#[derive(Clone, Debug)]
pub struct Config {
    /// The namespace of the workload, in which its leases are.
    pub namespace: String,
    /// The Deployment's, Job's or CronJob's name.
    pub workload: String,
    /// What holds: the pod's uid. A restarted container of the same pod so recognises its own slot.
    pub holder: String,
    /// The pod's name, for the people who read a lease.
    pub pod_name: String,
    /// Slots 0..slots may be claimed: an upper bound, not the number of replicas.
    pub slots: u32,
    /// How long a lease lasts without a renewal; 15 s in production.
    pub duration: Duration,
    /// How many lanes this sidecar may open in its slot.
    pub lanes: u16,
}

// === impl Config ===

impl Config {
    pub(crate) fn timing(&self) -> Timing {
        Timing { duration: self.duration }
    }

    /// What a settling sidecar writes as holder: never equal to a pod's uid, so that a restarted container does not
    /// take a slot that it was only settling for its own.
    pub(crate) fn settler(&self) -> String {
        format!("{}/settling", self.holder)
    }
}
