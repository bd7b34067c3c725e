//! The webhook on a real API server: denials, skips, what happens without it, its certificates.

use k8s_openapi::api::{admissionregistration::v1::MutatingWebhookConfiguration, core::v1::Pod};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};
use sidecommit_e2e::{command, eventually};
use sidecommit_kube_tests::{App, Namespace, Options, Plane, Webhook, Workload, apply};
use std::{
    collections::BTreeSet,
    io::Write as _,
    process::Stdio,
    time::{Duration, Instant},
};

#[tokio::test]
async fn a_denial_names_key_value_and_accepted_form() {
    let namespace = Plane::shared().namespace("denied").await;
    let cases = [
        ("lanez", "3", "lanez"),
        ("slots", "none", "1 to 1000"),
        ("cpu-request", "fast", "cpu-request"),
        ("native-sidecar", "perhaps", "auto"),
    ];
    for (key, value, expected) in cases {
        let pod = Workload::pod("app", App::writes("t")).annotated(key, value).manifest();
        let error = namespace.dry_run(&pod).await.expect_err("is denied").to_string();
        assert!(
            error.contains(&format!("sidecommit.dev/{key}"))
                && error.contains(value)
                && error.contains(expected),
            "{key}={value}: {error}"
        );
    }
    // The controller's event tells it to whoever looks at the ReplicaSet.
    namespace.run(&Workload::deployment("orders", 1, App::writes("t")).annotated("slots", "none")).await;
    eventually("the ReplicaSet's event says why there is no pod", 30, async || {
        namespace.events("FailedCreate").await.iter().any(|event| event.contains("sidecommit.dev/slots"))
    })
    .await;
}

#[tokio::test]
async fn a_skip_is_an_event_and_lets_the_pod_in() {
    let namespace = Plane::shared().privileged_namespace("skipped").await;
    let pod = Workload::pod("app", App::writes("t")).spec(json!({ "hostNetwork": true }));
    namespace.run(&pod).await;
    let pods = namespace.pods("app").await;
    assert!(!Namespace::is_injected(&pods[0]));
    eventually("an event says why", 30, async || {
        namespace.events("InjectionSkipped").await.iter().any(|event| event.contains("host-network"))
    })
    .await;
    let opted_out = json!({ "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "none", "labels": { "app": "none" } },
        "spec": { "containers": [{ "name": "app", "image": "app:test", "args": ["write", "t"] }] } });
    assert!(!Namespace::is_injected(&namespace.dry_run(&opted_out).await.expect("is let in")));
}

#[tokio::test]
async fn the_command_line_gives_what_the_webhook_gives() {
    let plane = Plane::shared();
    let namespace = plane.namespace("same").await;
    for workload in [
        Workload::pod("app", App::writes("t")),
        Workload::pod("other", App::writes("t")).annotated("lanes", "3"),
    ] {
        // The service account's volume would have a random name.
        let mut manifest = workload.spec(json!({ "automountServiceAccountToken": false })).manifest();
        manifest["metadata"]["namespace"] = json!(namespace.name);
        let injected = inject(plane, &manifest);
        let by_webhook = namespace.dry_run(&manifest).await.expect("is let in");
        let by_command = namespace.dry_run(&injected).await.expect("is let in");
        let plain = |pod: Pod| {
            let mut pod = serde_json::to_value(pod).expect("a pod");
            for field in ["uid", "creationTimestamp", "managedFields", "generation"] {
                pod["metadata"].as_object_mut().expect("an object").remove(field);
            }
            // What was there before is told as each saw it: the webhook comes after the API server's own defaults.
            let status = pod["metadata"]["annotations"]["sidecommit.dev/status"].as_str().expect("a status");
            let status: Value = serde_json::from_str(status).expect("JSON");
            pod["metadata"]["annotations"]["sidecommit.dev/status"] = status["hash"].clone();
            pod
        };
        assert_eq!(plain(by_webhook), plain(by_command));
    }
}

/// What `sidecommit inject` makes of a manifest with the webhook's defaults.
fn inject(plane: &Plane, manifest: &Value) -> Value {
    let defaults = plane.webhook().defaults().display().to_string();
    let mut child = command(&["inject", "-f", "-", "--defaults", &defaults])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    child.stdin.take().expect("is piped").write_all(manifest.to_string().as_bytes()).expect("is read");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    let mut documents = sidecommit_kube_tests::documents(&String::from_utf8(output.stdout).expect("text"));
    documents.remove(0)
}

