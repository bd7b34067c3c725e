//! Every kind of workload comes out injected, runs, and commits through its sidecar.

use crate::{check, commits, ends, gone};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::ListParams;
use serde_json::json;
use sidecommit_e2e::eventually;
use sidecommit_kube_tests::{App, Namespace, Plane, Workload};

/// The slots that a workload's sidecars served as.
fn slots(namespace: &Namespace, workload: &str) -> Vec<String> {
    let mut slots: Vec<_> = namespace
        .sidecar_logs(workload)
        .iter()
        .flat_map(|log| {
            log.lines().filter_map(|line| line.split_once(" slot=")).map(|(_, slot)| slot.to_owned())
        })
        .filter_map(|slot| Some(slot.split(' ').next()?.split_once('/')?.1.to_owned()))
        .collect();
    slots.sort();
    slots.dedup();
    slots
}

#[tokio::test]
async fn a_stateful_sets_pods_are_the_slots_of_their_ordinals() {
    let plane = Plane::shared();
    let namespace = plane.namespace("stateful").await;
    let topic = plane.kafka().topic(1);
    let orders = Workload::stateful_set("orders", 3, App::writes(&topic));
    namespace.run(&orders).await;
    namespace.ready("orders", 3, 90).await;
    commits(&namespace, "orders", 10).await;
    ends(plane, &namespace, &orders, &topic).await;
    let name = &namespace.name;
    assert_eq!(slots(&namespace, "orders"), [0, 1, 2].map(|n| format!("{name}/orders/{n}")));
}

#[tokio::test]
async fn a_deployments_pods_claim_slots_by_lease_and_give_them_back() {
    let plane = Plane::shared();
    let namespace = plane.namespace("deployment").await;
    let topic = plane.kafka().topic(1);
    let orders = Workload::deployment("orders", 2, App::writes(&topic));
    namespace.run(&orders).await;
    let pods = namespace.ready("orders", 2, 90).await;
    commits(&namespace, "orders", 10).await;
    let leases = namespace.api::<Lease>();
    let holders = async || -> Vec<(String, Option<String>)> {
        let list = leases.list(&ListParams::default()).await.expect("leases are listed");
        let holder = |lease: Lease| {
            let holder = lease.spec.and_then(|spec| spec.holder_identity).filter(|holder| !holder.is_empty());
            (lease.metadata.name.unwrap_or_default(), holder)
        };
        list.items.into_iter().map(holder).collect()
    };
    let mut uids: Vec<_> = pods.into_iter().filter_map(|pod| pod.metadata.uid).collect();
    uids.sort();
    let held = holders().await;
    let mut held_by: Vec<_> = held.iter().filter_map(|(_, holder)| holder.clone()).collect();
    held_by.sort();
    assert_eq!(held_by, uids);
    assert_eq!(
        held.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["sidecommit-orders-0", "sidecommit-orders-1"]
    );
    ends(plane, &namespace, &orders, &topic).await;
    assert!(holders().await.iter().all(|(_, holder)| holder.is_none()), "{:?}", holders().await);
}

#[tokio::test]
async fn a_job_completes_and_its_sidecar_with_it() {
    let plane = Plane::shared();
    let namespace = plane.namespace("job").await;
    let topic = plane.kafka().topic(1);
    let job = Workload::job("import", App::writes_some(&topic, 7));
    namespace.run(&job).await;
    let jobs = namespace.api::<k8s_openapi::api::batch::v1::Job>();
    eventually("the Job completes", 90, async || {
        let job = jobs.get("import").await.expect("the Job exists");
        job.status.and_then(|status| status.succeeded) == Some(1)
    })
    .await;
    assert_eq!(check(plane, &namespace, "import", &topic).committed.len(), 7);
}

#[tokio::test]
async fn a_bare_pod_is_the_slot_of_its_name() {
    let plane = Plane::shared();
    let namespace = plane.namespace("bare").await;
    let topic = plane.kafka().topic(1);
    namespace.run(&Workload::pod("importer", App::writes_some(&topic, 3))).await;
    namespace.phase("importer", "Succeeded", 90).await;
    assert_eq!(check(plane, &namespace, "importer", &topic).committed.len(), 3);
    assert_eq!(slots(&namespace, "importer"), [format!("{}/importer/0", namespace.name)]);
}

#[tokio::test]
async fn applications_of_any_uid_reach_the_socket() {
    let plane = Plane::shared();
    // Root is not "restricted".
    let namespace = plane.privileged_namespace("uids").await;
    for user in [0, 1000, 65_532] {
        let topic = plane.kafka().topic(1);
        let name = format!("uid-{user}-app");
        namespace.run(&Workload::pod(&name, App::writes_some(&topic, 2).user(user))).await;
        let pod = namespace.phase(&name, "Succeeded", 90).await;
        assert_eq!(check(plane, &namespace, &name, &topic).committed.len(), 2);
        drop(pod);
    }
}

#[tokio::test]
async fn a_pod_that_uses_its_whole_grace_leaves_its_sidecar_time_to_end() {
    let plane = Plane::shared();
    let namespace = plane.namespace("deaf").await;
    let topic = plane.kafka().topic(1);
    namespace.run(&Workload::stateful_set("deaf", 1, App::writes_deaf(&topic)).grace(3)).await;
    namespace.ready("deaf", 1, 90).await;
    commits(&namespace, "deaf", 3).await;
    namespace.apply(&Workload::stateful_set("deaf", 0, App::writes_deaf(&topic)).grace(3).manifest()).await;
    gone(&namespace, "deaf").await;
    check(plane, &namespace, "deaf", &topic);
    let logs = namespace.sidecar_logs("deaf");
    assert!(logs.iter().all(|log| log.contains("drained")), "{logs:?}");
    assert_eq!(plane.kafka().unstable(&topic, 0).await, 0, "nothing is left open");
}

#[tokio::test]
async fn only_application_containers_see_the_socket_and_read_only() {
    let plane = Plane::shared();
    let namespace = plane.namespace("mounts").await;
    let topic = plane.kafka().topic(1);
    let security = json!({ "runAsUser": 1000, "runAsNonRoot": true, "allowPrivilegeEscalation": false,
        "capabilities": { "drop": ["ALL"] }, "seccompProfile": { "type": "RuntimeDefault" } });
    let shell = |name: &str| {
        json!({ "name": name, "image": "app:test", "command": ["sh", "-c",
        "for f in /run/sidecommit/new /run/sidecommit/api.sock; do (touch $f) 2>&1; done; ls /run /run/sidecommit-admin 2>&1; env"],
        "securityContext": security })
    };
    let app = Workload::pod("app", App::writes_some(&topic, 1)).manifest();
    let app = app.pointer("/spec/containers/0").expect("one container").clone();
    let workload = Workload::pod("mounts", App::writes_some(&topic, 1))
        .annotated("container-names", "app,user")
        .spec(json!({ "containers": [app, shell("user"), shell("stranger")] }));
    namespace.run(&workload).await;
    let pod = namespace.phase("mounts", "Succeeded", 90).await;
    let user = namespace.container(&pod, "user").log();
    assert!(
        user.contains("Read-only file system")
            && user.contains("SIDECOMMIT_ADDRESS=unix:///run/sidecommit/api.sock"),
        "{user}"
    );
    assert!(user.contains("sidecommit-admin': No such file"), "{user}");
    let stranger = namespace.container(&pod, "stranger").log();
    assert!(!stranger.contains("SIDECOMMIT_ADDRESS") && stranger.contains("No such file"), "{stranger}");
}
