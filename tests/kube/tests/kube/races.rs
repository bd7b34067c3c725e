//! Five sidecars race for three slots, and are killed and paused meanwhile: no slot ever has two owners that commit.

use crate::{TAKEN, check_but, commits, gone};
use rustix::process::Signal;
use sidecommit_core::{LaneIndex, OutcomesKey, OwnerRecord, Slot};
use sidecommit_e2e::eventually;
use sidecommit_kube_tests::{App, Container, Namespace, Outcomes, Plane, Workload};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

const SLOTS: u32 = 3;

/// Longer than a lease lives, so that another sidecar takes the slot.
const PAUSE: Duration = Duration::from_secs(18);

/// leases.duration, a look each second, the start of an engine, on two cores that run all this.
const TAKEN_WITHIN: u64 = 15 + 15;

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

/// The sidecars that run at the moment.
async fn sidecars(namespace: &Namespace) -> Vec<Container> {
    let pods = namespace.pods("orders").await;
    pods.iter().map(|pod| namespace.container(pod, "sidecommit")).filter(Container::runs).collect()
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
        let running = sidecars(&namespace).await;
        let victim = &running[(killed + paused) % running.len()];
        if (killed + paused) % 3 == 2 {
            paused += 1;
            victim.signal(Signal::STOP);
            tokio::time::sleep(PAUSE).await;
            victim.signal(Signal::CONT);
        } else {
            killed += 1;
            victim.signal(Signal::KILL);
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        // Every slot is taken again, so all of them commit.
        let before = Outcomes::of(&namespace.told_by("orders")).committed.len();
        eventually("the slots are taken again", TAKEN_WITHIN, async || {
            namespace.holders("orders").await == SLOTS as usize
        })
        .await;
        commits(&namespace, "orders", 1).await;
        assert!(Outcomes::of(&namespace.told_by("orders")).committed.len() > before);
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
