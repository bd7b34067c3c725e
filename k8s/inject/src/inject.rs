//! Puts the sidecar in.

use crate::{
    Complaint, Kind, Outcome, Patched, Skip, Subject,
    annotations::{Defaults, INJECT_LABEL, STATUS_ANNOTATION, Values},
    check, container,
    identity::Identity,
    json,
    overrides::{self, Override},
    paths::*,
    place::{self, Plan},
    spec::{Journal, SidecarSpec},
    status::Status,
    subject::NamespaceMeta,
    uninject::uninject,
    volumes,
};
use serde_json::{Value, json};

/// The static pod's file that a pod mirrors.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// Whether the label is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OptIn {
    /// Only pods with the label `sidecommit.dev/inject: "true"`.
    #[default]
    Label,
    /// All but those with `"false"`.
    All,
}

/// What becomes of a pod with the label.
pub fn inject(subject: &Subject, namespace: &NamespaceMeta, defaults: &Defaults) -> Outcome {
    inject_where(OptIn::Label, subject, namespace, defaults)
}

/// What becomes of a pod.
pub fn inject_where(
    opt_in: OptIn,
    subject: &Subject,
    namespace: &NamespaceMeta,
    defaults: &Defaults,
) -> Outcome {
    let pod = &subject.template;
    match skip(opt_in, pod) {
        Ok(None) => {}
        Ok(Some(skip)) => return Outcome::Skip(skip),
        Err(complaint) => return Outcome::Denial(vec![complaint]),
    }
    let status = match Status::of(pod) {
        Ok(status) => status,
        Err(bad) => {
            let accepted = format!("what the injector wrote ({}); remove it if it was copied", bad.reason);
            return Outcome::Denial(vec![Complaint::new(STATUS_ANNOTATION, &bad.value, accepted)]);
        }
    };
    let original = uninject(pod).ok().flatten().unwrap_or_else(|| pod.clone());
    let subject = &remembered(subject, status.as_ref());
    match plan(subject, &original, namespace, defaults) {
        Ok(None) => Outcome::Skip(Skip::AlreadyInjected),
        Ok(Some(plan)) => {
            if status.is_some_and(|status| status.hash == plan.hash() && plan.is_done(pod)) {
                return Outcome::Skip(Skip::AlreadyInjected);
            }
            patched(pod, plan.apply(&original), plan.warnings)
        }
        Err(complaints) => Outcome::Denial(complaints),
    }
}

/// The pod with a status that says why it has no sidecar, for a policy that would refuse it otherwise.
pub fn mark_skipped(pod: &Value, skip: Skip) -> Patched {
    let mut marked = pod.clone();
    if let Some(annotations) = place::annotations(&mut marked) {
        annotations.insert(STATUS_ANNOTATION.to_owned(), json!(format!("{}{skip}", crate::SKIPPED)));
    }
    let operations = difference(pod, &marked);
    Patched { operations, pod: marked, warnings: Vec::new() }
}

fn skip(opt_in: OptIn, pod: &Value) -> Result<Option<Skip>, Complaint> {
    match pod.pointer("/metadata/labels").and_then(|labels| labels.get(INJECT_LABEL)) {
        Some(Value::String(label)) if label == "true" => {}
        Some(Value::String(label)) if label == "false" => return Ok(Some(Skip::OptedOut)),
        None | Some(Value::Null) if opt_in == OptIn::All => {}
        None | Some(Value::Null) => return Ok(Some(Skip::NotOptedIn)),
        Some(Value::String(label)) => return Err(Complaint::new(INJECT_LABEL, label, "true or false")),
        Some(other) => {
            return Err(Complaint::of_value(INJECT_LABEL, other, "\"true\" or \"false\", in quotes"));
        }
    }
    let host = pod.pointer("/spec/hostNetwork") == Some(&Value::Bool(true));
    Ok(match pod.get("spec").and_then(|spec| spec.get("containers")).is_some_and(Value::is_array) {
        false => Some(Skip::UnsupportedKind),
        true if json::annotation(pod, MIRROR).is_some() => Some(Skip::MirrorPod),
        true if host => Some(Skip::HostNetwork),
        true => None,
    })
}

/// `sidecommit inject` knew the CronJob, which the pods of its Jobs do not tell.
fn remembered(subject: &Subject, status: Option<&Status>) -> Subject {
    let mut subject = subject.clone();
    if let Some(status) =
        status.filter(|status| status.workload.kind == "CronJob" && subject.kind == Kind::Job)
    {
        subject.kind = Kind::CronJob;
        subject.name.clone_from(&status.workload.name);
    }
    subject
}

/// What is to be done; none if somebody made the sidecar by hand.
fn plan(
    subject: &Subject,
    original: &Value,
    namespace: &NamespaceMeta,
    defaults: &Defaults,
) -> Result<Option<Plan>, Vec<Complaint>> {
    let pod_spec = &original["spec"];
    let overrides = overrides::find(pod_spec);
    if overrides.as_ref().is_some_and(|o| json::text(&o.container, "/image") != Some(overrides::AUTO)) {
        return Ok(None);
    }
    let mut complaints = Vec::new();
    let values = Values::collect(original, namespace, defaults, &mut complaints);
    let spec = SidecarSpec::read(&values, &mut complaints);
    complaints.extend(check::pod(subject, &spec, &values, pod_spec));
    if let Some(overrides) = &overrides {
        complaints.extend(overrides::check(&overrides.container, spec.native));
    }
    match Identity::resolve(subject, &values) {
        Err(complaint) => complaints.push(complaint),
        Ok(identity) if complaints.is_empty() => {
            return Ok(Some(assemble(subject, spec, &identity, overrides, pod_spec)));
        }
        Ok(_) => {}
    }
    Err(complaints)
}

fn assemble(
    subject: &Subject,
    spec: SidecarSpec,
    identity: &Identity,
    overrides: Option<Override>,
    pod_spec: &Value,
) -> Plan {
    let ours = container::build(&spec, identity, pod_spec);
    let container =
        overrides.as_ref().map_or_else(|| ours.clone(), |o| overrides::merge(&ours, &o.container));
    let token = json::items(&container, "volumeMounts").iter().any(|mount| json::name(mount) == TOKEN_VOLUME);
    let volumes = volumes::build(&spec, identity, token);
    let targets = place::targets(&spec, pod_spec);
    let mut warnings = Vec::new();
    if matches!(spec.journal, Journal::Claim { .. }) && pod_spec.pointer("/securityContext/fsGroup").is_none()
    {
        warnings.push(format!(
            "the journal's volume must be writable for uid {} or gid {}: set the pod's securityContext.fsGroup to {} \
             unless it is",
            spec.uid, spec.gid, spec.gid
        ));
    }
    if targets.is_empty() {
        warnings.push("no container gets the socket: container-names names none of this pod".to_owned());
    }
    Plan {
        container,
        volumes,
        targets,
        native: spec.native,
        before: spec.init_containers_before,
        overrides,
        workload: crate::status::Workload {
            kind: subject.kind.name().to_owned(),
            name: subject.name.clone(),
        },
        warnings,
    }
}

fn patched(before: &Value, after: Value, warnings: Vec<String>) -> Outcome {
    let operations = difference(before, &after);
    Outcome::Patch(Patched { operations, pod: after, warnings })
}

fn difference(before: &Value, after: &Value) -> Value {
    let operations = json_patch::diff(before, after);
    Value::Array(operations.0.iter().map(|operation| json!(operation)).collect())
}
