//! What is wrong with a pod, beside its annotations.

use crate::{
    Complaint, Kind, Subject,
    annotations::{Values, keys::*},
    container::declared_ports,
    json,
    paths::*,
    spec::{Journal, SidecarSpec},
};
use serde_json::Value;

/// CSI drivers whose volumes are files on another machine.
const NETWORK_DRIVERS: [&str; 4] =
    ["nfs.csi.k8s.io", "smb.csi.k8s.io", "efs.csi.aws.com", "file.csi.azure.com"];

/// All that is wrong with the pod.
pub(crate) fn pod(
    subject: &Subject,
    spec: &SidecarSpec,
    values: &Values,
    pod_spec: &Value,
) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    complaints.extend(windows(pod_spec));
    complaints.extend(journal(subject, spec, values, pod_spec));
    complaints.extend(ports(spec, values, pod_spec));
    complaints.extend(never_ends(subject, spec, values, pod_spec));
    complaints.extend(names(spec, values, pod_spec));
    complaints.extend(volume_names(subject, spec, pod_spec));
    complaints
}

fn windows(pod_spec: &Value) -> Option<Complaint> {
    let places = [
        ("spec.os.name", json::text(pod_spec, "/os/name")),
        ("spec.nodeSelector[kubernetes.io/os]", json::text(pod_spec, "/nodeSelector/kubernetes.io~1os")),
    ];
    let found = places.into_iter().find(|(_, os)| *os == Some("windows"));
    found.map(|(key, _)| Complaint::new(key, "windows", "linux: the sidecar is a Linux program"))
}

fn journal(subject: &Subject, spec: &SidecarSpec, values: &Values, pod_spec: &Value) -> Option<Complaint> {
    let Journal::Claim { volume: name } = &spec.journal else { return None };
    // Each pod has its own; a StatefulSet's controller puts it in place of a volume of that name.
    if subject.claims.contains(name) {
        return None;
    }
    let volumes = json::items(pod_spec, "volumes");
    let Some(volume) = json::position(volumes, name).map(|index| &volumes[index]) else {
        let known: Vec<&str> =
            volumes.iter().map(json::name).chain(subject.claims.iter().map(String::as_str)).collect();
        return Some(values.complain(
            JOURNAL,
            format!("claim: and the name of a volume of the pod, which has {}", listed(&known)),
        ));
    };
    let has = |kind: &str| volume.get(kind).is_some_and(|source| !source.is_null());
    let driver = json::text(volume, "/csi/driver").unwrap_or_default();
    if has("nfs") || has("azureFile") || NETWORK_DRIVERS.contains(&driver) {
        return Some(values.complain(
            JOURNAL,
            "a volume with a local file system: locks and fdatasync are not reliable over a network's",
        ));
    }
    let read_only =
        ["configMap", "secret", "projected", "downwardAPI", "image"].into_iter().find(|kind| has(kind));
    if read_only.is_some() || volume.pointer("/persistentVolumeClaim/readOnly") == Some(&Value::Bool(true)) {
        return Some(values.complain(JOURNAL, "a volume that can be written to"));
    }
    let shared =
        has("persistentVolumeClaim") && (subject.kind == Kind::DaemonSet || subject.replicas > Some(1));
    shared.then(|| {
        values.complain(
            JOURNAL,
            "a claim for each pod, since the workload has several: a StatefulSet's volumeClaimTemplates, or an ephemeral volume",
        )
    })
}

/// The containers of a pod share their ports.
fn ports(spec: &SidecarSpec, values: &Values, pod_spec: &Value) -> Vec<Complaint> {
    let ours = [(METRICS_PORT, spec.metrics_port), (GRPC_PORT, spec.grpc_port)];
    let declared = declared_ports(pod_spec);
    ours.into_iter()
        .filter_map(|(key, port)| {
            let (port, container) =
                declared.iter().find(|(taken, name)| Some(*taken) == port && *name != CONTAINER)?;
            Some(values.complain(key, format!("another port than {port}, which container {container} has")))
        })
        .collect()
}

/// A pod that shall end does not while a sidecar runs that is not native.
fn never_ends(subject: &Subject, spec: &SidecarSpec, values: &Values, pod_spec: &Value) -> Option<Complaint> {
    let restart = json::text(pod_spec, "/restartPolicy").unwrap_or("Always");
    let ends = matches!(subject.kind, Kind::Job | Kind::CronJob) || restart != "Always";
    (ends && !spec.native && !spec.admin_shutdown).then(|| {
        let accepted =
            "true for a pod that shall end, or admin-shutdown: \"true\" and a POST /shutdown at the end";
        values.complain(NATIVE_SIDECAR, accepted)
    })
}

fn names(spec: &SidecarSpec, values: &Values, pod_spec: &Value) -> Vec<Complaint> {
    let all: Vec<&str> = ["containers", "initContainers"]
        .iter()
        .flat_map(|list| json::items(pod_spec, list))
        .map(json::name)
        .filter(|name| *name != CONTAINER)
        .collect();
    // As a default, or on a namespace, the list is for many pods: those that have none of it get nothing.
    let missing = spec.container_names.iter().flatten().find(|name| !all.contains(&name.as_str()));
    let mut complaints = Vec::new();
    if let Some(name) = missing.filter(|_| values.is_of_pod(CONTAINER_NAMES)) {
        complaints.push(values.complain(
            CONTAINER_NAMES,
            format!("containers of the pod, not {name}; it has {}", listed(&all)),
        ));
    }
    for list in ["containers", "initContainers"] {
        for container in json::items(pod_spec, list) {
            let taken = json::items(container, "volumeMounts").iter().find(|mount| {
                json::text(mount, "/mountPath").map(|path| path.trim_end_matches('/')) == Some(SOCKET_FOLDER)
            });
            if taken.is_some() && json::name(container) != CONTAINER {
                let key = format!("container {}, volumeMounts.mountPath", json::name(container));
                complaints.push(Complaint::new(
                    &key,
                    SOCKET_FOLDER,
                    "another path: the sidecar's socket is there",
                ));
            }
        }
    }
    complaints
}

fn volume_names(subject: &Subject, spec: &SidecarSpec, pod_spec: &Value) -> Vec<Complaint> {
    let ours = [SOCKET_VOLUME, ADMIN_VOLUME, JOURNAL_VOLUME, TLS_VOLUME, TOKEN_VOLUME];
    let claims = subject.claims.iter().map(String::as_str);
    let names = json::items(pod_spec, "volumes").iter().map(json::name).chain(claims);
    // A claim may be called what it is for.
    let journal = |name: &str| matches!(&spec.journal, Journal::Claim { volume } if volume == name);
    let taken = names.filter(|name| ours.contains(name) && !(journal(name) && *name == JOURNAL_VOLUME));
    taken
        .map(|name| Complaint::new("spec.volumes.name", name, "another name: this is the injector's"))
        .collect()
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
