//! What is injected: a pod template, and what is known of the workload that it belongs to.

use crate::json;
use serde_json::{Map, Value};

/// The kind of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A pod without a controller.
    Pod,
    /// apps/v1
    Deployment,
    /// apps/v1, without a Deployment above it.
    ReplicaSet,
    /// apps/v1
    StatefulSet,
    /// apps/v1
    DaemonSet,
    /// batch/v1
    Job,
    /// batch/v1
    CronJob,
    /// v1
    ReplicationController,
    /// v1
    PodTemplate,
    /// Somebody's own controller.
    Other(String),
}

/// A pod template, and what is known of the workload that it belongs to.
#[derive(Clone, Debug)]
pub struct Subject {
    /// `metadata` and `spec`, whatever else is in it.
    pub template: Value,
    /// The workload's kind.
    pub kind: Kind,
    /// The workload's name, if it has one yet.
    pub name: Option<String>,
    /// How many pods it has at once, if that is known.
    pub replicas: Option<u64>,
    /// Volumes that each pod gets of its own (a StatefulSet's volumeClaimTemplates).
    pub claims: Vec<String>,
}

/// What is known of the namespace.
#[derive(Clone, Debug, Default)]
pub struct NamespaceMeta {
    /// Its annotations.
    pub annotations: Map<String, Value>,
}

// === impl NamespaceMeta ===

impl NamespaceMeta {
    /// Of a Namespace object.
    pub fn of(namespace: &Value) -> Self {
        let annotations = namespace.pointer("/metadata/annotations").and_then(Value::as_object);
        Self { annotations: annotations.cloned().unwrap_or_default() }
    }
}

// === impl Kind ===

impl Kind {
    /// By the name in manifests and owner references.
    pub fn of(name: &str) -> Self {
        match name {
            "Pod" => Self::Pod,
            "Deployment" => Self::Deployment,
            "ReplicaSet" => Self::ReplicaSet,
            "StatefulSet" => Self::StatefulSet,
            "DaemonSet" => Self::DaemonSet,
            "Job" => Self::Job,
            "CronJob" => Self::CronJob,
            "ReplicationController" => Self::ReplicationController,
            "PodTemplate" => Self::PodTemplate,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The name in manifests.
    pub fn name(&self) -> &str {
        match self {
            Self::Pod => "Pod",
            Self::Deployment => "Deployment",
            Self::ReplicaSet => "ReplicaSet",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
            Self::ReplicationController => "ReplicationController",
            Self::PodTemplate => "PodTemplate",
            Self::Other(name) => name,
        }
    }
}

// === impl Subject ===

impl Subject {
    /// A pod as the API server is about to store it: its workload is told by its labels and its controller.
    pub fn of_pod(pod: &Value) -> Self {
        let (kind, name) = workload_of(pod);
        let replicas = (kind == Kind::Pod).then_some(1);
        Self { template: pod.clone(), kind, name, replicas, claims: Vec::new() }
    }
}

/// Labels by which a Deployment, or what is like one, marks the pods of each of its ReplicaSets.
const HASH_LABELS: [&str; 2] = ["pod-template-hash", "rollouts-pod-template-hash"];

fn workload_of(pod: &Value) -> (Kind, Option<String>) {
    let owners = pod.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    let owner =
        owners.into_iter().flatten().find(|owner| owner.get("controller") == Some(&Value::Bool(true)));
    let owner_name = owner.map(|owner| json::name(owner).to_owned());
    let kind = owner.and_then(|owner| json::text(owner, "/kind")).map(Kind::of);
    let ordinal = ["apps.kubernetes.io/pod-index", "statefulset.kubernetes.io/pod-name"];
    match kind {
        // Controllers that are like a StatefulSet label their pods like one.
        None | Some(Kind::Other(_)) if ordinal.iter().any(|key| json::label(pod, key).is_some()) => {
            let name = json::text(pod, "/metadata/name").and_then(|name| name.rsplit_once('-'));
            (Kind::StatefulSet, owner_name.or_else(|| name.map(|(name, _)| name.to_owned())))
        }
        Some(Kind::ReplicaSet) => replica_set(pod, owner_name),
        Some(Kind::Job) => {
            let labels = ["batch.kubernetes.io/job-name", "job-name"];
            let label = labels.iter().find_map(|key| json::label(pod, key));
            (Kind::Job, label.map(str::to_owned).or(owner_name))
        }
        Some(kind) => (kind, owner_name),
        None => (Kind::Pod, json::text(pod, "/metadata/name").map(str::to_owned)),
    }
}

/// A Deployment's ReplicaSet is named after it and the hash in the label: exactly that is cut off, nothing is guessed.
fn replica_set(pod: &Value, owner: Option<String>) -> (Kind, Option<String>) {
    let hash = HASH_LABELS.iter().find_map(|key| json::label(pod, key));
    let deployment = hash.zip(owner.as_deref()).and_then(|(hash, name)| {
        name.strip_suffix(hash).and_then(|name| name.strip_suffix('-')).map(str::to_owned)
    });
    match deployment {
        Some(name) => (Kind::Deployment, Some(name)),
        None => (Kind::ReplicaSet, owner),
    }
}
