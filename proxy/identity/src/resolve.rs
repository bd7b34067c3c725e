use crate::{Error, Instability, form};
use sidecommit_core::Slot;

const PART: &str = "1 to 63 characters of [A-Za-z0-9._-]";
const ORDINAL: &str = "a number from 0 to 99999999 without leading zeros";
const SLOT: &str = "<prefix>/<namespace>/<workload>/<ordinal>, each of [A-Za-z0-9._-], the ordinal a number";
const PART_MAX: usize = 63;
const ORDINAL_MAX: usize = 8;

/// The ordinal in a pod's name is believed up to this many digits; a generated suffix may consist of digits too.
const NAME_ORDINAL_MAX: usize = 4;

/// What is known about this sidecar; each fact is named as its setting. An empty text counts as absent, as the
/// downward API gives one for a label that is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The whole slot, explicitly.
    pub slot: Option<String>,
    /// First part: tells clusters on one Kafka apart.
    pub prefix: Option<String>,
    /// Second part; in Kubernetes the pod's namespace.
    pub namespace: Option<String>,
    /// Third part, explicitly; else from the pod's name.
    pub workload: Option<String>,
    /// Fourth part, explicitly; else the pod-index, else from the pod's name.
    pub ordinal: Option<String>,
    /// metadata.name.
    pub pod_name: Option<String>,
    /// metadata.uid.
    pub pod_uid: Option<String>,
    /// metadata.labels['apps.kubernetes.io/pod-index'], which a StatefulSet sets.
    pub pod_index: Option<String>,
    /// metadata.labels['pod-template-hash'], which a Deployment sets.
    pub pod_template_hash: Option<String>,
    /// The machine's name.
    pub host_name: Option<String>,
    /// KUBERNETES_SERVICE_HOST is set.
    pub in_kubernetes: bool,
    /// Whoever set workload and ordinal, or the slot, says that one pod at a time uses them, and that its successor will:
    /// a pod that nobody controls is made anew under its name, which may be the workload.
    pub vouched: bool,
}

/// Who this sidecar is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// What its transactional.ids begin with.
    pub slot: Slot,
    /// The slot's first part; names the outcomes topic too.
    pub prefix: String,
    /// This pod, so that a zombie recognises itself. Outside Kubernetes `host:<machine's name>`, which says that
    /// sidecars of one slot on one machine succeed each other.
    pub pod_uid: String,
    /// Where the identity comes from.
    pub kind: Kind,
}

/// Where an identity comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// All parts were set.
    Explicit,
    /// The pod's name or index gave a part.
    StatefulSet,
    /// A Lease gave the ordinal.
    Lease,
}

// === impl Identity ===

impl Identity {
    /// Decides who this sidecar is.
    ///
    /// # Errors
    /// If a part is missing, malformed, contradicted by another, or would change when the pod is replaced.
    pub fn of(facts: &Facts) -> Result<Self, Error> {
        let facts = facts.without_empty();
        facts.check_vouched()?;
        let (slot, kind) = match &facts.slot {
            Some(slot) => (facts.explicit(slot)?, Kind::Explicit),
            None => facts.composed()?,
        };
        let parts: Vec<&str> = slot.as_str().split('/').collect();
        facts.check_stable(&parts)?;
        let (prefix, pod_uid) = (parts[0].to_owned(), facts.pod_uid()?);
        Ok(Self { slot, prefix, pod_uid, kind })
    }

    /// Who this sidecar is while it holds the workload's Lease of that number.
    ///
    /// # Errors
    /// If a part is missing, malformed, would change when the pod is replaced, or says an ordinal of its own.
    pub fn of_lease(facts: &Facts, ordinal: u32) -> Result<Self, Error> {
        let facts = facts.without_empty();
        facts.check_leasable()?;
        let required = |setting: &'static str, fact: &Option<String>, expected: &'static str| {
            fact.clone().ok_or(Error::Missing { setting, expected })
        };
        let workload = required(
            "workload",
            &facts.workload,
            "required with identity = lease: expected the Deployment's name",
        )?;
        let prefix = required(
            "prefix",
            &facts.prefix,
            "required with identity = lease: expected a name of this cluster",
        )?;
        let namespace = required(
            "namespace",
            &facts.namespace,
            "required with identity = lease: expected the pod's namespace",
        )?;
        let pod_uid =
            required("pod_uid", &facts.pod_uid, "required with identity = lease: expected the pod's uid")?;
        let (prefix, namespace) = (part("prefix", &prefix)?, part("namespace", &namespace)?);
        let slot = format!("{prefix}/{namespace}/{}/{ordinal}", part("workload", &workload)?);
        let slot: Slot =
            slot.parse().map_err(|_| Error::Malformed { setting: "slot", value: slot, expected: SLOT })?;
        facts.check_stable(&slot.as_str().split('/').collect::<Vec<_>>())?;
        Ok(Self { slot, prefix: prefix.to_owned(), pod_uid, kind: Kind::Lease })
    }
}

