//! What a StatefulSet's pods left when they were scaled away: the pod of ordinal 0 settles it.

use super::abandoned::{Looks, Owned, Settler};
use k8s_openapi::api::apps::v1::StatefulSet;
use sidecommit_core::Serving;
use std::collections::BTreeSet;
use tokio::sync::watch;

/// Looks as long as the sidecar serves.
pub(super) async fn run(settler: Settler, serving: watch::Receiver<Serving>) {
    let slot = settler.slot().as_str();
    let mut parts = slot.split('/').skip(1);
    let (Some(namespace), Some(workload), Some("0")) = (parts.next(), parts.next(), parts.next()) else {
        return;
    };
    let client = match super::tenure::client().await {
        Ok(client) => client,
        Err(error) => {
            tracing::warn!(%error, "leases.settle_statefulset: scaled-away pods are not settled");
            return;
        }
    };
    let sets = kube::Api::<StatefulSet>::namespaced(client, namespace);
    let (mut known, mut looks) = (Known::default(), Looks::while_ready(serving));
    while looks.next().await {
        let looked = match sets.get(workload).await {
            Ok(set) => known.settle(&settler, &set).await,
            Err(error) => Err(format!("cannot get StatefulSet {namespace}/{workload}: {error}")),
        };
        looks.tell("scaled-away pods are not settled", looked);
    }
}

/// What was seen and done in this life.
#[derive(Debug, Default)]
struct Known {
    /// The set's generation, once all was settled that it left.
    done: Option<i64>,
    /// Above every ordinal that had a pod.
    pods: u32,
    /// Ordinals that need nothing, since no pod had them after that.
    settled: BTreeSet<u32>,
}

// === impl Known ===

impl Known {
    /// From the first ordinal without a pod on: those that had one in this life, and beyond, as long as there was an owner.
    async fn settle(&mut self, settler: &Settler, set: &StatefulSet) -> Result<(), String> {
        self.pods = self.pods.max(pods(set));
        let generation = set.metadata.generation.unwrap_or_default();
        let Some(replicas) = gone_from(set).filter(|_| self.done != Some(generation)) else { return Ok(()) };
        self.turn(generation, replicas);
        for ordinal in replicas.. {
            if self.settled.contains(&ordinal) {
                continue;
            }
            let Some(slot) = settler.sibling(ordinal) else { break };
            let lanes = match settler.look_up(slot.clone()).await.map_err(|error| error.to_string())? {
                Owned::Never if ordinal >= self.pods => break,
                Owned::Never => continue,
                Owned::Lanes(lanes) => lanes,
                Owned::Blocked => settler.settings().lanes_max,
            };
            settler.settle(slot.clone(), lanes, || true).await.map_err(|error| error.to_string())?;
            tracing::info!(%slot, lanes, "settled a slot that was scaled away: its ids hold back nobody any more");
            self.settled.insert(ordinal);
        }
        self.done = Some(generation);
        Ok(())
    }

    /// A new generation: what has a pod now may leave something again. If a generation was missed, anything may have had one.
    fn turn(&mut self, generation: i64, replicas: u32) {
        match self.done {
            Some(done) if done + 1 == generation => self.settled.retain(|ordinal| *ordinal >= replicas),
            Some(_) => self.settled.clear(),
            None => {}
        }
    }
}

/// How many ordinals have a pod, or are to have one.
fn pods(set: &StatefulSet) -> u32 {
    let wanted = set.spec.as_ref().map_or(0, |spec| start(set) + spec.replicas.unwrap_or(1));
    let there = set.status.as_ref().map_or(0, |status| start(set) + status.replicas);
    u32::try_from(wanted.max(there)).unwrap_or(0)
}

fn start(set: &StatefulSet) -> i32 {
    let ordinals = set.spec.as_ref().and_then(|spec| spec.ordinals.as_ref());
    ordinals.and_then(|ordinals| ordinals.start).unwrap_or(0)
}

/// The first ordinal that has no pod; None as long as pods that were scaled away may still be there.
fn gone_from(set: &StatefulSet) -> Option<u32> {
    let spec = set.spec.as_ref()?;
    let status = set.status.as_ref()?;
    let replicas = spec.replicas.unwrap_or(1);
    let current = status.observed_generation >= set.metadata.generation;
    (current && status.replicas <= replicas).then(|| u32::try_from(start(set) + replicas).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(replicas: i32, pods: i32, generation: i64, observed: i64) -> StatefulSet {
        serde_json::from_value(serde_json::json!({
            "metadata": { "generation": generation },
            "spec": { "replicas": replicas, "selector": {}, "serviceName": "", "template": {} },
            "status": { "replicas": pods, "observedGeneration": observed },
        }))
        .unwrap()
    }

    #[test]
    fn pods_are_gone_once_the_controller_has_seen_the_scale_and_removed_them() {
        assert_eq!(gone_from(&set(1, 3, 2, 2)), None, "two pods are still there");
        assert_eq!(gone_from(&set(1, 1, 2, 1)), None, "what it has seen is older");
        assert_eq!(gone_from(&set(1, 1, 2, 2)), Some(1));
        assert_eq!(gone_from(&set(3, 2, 2, 2)), Some(3), "one is yet to come");
        assert_eq!((pods(&set(1, 3, 2, 2)), pods(&set(3, 2, 2, 2))), (3, 3));
    }

    #[test]
    fn what_had_a_pod_since_is_settled_again() {
        let known = || Known { done: Some(4), pods: 5, settled: [1, 2, 3].into() };
        let after = |generation, replicas| {
            let mut known = known();
            known.turn(generation, replicas);
            known.settled.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(after(5, 2), [2, 3], "ordinal 1 has a pod now");
        assert!(after(6, 1).is_empty(), "a generation was missed");
    }
}
