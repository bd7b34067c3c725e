//! Workloads with the test's application, as a user would write them: no word of the sidecar but its label and annotations.

use serde_json::{Value, json};

/// What the test's application does; see `sidecommit-kube-app`.
#[derive(Clone, Debug)]
pub struct App {
    arguments: Vec<String>,
    user: u32,
}

/// A workload of one application container.
#[derive(Clone, Debug)]
pub struct Workload {
    kind: &'static str,
    name: String,
    replicas: u32,
    app: App,
    annotations: Vec<(String, String)>,
    grace: u32,
    patch: Value,
}

// === impl App ===

impl App {
    /// Commits one transaction after the other until SIGTERM.
    pub fn writes(topic: &str) -> Self {
        Self::new(&["write", topic])
    }

    /// Commits so many transactions, and ends.
    pub fn writes_some(topic: &str, count: u32) -> Self {
        Self::new(&["write", topic, &count.to_string()])
    }

    /// As [`Self::writes`], but deaf to SIGTERM: it uses the whole grace.
    pub fn writes_deaf(topic: &str) -> Self {
        Self::new(&["deaf", topic])
    }

    fn new(arguments: &[&str]) -> Self {
        Self { arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(), user: 1000 }
    }

    /// With another uid.
    pub fn user(self, user: u32) -> Self {
        Self { user, ..self }
    }
}

// === impl Workload ===

impl Workload {
    /// A StatefulSet.
    pub fn stateful_set(name: &str, replicas: u32, app: App) -> Self {
        Self::new("StatefulSet", name, replicas, app)
    }

    /// A Deployment with the default rolling update.
    pub fn deployment(name: &str, replicas: u32, app: App) -> Self {
        Self::new("Deployment", name, replicas, app)
    }

    /// A Job.
    pub fn job(name: &str, app: App) -> Self {
        Self::new("Job", name, 1, app)
    }

    /// A pod that nobody controls.
    pub fn pod(name: &str, app: App) -> Self {
        Self::new("Pod", name, 1, app)
    }

    fn new(kind: &'static str, name: &str, replicas: u32, app: App) -> Self {
        let (name, patch) = (name.to_owned(), Value::Null);
        Self { kind, name, replicas, app, annotations: Vec::new(), grace: 30, patch }
    }

    /// With an annotation of ours, without the prefix.
    pub fn annotated(mut self, key: &str, value: &str) -> Self {
        self.annotations.push((format!("sidecommit.dev/{key}"), value.to_owned()));
        self
    }

    /// With another terminationGracePeriodSeconds.
    pub fn grace(self, seconds: u32) -> Self {
        Self { grace: seconds, ..self }
    }

    /// With this merged into the pod's spec.
    pub fn spec(self, patch: Value) -> Self {
        Self { patch, ..self }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// As it is applied.
    pub fn manifest(&self) -> Value {
        let labels = json!({ "app": self.name, "sidecommit.dev/inject": "true" });
        let annotations: serde_json::Map<_, _> =
            self.annotations.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        let template =
            json!({ "metadata": { "labels": labels, "annotations": annotations }, "spec": self.pod_spec() });
        let selector = json!({ "matchLabels": { "app": self.name } });
        let metadata = json!({ "name": self.name });
        match self.kind {
            "Pod" => {
                let metadata = json!({ "name": self.name, "labels": labels, "annotations": annotations });
                json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": self.pod_spec() })
            }
            "Job" => json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": metadata,
                "spec": { "template": template, "backoffLimit": 0 } }),
            "StatefulSet" => json!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata,
                "spec": { "replicas": self.replicas, "selector": selector, "serviceName": self.name, "template": template } }),
            kind => json!({ "apiVersion": "apps/v1", "kind": kind, "metadata": metadata,
                "spec": { "replicas": self.replicas, "selector": selector, "template": template } }),
        }
    }

    fn pod_spec(&self) -> Value {
        let mut security = json!({
            "runAsUser": self.app.user, "allowPrivilegeEscalation": false,
            "capabilities": { "drop": ["ALL"] }, "seccompProfile": { "type": "RuntimeDefault" },
        });
        security["runAsNonRoot"] = json!(self.app.user != 0);
        let name =
            json!([{ "name": "POD_NAME", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } }]);
        let container = json!({ "name": "app", "image": "app:test", "args": self.app.arguments, "env": name, "securityContext": security });
        let restart = if matches!(self.kind, "Job" | "Pod") { "Never" } else { "Always" };
        let mut spec = json!({ "containers": [container], "restartPolicy": restart, "terminationGracePeriodSeconds": self.grace });
        for (key, value) in self.patch.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        spec
    }
}
