//! What is to be done with a pod. The server knows no rule of injection: it asks, and carries out the answer.

use serde_json::{Map, Value};
use sidecommit_inject::{Defaults, NamespaceMeta, Outcome, Patched, Subject, inject, mark_skipped};

/// What may be said of a pod.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// The pod is changed.
    Patch(Patch),
    /// The pod stays as it is.
    Skip(Skip),
    /// The pod must not be created; everything that is wrong with it, a text each.
    Deny(Vec<String>),
}

/// How a pod is changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// A JSON patch (RFC 6902): an array of operations.
    pub operations: Value,
    /// What whoever made the pod should know.
    pub warnings: Vec<String>,
}

/// Why a pod stays as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Skip {
    /// The reason's name, one of a few: a metric's label.
    pub reason: &'static str,
    /// For a person; None if nobody needs to hear of it: nobody asked, or it has the sidecar.
    pub message: Option<&'static str>,
    /// The operations that note the reason in the pod, so that a policy lets it in.
    pub mark: Option<Value>,
}

/// Decides. Pure: the same pod and namespace have the same answer.
pub trait Decide: Send + Sync + 'static {
    /// What is to be done with this pod, in a namespace with these annotations.
    fn decide(&self, pod: &Value, annotations: &Map<String, Value>) -> Decision;
}

/// Decides by `sidecommit_inject`, as `sidecommit inject` does.
#[derive(Clone, Debug)]
pub struct Injector {
    defaults: Defaults,
}

// === impl Skip ===

impl Skip {
    /// For a person, if anybody should hear of it.
    pub fn text(&self) -> Option<String> {
        self.message.map(|message| format!("sidecommit was not injected ({}): {message}", self.reason))
    }
}

// === impl Injector ===

impl Injector {
    /// With these defaults.
    pub fn new(defaults: Defaults) -> Self {
        Self { defaults }
    }
}

impl Decide for Injector {
    fn decide(&self, pod: &Value, annotations: &Map<String, Value>) -> Decision {
        let namespace = NamespaceMeta { annotations: annotations.clone() };
        match inject(&Subject::of_pod(pod), &namespace, &self.defaults) {
            Outcome::Patch(Patched { operations, warnings, .. }) => {
                Decision::Patch(Patch { operations, warnings })
            }
            Outcome::Denial(complaints) => {
                Decision::Deny(complaints.iter().map(ToString::to_string).collect())
            }
            Outcome::Skip(skip) => {
                let message = message(skip);
                let mark = message.map(|_| mark_skipped(pod, skip).operations);
                Decision::Skip(Skip { reason: skip.name(), message, mark })
            }
        }
    }
}

/// What somebody should hear who asked for the sidecar and does not get it.
fn message(skip: sidecommit_inject::Skip) -> Option<&'static str> {
    use sidecommit_inject::Skip::{
        AlreadyInjected, HostNetwork, MirrorPod, NotOptedIn, OptedOut, UnsupportedKind,
    };
    match skip {
        HostNetwork => Some("with hostNetwork the sidecar's ports would be the node's"),
        MirrorPod => Some("the kubelet runs a static pod's file, not this"),
        UnsupportedKind => Some("there are no containers in it"),
        AlreadyInjected | NotOptedIn | OptedOut => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn decide(pod: &Value) -> Decision {
        Injector::new(Defaults::default()).decide(pod, &Map::new())
    }

    fn pod(label: &str, spec: Value) -> Value {
        json!({ "metadata": { "name": "one", "labels": { "sidecommit.dev/inject": label } }, "spec": spec })
    }

    #[test]
    fn who_asked_and_does_not_get_it_is_told_and_marked() {
        let host = pod("true", json!({ "hostNetwork": true, "containers": [{ "name": "app" }] }));
        let Decision::Skip(skip) = decide(&host) else { panic!("not skipped") };
        assert_eq!(skip.reason, "host-network");
        assert!(skip.message.is_some());
        assert!(skip.mark.unwrap().to_string().contains("skipped:host-network"));
    }

    #[test]
    fn who_did_not_ask_is_left_in_peace() {
        let out = pod("false", json!({ "containers": [{ "name": "app" }] }));
        assert_eq!(decide(&out), Decision::Skip(Skip { reason: "opted-out", message: None, mark: None }));
    }

    #[test]
    fn what_is_wrong_is_denied() {
        let none = pod("true", json!({ "containers": [{ "name": "app" }] }));
        let Decision::Deny(texts) = decide(&none) else { panic!("not denied") };
        assert!(texts.iter().any(|text| text.contains("bootstrap-servers")), "{texts:?}");
    }
}
