//! Where everything goes in the pod.

use crate::{
    annotations::STATUS_ANNOTATION,
    evict, json,
    overrides::Override,
    paths::*,
    spec::SidecarSpec,
    status::{Added, Status, Was, Workload},
    volumes,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// All that is put into a pod.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) container: Value,
    pub(crate) volumes: Vec<Value>,
    /// Who gets the socket, by name: others may change the order.
    pub(crate) targets: Vec<String>,
    pub(crate) native: bool,
    /// Init containers, beside the meshes', that stay before the sidecar.
    pub(crate) before: Vec<String>,
    pub(crate) overrides: Option<Override>,
    pub(crate) workload: Workload,
    pub(crate) warnings: Vec<String>,
}

/// Who gets the socket.
pub(crate) fn targets(spec: &SidecarSpec, pod_spec: &Value) -> Vec<String> {
    let names = |list| json::items(pod_spec, list).iter().map(json::name).filter(|name| *name != CONTAINER);
    let chosen: Vec<&str> = match &spec.container_names {
        Some(wanted) => names("containers")
            .chain(names("initContainers"))
            .filter(|name| wanted.iter().any(|wanted| wanted == name))
            .collect(),
        None => names("containers")
            .filter(|name| !MESH.contains(name) && !OTHER_SIDECARS.contains(name))
            .collect(),
    };
    chosen.into_iter().map(str::to_owned).collect()
}

/// The pod's annotations; they are made if there are none.
pub(crate) fn annotations(pod: &mut Value) -> Option<&mut Map<String, Value>> {
    json::object(json::object(pod.as_object_mut()?, "metadata")?, "annotations")
}

// === impl Plan ===

impl Plan {
    /// Of everything that decides what is injected.
    pub(crate) fn hash(&self) -> String {
        Status::hash(&json!({
            "version": env!("CARGO_PKG_VERSION"),
            "container": self.container,
            "volumes": self.volumes,
            "targets": self.targets,
            "native": self.native,
            "before": self.before,
        }))
    }

    /// Whether a pod has all of it, in the right places. What others added is none of our business.
    pub(crate) fn is_done(&self, pod: &Value) -> bool {
        let spec = &pod["spec"];
        let list = json::items(spec, self.list());
        let Some(index) = json::position(list, CONTAINER) else { return false };
        let in_place =
            !self.native || list[index..].iter().all(|later| !self.stays_before(json::name(later)));
        let volumes = json::items(spec, "volumes");
        let volumes = self.volumes.iter().all(|ours| json::position(volumes, json::name(ours)).is_some());
        let containers = json::items(spec, "containers").iter().chain(json::items(spec, "initContainers"));
        let mut targets = containers.filter(|container| self.is_target(container));
        in_place
            && volumes
            && targets.all(|container| {
                let mounts = json::items(container, "volumeMounts");
                let env = json::items(container, "env");
                json::position(mounts, SOCKET_VOLUME).is_some()
                    && VARIABLES.iter().all(|(name, _)| json::position(env, name).is_some())
            })
    }

    /// The pod, which has none of it, with all of it.
    pub(crate) fn apply(&self, original: &Value) -> Value {
        let mut pod = original.clone();
        let mut was = BTreeMap::new();
        let mut note = |key: &str, how: Option<Was>| how.map(|how| was.insert(key.to_owned(), how));
        let spec = &original["spec"];
        note("metadata", Was::of(original, "metadata"));
        note("metadata.annotations", Was::of(&original["metadata"], "annotations"));
        note("spec.volumes", Was::of(spec, "volumes"));
        if self.native {
            note("spec.initContainers", Was::of(spec, "initContainers"));
        }
        if json::annotation(original, evict::ANNOTATION).is_none() {
            note(evict::ANNOTATION, Some(Was::Missing));
        }
        let containers = self.put_into(&mut pod);
        let local = volumes::local(&self.volumes);
        if let Some(annotations) = annotations(&mut pod) {
            let safe_to_evict = evict::add(annotations, local);
            let status = Status {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                hash: self.hash(),
                native: self.native,
                workload: self.workload.clone(),
                volumes: self.volumes.iter().map(|volume| json::name(volume).to_owned()).collect(),
                containers,
                safe_to_evict,
                overrides: self.overrides.clone(),
                was,
            };
            annotations.insert(STATUS_ANNOTATION.to_owned(), status.text());
        }
        pod
    }

    fn list(&self) -> &'static str {
        if self.native { "initContainers" } else { "containers" }
    }

    fn is_target(&self, container: &Value) -> bool {
        self.targets.iter().any(|name| name == json::name(container))
    }

    fn stays_before(&self, name: &str) -> bool {
        MESH.contains(&name) || self.before.iter().any(|before| before == name)
    }

    fn put_into(&self, pod: &mut Value) -> BTreeMap<String, Added> {
        let mut added = BTreeMap::new();
        let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) else { return added };
        if let Some(overrides) = &self.overrides
            && let Some(list) = json::array(spec, &overrides.list)
        {
            list.remove(overrides.index);
        }
        for list in ["containers", "initContainers"] {
            for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                if self.is_target(container) {
                    added.insert(json::name(container).to_owned(), give_socket(container));
                }
            }
        }
        if let Some(list) = json::array(spec, self.list()) {
            // After the mesh, through which our connections run; it is ended after us, too. Kubernetes before 1.29 starts
            // containers in their order and goes on when the hook of the first has ended.
            let last = list.iter().rposition(|container| self.stays_before(json::name(container)));
            let index = if self.native { last.map_or(0, |last| last + 1) } else { 0 };
            list.insert(index, self.container.clone());
        }
        if let Some(volumes) = json::array(spec, "volumes") {
            volumes.extend(self.volumes.iter().cloned());
        }
        added
    }
}

/// What an application finds.
const VARIABLES: [(&str, &str); 2] = [("SIDECOMMIT_ADDRESS", ADDRESS), ("SIDECOMMIT_INJECTED", "true")];

fn give_socket(container: &mut Value) -> Added {
    let mut added = Added::default();
    for key in ["env", "volumeMounts"] {
        if let Some(how) = Was::of(container, key) {
            added.was.insert(key.to_owned(), how);
        }
    }
    let Some(fields) = container.as_object_mut() else { return added };
    if let Some(env) = json::array(fields, "env") {
        for (name, value) in VARIABLES {
            // An author's own value stays.
            if json::position(env, name).is_none() {
                env.push(json!({"name": name, "value": value}));
                added.env.push(name.to_owned());
            }
        }
    }
    if let Some(mounts) = json::array(fields, "volumeMounts") {
        mounts.push(json!({"name": SOCKET_VOLUME, "mountPath": SOCKET_FOLDER, "readOnly": true}));
        added.socket = true;
    }
    added
}