// === impl Kind ===

impl Kind {
    /// For logs and status.
    pub fn name(self) -> &'static str {
        match self {
            Self::Explicit => "explicit",
            Self::StatefulSet => "statefulset",
            Self::Lease => "lease",
        }
    }
}

// === impl Facts ===

impl Facts {
    fn without_empty(&self) -> Self {
        let full = |fact: &Option<String>| fact.clone().filter(|text| !text.is_empty());
        Self {
            slot: full(&self.slot),
            prefix: full(&self.prefix),
            namespace: full(&self.namespace),
            workload: full(&self.workload),
            ordinal: full(&self.ordinal),
            pod_name: full(&self.pod_name),
            pod_uid: full(&self.pod_uid),
            pod_index: full(&self.pod_index),
            pod_template_hash: full(&self.pod_template_hash),
            host_name: full(&self.host_name),
            in_kubernetes: self.in_kubernetes,
            vouched: self.vouched,
        }
    }

    /// A Lease gives the ordinal, so nothing else may.
    fn check_leasable(&self) -> Result<(), Error> {
        for (setting, fact) in
            [("slot", &self.slot), ("ordinal", &self.ordinal), ("pod_index", &self.pod_index)]
        {
            if let Some(value) = fact {
                return Err(Error::NotWithLease { setting, value: value.clone() });
            }
        }
        Ok(())
    }

    /// The slot as set; parts that are set besides must say the same.
    fn explicit(&self, text: &str) -> Result<Slot, Error> {
        let malformed = || Error::Malformed { setting: "slot", value: text.to_owned(), expected: SLOT };
        let parts: Vec<&str> = text.split('/').collect();
        let &[prefix, namespace, workload, ordinal] = parts.as_slice() else {
            return Err(address_in("slot", text).unwrap_or_else(malformed));
        };
        for (setting, part, given) in [
            ("prefix", prefix, &self.prefix),
            ("namespace", namespace, &self.namespace),
            ("workload", workload, &self.workload),
            ("ordinal", ordinal, &self.ordinal),
        ] {
            if let Some(error) = address_in("slot", part) {
                return Err(error);
            }
            if let Some(given) = given
                && given != part
            {
                let (value, expected) = (given.clone(), part.to_owned());
                return Err(Error::Contradiction { setting, value, expected, other: "slot" });
            }
        }
        if !is_ordinal(ordinal) || parts.iter().any(|part| part.len() > PART_MAX) {
            return Err(malformed());
        }
        text.parse().map_err(|_| malformed())
    }

    fn composed(&self) -> Result<(Slot, Kind), Error> {
        let prefix = self.prefix()?;
        let namespace = self.namespace()?;
        let pod = if self.workload.is_some() && self.ordinal.is_some() { None } else { Some(self.pod()?) };
        let kind = if pod.is_some() { Kind::StatefulSet } else { Kind::Explicit };
        let (pod_workload, pod_ordinal) = pod.unwrap_or_default();
        let workload = part("workload", self.workload.as_ref().unwrap_or(&pod_workload))?;
        let ordinal = ordinal("ordinal", self.ordinal.as_ref().unwrap_or(&pod_ordinal))?;
        let slot = format!("{prefix}/{namespace}/{workload}/{ordinal}");
        let slot =
            slot.parse().map_err(|_| Error::Malformed { setting: "slot", value: slot, expected: SLOT })?;
        Ok((slot, kind))
    }

    fn prefix(&self) -> Result<&str, Error> {
        match &self.prefix {
            Some(prefix) => part("prefix", prefix),
            None if self.in_kubernetes => Err(Error::Missing {
                setting: "prefix",
                expected: "required in Kubernetes, so that two clusters on one Kafka never share transactional.ids: \
                           expected a name of this cluster, such as the first 8 characters of the uid of the \
                           namespace kube-system",
            }),
            None => Ok("local"),
        }
    }

    fn namespace(&self) -> Result<&str, Error> {
        match &self.namespace {
            Some(namespace) => part("namespace", namespace),
            None if self.in_kubernetes => Err(Error::Missing {
                setting: "namespace",
                expected: "required in Kubernetes: expected the pod's namespace (downward API, metadata.namespace)",
            }),
            None => Ok("default"),
        }
    }

