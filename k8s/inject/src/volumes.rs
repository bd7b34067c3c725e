//! The volumes that the sidecar brings.

use crate::{
    identity::Identity,
    paths::*,
    spec::{Journal, SidecarSpec},
};
use serde_json::{Value, json};

const TOKEN_LIFE_S: u64 = 3_600;

/// The volumes; `token` is false where the pod mounts one of its own.
pub(crate) fn build(spec: &SidecarSpec, identity: &Identity, token: bool) -> Vec<Value> {
    let mut volumes =
        vec![json!({"name": SOCKET_VOLUME, "emptyDir": {}}), json!({"name": ADMIN_VOLUME, "emptyDir": {}})];
    if let Journal::EmptyDir { size_limit } = &spec.journal {
        volumes.push(json!({"name": JOURNAL_VOLUME, "emptyDir": {"sizeLimit": size_limit}}));
    }
    if let Some(secret) = &spec.kafka_tls_secret {
        volumes.push(json!({"name": TLS_VOLUME, "secret": {"secretName": secret}}));
    } else if let Some(secret) = &spec.kafka_ca_secret {
        // Only what is needed: such a Secret often holds the CA's key too.
        let items = json!([{"key": "ca.crt", "path": "ca.crt"}]);
        volumes.push(json!({"name": TLS_VOLUME, "secret": {"secretName": secret, "items": items}}));
    }
    if token && identity.needs_token() {
        volumes.push(token_volume());
    }
    volumes
}

/// The pod's own service account, also where `automountServiceAccountToken` is false: only the sidecar sees it.
fn token_volume() -> Value {
    let namespace =
        json!({"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}});
    json!({"name": TOKEN_VOLUME, "projected": {"sources": [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": TOKEN_LIFE_S}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [namespace]}},
    ]}})
}

/// Those that the cluster autoscaler takes for data that would be lost.
pub(crate) fn local(volumes: &[Value]) -> impl Iterator<Item = &str> {
    volumes.iter().filter(|volume| volume.get("emptyDir").is_some()).map(crate::json::name)
}
