//! Takes the sidecar out again: what is left is what was given, whatever others changed elsewhere since.

use crate::{
    annotations::STATUS_ANNOTATION,
    evict, json,
    overrides::AUTO,
    paths::{CONTAINER, SOCKET_VOLUME},
    status::{Added, BadStatus, Status, Was},
};
use serde_json::{Map, Value};

/// The pod or template without the sidecar; none if the injector has not been there.
///
/// # Errors
/// The status annotation is not what the injector wrote.
pub fn uninject(pod: &Value) -> Result<Option<Value>, BadStatus> {
    if json::annotation(pod, STATUS_ANNOTATION).is_none() {
        return Ok(None);
    }
    let mut pod = pod.clone();
    match Status::of(&pod)? {
        Some(status) => undo(&mut pod, &status),
        None => drop_skip_mark(&mut pod),
    }
    Ok(Some(pod))
}

fn undo(pod: &mut Value, status: &Status) {
    if let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) {
        let list = if status.native { "initContainers" } else { "containers" };
        remove(spec, list, |item| json::name(item) == CONTAINER && !is_override(item));
        // Its author may have written it anew since.
        let renewed = ["containers", "initContainers"]
            .iter()
            .any(|list| spec.get(*list).and_then(Value::as_array).into_iter().flatten().any(is_override));
        if let Some(overrides) = status.overrides.as_ref().filter(|_| !renewed)
            && let Some(list) = json::array(spec, &overrides.list)
        {
            list.insert(overrides.index.min(list.len()), overrides.container.clone());
        }
        for list in ["containers", "initContainers"] {
            for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(added) = status.containers.get(json::name(container)) {
                    undo_container(container, added);
                }
            }
        }
        remove(spec, "volumes", |item| status.volumes.iter().any(|name| name == json::name(item)));
        for key in ["volumes", "initContainers", "containers"] {
            restore(spec, key, status.was.get(&format!("spec.{key}")));
        }
    }
    if let Some(annotations) = pod.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(STATUS_ANNOTATION);
        evict::remove(annotations, &status.safe_to_evict, status.was.contains_key(evict::ANNOTATION));
    }
    if let Some(metadata) = pod.get_mut("metadata").and_then(Value::as_object_mut) {
        restore(metadata, "annotations", status.was.get("metadata.annotations"));
    }
    if let Some(root) = pod.as_object_mut() {
        restore(root, "metadata", status.was.get("metadata"));
    }
}

fn is_override(container: &Value) -> bool {
    json::name(container) == CONTAINER && json::text(container, "/image") == Some(AUTO)
}

fn undo_container(container: &mut Value, added: &Added) {
    let Some(fields) = container.as_object_mut() else { return };
    remove(fields, "env", |item| added.env.iter().any(|name| name == json::name(item)));
    remove(fields, "volumeMounts", |item| added.socket && json::name(item) == SOCKET_VOLUME);
    for key in ["env", "volumeMounts"] {
        restore(fields, key, added.was.get(key));
    }
}

fn remove(object: &mut Map<String, Value>, key: &str, ours: impl Fn(&Value) -> bool) {
    if let Some(items) = object.get_mut(key).and_then(Value::as_array_mut) {
        items.retain(|item| !ours(item));
    }
}

/// A field that we made goes again, unless somebody put something into it.
fn restore(object: &mut Map<String, Value>, key: &str, was: Option<&Was>) {
    let empty = match object.get(key) {
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(fields)) => fields.is_empty(),
        _ => false,
    };
    match was.filter(|_| empty) {
        Some(Was::Missing) => drop(object.remove(key)),
        Some(Was::Null) => drop(object.insert(key.to_owned(), Value::Null)),
        None => {}
    }
}

fn drop_skip_mark(pod: &mut Value) {
    let Some(metadata) = pod.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.remove(STATUS_ANNOTATION);
    }
    restore(metadata, "annotations", Some(&Was::Missing));
}