#[tokio::test]
async fn an_older_injection_is_upgraded_in_place() {
    let plane = Plane::shared();
    let namespace = plane.namespace("upgrade").await;
    let mut manifest = inject(plane, &Workload::pod("app", App::writes("t")).manifest());
    assert_eq!(manifest.pointer("/spec/initContainers/0/name"), Some(&json!("sidecommit")));
    // As an older version left it.
    manifest["spec"]["initContainers"][0]["image"] = json!("sidecommit:old");
    let status = manifest.pointer("/metadata/annotations/sidecommit.dev~1status").and_then(Value::as_str);
    let mut status: Value = serde_json::from_str(status.expect("a status")).expect("JSON");
    status["version"] = json!("0.0.1");
    status["hash"] = json!("old");
    manifest["metadata"]["annotations"]["sidecommit.dev/status"] = json!(status.to_string());
    let pod = namespace.dry_run(&manifest).await.expect("is let in");
    let containers = pod.spec.and_then(|spec| spec.init_containers).unwrap_or_default();
    let images: Vec<_> = containers.into_iter().filter_map(|container| container.image).collect();
    assert_eq!(images, ["sidecommit:test"]);
}

/// Creates pods as fast as it can.
async fn admissions(client: &Client, until: Instant) -> usize {
    let pods: Api<Pod> = Api::namespaced(client.clone(), "default");
    let manifest = Workload::pod("probe", App::writes("t")).manifest();
    let parameters = PatchParams { dry_run: true, ..PatchParams::apply("tests").force() };
    let mut count = 0;
    while Instant::now() < until {
        let pod = pods.patch("probe", &parameters, &Patch::Apply(&manifest)).await.expect("is admitted");
        assert!(Namespace::is_injected(&pod));
        count += 1;
    }
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_renewed_under_load_without_one_failed_admission() {
    let plane = Plane::start(&Options { arguments: vec!["--controllers=true".to_owned()] });
    // The leaf lives 9 s and its authority 18 s; both are renewed at two thirds.
    let webhook = Webhook::start_with(&plane, &["--leaf-life=9s", "--ca-life=18s", "--certs-poll=500ms"]);
    let client = plane.client().await;
    let configurations: Api<MutatingWebhookConfiguration> = Api::all(client.clone());
    let end = Instant::now() + Duration::from_secs(40);
    let bundles = async {
        let mut bundles = BTreeSet::new();
        while Instant::now() < end {
            let all = configurations.list(&kube::api::ListParams::default()).await.expect("are listed");
            bundles.extend(
                all.items
                    .into_iter()
                    .flat_map(|one| one.webhooks.unwrap_or_default())
                    .filter_map(|hook| hook.client_config.ca_bundle)
                    .map(|bundle| bundle.0),
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        bundles.len()
    };
    let (one, two, bundles) = tokio::join!(admissions(&client, end), admissions(&client, end), bundles);
    println!("webhook: {} admissions, none failed; {bundles} bundles of authorities", one + two);
    assert!(bundles >= 3, "the authority was renewed: {}", webhook.log());
    assert!(one + two > 100);
}

#[tokio::test]
async fn without_the_webhook_fail_refuses_and_ignore_is_caught_by_the_policy() {
    let plane = Plane::start(&Options::default());
    let webhook = Webhook::start(&plane);
    let client = plane.client().await;
    webhook.stop();
    let manifest = Workload::pod("app", App::writes("t")).manifest();
    let error = apply(&client, &manifest, "default").await.expect_err("is refused").to_string();
    assert!(error.contains("failed calling webhook"), "{error}");
    // Who did not opt in is not held up.
    let mut stranger = manifest.clone();
    stranger["metadata"]["labels"] = json!({});
    stranger["metadata"]["name"] = json!("stranger");
    apply(&client, &stranger, "default").await.expect("is let in");
    let configurations: Api<MutatingWebhookConfiguration> = Api::all(client.clone());
    for one in configurations.list(&kube::api::ListParams::default()).await.expect("are listed") {
        let name = one.metadata.name.clone().expect("a name");
        let mut hooks = one.webhooks.unwrap_or_default();
        hooks.iter_mut().for_each(|hook| hook.failure_policy = Some("Ignore".to_owned()));
        let patch = json!({ "webhooks": hooks });
        configurations.patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await.expect("is patched");
    }
    eventually("the policy refuses what was not injected", 30, async || {
        match apply(&client, &manifest, "default").await {
            Err(error) => error.to_string().contains("ValidatingAdmissionPolicy"),
            Ok(_) => panic!("an opted-in pod came in without its sidecar"),
        }
    })
    .await;
}