    /// Workload and ordinal of a StatefulSet's pod.
    fn pod(&self) -> Result<(String, String), Error> {
        if let Some(index) = &self.pod_index {
            ordinal("pod_index", index)?;
        }
        let Some(name) = &self.pod_name else {
            return match (&self.workload, &self.pod_index) {
                (Some(workload), Some(index)) => Ok((workload.clone(), index.clone())),
                _ => Err(Error::Missing {
                    setting: "slot",
                    expected: "no identity: expected slot (<prefix>/<namespace>/<workload>/<ordinal>), or workload and \
                               ordinal, or in a StatefulSet pod_name (downward API, metadata.name)",
                }),
            };
        };
        let unstable =
            |instability| Error::Unstable { setting: "pod_name", value: name.clone(), instability };
        if self.pod_template_hash.is_some() {
            return Err(unstable(Instability::DeploymentPod));
        }
        if let Some(index) = &self.pod_index {
            let workload = name.strip_suffix(index.as_str()).and_then(|rest| rest.strip_suffix('-'));
            return workload.map(|workload| (workload.to_owned(), index.clone())).ok_or_else(|| {
                let expected = format!("<workload>-{index}");
                Error::Contradiction {
                    setting: "pod_name",
                    value: name.clone(),
                    expected,
                    other: "pod_index",
                }
            });
        }
        if let Some(instability) = form::instability(name) {
            return Err(unstable(instability));
        }
        match name.rsplit_once('-') {
            Some((workload, index))
                if !workload.is_empty() && is_ordinal(index) && index.len() <= NAME_ORDINAL_MAX =>
            {
                Ok((workload.to_owned(), index.to_owned()))
            }
            _ => Err(unstable(Instability::PodName)),
        }
    }

    /// Vouched for is only what was set.
    fn check_vouched(&self) -> Result<(), Error> {
        let set = [("workload", &self.workload), ("ordinal", &self.ordinal)];
        match set.into_iter().find(|(_, fact)| fact.is_none()) {
            Some((setting, _)) if self.vouched && self.slot.is_none() => Err(Error::Missing {
                setting,
                expected: "required with identity = static: expected workload and ordinal, or slot",
            }),
            _ => Ok(()),
        }
    }

    /// Refuses parts that would change when the pod is replaced. A prefix or a namespace may be a uid: Kubernetes'
    /// own uids of clusters and namespaces last.
    fn check_stable(&self, parts: &[&str]) -> Result<(), Error> {
        for (setting, part) in ["prefix", "namespace", "workload", "ordinal"].into_iter().zip(parts) {
            let found = if self.names_the_deployment(part) {
                Some(Instability::DeploymentPod)
            } else if self.pod_uid.as_deref() == Some(*part) {
                Some(Instability::Uid)
            } else if setting == "workload" {
                let generated = !self.vouched && self.is_pod_name(part);
                form::instability(part).or_else(|| generated.then_some(Instability::PodName))
            } else {
                form::is_address(part).then_some(Instability::Address)
            };
            if let Some(instability) = found {
                let setting = if self.slot.is_some() { "slot" } else { setting };
                return Err(Error::Unstable { setting, value: (*part).to_owned(), instability });
            }
        }
        Ok(())
    }

    fn names_the_deployment(&self, part: &str) -> bool {
        form::is_deployment_pod(part)
            || self.pod_template_hash.as_ref().is_some_and(|hash| part.split('-').any(|word| word == hash))
    }

    /// A pod's own name without an ordinal at its end was generated (ReplicaSet, DaemonSet, Job).
    fn is_pod_name(&self, part: &str) -> bool {
        let own =
            self.pod_name.as_deref().or_else(|| self.host_name.as_deref().filter(|_| self.in_kubernetes));
        own == Some(part) && !part.rsplit_once('-').is_some_and(|(_, end)| is_ordinal(end))
    }

    fn pod_uid(&self) -> Result<String, Error> {
        match (&self.pod_uid, &self.host_name) {
            (Some(uid), _) => Ok(uid.clone()),
            (None, _) if self.in_kubernetes => Err(Error::Missing {
                setting: "pod_uid",
                expected: "required in Kubernetes, so that a sidecar which was replaced recognises itself: expected the \
                           pod's uid (downward API, metadata.uid)",
            }),
            (None, Some(host)) => Ok(format!("host:{host}")),
            (None, None) => Ok("host:unknown".to_owned()),
        }
    }
}

fn part<'a>(setting: &'static str, value: &'a str) -> Result<&'a str, Error> {
    if let Some(error) = address_in(setting, value) {
        return Err(error);
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if (1..=PART_MAX).contains(&value.len()) && value.bytes().all(plain) {
        Ok(value)
    } else {
        Err(Error::Malformed { setting, value: value.to_owned(), expected: PART })
    }
}

/// Said of an address before its characters are: ':' is not allowed either, but that is not the point.
fn address_in(setting: &'static str, value: &str) -> Option<Error> {
    form::is_address(value).then(|| Error::Unstable {
        setting,
        value: value.to_owned(),
        instability: Instability::Address,
    })
}

fn ordinal<'a>(setting: &'static str, value: &'a str) -> Result<&'a str, Error> {
    if is_ordinal(value) {
        return Ok(value);
    }
    match form::instability(value) {
        Some(instability) => Err(Error::Unstable { setting, value: value.to_owned(), instability }),
        None => Err(Error::Malformed { setting, value: value.to_owned(), expected: ORDINAL }),
    }
}

/// One number has one text, so that one pod has one slot.
fn is_ordinal(text: &str) -> bool {
    (1..=ORDINAL_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'))
}

#[cfg(test)]
#[path = "resolve/tests.rs"]
mod tests;
