//! Slots by Lease when something goes wrong.

use crate::{TAKEN, check, check_but, commits, ends, gone};
use k8s_openapi::api::{coordination::v1::Lease, core::v1::Pod};
use rustix::process::Signal;
use sidecommit_e2e::{command, eventually};
use sidecommit_kube_tests::{App, Line, Namespace, ONE_BROKER, Plane, Workload};
use std::time::{Duration, Instant};

/// leases.duration.
const EXPIRY: Duration = Duration::from_secs(15);

/// How long after it what it left open may hold readers back.
const SETTLED_WITHIN: Duration = Duration::from_secs(2);

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
    ends(plane, &namespace, &orders, &topic).await;
}

#[tokio::test]
async fn readers_go_on_soon_after_the_lease_of_a_dead_pod_expires() {
    let plane = Plane::shared();
    let namespace = plane.namespace("abandoned").await;
    let topic = plane.kafka().topic(1);
    let orders = patient(Workload::deployment("orders", 3, App::writes(&topic)));
    namespace.run(&orders).await;
    let pods = namespace.ready("orders", 3, 120).await;
    commits(&namespace, "orders", 3).await;
    let dying = &pods[1..];
    for pod in dying {
        namespace.dispensable(pod).await;
    }
    scaled_away_in_mid_transaction(&namespace, &orders, dying, &topic).await;
    let dead = Instant::now();
    // The one that is left writes on.
    readers_go_on(plane, &topic).await;
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

/// `sidecommit settle` for this control plane and Kafka.
fn settle(plane: &Plane, identity: &str) -> std::process::Output {
    let mut command = command(&["settle", "--identity", identity]);
    command
        .env("KUBECONFIG", plane.kubeconfig())
        .env("SIDECOMMIT_BOOTSTRAP_SERVERS", plane.kafka().bootstrap())
        .env("SIDECOMMIT_PREFIX", plane.prefix())
        .envs(ONE_BROKER.lines().filter_map(|line| line.split_once('=')));
    command.output().expect("the binary runs")
}

/// It is not Kafka's own timeout that ends the transactions of such.
fn patient(workload: Workload) -> Workload {
    let settings = "SIDECOMMIT_LIMITS_LANE_TIMEOUT=10m\nSIDECOMMIT_LIMITS_IDLE_TIMEOUT=9m";
    workload.annotated("env", &format!("{ONE_BROKER}\n{settings}")).annotated("transaction-timeout", "10m")
}

/// Has pods leave a transaction open each, and scales to one, so that nobody takes their slots. They are deaf to SIGTERM; then they die
/// without a word.
async fn scaled_away_in_mid_transaction(
    namespace: &Namespace,
    workload: &Workload,
    dying: &[Pod],
    topic: &str,
) {
    let apps: Vec<_> = dying.iter().map(|pod| namespace.container(pod, "app")).collect();
    apps.iter().for_each(|app| app.signal(Signal::USR1));
    eventually("they hold transactions open", 60, async || {
        apps.iter().all(|app| app.lines().iter().any(|line| matches!(line, Line::Open(_))))
    })
    .await;
    namespace.scale(workload, 1).await;
    // Once the node stops them, that is: until then it starts a sidecar that dies again, which settles what it had left.
    eventually("their node stops them", 30, async || {
        let stopped = namespace.events("Killing").await;
        stopped.iter().filter(|event| *event == "Stopping container app").count() == dying.len()
    })
    .await;
    for pod in dying {
        for container in ["sidecommit", "app"] {
            namespace.container(pod, container).signal(Signal::KILL);
        }
    }
    assert!(Plane::shared().kafka().unstable(topic, 0).await > 0, "they left transactions open");
}

/// Waits until readers are past all that is held back now.
async fn readers_go_on(plane: &Plane, topic: &str) {
    let held_back = plane.kafka().last_stable_offset(topic, 0) + plane.kafka().unstable(topic, 0).await;
    eventually("readers go on", 60, async || plane.kafka().last_stable_offset(topic, 0) > held_back).await;
}

/// A StatefulSet whose ordinal 1 was scaled away so.
async fn without_its_last(namespace: &Namespace, orders: &Workload, topic: &str) {
    namespace.run(orders).await;
    let pods = namespace.ready("orders", 2, 120).await;
    commits(namespace, "orders", 3).await;
    let last = pods.iter().find(|pod| pod.metadata.name.as_ref().is_some_and(|name| name.ends_with("-1")));
    let last = last.expect("the ordinal 1").clone();
    scaled_away_in_mid_transaction(namespace, orders, &[last], topic).await;
}

#[tokio::test]
async fn what_a_stateful_set_scaled_away_is_settled_by_its_lowest_ordinal() {
    let plane = Plane::shared();
    let namespace = plane.namespace("scaled").await;
    namespace.allow_stateful_sets().await;
    let topic = plane.kafka().topic(1);
    let orders = patient(Workload::stateful_set("orders", 2, App::writes(&topic)));
    let orders = orders.annotated("settle-scale-down", "true");
    without_its_last(&namespace, &orders, &topic).await;
    readers_go_on(plane, &topic).await;
    namespace.scale(&orders, 0).await;
    gone(&namespace, "orders").await;
    check(plane, &namespace, "orders", &topic);
}

#[tokio::test]
async fn an_operator_settles_an_identity_that_will_not_come_back() {
    let plane = Plane::shared();
    let namespace = plane.namespace("operator").await;
    let topic = plane.kafka().topic(1);
    let orders = patient(Workload::stateful_set("orders", 2, App::writes(&topic)));
    without_its_last(&namespace, &orders, &topic).await;
    namespace.scale(&orders, 0).await;
    gone(&namespace, "orders").await;
    assert!(plane.kafka().unstable(&topic, 0).await > 0, "nobody settles it unasked");
    let output = settle(plane, &format!("{}/orders/1", namespace.name));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(plane.kafka().unstable(&topic, 0).await, 0);
    check(plane, &namespace, "orders", &topic);
    // A slot that is held is refused, and its holder named.
    let held = Workload::deployment("held", 1, App::writes(&topic));
    namespace.run(&held).await;
    let pod = namespace.ready("held", 1, 120).await.remove(0).metadata.name.expect("a name");
    let output = settle(plane, &format!("{}/held/0", namespace.name));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains(&pod), "{said}");
    namespace.scale(&held, 0).await;
    gone(&namespace, "held").await;
}
