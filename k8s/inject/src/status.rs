//! The annotation `sidecommit.dev/status`: what the injector did, and what it needs to undo it.

use crate::{annotations::STATUS_ANNOTATION, json, overrides::Override};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// What the injector did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Status {
    /// The injector's version.
    pub(crate) version: String,
    /// Of everything that decides what is injected.
    pub(crate) hash: String,
    /// Whether the sidecar is in initContainers.
    pub(crate) native: bool,
    /// Kind and name of the workload, as they were known.
    pub(crate) workload: Workload,
    /// Volumes that were added.
    pub(crate) volumes: Vec<String>,
    /// What was added to containers, by their names.
    pub(crate) containers: BTreeMap<String, Added>,
    /// Names that were added to the cluster autoscaler's annotation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) safe_to_evict: Vec<String>,
    /// The overrides that the sidecar took the place of.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "override")]
    pub(crate) overrides: Option<Override>,
    /// What had to be made: pointers to fields that were missing or null.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) was: BTreeMap<String, Was>,
}

/// The workload, as it was known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Workload {
    /// Its kind.
    pub(crate) kind: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
}

/// What was added to a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Added {
    /// Variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) env: Vec<String>,
    /// Whether the socket was mounted.
    pub(crate) socket: bool,
    /// Fields that were missing or null.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) was: BTreeMap<String, Was>,
}

/// How a field was not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Was {
    /// There was no such field.
    Missing,
    /// It was null.
    Null,
}

/// A status that the injector did not write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{STATUS_ANNOTATION}: {value:?} is not accepted: what the injector wrote ({reason}); remove the annotation if it was copied"
)]
pub struct BadStatus {
    /// The annotation's value.
    pub value: String,
    /// What is wrong with it.
    pub reason: String,
}

// === impl Was ===

impl Was {
    /// How the field is not there, if it is not.
    pub(crate) fn of(object: &Value, key: &str) -> Option<Self> {
        match object.get(key) {
            None => Some(Self::Missing),
            Some(Value::Null) => Some(Self::Null),
            Some(_) => None,
        }
    }
}

// === impl Status ===

impl Status {
    /// The status of a pod, if it was injected.
    pub(crate) fn of(pod: &Value) -> Result<Option<Self>, BadStatus> {
        let Some(text) = json::annotation(pod, STATUS_ANNOTATION) else { return Ok(None) };
        if text.starts_with(crate::SKIPPED) {
            return Ok(None);
        }
        let bad = |error: serde_json::Error| BadStatus { value: text.to_owned(), reason: error.to_string() };
        serde_json::from_str(text).map(Some).map_err(bad)
    }

    /// As the annotation's value.
    pub(crate) fn text(&self) -> Value {
        // Through a Value, whose keys are sorted: the same status is the same text.
        Value::String(serde_json::to_value(self).unwrap_or_default().to_string())
    }

    /// A hash of what decides.
    pub(crate) fn hash(inputs: &Value) -> String {
        let digest = Sha256::digest(inputs.to_string());
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}
