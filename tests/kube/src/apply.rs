//! Manifests into the API server, as `kubectl apply --server-side` does.

use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
    core::GroupVersionKind,
};
use serde_json::Value;

/// Kinds that have no namespace, of those that the product's manifests have.
const CLUSTER_WIDE: [&str; 8] = [
    "ClusterRole",
    "ClusterRoleBinding",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "Namespace",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
];

/// The documents of a YAML file, empty ones left out.
///
/// # Panics
/// If it is no YAML.
pub fn documents(yaml: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(yaml).expect("a manifest is YAML");
    documents.into_iter().filter(|document| !document.is_null()).collect()
}

/// The API of an object's kind, in its namespace or else in the given one.
///
/// # Panics
/// If it has no apiVersion or kind.
pub fn resource(client: &Client, object: &Value, namespace: &str) -> Api<DynamicObject> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    let (version, kind) = (text("/apiVersion").expect("apiVersion"), text("/kind").expect("kind"));
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let mut resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    if kind.ends_with("Policy") {
        resource.plural = format!("{}ies", kind.to_ascii_lowercase().trim_end_matches('y'));
    }
    if CLUSTER_WIDE.contains(&kind) {
        Api::all_with(client.clone(), &resource)
    } else {
        Api::namespaced_with(client.clone(), text("/metadata/namespace").unwrap_or(namespace), &resource)
    }
}

/// Applies an object.
///
/// # Errors
/// What the API server says to it: a denial of an admission webhook among others.
pub async fn apply(client: &Client, object: &Value, namespace: &str) -> kube::Result<DynamicObject> {
    let name = object.pointer("/metadata/name").and_then(Value::as_str).expect("metadata.name");
    let parameters = PatchParams::apply("tests").force();
    resource(client, object, namespace).patch(name, &parameters, &Patch::Apply(object)).await
}
