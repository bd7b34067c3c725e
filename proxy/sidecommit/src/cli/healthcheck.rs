//! `sidecommit healthcheck`: for exec probes, since the sockets are not reachable by the kubelet.

use super::{Operator, SettingsArgs, block_on, client, output};
use crate::{
    exit::Failure,
    settings::{Environment, Form, Settings},
};
use serde_json::{Value, json};
use sidecommit_rpc::proto::v1::{
    GetServerInfoRequest, GetStatusRequest, Lane, ServingState, Status,
    admin_service_client::AdminServiceClient, transaction_service_client::TransactionServiceClient,
};
use std::time::{Duration, Instant};

/// The longest wait that can be asked for.
const WAIT: Form = Form::Duration(0, 3_600_000);

/// Between two looks of one that waits.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A sidecar that lives answers far sooner.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    settings: SettingsArgs<Operator>,
    /// Only whether it answers, whatever state it is in: for liveness
    #[arg(long, conflicts_with = "claimed")]
    live: bool,
    /// Only whether it has an identity and its API is served, whatever Kafka does: for startup
    #[arg(long)]
    claimed: bool,
    /// Wait for it so long, such as 120s, instead of looking once
    #[arg(long, value_name = "DURATION", value_parser = wait)]
    wait: Option<Duration>,
    /// The whole state as one JSON object
    #[arg(long)]
    json: bool,
}

/// Asks, tells the answer, and fails unless the sidecar serves.
pub(super) fn run(args: &Args, environment: &Environment) -> Result<(), Failure> {
    let settings = args.settings.load(environment)?;
    let (status, verdict) = block_on(async {
        let end = Instant::now() + args.wait.unwrap_or_default();
        loop {
            let asked = tokio::time::timeout(ANSWER_MAX, look(args, &settings)).await;
            let late = || Failure::Unavailable(format!("no answer within {} s", ANSWER_MAX.as_secs()));
            let answer = asked.unwrap_or_else(|_| Err(late()));
            let is_well = matches!(answer, Ok((_, Ok(()))));
            if is_well || Instant::now() >= end {
                return answer;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    })?;
    if args.json {
        output::print_json(&to_json(&status))?;
    } else {
        let warnings = status.warnings.iter().map(|warning| format!("warning: {warning}\n"));
        output::print(&format!("{}\n{}", state(&status), warnings.collect::<String>()))?;
    }
    verdict
}

/// The state, and whether that is what was asked for.
async fn look(args: &Args, settings: &Settings) -> Result<(Status, Result<(), Failure>), Failure> {
    let mut admin = AdminServiceClient::new(client::admin(settings).await?);
    let answer = admin.get_status(GetStatusRequest {}).await.map_err(|status| client::failure(&status))?;
    let status =
        answer.into_inner().status.ok_or_else(|| Failure::Internal("the answer has no status".to_owned()))?;
    let is_well = if args.live {
        true
    } else if args.claimed {
        // Neither is a question of Kafka: who has stepped down, or lost its journal, serves nobody until somebody acts.
        let over = matches!(status.serving(), ServingState::JournalFailed | ServingState::FencedByRival);
        !status.slot.is_empty() && !over
    } else {
        status.serving() == ServingState::Ready
    };
    let verdict = match is_well {
        true if args.claimed => served(settings).await,
        true => Ok(()),
        false => {
            let why = if status.detail.is_empty() { String::new() } else { format!(": {}", status.detail) };
            Err(Failure::Unavailable(format!("{}{why}", state(&status))))
        }
    };
    Ok((status, verdict))
}

/// Whether applications find the API.
async fn served(settings: &Settings) -> Result<(), Failure> {
    let mut api = TransactionServiceClient::new(client::application(settings).await?);
    let asked = api.get_server_info(GetServerInfoRequest {}).await;
    asked.map(|_| ()).map_err(|status| client::failure(&status))
}

fn state(status: &Status) -> String {
    name(status.serving().as_str_name(), "SERVING_STATE_")
}

fn wait(text: &str) -> Result<Duration, String> {
    WAIT.duration(text).ok_or_else(|| format!("expected {}", WAIT.accepted()))
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
