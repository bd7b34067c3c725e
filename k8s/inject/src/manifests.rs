//! Documents, lists and workloads of every kind around [`crate::inject()`], for the command line.

use crate::{
    Defaults, INJECT_LABEL, Kind, NamespaceMeta, OptIn, Outcome, Skip, Subject, inject_where, json, uninject,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// What became of a text's documents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// The documents, in their order.
    pub documents: Vec<Value>,
    /// A line for each object, and one for each complaint and warning.
    pub report: Vec<String>,
    /// Whether a document is another than before.
    pub changed: bool,
    /// Whether a document must not be applied.
    pub denied: bool,
}

/// What is done to a pod template.
enum Act<'a> {
    Inject { opt_in: OptIn, defaults: &'a Defaults, namespaces: BTreeMap<String, NamespaceMeta> },
    Uninject,
}

/// Puts the sidecar into all pod templates. A Namespace among the documents counts for the pods that are in it.
pub fn inject_all(documents: &[Value], opt_in: OptIn, defaults: &Defaults) -> Done {
    let mut namespaces = BTreeMap::new();
    documents.iter().for_each(|document| collect_namespaces(document, &mut namespaces));
    walk(documents, &Act::Inject { opt_in, defaults, namespaces })
}

/// Takes the sidecar out of all pod templates.
pub fn uninject_all(documents: &[Value]) -> Done {
    walk(documents, &Act::Uninject)
}

fn collect_namespaces(document: &Value, namespaces: &mut BTreeMap<String, NamespaceMeta>) {
    list_items(document).iter().for_each(|item| collect_namespaces(item, namespaces));
    if let (Some("Namespace"), Some("v1"), Some(name)) = (
        json::text(document, "/kind"),
        json::text(document, "/apiVersion"),
        json::text(document, "/metadata/name"),
    ) {
        namespaces.insert(name.to_owned(), NamespaceMeta::of(document));
    }
}

fn list_items(document: &Value) -> &[Value] {
    match json::text(document, "/kind") {
        Some(kind) if kind.ends_with("List") => json::items(document, "items"),
        _ => &[],
    }
}

fn walk(documents: &[Value], act: &Act<'_>) -> Done {
    let mut done = Done { documents: documents.to_vec(), ..Done::default() };
    let mut after = std::mem::take(&mut done.documents);
    after.iter_mut().for_each(|document| visit(document, act, &mut done));
    Done { documents: after, ..done }
}

fn visit(document: &mut Value, act: &Act<'_>, done: &mut Done) {
    if !list_items(document).is_empty() {
        for item in document.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten() {
            visit(item, act, done);
        }
        return;
    }
    let title = title(document);
    let found = workload(document).filter(|(_, pointer)| document.pointer(pointer).is_some());
    let Some((subject, pointer)) = found else {
        done.report.push(format!("{title}: skipped: {}", Skip::UnsupportedKind));
        return;
    };
    match act {
        Act::Uninject => take_out(document, pointer, &title, done),
        Act::Inject { opt_in, defaults, namespaces } => {
            let name = json::text(document, "/metadata/namespace").unwrap_or("default");
            let namespace = namespaces.get(name).cloned().unwrap_or_default();
            let outcome = inject_where(*opt_in, &subject, &namespace, defaults);
            put_in(document, pointer, outcome, &title, done);
        }
    }
}

fn put_in(document: &mut Value, pointer: &str, outcome: Outcome, title: &str, done: &mut Done) {
    match outcome {
        Outcome::Patch(patched) => {
            done.report.push(format!("{title}: injected"));
            done.report.extend(patched.warnings.iter().map(|warning| format!("{title}: warning: {warning}")));
            done.changed = true;
            replace(document, pointer, patched.pod);
        }
        Outcome::Skip(skip) => {
            let hint = hint(document, pointer, skip).unwrap_or_default();
            done.report.push(format!("{title}: skipped: {skip}{hint}"));
        }
        Outcome::Denial(complaints) => {
            done.denied = true;
            done.report.extend(complaints.iter().map(|complaint| format!("{title}: denied: {complaint}")));
        }
    }
}

