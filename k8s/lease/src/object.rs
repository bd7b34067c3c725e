//! How a lease is written in Kubernetes: names, labels, annotations.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};

use crate::{config::Config, facts::Facts};

const WORKLOAD: &str = "sidecommit.dev/workload";
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const SETTLED: &str = "sidecommit.dev/settled";
const LANES: &str = "sidecommit.dev/lanes";
/// As `limits.lanes_max` has it.
const LANES_MAX: u16 = 256;
const POD: &str = "sidecommit.dev/pod";
/// The longest value of a label; a Deployment's name may be longer.
const LABEL_LENGTH_MAX: usize = 63;

/// `sidecommit-<workload>-<n>`.
pub(crate) fn name(workload: &str, ordinal: u32) -> String {
    format!("sidecommit-{workload}-{ordinal}")
}

/// Finds a workload's leases. Two long names may share a label: what counts is the lease's name.
pub(crate) fn selector(workload: &str) -> String {
    format!("{WORKLOAD}={}", label(workload))
}

/// The facts of a lease of this workload, or nothing if it is not one.
pub(crate) fn facts(lease: &Lease, workload: &str) -> Option<Facts> {
    let metadata = &lease.metadata;
    let number =
        metadata.name.as_deref()?.strip_prefix("sidecommit-")?.strip_prefix(workload)?.strip_prefix('-')?;
    let ordinal: u32 = number.parse().ok()?;
    // "+1" and "01" parse as well, and are other leases than "1".
    if number != ordinal.to_string() {
        return None;
    }
    let spec = lease.spec.clone().unwrap_or_default();
    let holder = spec.holder_identity.filter(|holder| !holder.is_empty());
    let annotation =
        |key: &str| metadata.annotations.as_ref().and_then(|all| all.get(key)).map(String::as_str);
    Some(Facts {
        ordinal,
        version: metadata.resource_version.clone().unwrap_or_default(),
        pod: annotation(POD).filter(|pod| !pod.is_empty()).map(str::to_owned),
        duration: spec.lease_duration_seconds.and_then(|s| u64::try_from(s).ok()).map(Duration::from_secs),
        // A lease made by hand says nothing: nobody has used its ids unless somebody holds it.
        settled: annotation(SETTLED).map_or_else(|| holder.is_none(), |settled| settled == "true"),
        // A person may have written anything; each lane is a producer for whoever settles them.
        lanes: annotation(LANES).and_then(|lanes| lanes.parse().ok()).map(|lanes: u16| lanes.min(LANES_MAX)),
        holder,
    })
}

/// A lease that is not there yet, without a holder.
pub(crate) fn fresh(config: &Config, ordinal: u32) -> Lease {
    Lease {
        metadata: ObjectMeta {
            name: Some(name(&config.workload, ordinal)),
            namespace: Some(config.namespace.clone()),
            ..ObjectMeta::default()
        },
        spec: None,
    }
}

/// Writes a new holder into a lease. What is unsettled stays so, with all the lanes that may be open in it.
pub(crate) fn hold(mut lease: Lease, config: &Config, holder: &str, lanes: u16, now: Timestamp) -> Lease {
    annotate(&mut lease, config, "false");
    let metadata = &mut lease.metadata;
    let annotations = metadata.annotations.get_or_insert_with(BTreeMap::new);
    annotations.insert(LANES.to_owned(), lanes.to_string());
    annotations.insert(POD.to_owned(), config.pod_name.clone());
    let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
    if spec.holder_identity.as_deref() != Some(holder) {
        // Counted as Kubernetes' own leader election does: a lease's first holder is no transition.
        spec.lease_transitions = Some(spec.lease_transitions.map_or(0, |before| before.saturating_add(1)));
        spec.acquire_time = Some(MicroTime(now));
    }
    spec.holder_identity = Some(holder.to_owned());
    spec.lease_duration_seconds = Some(config.timing().whole_seconds());
    spec.renew_time = Some(MicroTime(now));
    lease
}

/// The same holder, once more.
pub(crate) fn renewed(mut lease: Lease, now: Timestamp) -> Lease {
    lease.spec.get_or_insert_with(LeaseSpec::default).renew_time = Some(MicroTime(now));
    lease
}

/// No holder any more.
pub(crate) fn released(mut lease: Lease, config: &Config, settled: bool, now: Timestamp) -> Lease {
    annotate(&mut lease, config, if settled { "true" } else { "false" });
    if let Some(annotations) = &mut lease.metadata.annotations {
        annotations.remove(POD);
    }
    let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
    spec.holder_identity = None;
    spec.renew_time = Some(MicroTime(now));
    lease
}

fn annotate(lease: &mut Lease, config: &Config, settled: &str) {
    let labels = lease.metadata.labels.get_or_insert_with(BTreeMap::new);
    labels.insert(MANAGED_BY.to_owned(), "sidecommit".to_owned());
    labels.insert(WORKLOAD.to_owned(), label(&config.workload).to_owned());
    let annotations = lease.metadata.annotations.get_or_insert_with(BTreeMap::new);
    annotations.insert(SETTLED.to_owned(), settled.to_owned());
}

fn label(workload: &str) -> &str {
    let cut = workload.char_indices().nth(LABEL_LENGTH_MAX).map_or(workload, |(end, _)| &workload[..end]);
    cut.trim_end_matches(|c: char| !c.is_ascii_alphanumeric())
}
