//! Kubernetes: what is injected runs, rollouts end, Jobs complete, slots by Lease are never shared, the webhook and the
//! policies hold. On a real control plane with a node that runs pods as processes, and a real Kafka.

mod leases;
mod policies;
mod races;
mod rollouts;
mod running;
mod webhook;

use sidecommit_e2e::{eventually, unexpected};
use sidecommit_kube_tests::{Namespace, Outcomes, Plane, Workload};

/// Waits until a workload's applications have committed so many more transactions.
async fn commits(namespace: &Namespace, workload: &str, more: usize) {
    let committed = || Outcomes::of(&namespace.told_by(workload)).committed.len();
    let enough = committed() + more;
    eventually(&format!("{workload} commits {more} more"), 60, async || committed() >= enough).await;
}

/// What sidecars rightly say whose Leases or pods are taken from them.
const TAKEN: [(&str, &str); 2] = [
    ("WARN .. lane failed .. kind=Fenced", "a successor inits the lanes of who was paused or killed"),
    ("WARN .. lost the slot", "who was paused past its Lease has lost it"),
];

/// Checks what the workload's applications were told against what a read_committed reader sees, and that no sidecar said
/// anything that needs somebody.
fn check(plane: &Plane, namespace: &Namespace, workload: &str, topic: &str) -> Outcomes {
    check_but(plane, namespace, workload, topic, &[])
}

/// The same of sidecars that may say some things.
fn check_but(
    plane: &Plane,
    namespace: &Namespace,
    workload: &str,
    topic: &str,
    expected: &[(&str, &str)],
) -> Outcomes {
    for log in namespace.sidecar_logs(workload) {
        let unexpected = unexpected(&log, expected);
        assert!(
            unexpected.is_empty(),
            "a sidecar said what its test does not expect: {unexpected:#?}\n{log}"
        );
    }
    let outcomes = Outcomes::of(&namespace.told_by(workload));
    outcomes.check(&plane.kafka().values(topic));
    outcomes
}

/// Scales a workload to nothing: its pods end in order, so that each application was told all, and what it was told holds.
async fn ends(plane: &Plane, namespace: &Namespace, workload: &Workload, topic: &str) {
    namespace.scale(workload, 0).await;
    gone(namespace, workload.name()).await;
    let outcomes = check(plane, namespace, workload.name(), topic);
    assert!(outcomes.untold.is_empty(), "the sidecar ends after its application: {:?}", outcomes.untold);
}

/// Waits until no pod of a workload is left.
async fn gone(namespace: &Namespace, workload: &str) {
    eventually(&format!("no pod of {workload} is left"), 90, async || {
        namespace.pods(workload).await.is_empty()
    })
    .await;
}
