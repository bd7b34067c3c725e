//! Why a pod waits for a slot, in words that say what to do.

use std::collections::BTreeMap;

use crate::{config::Config, error::Error, evaluate::State};

/// How many holders are named: a label, not a list.
const HOLDERS_NAMED_MAX: usize = 5;

pub(crate) fn full(config: &Config, states: &BTreeMap<u32, State>, may_not_create: Option<&Error>) -> String {
    let Config { namespace, workload, slots, .. } = config;
    let below = || states.range(..*slots);
    let holders: Vec<&str> = below()
        .filter_map(|(_, state)| match state {
            State::Held { by } => Some(by.as_str()),
            State::Free | State::Mine | State::Expired => None,
        })
        .collect();
    let held = holders.len();
    let by = named(&holders);
    let Some(error) = may_not_create else {
        return format!(
            "no free slot: all {slots} of {namespace}/{workload} are held, by {by}; raise sidecommit.dev/slots"
        );
    };
    let absent = (0..*slots).find(|ordinal| !states.contains_key(ordinal)).unwrap_or(*slots);
    let beforehand = crate::object::name(workload, absent);
    if held == 0 {
        return format!("no free slot: {error}, or create the lease {beforehand} beforehand");
    }
    format!(
        "no free slot: {held} of the {slots} of {namespace}/{workload} are held, by {by}, the others have no lease, and: \
         {error}, or create the lease {beforehand} beforehand"
    )
}

fn named(holders: &[&str]) -> String {
    let what = if holders.len() == 1 { "pod" } else { "pods" };
    let shown = holders.iter().take(HOLDERS_NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
    match holders.len().saturating_sub(HOLDERS_NAMED_MAX) {
        0 => format!("{what} {shown}"),
        more => format!("{what} {shown} and {more} more"),
    }
}
