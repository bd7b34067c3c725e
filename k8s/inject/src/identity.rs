//! Where a pod's transactional.ids come from.

use crate::{
    Complaint, Kind, Subject,
    annotations::{PREFIX, Values, form, keys::*, table},
    json,
};

/// Where a pod's transactional.ids come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// The ordinal that the StatefulSet gave, by the downward API.
    StatefulSet {
        /// Whether the sidecar of the lowest ordinal settles removed ordinals.
        settle: bool,
    },
    /// A slot that is claimed by a Lease.
    Lease { workload: String, slots: u64 },
    /// A fixed one, for a workload of one pod.
    Static { workload: String, ordinal: u64 },
}

// === impl Identity ===

impl Identity {
    /// Whether the sidecar talks to the API server.
    pub(crate) fn needs_token(&self) -> bool {
        matches!(self, Self::Lease { .. } | Self::StatefulSet { settle: true })
    }

    /// The identity, or what keeps the pod from having one.
    pub(crate) fn resolve(subject: &Subject, values: &Values) -> Result<Self, Complaint> {
        match values.text(IDENTITY) {
            "statefulset" => match subject.kind {
                Kind::StatefulSet => stateful_set(values),
                _ => Err(values.complain(
                    IDENTITY,
                    format!("statefulset for StatefulSets only, and this is a {}; lease or static", subject.kind.name()),
                )),
            },
            "lease" => lease(subject, values),
            "static" => fixed(subject, values),
            _ => match subject.kind {
                Kind::StatefulSet => stateful_set(values),
                Kind::Pod => fixed(subject, values),
                Kind::DaemonSet => Err(values.complain(
                    IDENTITY,
                    "lease or static for a DaemonSet: its pods have no ordinals, and one is replaced while its successor starts",
                )),
                _ => lease(subject, values),
            },
        }
        .and_then(|identity| identity.check(values))
    }

    fn check(self, values: &Values) -> Result<Self, Complaint> {
        let stateful = matches!(self, Self::StatefulSet { .. });
        // As a default, or on a namespace of many workloads, it is for those that it fits.
        let on_pod = values.is_of_pod(SETTLE_SCALE_DOWN) && values.text(SETTLE_SCALE_DOWN) == "true";
        if on_pod && !stateful {
            return Err(values.complain(SETTLE_SCALE_DOWN, "false: the identity is not a StatefulSet's"));
        }
        if stateful && values.get(WORKLOAD).is_some() {
            let accepted = "nothing: a StatefulSet's name is its pods' workload";
            return Err(values.complain(WORKLOAD, accepted));
        }
        if !matches!(self, Self::Static { .. }) && values.is_of_pod(ORDINAL) {
            return Err(values.complain(ORDINAL, "nothing: it is for identity: static"));
        }
        Ok(self)
    }
}

fn stateful_set(values: &Values) -> Result<Identity, Complaint> {
    Ok(Identity::StatefulSet { settle: values.text(SETTLE_SCALE_DOWN) == "true" })
}

fn lease(subject: &Subject, values: &Values) -> Result<Identity, Complaint> {
    let slots = values.get(SLOTS).and_then(form::number).unwrap_or_default();
    if let Some(replicas) = subject.replicas.filter(|replicas| *replicas > slots) {
        return Err(values
            .complain(SLOTS, format!("at least the {replicas} pods of the workload, better twice as many")));
    }
    Ok(Identity::Lease { workload: workload(subject, values)?, slots })
}

fn fixed(subject: &Subject, values: &Values) -> Result<Identity, Complaint> {
    if let Some(replicas) = subject.replicas.filter(|replicas| *replicas > 1) {
        let accepted = format!("static for one pod only, and the workload has {replicas}; lease");
        return Err(values.complain(IDENTITY, accepted));
    }
    let ordinal = values.get(ORDINAL).and_then(form::number).unwrap_or_default();
    Ok(Identity::Static { workload: workload(subject, values)?, ordinal })
}

/// The workload's part of the identity: it must be the same after the pod is replaced.
fn workload(subject: &Subject, values: &Values) -> Result<String, Complaint> {
    let key = format!("{PREFIX}{WORKLOAD}");
    if let Some(workload) = values.get(WORKLOAD) {
        return Ok(workload.to_owned());
    }
    let Some(name) = &subject.name else {
        let generated = json::text(&subject.template, "/metadata/generateName").unwrap_or_default();
        let accepted = "a name for the workload: the pod's own is made up anew each time";
        return Err(Complaint::new(&key, generated, accepted));
    };
    let form = table::find(WORKLOAD).map(|row| row.form);
    match form.filter(|form| !form.accepts(name)) {
        Some(form) => Err(Complaint::new(
            &key,
            name,
            format!("a shorter name than the workload's: {}", form.accepted()),
        )),
        None => Ok(name.clone()),
    }
}
