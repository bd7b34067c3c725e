//! A container named `sidecommit` with `image: auto` in the pod: what its author wants otherwise.
//! It is merged over ours and remembered, so that a later injection, or none, starts from it again.

use crate::{Complaint, annotations::env, json, paths::CONTAINER};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The container's image that says so.
pub(crate) const AUTO: &str = "auto";

/// What its author wrote, and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Override {
    /// `containers` or `initContainers`.
    pub(crate) list: String,
    /// At which place there.
    pub(crate) index: usize,
    /// The container.
    pub(crate) container: Value,
}

/// The overrides of a pod that is not injected.
pub(crate) fn find(pod_spec: &Value) -> Option<Override> {
    ["initContainers", "containers"].into_iter().find_map(|list| {
        let containers = json::items(pod_spec, list);
        let index = json::position(containers, CONTAINER)?;
        let container = containers[index].clone();
        Some(Override { list: list.to_owned(), index, container })
    })
}

/// Our container with the overrides over it.
pub(crate) fn merge(ours: &Value, theirs: &Value) -> Value {
    let mut merged = ours.clone();
    let fields = theirs.as_object().into_iter().flatten();
    for (key, theirs) in
        fields.filter(|(key, value)| !["name", "image"].contains(&key.as_str()) && !value.is_null())
    {
        let ours = merged.get(key).cloned().unwrap_or_default();
        merged[key] = match key.as_str() {
            "env" => by(&["name"], &ours, theirs),
            "volumeMounts" => by(&["mountPath"], &ours, theirs),
            "ports" => by(&["containerPort", "protocol"], &ours, theirs),
            "envFrom" => appended(&ours, theirs),
            "startupProbe" | "livenessProbe" | "readinessProbe" => probe(&ours, theirs),
            _ => deep(&ours, theirs),
        };
    }
    merged
}

/// What a pod's author cannot have otherwise.
pub(crate) fn check(theirs: &Value, native: bool) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for variable in json::items(theirs, "env") {
        if let Some(annotation) = env::annotation_of(json::name(variable)) {
            complaints.push(Complaint::of_value(
                "container sidecommit, env",
                &variable["name"],
                format!("other settings: {}{annotation} is for it", crate::PREFIX),
            ));
        }
    }
    let post_start = theirs.pointer("/lifecycle/postStart");
    if let Some(hook) = post_start.filter(|hook| !native && !hook.is_null()) {
        let accepted = "none: with native-sidecar \"false\" the start of the application waits on ours";
        complaints.push(Complaint::of_value("container sidecommit, lifecycle.postStart", hook, accepted));
    }
    let restart = theirs.get("restartPolicy").filter(|policy| !policy.is_null());
    if let Some(policy) = restart.filter(|policy| !native || policy.as_str() != Some("Always")) {
        let accepted = if native { "Always" } else { "none: native-sidecar is \"false\"" };
        complaints.push(Complaint::of_value("container sidecommit, restartPolicy", policy, accepted));
    }
    complaints
}

/// Objects are merged, all else is theirs.
fn deep(ours: &Value, theirs: &Value) -> Value {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let mut merged: Map<String, Value> = ours.clone();
            for (key, theirs) in theirs {
                let ours = ours.get(key).cloned().unwrap_or_default();
                merged.insert(key.clone(), deep(&ours, theirs));
            }
            Value::Object(merged)
        }
        _ => theirs.clone(),
    }
}

/// Another way to ask replaces ours; times are merged.
fn probe(ours: &Value, theirs: &Value) -> Value {
    let mut ours = ours.clone();
    let asks = ["exec", "httpGet", "tcpSocket", "grpc"].iter().any(|handler| theirs.get(handler).is_some());
    if let Some(fields) = ours.as_object_mut().filter(|_| asks) {
        fields.remove("exec");
    }
    deep(&ours, theirs)
}

/// Items with the same keys are theirs, in our place; others follow.
fn by(keys: &[&str], ours: &Value, theirs: &Value) -> Value {
    let same = |one: &Value, other: &Value| keys.iter().all(|key| one.get(key) == other.get(key));
    let (ours, theirs) = (list(ours), list(theirs));
    let kept = ours.iter().map(|ours| theirs.iter().rev().find(|theirs| same(ours, theirs)).unwrap_or(ours));
    let added = theirs.iter().filter(|theirs| !ours.iter().any(|ours| same(ours, theirs)));
    Value::Array(kept.chain(added).cloned().collect())
}

fn appended(ours: &Value, theirs: &Value) -> Value {
    Value::Array(list(ours).iter().chain(list(theirs)).cloned().collect())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
