//! Slots by Lease when something goes wrong.

use crate::{TAKEN, check, check_but, commits, gone};
use k8s_openapi::api::coordination::v1::Lease;
use rustix::process::Signal;
use sidecommit_e2e::eventually;
use sidecommit_kube_tests::{App, Line, ONE_BROKER, Plane, Workload};
use std::time::{Duration, Instant};

/// leases.duration.
const EXPIRY: Duration = Duration::from_secs(15);

/// How long after it what it left open may hold readers back: two seconds are the promise, and one is this test's own.
const SETTLED_WITHIN: Duration = Duration::from_secs(3);

#[tokio::test]
async fn who_finds_no_free_slot_says_so_and_does_not_start_its_application() {
    let plane = Plane::shared();
    let namespace = plane.namespace("full").await;
    let topic = plane.kafka().topic(1);
    let orders = Workload::deployment("orders", 2, App::writes(&topic)).annotated("slots", "1");
    namespace.run(&orders).await;
    eventually("one is ready, and the other's probe says why it is not", 90, async || {
        let events = namespace.events("Unhealthy").await;
        events.iter().any(|event| event.contains("no free slot") && event.contains("sidecommit.dev/slots"))
    })
    .await;
    commits(&namespace, "orders", 3).await;
    // The other takes the slot as soon as it is given back.
    let pods = namespace.pods("orders").await;
    let first = pods.iter().find(|pod| !namespace.container(pod, "app").log().is_empty()).expect("one runs");
    namespace.delete(first.metadata.name.as_deref().expect("a name")).await;
    eventually("another has it", 60, async || {
        let writers = namespace.writers("orders").await;
        writers.len() == 1 && writers[0].metadata.uid != first.metadata.uid
    })
    .await;
    commits(&namespace, "orders", 3).await;
    namespace.scale(&orders, 0).await;
    gone(&namespace, "orders").await;
    assert!(check(plane, &namespace, "orders", &topic).untold.is_empty());
}

#[tokio::test]
async fn readers_go_on_soon_after_the_lease_of_a_dead_pod_expires() {
    let plane = Plane::shared();
    let namespace = plane.namespace("abandoned").await;
    let topic = plane.kafka().topic(1);
    // It is not Kafka's own timeout that ends the transactions.
    let settings =
        format!("{ONE_BROKER}\nSIDECOMMIT_LIMITS_LANE_TIMEOUT=10m\nSIDECOMMIT_LIMITS_IDLE_TIMEOUT=9m");
    let orders = Workload::deployment("orders", 3, App::writes(&topic))
        .annotated("env", &settings)
        .annotated("transaction-timeout", "10m");
    namespace.run(&orders).await;
    let pods = namespace.ready("orders", 3, 120).await;
    commits(&namespace, "orders", 3).await;
    let dying = &pods[1..];
    for pod in dying {
        namespace.dispensable(pod).await;
        namespace.container(pod, "app").signal(Signal::USR1);
    }
    eventually("two hold a transaction open", 60, async || {
        dying.iter().all(|pod| {
            namespace.container(pod, "app").lines().iter().any(|line| matches!(line, Line::Open(_)))
        })
    })
    .await;
    // Scaled down, so that nobody takes their slots. They are deaf to SIGTERM; then they die without a word.
    namespace.scale(&orders, 1).await;
    eventually("both are on their way out", 30, async || {
        let pods = namespace.pods("orders").await;
        let leaving = pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_some());
        leaving.count() == 2
    })
    .await;
    for pod in dying {
        for container in ["sidecommit", "app"] {
            namespace.container(pod, container).signal(Signal::KILL);
        }
    }
    let dead = Instant::now();
    assert!(plane.kafka().unstable(&topic, 0).await > 0, "they left transactions open");
    // The one that is left writes on, so readers have gone on when they are past what the dead held back.
    let held_back = plane.kafka().last_stable_offset(&topic, 0) + plane.kafka().unstable(&topic, 0).await;
    eventually("readers go on", 60, async || plane.kafka().last_stable_offset(&topic, 0) > held_back).await;
    let took = dead.elapsed();
    assert!(took < EXPIRY + SETTLED_WITHIN, "readers waited {took:?}");
    namespace.scale(&orders, 0).await;
    gone(&namespace, "orders").await;
    check(plane, &namespace, "orders", &topic);
}

#[tokio::test]
async fn a_holder_that_comes_back_as_another_slot_leaves_its_successor_alone() {
    let plane = Plane::shared();
    let namespace = plane.namespace("comeback").await;
    let topic = plane.kafka().topic(1);
    let orders = Workload::deployment("orders", 1, App::writes(&topic));
    namespace.run(&orders).await;
    let first = namespace.ready("orders", 1, 120).await.remove(0);
    namespace.scale(&orders, 2).await;
    namespace.ready("orders", 2, 60).await;
    commits(&namespace, "orders", 5).await;
    let sidecar = namespace.container(&first, "sidecommit");
    sidecar.signal(Signal::STOP);
    // Nobody but the second is there to settle what the first left; then its slot is free.
    let leases = namespace.api::<Lease>();
    let holder = async || {
        leases
            .get("sidecommit-orders-0")
            .await
            .ok()?
            .spec?
            .holder_identity
            .filter(|holder| !holder.is_empty())
    };
    eventually("its slot is free", 40, async || holder().await.is_none()).await;
    namespace.scale(&orders, 3).await;
    eventually("a third pod takes it", 40, async || {
        holder().await.is_some_and(|uid| Some(uid) != first.metadata.uid)
    })
    .await;
    sidecar.signal(Signal::CONT);
    namespace.ready("orders", 3, 90).await;
    let slot = |n: u32| format!("/{}/orders/{n} ", namespace.name);
    eventually("the first is another slot now", 60, async || sidecar.log().contains(&slot(2))).await;
    let successor = holder().await;
    let pods = namespace.pods("orders").await;
    let successor = pods.iter().find(|pod| pod.metadata.uid == successor).expect("it holds the slot still");
    commits(&namespace, "orders", 10).await;
    let log = namespace.container(successor, "sidecommit").log();
    assert!(log.contains(&slot(0)) && !log.contains("kind=Fenced") && !log.contains("rival"), "{log}");
    namespace.scale(&orders, 0).await;
    gone(&namespace, "orders").await;
    check_but(plane, &namespace, "orders", &topic, &TAKEN);
}
