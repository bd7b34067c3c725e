//! What settings must be in relation to each other.

use super::{Error, IdentityFrom, OutcomesMode, Settings, sources::Source};
use crate::driver::Failpoints;

/// A group's marker in 4096 bytes of offset metadata holds so many members (engine.md 3).
pub(super) const PRIVATE_GROUP_MEMBERS_MAX: usize = 90;

/// Everything that does not fit together.
pub(super) fn together(settings: &Settings) -> Vec<Error> {
    let s = settings;
    let mut errors: Vec<Error> = [
        (s.lanes_reserved < s.lanes_max, "limits.lanes_reserved", "less than", "limits.lanes_max"),
        (s.lanes_warm <= s.lanes_max, "limits.lanes_warm", "at most", "limits.lanes_max"),
        (s.idle_timeout < s.lane_timeout, "limits.idle_timeout", "less than", "limits.lane_timeout"),
        (s.default_timeout <= s.max_timeout, "limits.default_timeout", "at most", "limits.max_timeout"),
        (
            s.streaming_bytes <= s.bytes_per_transaction,
            "limits.streaming_bytes",
            "at most",
            "limits.bytes_per_transaction",
        ),
        (s.streaming_bytes <= s.buffer_bytes, "limits.streaming_bytes", "at most", "limits.buffer_bytes"),
        (s.lane_window_bytes <= s.buffer_bytes, "limits.lane_window_bytes", "at most", "limits.buffer_bytes"),
        (s.max_message_size as u64 <= s.buffer_bytes, "max_message_size", "at most", "limits.buffer_bytes"),
        (
            s.outcomes_min_insync_replicas <= s.outcomes_replication_factor,
            "outcomes.min_insync_replicas",
            "at most",
            "outcomes.replication_factor",
        ),
        (s.socket.as_ref() != Some(&s.admin_socket), "admin_socket", "another path than", "socket"),
    ]
    .into_iter()
    .filter(|(ok, ..)| !ok)
    .map(|(_, name, relation, other)| {
        let limit = shown(settings, other).0;
        bad(settings, name, format!("{relation} {other} ({limit})"))
    })
    .collect();
    if s.socket.is_none() && s.tcp_address.is_none() {
        errors.push(bad(
            settings,
            "socket",
            "a path, or tcp_address to be set: applications need one".to_owned(),
        ));
    }
    if s.admin_shutdown && s.metrics_address.is_none() && s.admin_shutdown_address.is_none() {
        let expected = "false, or metrics_address or admin.shutdown_address to be set".to_owned();
        errors.push(bad(settings, "admin.shutdown", expected));
    }
    if s.admin_shutdown_address.is_some() && !s.admin_shutdown {
        errors.push(bad(
            settings,
            "admin.shutdown_address",
            "nothing, or admin.shutdown to be true".to_owned(),
        ));
    }
    if s.leases_settle_statefulset && s.identity_from == IdentityFrom::Lease {
        let expected = "false, since identity is lease: all pods settle what expired".to_owned();
        errors.push(bad(settings, "leases.settle_statefulset", expected));
    }
    if s.failpoint.as_ref().is_some_and(|point| point.parse::<Failpoints>().is_err()) {
        errors.push(bad(settings, "failpoint", Failpoints::accepted()));
    }
    if s.outcomes_mode == OutcomesMode::PrivateGroups {
        errors.extend(private_groups(settings));
    }
    errors
}

fn private_groups(settings: &Settings) -> Vec<Error> {
    let mut errors = Vec::new();
    if settings.outcomes_private_groups_topic.is_none() {
        let name = "outcomes.private_groups_topic";
        errors.push(bad(
            settings,
            name,
            "an existing topic, since outcomes.mode is private-groups".to_owned(),
        ));
    }
    // The default is for the topic: it is cut down silently.
    let asked =
        settings.values.get("group_commit.transactions").is_some_and(|given| given.source != Source::Default);
    if asked && settings.group_commit_transactions > PRIVATE_GROUP_MEMBERS_MAX {
        let expected = format!("at most {PRIVATE_GROUP_MEMBERS_MAX}, since outcomes.mode is private-groups");
        errors.push(bad(settings, "group_commit.transactions", expected));
    }
    errors
}

fn bad(settings: &Settings, name: &str, expected: String) -> Error {
    let (value, origin) = shown(settings, name);
    Error::Bad { name: name.to_owned(), value, origin, expected }
}

/// The value and where it comes from.
fn shown(settings: &Settings, name: &str) -> (String, String) {
    settings.values.get(name).map_or_else(
        || ("".to_owned(), "not set".to_owned()),
        |given| (given.text.clone(), given.source.to_string()),
    )
}
