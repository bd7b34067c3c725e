//! What a StatefulSet's pods left when they were scaled away: the pod of ordinal 0 settles it.

use super::abandoned::{Owned, Settler, pause};
use k8s_openapi::api::apps::v1::StatefulSet;
use sidecommit_core::Serving;
use std::collections::BTreeSet;
use tokio::sync::watch;

/// Looks as long as the sidecar serves.
pub(super) async fn run(settler: Settler, mut serving: watch::Receiver<Serving>) {
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
    let (mut settled, mut trouble) = (BTreeSet::new(), None);
    loop {
        pause().await;
        if serving.wait_for(|serving| *serving == Serving::Ready).await.is_err() {
            return;
        }
        let looked = match sets.get(workload).await {
            Ok(set) => settle_above(&settler, &set, &mut settled).await,
            Err(error) => Err(format!("cannot get StatefulSet {namespace}/{workload}: {error}")),
        };
        // Told once, until it is over.
        let now = looked.err();
        if let Some(error) = now.as_ref().filter(|now| Some(*now) != trouble.as_ref()) {
            tracing::warn!(error, "scaled-away pods are not settled");
        }
        trouble = now;
    }
}

/// From the first ordinal without a pod on, as long as there was an owner; each once in this life.
async fn settle_above(
    settler: &Settler,
    set: &StatefulSet,
    settled: &mut BTreeSet<u32>,
) -> Result<(), String> {
    let Some(replicas) = gone_from(set) else { return Ok(()) };
    // A pod that came back may leave something again.
    settled.retain(|ordinal| *ordinal >= replicas);
    for ordinal in replicas.. {
        if settled.contains(&ordinal) {
            continue;
        }
        let Some(slot) = settler.sibling(ordinal) else { return Ok(()) };
        let lanes = match settler.look_up(slot.clone()).await.map_err(|error| error.to_string())? {
            Owned::Never => return Ok(()),
            Owned::Lanes(lanes) => lanes,
            Owned::Blocked => settler.settings().lanes_max,
        };
        settler.settle(slot.clone(), lanes).await.map_err(|error| error.to_string())?;
        tracing::info!(%slot, lanes, "settled a slot that was scaled away: its ids hold back nobody any more");
        settled.insert(ordinal);
    }
    Ok(())
}

/// The first ordinal that has no pod; None as long as pods that were scaled away may still be there.
fn gone_from(set: &StatefulSet) -> Option<u32> {
    let spec = set.spec.as_ref()?;
    let status = set.status.as_ref()?;
    let replicas = spec.replicas.unwrap_or(1);
    let start = spec.ordinals.as_ref().and_then(|ordinals| ordinals.start).unwrap_or(0);
    let current = status.observed_generation >= set.metadata.generation;
    (current && status.replicas <= replicas).then(|| u32::try_from(start + replicas).ok()).flatten()
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
    }
}
