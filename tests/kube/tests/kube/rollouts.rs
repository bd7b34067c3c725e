//! Rolling updates with the default surge, and scaling, end: slots are an upper bound and not the number of replicas.

use crate::{commits, ends};
use k8s_openapi::api::core::v1::Pod;
use sidecommit_kube_tests::{App, Plane, Workload};

async fn rolls(replicas: u32, workload: fn(&str, u32, App) -> Workload) {
    let plane = Plane::shared();
    let namespace = plane.namespace("rollout").await;
    let topic = plane.kafka().topic(1);
    let orders = workload("orders", replicas, App::writes(&topic));
    namespace.run(&orders).await;
    namespace.ready("orders", replicas as usize, 120).await;
    commits(&namespace, "orders", 5).await;
    namespace.roll(&orders).await;
    let rolled = |pods: &[Pod]| {
        pods.iter().all(|pod| pod.metadata.annotations.as_ref().is_some_and(|all| all.contains_key("rolled")))
    };
    while !rolled(&namespace.ready("orders", replicas as usize, 180).await) {}
    commits(&namespace, "orders", 5).await;
    ends(plane, &namespace, &orders, &topic).await;
}

#[tokio::test]
async fn a_rolling_update_of_one_replica_ends() {
    rolls(1, Workload::deployment).await;
}

#[tokio::test]
async fn a_rolling_update_of_three_replicas_ends() {
    rolls(3, Workload::deployment).await;
}

#[tokio::test]
async fn a_rolling_update_of_ten_replicas_ends() {
    rolls(10, Workload::deployment).await;
}

#[tokio::test]
async fn a_stateful_set_rolls_without_a_lease() {
    rolls(3, Workload::stateful_set).await;
}

#[tokio::test]
async fn three_replicas_become_twelve_and_two() {
    let plane = Plane::shared();
    let namespace = plane.namespace("scale").await;
    let topic = plane.kafka().topic(1);
    let orders = Workload::deployment("orders", 3, App::writes(&topic));
    namespace.run(&orders).await;
    namespace.ready("orders", 3, 120).await;
    for replicas in [12, 2] {
        namespace.scale(&orders, replicas).await;
        namespace.ready("orders", replicas as usize, 180).await;
        commits(&namespace, "orders", 5).await;
    }
    ends(plane, &namespace, &orders, &topic).await;
}
