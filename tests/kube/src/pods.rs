//! A test's namespace, and the pods in it as the node runs them.

use crate::{Line, Plane, Workload, apply, documents, resource};
use k8s_openapi::api::{
    coordination::v1::Lease,
    core::v1::{Event, Pod},
};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use sidecommit_e2e::{eventually, unique};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A namespace of a test's own; what is in it is removed with the control plane.
#[derive(Clone)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// An administrator's client.
    pub client: Client,
    plane: &'static Plane,
}

/// A container as the node runs it.
#[derive(Clone, Debug)]
pub struct Container {
    folder: PathBuf,
}

// === impl Namespace ===

impl Namespace {
    pub(crate) async fn create(plane: &'static Plane, purpose: &str, security: &str) -> Self {
        let client = plane.client().await;
        let name = unique(purpose);
        let labels = json!({ "pod-security.kubernetes.io/enforce": security });
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } });
        apply(&client, &namespace, "").await.expect("a namespace");
        let new = Self { name, client, plane };
        new.allow_leases().await;
        let accounts: Api<k8s_openapi::api::core::v1::ServiceAccount> = new.api();
        eventually("the namespace has its service account", 30, async || {
            accounts.get("default").await.is_ok()
        })
        .await;
        new
    }

    /// The typed API of a kind in this namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        <K as kube::Resource>::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// What the chart's `leases.namespaces` makes.
    async fn allow_leases(&self) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../k8s/manifests/lease-rbac.yaml");
        let manifest = fs::read_to_string(path).expect("the product's manifests");
        // They are made for the namespace `default`.
        let group = format!("system:serviceaccounts:{}", self.name);
        for mut object in documents(&manifest.replace("system:serviceaccounts:default", &group)) {
            object["metadata"]["namespace"] = json!(self.name);
            self.apply(&object).await;
        }
    }

    /// What the chart's `leases.statefulsets` adds.
    pub async fn allow_stateful_sets(&self) {
        let rules = json!([{ "apiGroups": ["apps"], "resources": ["statefulsets"], "verbs": ["get"] }]);
        let name = json!({ "name": "sidecommit-statefulsets" });
        let group = format!("system:serviceaccounts:{}", self.name);
        let (api, rbac) = ("rbac.authorization.k8s.io", "rbac.authorization.k8s.io/v1");
        self.apply(&json!({ "apiVersion": rbac, "kind": "Role", "metadata": name, "rules": rules })).await;
        self.apply(&json!({
            "apiVersion": rbac, "kind": "RoleBinding", "metadata": name,
            "roleRef": { "apiGroup": api, "kind": "Role", "name": "sidecommit-statefulsets" },
            "subjects": [{ "apiGroup": api, "kind": "Group", "name": group }],
        }))
        .await;
    }

    /// Applies an object that must be taken.
    pub async fn apply(&self, object: &Value) {
        apply(&self.client, object, &self.name).await.expect("is taken");
    }

    /// Applies a workload.
    pub async fn run(&self, workload: &Workload) {
        self.apply(&workload.manifest()).await;
    }

    /// What admission makes of a pod.
    ///
    /// # Errors
    /// If it is denied.
    pub async fn dry_run(&self, pod: &Value) -> kube::Result<Pod> {
        let pod: Pod = serde_json::from_value(pod.clone()).expect("a pod");
        let pods: Api<Pod> = self.api();
        pods.create(&PostParams { dry_run: true, ..PostParams::default() }, &pod).await
    }

    /// Whether a pod has its sidecar.
    pub fn is_injected(pod: &Pod) -> bool {
        let containers = pod.spec.iter().flat_map(|spec| spec.init_containers.iter().flatten());
        containers.into_iter().any(|container| container.name == "sidecommit")
    }

    /// Sets spec.replicas.
    pub async fn scale(&self, workload: &Workload, replicas: u32) {
        let patch = json!({ "spec": { "replicas": replicas } });
        let api = resource(&self.client, &workload.manifest(), &self.name);
        api.patch(workload.name(), &PatchParams::default(), &Patch::Merge(patch)).await.expect("scales");
    }

    /// Changes the template, so that all pods are replaced.
    pub async fn roll(&self, workload: &Workload) {
        let annotations = json!({ "rolled": unique("at") });
        let patch = json!({ "spec": { "template": { "metadata": { "annotations": annotations } } } });
        let api = resource(&self.client, &workload.manifest(), &self.name);
        api.patch(workload.name(), &PatchParams::default(), &Patch::Merge(patch)).await.expect("rolls");
    }

    /// The pods of a workload that still exist.
    pub async fn pods(&self, workload: &str) -> Vec<Pod> {
        let pods: Api<Pod> = self.api();
        pods.list(&ListParams::default().labels(&format!("app={workload}")))
            .await
            .expect("pods are listed")
            .items
    }

    /// Waits until exactly so many pods of a workload exist and are ready, none of an older template.
    pub async fn ready(&self, workload: &str, replicas: usize, seconds: u64) -> Vec<Pod> {
        let mut pods = Vec::new();
        let end = tokio::time::Instant::now() + std::time::Duration::from_secs(seconds);
        loop {
            pods.clear();
            pods.extend(self.pods(workload).await);
            if pods.len() == replicas && pods.iter().all(is_ready) && same_template(&pods) {
                return pods;
            }
            if tokio::time::Instant::now() > end {
                panic!(
                    "{replicas} of {workload} are not ready within {seconds} s: {}",
                    self.told(&pods).await
                );
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }

    /// Waits until a pod is in a phase.
    pub async fn phase(&self, pod: &str, phase: &str, seconds: u64) -> Pod {
        let pods: Api<Pod> = self.api();
        let end = tokio::time::Instant::now() + std::time::Duration::from_secs(seconds);
        loop {
            let found = pods.get(pod).await.expect("the pod exists");
            if found.status.as_ref().and_then(|status| status.phase.as_deref()) == Some(phase) {
                return found;
            }
            if tokio::time::Instant::now() > end {
                panic!("{pod} is not {phase} within {seconds} s: {}", self.told(&[found]).await);
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }

    /// Deletes a pod in the ordinary way.
    pub async fn delete(&self, pod: &str) {
        let pods: Api<Pod> = self.api();
        pods.delete(pod, &DeleteParams::default()).await.expect("can be deleted");
    }

    /// Of a workload's pods, this one goes first when it is scaled down.
    pub async fn dispensable(&self, pod: &Pod) {
        let cost = json!({ "controller.kubernetes.io/pod-deletion-cost": "-100" });
        let patch = json!({ "metadata": { "annotations": cost } });
        let name = pod.metadata.name.as_deref().expect("a name");
        let pods: Api<Pod> = self.api();
        pods.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.expect("can be annotated");
    }

    /// The messages of this namespace's events with a reason.
    pub async fn events(&self, reason: &str) -> Vec<String> {
        let events: Api<Event> = self.api();
        let events = events.list(&ListParams::default()).await.expect("events are listed");
        let of_reason = events.items.into_iter().filter(|event| event.reason.as_deref() == Some(reason));
        of_reason.filter_map(|event| event.message).collect()
    }

    /// A container of a pod as it runs.
    pub fn container(&self, pod: &Pod, container: &str) -> Container {
        let meta = &pod.metadata;
        let name = meta.name.as_deref().expect("a name");
        let uid = meta.uid.as_deref().expect("a uid");
        let folder =
            self.plane.folder().join("pods").join(format!("{}_{name}_{uid}", self.name)).join(container);
        Container { folder }
    }

    /// The pods of a workload whose application runs.
    pub async fn writers(&self, workload: &str) -> Vec<Pod> {
        let mut pods = self.pods(workload).await;
        pods.retain(is_ready);
        pods
    }

    /// A workload's Leases that have a holder: name, holder's uid, when it was renewed last.
    pub async fn holders(&self, workload: &str) -> Vec<(String, String, String)> {
        let leases: Api<Lease> = self.api();
        let labels = ListParams::default().labels(&format!("sidecommit.dev/workload={workload}"));
        let leases = leases.list(&labels).await.expect("leases are listed");
        let held = |lease: Lease| {
            let spec = lease.spec?;
            let holder = spec.holder_identity.filter(|holder| !holder.is_empty())?;
            Some((lease.metadata.name?, holder, json!(spec.renew_time).to_string()))
        };
        leases.items.into_iter().filter_map(held).collect()
    }

    /// What all application containers of a workload's pods, gone ones included, have told.
    pub fn told_by(&self, workload: &str) -> Vec<Line> {
        let mut lines = Vec::new();
        for pod in self.folders(workload) {
            lines.extend(Container { folder: pod.join("app") }.lines());
        }
        lines
    }

    /// The logs of all sidecars of a workload's pods, gone ones included.
    pub fn sidecar_logs(&self, workload: &str) -> Vec<String> {
        let logs =
            self.folders(workload).into_iter().map(|pod| Container { folder: pod.join("sidecommit") }.log());
        logs.collect()
    }

    fn folders(&self, workload: &str) -> Vec<PathBuf> {
        let start = format!("{}_{workload}", self.name);
        let pods = fs::read_dir(self.plane.folder().join("pods")).expect("the node keeps what pods said");
        let mut folders: Vec<_> = pods.map(|pod| pod.expect("can be read").path()).collect();
        folders.retain(|pod| pod.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&start)));
        folders.sort();
        folders
    }

    async fn told(&self, pods: &[Pod]) -> String {
        let events: Api<Event> = self.api();
        let events = events.list(&ListParams::default()).await.map(|list| list.items).unwrap_or_default();
        let events: Vec<_> = events
            .into_iter()
            .filter_map(|event| Some(format!("{}: {}", event.reason?, event.message?)))
            .collect();
        let logs: Vec<_> = pods
            .iter()
            .map(|pod| {
                format!(
                    "{}\n{}",
                    pod.metadata.name.as_deref().unwrap_or_default(),
                    self.container(pod, "sidecommit").log()
                )
            })
            .collect();
        let statuses: Vec<_> = pods.iter().map(|pod| json!(pod.status).to_string()).collect();
        format!("{}\nevents:\n{}\nsidecars:\n{}", statuses.join("\n"), events.join("\n"), logs.join("\n"))
    }
}

/// Ready and not on its way out.
fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ready = conditions
        .into_iter()
        .flatten()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True");
    ready && pod.metadata.deletion_timestamp.is_none()
}

