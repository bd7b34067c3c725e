//! The webhook sees pods, `sidecommit inject` sees workloads: both put in the same, and one leaves alone what the other did.
#![allow(clippy::unwrap_used)] // a panic is how a test fails

use serde_json::{Value, json};
use sidecommit_inject::{
    Defaults, NamespaceMeta, OptIn, Outcome, Skip, Subject, inject, manifests::inject_all, mark_skipped,
    uninject, yaml,
};
use std::{fs, path::Path};

fn golden(name: &str) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let text = fs::read_to_string(root.join(name).join("input.yaml")).unwrap();
    yaml::parse(&text).unwrap().remove(0)
}

fn defaults() -> Defaults {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    Defaults::from_yaml(&fs::read_to_string(root.join("defaults.yaml")).unwrap()).unwrap()
}

fn webhook(pod: &Value) -> Outcome {
    inject(&Subject::of_pod(pod), &NamespaceMeta::default(), &defaults())
}

/// The pod that the workload's controller asks for, with what the API server adds before webhooks are called.
fn pod_of(workload: &Value) -> Value {
    let name = workload["metadata"]["name"].as_str().unwrap();
    let kind = workload["kind"].as_str().unwrap();
    let pointer = if kind == "CronJob" { "/spec/jobTemplate/spec/template" } else { "/spec/template" };
    let mut pod = workload.pointer(pointer).unwrap().clone();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    let (owner, owner_name) = match kind {
        "Deployment" => ("ReplicaSet", format!("{name}-5d9c7b8f4")),
        "CronJob" => ("Job", format!("{name}-29000001")),
        kind => (kind, name.to_owned()),
    };
    let metadata = &mut pod["metadata"];
    metadata["ownerReferences"] = json!([{"kind": owner, "name": owner_name, "controller": true}]);
    match kind {
        "Deployment" => metadata["labels"]["pod-template-hash"] = json!("5d9c7b8f4"),
        "StatefulSet" => metadata["name"] = json!(format!("{name}-0")),
        "Job" | "CronJob" => metadata["labels"]["batch.kubernetes.io/job-name"] = json!(owner_name),
        _ => {}
    }
    for claim in workload["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten() {
        let claim = &claim["metadata"]["name"];
        let mut volumes = pod["spec"]["volumes"].as_array().cloned().unwrap_or_default();
        // The controller replaces a volume of that name, wherever it is.
        volumes
            .insert(0, json!({"name": claim, "persistentVolumeClaim": {"claimName": format!("{name}-0")}}));
        pod["spec"]["volumes"] = json!(volumes);
    }
    pod
}

fn containers(pod: &Value) -> Vec<Value> {
    ["initContainers", "containers"]
        .iter()
        .flat_map(|list| pod["spec"][*list].as_array().cloned().unwrap_or_default())
        .collect()
}

const WORKLOADS: [&str; 10] = [
    "statefulset",
    "deployment",
    "job",
    "daemonset-lease",
    "overrides",
    "istio-native",
    "not-native",
    "every-annotation",
    "journal-claim-template",
    "safe-to-evict",
];

#[test]
fn a_workloads_pod_gets_what_its_manifest_gets() {
    for name in WORKLOADS {
        let manifest = inject_all(&[golden(name)], OptIn::Label, &defaults()).documents.remove(0);
        let Outcome::Patch(patched) = webhook(&pod_of(&golden(name))) else { panic!("{name}") };
        assert_eq!(containers(&patched.pod), containers(&manifest["spec"]["template"]), "{name}");
    }
}

/// The API server mounts the service account's token wherever nothing is mounted there.
fn with_token_mounts(mut pod: Value) -> Value {
    for list in ["initContainers", "containers"] {
        for container in pod["spec"].get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let path = "/var/run/secrets/kubernetes.io/serviceaccount";
            let mut mounts = container["volumeMounts"].as_array().cloned().unwrap_or_default();
            if !mounts.iter().any(|mount| mount["mountPath"] == path) {
                mounts.push(json!({"name": "kube-api-access-1", "mountPath": path, "readOnly": true}));
            }
            container["volumeMounts"] = json!(mounts);
        }
    }
    pod["spec"]["volumes"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "kube-api-access-1", "projected": {}}));
    pod
}

#[test]
fn the_webhook_leaves_alone_what_inject_did() {
    for name in WORKLOADS.into_iter().chain(["cronjob"]) {
        let manifest = inject_all(&[golden(name)], OptIn::Label, &defaults()).documents.remove(0);
        let pod = with_token_mounts(pod_of(&manifest));
        assert_eq!(webhook(&pod), Outcome::Skip(Skip::AlreadyInjected), "{name}");
    }
}

#[test]
fn a_mesh_that_came_late_and_last_is_put_first() {
    let Outcome::Patch(patched) = webhook(&pod_of(&golden("statefulset"))) else { panic!() };
    let mut pod = patched.pod;
    pod["spec"]["initContainers"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "istio-proxy", "restartPolicy": "Always"}));
    let Outcome::Patch(again) = webhook(&pod) else { panic!() };
    let order: Vec<_> =
        again.pod["spec"]["initContainers"].as_array().unwrap().iter().map(|c| c["name"].clone()).collect();
    assert_eq!(order, ["istio-proxy", "sidecommit"]);
}

#[test]
fn overrides_that_are_written_anew_count() {
    let mut injected = inject_all(&[golden("overrides")], OptIn::Label, &defaults()).documents;
    let fresh = json!({"name": "sidecommit", "image": "auto", "resources": {"limits": {"cpu": "7"}}});
    injected[0]["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap().push(fresh);
    let again = inject_all(&injected, OptIn::Label, &defaults()).documents.remove(0);
    let sidecar = &again["spec"]["template"]["spec"]["initContainers"][0];
    assert_eq!((&sidecar["resources"]["limits"]["cpu"], &sidecar["lifecycle"]), (&json!("7"), &Value::Null));
}

#[test]
fn a_skip_can_be_marked_for_the_policy() {
    let pod = json!({"metadata": {"labels": {"sidecommit.dev/inject": "true"}}, "spec": {"hostNetwork": true, "containers": []}});
    assert_eq!(webhook(&pod), Outcome::Skip(Skip::HostNetwork));
    let marked = mark_skipped(&pod, Skip::HostNetwork);
    assert_eq!(marked.pod["metadata"]["annotations"]["sidecommit.dev/status"], "skipped:host-network");
    assert_eq!(webhook(&marked.pod), Outcome::Skip(Skip::HostNetwork));
    assert_eq!(uninject(&marked.pod).unwrap(), Some(pod));
}
