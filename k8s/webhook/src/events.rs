//! Events about pods that were skipped or denied, told on whoever made the pod: that is where people look.

mod limiter;

use crate::metrics::Metrics;
use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{Event, EventSource, ObjectReference},
    apimachinery::pkg::apis::meta::v1::Time,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use limiter::{Limiter, Verdict};
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;
use tokio::{sync::mpsc, time::Instant};

/// Where Events go. Cheap to clone. A review never waits for its Event.
#[derive(Clone)]
pub struct Events {
    queue: mpsc::Sender<Told>,
    limiter: Arc<Mutex<Limiter>>,
    metrics: Metrics,
}

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Told {
    /// Whom it is told on.
    pub about: About,
    /// The Event's reason.
    pub reason: Reason,
    /// For a person.
    pub message: String,
}

/// Whom an Event is told on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct About {
    api_version: String,
    kind: String,
    namespace: String,
    name: String,
    uid: Option<String>,
}

/// An Event's reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The pod is created without the sidecar.
    Skipped,
    /// The pod is not created.
    Denied,
}

const QUEUE: usize = 256;
const COMPONENT: &str = "sidecommit-webhook";
/// What an Event's message may have.
const MESSAGE_MAX: usize = 1024;

// === impl Events ===

impl Events {
    /// Events through this client, and the task that tells them.
    pub fn new(client: Client, metrics: Metrics) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (queue, told) = mpsc::channel(QUEUE);
        let limiter = Arc::new(Mutex::new(Limiter::new(Instant::now())));
        let task = tell_all(client, told, metrics.clone());
        (Self { queue, limiter, metrics }, task)
    }

    /// Tells, unless the same was told of late or too much is being told.
    pub fn tell(&self, told: Told) {
        let outcome = match self.limiter.lock().ask(&told, Instant::now()) {
            Verdict::Repeated => "repeated",
            Verdict::TooMany => "limited",
            Verdict::Tell if self.queue.try_send(told).is_ok() => return,
            Verdict::Tell => "limited",
        };
        self.metrics.event(outcome);
    }
}

async fn tell_all(client: Client, mut queue: mpsc::Receiver<Told>, metrics: Metrics) {
    while let Some(told) = queue.recv().await {
        let api: Api<Event> = Api::namespaced(client.clone(), &told.about.namespace);
        match api.create(&PostParams::default(), &told.event(Timestamp::now())).await {
            Ok(_) => metrics.event("told"),
            Err(error) => {
                metrics.event("failed");
                let (namespace, reason) = (&told.about.namespace, told.reason.name());
                tracing::warn!(namespace, reason, %error, "event: not told");
            }
        }
    }
}

// === impl Told ===

impl Told {
    fn event(&self, now: Timestamp) -> Event {
        let about = &self.about;
        let time = Some(Time(now));
        Event {
            metadata: ObjectMeta {
                generate_name: Some("sidecommit-injection-".to_owned()),
                namespace: Some(about.namespace.clone()),
                ..ObjectMeta::default()
            },
            involved_object: ObjectReference {
                api_version: Some(about.api_version.clone()),
                kind: Some(about.kind.clone()),
                namespace: Some(about.namespace.clone()),
                name: Some(about.name.clone()),
                uid: about.uid.clone(),
                ..ObjectReference::default()
            },
            reason: Some(self.reason.name().to_owned()),
            message: Some(self.message.chars().take(MESSAGE_MAX).collect()),
            type_: Some("Warning".to_owned()),
            source: Some(EventSource { component: Some(COMPONENT.to_owned()), host: None }),
            first_timestamp: time.clone(),
            last_timestamp: time,
            count: Some(1),
            ..Event::default()
        }
    }
}

// === impl About ===

impl About {
    /// The pod's controller; a pod without one stands for itself, by what its name begins with if it has none yet.
    pub fn of(pod: &Value, namespace: &str) -> Self {
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let metadata = &pod["metadata"];
        let owners = metadata["ownerReferences"].as_array().map(Vec::as_slice).unwrap_or_default();
        if let Some(owner) = owners.iter().find(|owner| owner["controller"] == true) {
            return Self {
                api_version: text(owner, "apiVersion"),
                kind: text(owner, "kind"),
                namespace: namespace.to_owned(),
                name: text(owner, "name"),
                uid: owner["uid"].as_str().map(str::to_owned),
            };
        }
        let name = [text(metadata, "name"), text(metadata, "generateName")];
        Self {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            namespace: namespace.to_owned(),
            name: name.into_iter().find(|name| !name.is_empty()).unwrap_or_default(),
            uid: None,
        }
    }
}

// === impl Reason ===

impl Reason {
    /// As it is in the Event.
    pub fn name(self) -> &'static str {
        match self {
            Self::Skipped => "InjectionSkipped",
            Self::Denied => "InjectionDenied",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_is_told_on_the_controller() {
        let owners = json!([
            { "apiVersion": "v1", "kind": "ConfigMap", "name": "no", "uid": "0" },
            { "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d", "uid": "u", "controller": true },
        ]);
        let pod = json!({ "metadata": { "generateName": "web-5d-", "ownerReferences": owners } });
        let told = Told {
            about: About::of(&pod, "orders"),
            reason: Reason::Denied,
            message: "slots: ".to_owned() + &"x".repeat(2000),
        };
        let event = told.event(Timestamp::UNIX_EPOCH);
        let object = event.involved_object;
        let names = (object.kind.as_deref(), object.name.as_deref(), object.uid.as_deref());
        assert_eq!(names, (Some("ReplicaSet"), Some("web-5d"), Some("u")));
        assert_eq!(object.namespace, event.metadata.namespace, "the API server wants them equal");
        assert_eq!(event.reason.as_deref(), Some("InjectionDenied"));
        assert_eq!(event.message.unwrap().chars().count(), MESSAGE_MAX);
    }

    #[test]
    fn a_pod_without_a_controller_stands_for_itself() {
        let named = About::of(&json!({ "metadata": { "name": "one" } }), "orders");
        assert_eq!((named.kind.as_str(), named.name.as_str()), ("Pod", "one"));
        let generated = About::of(&json!({ "metadata": { "name": "", "generateName": "job-" } }), "orders");
        assert_eq!(generated.name, "job-");
    }
}