fn same_template(pods: &[Pod]) -> bool {
    let label =
        |pod: &Pod, name: &str| pod.metadata.labels.as_ref().and_then(|labels| labels.get(name).cloned());
    let template =
        |pod: &Pod| label(pod, "pod-template-hash").or_else(|| label(pod, "controller-revision-hash"));
    pods.windows(2).all(|pair| template(&pair[0]) == template(&pair[1]))
}

// === impl Container ===

impl Container {
    /// Its process on this machine.
    ///
    /// # Panics
    /// If it does not run.
    pub fn pid(&self) -> i32 {
        let text = fs::read_to_string(self.folder.join("pid")).expect("the container runs");
        text.trim().parse().expect("a process id")
    }

    /// Whether it has a process.
    pub fn runs(&self) -> bool {
        self.folder.join("pid").exists()
    }

    /// Sends its process a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.pid()).expect("a process id"), signal).expect("it can be sent");
    }

    /// All that it wrote, over its restarts.
    pub fn log(&self) -> String {
        let Ok(files) = fs::read_dir(&self.folder) else { return String::new() };
        let mut logs: Vec<_> = files.map(|file| file.expect("can be read").path()).collect();
        logs.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
        logs.sort_by_key(|path| path.file_stem().and_then(|stem| stem.to_str()?.parse::<u32>().ok()));
        logs.iter().map(|path| fs::read_to_string(path).unwrap_or_default()).collect()
    }

    /// What the test's application told.
    pub fn lines(&self) -> Vec<Line> {
        self.log().lines().filter_map(Line::parse).collect()
    }
}
