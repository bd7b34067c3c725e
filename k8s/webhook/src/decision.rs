//! What is to be done with a pod. The server knows no rule of injection: it asks, and carries out the answer.

use serde_json::Value;
use std::collections::BTreeMap;

/// What may be said of a pod.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// A JSON patch (RFC 6902): an array of operations.
    Patch(Value),
    /// The pod stays as it is.
    Skip(Skip),
    /// The pod must not be created; everything that is wrong with it, a text each.
    Deny(Vec<String>),
}

/// Why a pod stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// The reason's name, one of a few: a metric's label.
    pub reason: &'static str,
    /// For a person.
    pub message: String,
    /// Whether a person should hear of it: somebody asked for the sidecar and does not get it.
    pub notable: bool,
}

/// What is known of the pod's namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

/// Decides. Pure: the same pod and namespace have the same answer.
pub trait Decide: Send + Sync + 'static {
    /// What is to be done with this pod of this namespace.
    fn decide(&self, pod: &Value, namespace: &Namespace) -> Decision;
}

impl<F> Decide for F
where
    F: Fn(&Value, &Namespace) -> Decision + Send + Sync + 'static,
{
    fn decide(&self, pod: &Value, namespace: &Namespace) -> Decision {
        self(pod, namespace)
    }
}
