//! `sidecommit settle`: of a journal, by reading; of an identity that has no owner any more, by initialising its ids.

use super::{Identified, SettingsArgs, block_on, output};
use crate::{
    exit::Failure,
    logging,
    settings::{Environment, Settings},
    settle::{Said, Settled, settle},
    settle_identity::Released,
};
use serde_json::json;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    settings: SettingsArgs<Identified>,
    /// Settle the ids of this slot instead of a journal: no sidecar with it may live or come back while this runs. What its last owner
    /// left open is aborted, so that readers go on. The prefix is the setting
    #[arg(long, value_name = "NAMESPACE/WORKLOAD/ORDINAL")]
    identity: Option<String>,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// Decides, tells, and fails if something is left undecided or nobody knows it.
pub(super) fn run(args: &Args, environment: &Environment) -> Result<(), Failure> {
    let settings = args.settings.load(environment)?;
    settings.required_bootstrap_servers().map_err(|error| Failure::usage(&[error]))?;
    if let Some(identity) = &args.identity {
        return settle_identity(&settings, identity, args.json);
    }
    let settled = settle(&settings)?;
    if args.json {
        output::print_json(&json!({ "transactions": settled }))?;
    } else {
        let rows: Vec<_> = settled.iter().map(row).collect();
        let head = ["SLOT", "LANE", "SEQ", "TRANSACTION", "OUTCOME", "LABEL"];
        output::print(&format!("{}{} in doubt\n", output::table(&head, &rows), settled.len()))?;
    }
    let count = |said: Said| settled.iter().filter(|one| one.outcome == said).count();
    match (count(Said::Undecided), count(Said::Unknown)) {
        (0, 0) => Ok(()),
        (0, unknown) => Err(Failure::Refused(format!(
            "{unknown} transactions are unknown: the evidence is gone from Kafka, a person has to look"
        ))),
        (undecided, _) => Err(Failure::Refused(format!(
            "{undecided} transactions are undecided: their lanes were not inited since, so they may still be committed; \
             start a sidecar with their slot, then run settle again"
        ))),
    }
}

fn settle_identity(settings: &Settings, identity: &str, json: bool) -> Result<(), Failure> {
    let released = Released::parse(settings, identity)?;
    logging::init(settings.log_format, settings.log_level);
    let lanes = block_on(released.settle(settings))?;
    let slot = released.slot().to_string();
    if json {
        output::print_json(&json!({ "slot": slot, "lanes": lanes }))
    } else {
        output::print(&format!(
            "{slot} is settled: {lanes} ids were initialised, nothing is open under them\n"
        ))
    }
}

fn row(one: &Settled) -> Vec<String> {
    vec![
        one.slot.clone(),
        one.lane.to_string(),
        one.seq.to_string(),
        one.transaction_id.clone(),
        one.outcome.name().to_owned(),
        one.label.clone(),
    ]
}
