//! Without a webhook: a MutatingAdmissionPolicy injects, and what it injects runs. What both policies refuse is tried by
//! `k8s/policies/try`.

use crate::{commits, ends};
use serde_json::json;
use sidecommit_e2e::eventually;
use sidecommit_kube_tests::{App, Namespace, ONE_BROKER, Options, Plane, Workload, apply, documents};
use std::{fs, path::Path};

fn policies(file: &str) -> Vec<serde_json::Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../k8s/policies").join(file);
    documents(&fs::read_to_string(path).expect("the product's policies"))
}

#[tokio::test]
async fn what_the_mutating_policy_injects_runs() {
    let options = Options { arguments: vec!["--mutating-admission-policy".to_owned()] };
    let plane: &'static Plane = Box::leak(Box::new(Plane::start(&options)));
    let client = plane.client().await;
    let all =
        [policies("mutating-admission-policy.v1beta1.yaml"), policies("validating-admission-policy.yaml")];
    for mut object in all.into_iter().flatten() {
        if object["kind"] == "ConfigMap" {
            object["data"]["bootstrapServers"] = json!(plane.kafka().bootstrap());
            object["data"]["transactionalIdPrefix"] = json!(plane.prefix());
            object["data"]["image"] = json!("sidecommit:test");
            object["data"]["metricsPort"] = json!("0");
            object["data"]["env"] = json!(ONE_BROKER);
        }
        apply(&client, &object, "sidecommit").await.unwrap_or_else(|error| panic!("{object}: {error}"));
    }
    let namespace = plane.namespace("policy").await;
    eventually("the policy reaches the API server", 30, async || {
        let probe = Workload::pod("probe", App::writes("t")).manifest();
        namespace.dry_run(&probe).await.is_ok_and(|pod| Namespace::is_injected(&pod))
    })
    .await;
    for workload in ["stateful", "deployed"] {
        let topic = plane.kafka().topic(1);
        let app = App::writes(&topic);
        let workload = match workload {
            "stateful" => Workload::stateful_set(workload, 2, app),
            _ => Workload::deployment(workload, 2, app),
        };
        namespace.run(&workload).await;
        namespace.ready(workload.name(), 2, 120).await;
        commits(&namespace, workload.name(), 5).await;
        ends(plane, &namespace, &workload, &topic).await;
    }
}
