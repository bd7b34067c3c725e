//! Five sidecars race for three slots, and are killed and paused meanwhile: no slot ever has two owners that commit.

use crate::{TAKEN, check_but, gone};
use rustix::process::Signal;
use sidecommit_core::{LaneIndex, OutcomesKey, OwnerRecord, Slot};
use sidecommit_e2e::eventually;
use sidecommit_kube_tests::{App, Container, Namespace, Outcomes, Plane, Workload};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

const SLOTS: u32 = 3;

/// leases.duration and what a waiting sidecar needs to see that it is over (a look each second), with a second of this test's own.
const TAKEN_WITHIN: u64 = 15 + 2 + 1;

/// The start of an engine beside four others on two cores, until its application's first commit.
const COMMITS_WITHIN: u64 = 30;

/// How long the race goes on: `SIDECOMMIT_RACE_SECONDS`.
fn race() -> Duration {
    let seconds = std::env::var("SIDECOMMIT_RACE_SECONDS").ok();
    Duration::from_secs(seconds.map_or(60, |text| text.parse().expect("SIDECOMMIT_RACE_SECONDS: seconds")))
}

/// Every marker was written by the owner of its slot: what Kafka's fence and the owner record promise, read from the
/// order in which they were committed.
fn no_commit_by_a_former_owner(plane: &Plane, namespace: &Namespace) -> usize {
    let mut owners = BTreeMap::new();
    let mut markers = 0;
    let slots: Vec<Slot> =
        (0..SLOTS).map(|n| plane.slot(namespace, "orders", n).parse().expect("a slot")).collect();
    for message in plane.kafka().visible(&plane.outcomes_topic()) {
        let key = String::from_utf8(message.key.unwrap_or_default()).expect("keys are text");
        let found = slots.iter().find_map(|slot| Some((slot, OutcomesKey::decode(slot, &key)?)));
        let (Some((slot, key)), Some(value)) = (found, message.value) else { continue };
        match key {
            OutcomesKey::Owner => {
                let owner = OwnerRecord::decode(&value).expect("an owner record");
                owners.insert(slot, owner.journal);
            }
            OutcomesKey::Marker(LaneIndex(lane), journal, _) => {
                markers += 1;
                assert_eq!(owners.get(slot), Some(&journal), "{slot}, lane {lane}: a former owner committed");
            }
            OutcomesKey::Birth(..) | OutcomesKey::Barrier(..) => {}
        }
    }
    markers
}

/// A slot's Lease, its holder, and when it was renewed last.
type Held = (String, String, String);

/// The pod that holds a slot, and its sidecar, in turn.
async fn victim(namespace: &Namespace, turn: usize) -> (Container, Held) {
    loop {
        let (leases, pods) = (namespace.holders("orders").await, namespace.pods("orders").await);
        let lease = leases[turn % leases.len()].clone();
        let pod = pods.iter().find(|pod| pod.metadata.uid.as_ref() == Some(&lease.1));
        // None: it is being settled, under a name of its own.
        if let Some(container) = pod.map(|pod| namespace.container(pod, "sidecommit")).filter(Container::runs)
        {
            return (container, lease);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until the slot is held by a pod that satisfies `by`, renewed since, and that pod's application commits.
async fn taken_again(namespace: &Namespace, lost: &Held, by: impl Fn(&str) -> bool) {
    let holder = async || {
        let leases = namespace.holders("orders").await;
        let again = |held: &Held| held.0 == lost.0 && by(&held.1) && held.2 > lost.2;
        let uid = leases.into_iter().find(again).map(|held| held.1)?;
        namespace.pods("orders").await.into_iter().find(|pod| pod.metadata.uid.as_ref() == Some(&uid))
    };
    eventually(&format!("{} is taken again", lost.0), TAKEN_WITHIN, async || holder().await.is_some()).await;
    let Some(pod) = holder().await else { return };
    let app = namespace.container(&pod, "app");
    let committed = || Outcomes::of(&app.lines()).committed.len();
    let before = committed();
    eventually("its holder's application commits", COMMITS_WITHIN, async || committed() > before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_sidecars_race_for_three_slots() {
    let plane = Plane::shared();
    let namespace = plane.namespace("race").await;
    let topic = plane.kafka().topic(1);
    let orders =
        Workload::deployment("orders", 5, App::writes(&topic)).annotated("slots", &SLOTS.to_string());
    namespace.run(&orders).await;
    eventually("three of five have a slot", 120, async || namespace.writers("orders").await.len() == 3).await;
    let end = Instant::now() + race();
    let (mut killed, mut paused) = (0, 0);
    while Instant::now() < end {
        let (sidecar, lease) = victim(&namespace, killed + paused).await;
        if (killed + paused) % 3 == 2 {
            paused += 1;
            sidecar.signal(Signal::STOP);
            taken_again(&namespace, &lease, |holder| holder != lease.1).await;
            sidecar.signal(Signal::CONT);
        } else {
            killed += 1;
            sidecar.signal(Signal::KILL);
            taken_again(&namespace, &lease, |_| true).await;
        }
    }
    namespace.scale(&orders, 0).await;
    gone(&namespace, "orders").await;
    let outcomes = check_but(plane, &namespace, "orders", &topic, &TAKEN);
    let markers = no_commit_by_a_former_owner(plane, &namespace);
    println!(
        "leases: {killed} sidecars killed, {paused} paused past their lease; {} committed, {} aborted, {} untold; {markers} markers, each of its slot's owner",
        outcomes.committed.len(),
        outcomes.aborted.len(),
        outcomes.untold.len(),
    );
    assert!(markers > 0 && killed > 0 && paused > 0);
}
