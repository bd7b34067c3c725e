//! What becomes of a pod.

use serde_json::Value;
use std::fmt;

/// What becomes of a pod.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It gets the sidecar.
    Patch(Patched),
    /// It stays as it is.
    Skip(Skip),
    /// It must not be made: everything that is wrong with it.
    Denial(Vec<Complaint>),
}

/// A pod with the sidecar.
#[derive(Clone, Debug, PartialEq)]
pub struct Patched {
    /// RFC 6902: the operations that make it of the pod that was given, an array.
    pub operations: Value,
    /// The pod, or template.
    pub pod: Value,
    /// What a person should know; nothing that makes it wrong.
    pub warnings: Vec<String>,
}

/// Why a pod stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Skip {
    /// Without the label `sidecommit.dev/inject: "true"`.
    NotOptedIn,
    /// With the label `sidecommit.dev/inject: "false"`.
    OptedOut,
    /// In the node's network: the loopback and its ports are the node's.
    HostNetwork,
    /// It carries the sidecar that it would get, or one made by hand.
    AlreadyInjected,
    /// A static pod's mirror: the kubelet runs the file, not this.
    MirrorPod,
    /// Nothing with pods.
    UnsupportedKind,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {value:?} is not accepted: {accepted}")]
pub struct Complaint {
    /// The annotation, label or field.
    pub key: String,
    /// Its value; empty if it is missing.
    pub value: String,
    /// What would be accepted.
    pub accepted: String,
}

// === impl Skip ===

impl Skip {
    /// All of them, for metrics that begin at 0.
    pub const ALL: [Self; 6] = [
        Self::NotOptedIn,
        Self::OptedOut,
        Self::HostNetwork,
        Self::AlreadyInjected,
        Self::MirrorPod,
        Self::UnsupportedKind,
    ];

    /// The reason's name in metrics, Events and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotOptedIn => "not-opted-in",
            Self::OptedOut => "opted-out",
            Self::HostNetwork => "host-network",
            Self::AlreadyInjected => "already-injected",
            Self::MirrorPod => "mirror-pod",
            Self::UnsupportedKind => "unsupported-kind",
        }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

// === impl Complaint ===

impl Complaint {
    pub(crate) fn new(key: &str, value: &str, accepted: impl Into<String>) -> Self {
        Self { key: key.to_owned(), value: value.to_owned(), accepted: accepted.into() }
    }

    pub(crate) fn of_value(key: &str, value: &Value, accepted: impl Into<String>) -> Self {
        match value {
            Value::String(text) => Self::new(key, text, accepted),
            Value::Null => Self::new(key, "", accepted),
            other => Self::new(key, &other.to_string(), accepted),
        }
    }
}
