//! What the cases share.

use sidecommit_e2e::{Blind, Cluster, Sidecar, Spec, Told, check_ledger, unique};
use std::process::Command;

/// No space left on device.
pub(crate) const ENOSPC: i32 = 28;

/// A pod with an outcomes topic of its own: what another's killed sidecar left open does not hold it back.
pub(crate) fn pod(cluster: Cluster) -> Spec {
    pod_of(cluster, &format!("{}/test/app/0", unique("blind")))
}

/// Another one of its slot.
pub(crate) fn pod_of(cluster: Cluster, slot: &str) -> Spec {
    Spec::of_slot(&cluster.bootstrap(), slot).set("outcomes.partitions", "1")
}

/// Its outcomes topic.
pub(crate) fn outcomes(spec: &Spec) -> String {
    let prefix = spec.slot().split('/').next().expect("has four parts");
    format!("{prefix}.sidecommit-outcomes")
}

/// A blind client of a sidecar.
pub(crate) fn blind(sidecar: &Sidecar) -> Blind {
    Blind::connect(&sidecar.socket())
}

/// These transfers are visible, each whole and once, and nothing else is.
#[track_caller]
pub(crate) fn visible_once(cluster: Cluster, topic: &str, names: &[&str]) {
    let told = names.iter().map(|name| ((*name).to_owned(), Told::Committed));
    check_ledger(&told.collect(), &cluster.values(topic));
}

/// Sends a signal to a process that the test started.
pub(crate) fn signal(pid: u32, name: &str) {
    let done = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status();
    assert!(done.expect("kill runs").success(), "kill -{name}");
}
