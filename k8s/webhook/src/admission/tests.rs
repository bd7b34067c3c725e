use super::*;
use crate::decision::{Patch, Skip};

fn review_of(resource: &str, operation: &str, object: &Value) -> Vec<u8> {
    let kind = json!({ "group": "", "version": "v1", "kind": "Pod" });
    let body = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "u-1",
            "kind": kind,
            "resource": { "group": "", "version": "v1", "resource": resource },
            "namespace": "orders",
            "operation": operation,
            "userInfo": { "username": "system:serviceaccount:kube-system:replicaset-controller" },
            "object": object,
            "oldObject": null,
            "dryRun": false,
        },
    });
    serde_json::to_vec(&body).unwrap()
}

fn text_of(body: &[u8]) -> String {
    parse(body).unwrap_err().to_string()
}

#[test]
fn a_pod_comes_through_with_fields_that_nobody_knows() {
    let pod =
        json!({ "metadata": { "generateName": "web-", "creationTimestamp": null }, "spec": { "new": 1 } });
    let review = parse(&review_of("pods", "CREATE", &pod)).unwrap();
    let expected =
        Review { uid: "u-1".into(), namespace: "orders".into(), dry_run: false, subject: Subject::Pod(pod) };
    assert_eq!(review, expected);
}

#[test]
fn what_is_not_a_pods_creation_is_allowed_and_complained_of() {
    let review = parse(&review_of("configmaps", "UPDATE", &json!({}))).unwrap();
    let Subject::Other(what) = review.subject else { panic!("{:?}", review.subject) };
    assert_eq!(what, "Update of v1/configmaps");
    let answer = answer_to_other("u-1", &what);
    assert_eq!(answer["response"]["allowed"], true);
    assert!(answer["response"]["warnings"][0].as_str().unwrap().contains("CREATE of pods only"), "{answer}");
}

#[test]
fn a_body_that_is_no_review_is_named() {
    assert!(text_of(b"{").starts_with("the body is not JSON: EOF"), "{}", text_of(b"{"));
    let old = br#"{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview"}"#;
    let expected = "the body is \"AdmissionReview\" of \"admission.k8s.io/v1beta1\", not an AdmissionReview of \
                    admission.k8s.io/v1";
    assert_eq!(text_of(old), expected);
    assert_eq!(text_of(b"[]"), "the body is \"\" of \"\", not an AdmissionReview of admission.k8s.io/v1");
    let empty = br#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}"#;
    assert_eq!(text_of(empty), "the AdmissionReview has no request");
    let none = review_of("pods", "CREATE", &Value::Null);
    assert_eq!(text_of(&none), "the AdmissionReview's request has no object");
    let without_uid =
        String::from_utf8(review_of("pods", "CREATE", &json!({}))).unwrap().replace("uid", "uud");
    assert!(text_of(without_uid.as_bytes()).contains("missing field `uid`"));
}

#[test]
fn a_patch_is_base64_of_the_operations() {
    let operations = json!([{ "op": "add", "path": "/metadata/labels", "value": {} }]);
    let patch = Patch { operations: operations.clone(), warnings: vec!["set fsGroup".into()] };
    let answer = answer("u-1", &Decision::Patch(patch));
    assert_eq!(answer["apiVersion"], "admission.k8s.io/v1");
    assert_eq!(answer["kind"], "AdmissionReview");
    let response = &answer["response"];
    assert_eq!((&response["uid"], &response["allowed"]), (&json!("u-1"), &json!(true)));
    assert_eq!(response["patchType"], "JSONPatch");
    assert_eq!(response["warnings"], json!(["set fsGroup"]));
    let patch = STANDARD.decode(response["patch"].as_str().unwrap()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&patch).unwrap(), operations);
}

#[test]
fn a_denial_tells_every_text() {
    let answer = answer("u-2", &Decision::Deny(vec!["slots = \"x\"".into(), "unknown key".into()]));
    let response = &answer["response"];
    assert_eq!((&response["uid"], &response["allowed"]), (&json!("u-2"), &json!(false)));
    assert_eq!(response["status"]["message"], "slots = \"x\"; unknown key");
    assert_eq!(response["status"]["code"], 403);
}

#[test]
fn a_skip_is_allowed_and_warns_where_somebody_should_know() {
    let mark = Some(json!([]));
    let told = Skip { reason: "host-network", message: Some("ports clash"), mark };
    let told = answer("u-3", &Decision::Skip(told));
    assert_eq!(told["response"]["allowed"], true);
    assert_eq!(told["response"]["warnings"][0], "sidecommit was not injected (host-network): ports clash");
    assert_eq!(told["response"]["patch"], STANDARD.encode("[]"));
    let quiet = Skip { reason: "opted-out", message: None, mark: None };
    let expected = json!({ "uid": "u-3", "allowed": true });
    assert_eq!(answer("u-3", &Decision::Skip(quiet))["response"], expected);
}
