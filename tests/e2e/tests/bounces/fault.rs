//! What happens to brokers.

use crate::{DATA_PARTITIONS, OUTCOMES_PARTITIONS};
use sidecommit_e2e::Spec;
use sidecommit_fixture::{BrokerId, Replicated};

/// One fault. Each is aimed at the coordinator of the transactions that it is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// SIGKILL.
    Killed,
    /// Leaders and coordinators move back, while everybody lives.
    Moved,
    /// SIGSTOP, longer than it takes the others to replace it.
    Paused,
    /// SIGTERM, and started again at once.
    Restarted,
    /// Cut off from the controller: replaced without knowing it, and still reached by clients.
    CutOff,
    /// Two of three are killed: nothing has enough replicas in sync.
    TwoKilled,
    /// Another broker is killed, and the outcomes topic, of all topics, wants three replicas in sync.
    OutcomesShort,
}

// === impl Fault ===

impl Fault {
    pub(crate) const ALL: [Self; 7] = [
        Self::Killed,
        Self::Moved,
        Self::Paused,
        Self::Restarted,
        Self::CutOff,
        Self::TwoKilled,
        Self::OutcomesShort,
    ];

    /// Whether transactions can go on while it lasts.
    pub(crate) fn is_survivable(self) -> bool {
        !matches!(self, Self::TwoKilled | Self::OutcomesShort)
    }

    /// The sidecars that it is meant for.
    pub(crate) fn prepare(self, spec: Spec, outcomes: &str) -> Spec {
        match self {
            Self::OutcomesShort => {
                spec.set("outcomes.topic", outcomes).set("outcomes.min_insync_replicas", "3")
            }
            _ => spec,
        }
    }

    /// Whether it can be aimed at the transactions of this id.
    pub(crate) fn aims_at(self, cluster: &Replicated, transactional_id: &str) -> bool {
        let coordinator = cluster.coordinator(transactional_id).expect("is coordinated");
        let preferred = cluster.preferred_coordinator(transactional_id).expect("is coordinated");
        // Only what is not where it belongs can be moved back.
        self != Self::Moved || coordinator != preferred
    }

    /// Has it happen.
    pub(crate) fn strike(self, cluster: &mut Replicated, coordinator: BrokerId) {
        match self {
            Self::Killed => cluster.kill(coordinator),
            Self::Moved => cluster.elect_preferred(),
            Self::Paused => cluster.pause(coordinator),
            Self::Restarted => {
                cluster.stop(coordinator).expect("it is ours");
                cluster.restart(coordinator)
            }
            Self::CutOff => {
                cluster.cut_off(coordinator);
                Ok(())
            }
            Self::TwoKilled => {
                let last = others(cluster, coordinator)[0];
                cluster.kill(last).expect("it is ours");
                cluster.kill(coordinator)
            }
            Self::OutcomesShort => cluster.kill(others(cluster, coordinator)[0]),
        }
        .expect("the fault happens");
    }

    /// Waits until its consequences are there, for those that last.
    pub(crate) fn await_consequences(
        self,
        cluster: &Replicated,
        coordinator: BrokerId,
        data: &str,
        outcomes: &str,
    ) {
        match self {
            Self::Killed | Self::Paused | Self::CutOff => cluster.moved_from(coordinator).expect("it moves"),
            Self::Moved | Self::Restarted => {}
            Self::TwoKilled => in_sync(cluster, data, DATA_PARTITIONS, 1),
            Self::OutcomesShort => in_sync(cluster, outcomes, OUTCOMES_PARTITIONS, 2),
        }
    }
}

fn others(cluster: &Replicated, coordinator: BrokerId) -> Vec<BrokerId> {
    cluster.brokers().filter(|broker| *broker != coordinator).collect()
}

fn in_sync(cluster: &Replicated, topic: &str, partitions: i32, replicas: usize) {
    for partition in 0..partitions {
        cluster.in_sync(topic, partition, replicas).expect("the controller notices");
    }
}
