//! `sidecommit healthcheck`: for exec probes, since the sockets are not reachable by the kubelet.

use super::{Operator, SettingsArgs, block_on, client, output};
use crate::{exit::Failure, settings::Environment};
use serde_json::{Value, json};
use sidecommit_rpc::proto::v1::{
    GetStatusRequest, Lane, ServingState, Status, admin_service_client::AdminServiceClient,
};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    settings: SettingsArgs<Operator>,
    /// Only whether it answers, whatever state it is in: for liveness
    #[arg(long)]
    live: bool,
    /// The whole state as one JSON object
    #[arg(long)]
    json: bool,
}

/// Asks, tells the answer, and fails unless the sidecar serves.
pub(super) fn run(args: &Args, environment: &Environment) -> Result<(), Failure> {
    let settings = args.settings.load(environment)?;
    let status = block_on(async {
        let mut admin = AdminServiceClient::new(client::admin(&settings).await?);
        let answer =
            admin.get_status(GetStatusRequest {}).await.map_err(|status| client::failure(&status))?;
        answer.into_inner().status.ok_or_else(|| Failure::Internal("the answer has no status".to_owned()))
    })?;
    let state = name(status.serving().as_str_name(), "SERVING_STATE_");
    if args.json {
        output::print_json(&to_json(&status))?;
    } else {
        let warnings = status.warnings.iter().map(|warning| format!("warning: {warning}\n"));
        output::print(&format!("{state}\n{}", warnings.collect::<String>()))?;
    }
    if args.live || status.serving() == ServingState::Ready {
        Ok(())
    } else {
        let why = if status.detail.is_empty() { String::new() } else { format!(": {}", status.detail) };
        Err(Failure::Unavailable(format!("{state}{why}")))
    }
}

/// An enum value's name as people write it.
pub(super) fn name(value: &str, prefix: &str) -> String {
    value.strip_prefix(prefix).unwrap_or(value).to_ascii_lowercase()
}

fn to_json(status: &Status) -> Value {
    let lane = |lane: &Lane| {
        json!({
            "lane": lane.lane,
            "state": name(lane.state().as_str_name(), "LANE_STATE_"),
            "generation": lane.generation,
            "seq": lane.seq,
            "transactions": lane.transactions,
        })
    };
    let counters = status.counters.clone().unwrap_or_default();
    json!({
        "serving": name(status.serving().as_str_name(), "SERVING_STATE_"),
        "detail": status.detail,
        "rival": status.rival.as_ref().map(|rival| json!({
            "incarnation": rival.incarnation,
            "journal_id": rival.journal_id,
            "pod_uid": rival.pod_uid,
        })),
        "slot": status.slot,
        "incarnation": status.incarnation,
        "journal_id": status.journal_id,
        "lanes": status.lanes.iter().map(lane).collect::<Vec<_>>(),
        "open_transactions": status.open_transactions,
        "queued_transactions": status.queued_transactions,
        "in_doubt_transactions": status.in_doubt_transactions,
        "buffered_bytes": status.buffered_bytes,
        "counters": {
            "begun": counters.begun,
            "committed": counters.committed,
            "aborted": counters.aborted,
            "unknown": counters.unknown,
            "in_doubt": counters.in_doubt,
            "refused": counters.refused,
            "fences": counters.fences,
            "replaced": counters.replaced,
        },
        "warnings": status.warnings,
    })
}