fn take_out(document: &mut Value, pointer: &str, title: &str, done: &mut Done) {
    match document.pointer(pointer).map(uninject) {
        Some(Ok(Some(pod))) => {
            done.report.push(format!("{title}: uninjected"));
            done.changed = true;
            replace(document, pointer, pod);
        }
        Some(Err(bad)) => {
            done.denied = true;
            done.report.push(format!("{title}: denied: {bad}"));
        }
        _ => done.report.push(format!("{title}: skipped: not-injected")),
    }
}

fn replace(document: &mut Value, pointer: &str, pod: Value) {
    if let Some(template) = document.pointer_mut(pointer) {
        *template = pod;
    }
}

/// The label is easily put where it means nothing.
fn hint(document: &Value, pointer: &str, skip: Skip) -> Option<String> {
    if skip != Skip::NotOptedIn {
        return None;
    }
    let kind = json::text(document, "/kind").unwrap_or_default();
    let template = document.pointer(pointer)?;
    if json::annotation(template, INJECT_LABEL).is_some() {
        return Some(format!(": {INJECT_LABEL} is an annotation here; it must be a label"));
    }
    let outside = json::label(document, INJECT_LABEL).or_else(|| json::annotation(document, INJECT_LABEL));
    outside.map(|_| format!(": the label {INJECT_LABEL} is on the {kind}, not on its pod template"))
}

fn title(document: &Value) -> String {
    let kind = json::text(document, "/kind").unwrap_or("document").to_lowercase();
    let name =
        json::text(document, "/metadata/name").or_else(|| json::text(document, "/metadata/generateName"));
    format!("{kind}/{}", name.unwrap_or("?"))
}

/// What a document makes pods of, and where its template is.
fn workload(document: &Value) -> Option<(Subject, &'static str)> {
    let kind = Kind::of(json::text(document, "/kind")?);
    // Other groups have kinds of these names: Volcano's Job is not Kubernetes'.
    let group = json::text(document, "/apiVersion")?.split_once('/').map_or("", |(group, _)| group);
    let pointer = match (group, &kind) {
        ("", Kind::Pod) => return Some((Subject::of_pod(document), "")),
        ("", Kind::PodTemplate) => "/template",
        ("", Kind::ReplicationController)
        | ("apps", Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::DaemonSet)
        | ("batch", Kind::Job) => "/spec/template",
        ("batch", Kind::CronJob) => "/spec/jobTemplate/spec/template",
        _ => return None,
    };
    let template = document.pointer(pointer)?.clone();
    let claims = document.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array);
    let claims = claims.into_iter().flatten().filter_map(|claim| json::text(claim, "/metadata/name"));
    let subject = Subject {
        name: json::text(document, "/metadata/name").map(str::to_owned),
        replicas: replicas(document, &kind),
        claims: claims.map(str::to_owned).collect(),
        template,
        kind,
    };
    Some((above(document, subject), pointer))
}

/// As far as the document tells; an autoscaler may know better.
fn replicas(document: &Value, kind: &Kind) -> Option<u64> {
    let (pointer, default) = match kind {
        Kind::Job => ("/spec/parallelism", 1),
        Kind::CronJob => ("/spec/jobTemplate/spec/parallelism", 1),
        Kind::DaemonSet | Kind::PodTemplate => return None,
        _ => ("/spec/replicas", 1),
    };
    match document.pointer(pointer) {
        None | Some(Value::Null) => Some(default),
        Some(replicas) => replicas.as_u64(),
    }
}

/// Of what a cluster printed: the workload is what stands above.
fn above(document: &Value, mut subject: Subject) -> Subject {
    let owners = document.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    let owner =
        owners.into_iter().flatten().find(|owner| owner.get("controller") == Some(&Value::Bool(true)));
    let Some(owner) = owner else { return subject };
    match (&subject.kind, json::text(owner, "/kind")) {
        (Kind::ReplicaSet, Some("Deployment")) => subject.kind = Kind::Deployment,
        (Kind::Job, Some("CronJob")) => subject.kind = Kind::CronJob,
        _ => return subject,
    }
    subject.name = Some(json::name(owner).to_owned());
    subject
}
