//! `cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes`: an emptyDir keeps the cluster autoscaler from removing a
//! node. Ours may go with the pod, since Kafka holds the truth; the user's own names in the annotation stay as they are.

use serde_json::{Map, Value};

pub(crate) const ANNOTATION: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes";

/// Adds volumes. Those that were not there yet are told.
pub(crate) fn add<'a>(
    annotations: &mut Map<String, Value>,
    volumes: impl Iterator<Item = &'a str>,
) -> Vec<String> {
    if annotations.get(ANNOTATION).is_some_and(|value| !value.is_string()) {
        return Vec::new();
    }
    let current = annotations.get(ANNOTATION).and_then(Value::as_str);
    let listed: Vec<&str> = current.map(|list| list.split(',').map(str::trim).collect()).unwrap_or_default();
    let added: Vec<String> = volumes.filter(|name| !listed.contains(name)).map(str::to_owned).collect();
    let merged = match current {
        // Theirs first and as they wrote it, so that it can be given back.
        Some(list) => {
            [list].into_iter().chain(added.iter().map(String::as_str)).collect::<Vec<_>>().join(",")
        }
        None => added.join(","),
    };
    if !added.is_empty() {
        annotations.insert(ANNOTATION.to_owned(), Value::String(merged));
    }
    added
}

/// Takes them away again. `was_missing`: there was no such annotation.
pub(crate) fn remove(annotations: &mut Map<String, Value>, added: &[String], was_missing: bool) {
    let Some(current) = annotations.get(ANNOTATION).and_then(Value::as_str) else { return };
    let suffix = added.join(",");
    let rest = match current.strip_suffix(&suffix) {
        Some("") => Some(String::new()),
        Some(rest) if rest.ends_with(',') => rest.strip_suffix(',').map(str::to_owned),
        _ => None,
    };
    let rest = rest.unwrap_or_else(|| without(current, added));
    if rest.is_empty() && was_missing {
        annotations.remove(ANNOTATION);
    } else {
        annotations.insert(ANNOTATION.to_owned(), Value::String(rest));
    }
}

/// Somebody changed the list since.
fn without(current: &str, added: &[String]) -> String {
    let kept = current.split(',').filter(|name| !added.iter().any(|added| added == name.trim()));
    kept.collect::<Vec<_>>().join(",")
}
