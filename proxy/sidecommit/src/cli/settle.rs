//! `sidecommit settle`.

use super::{All, SettingsArgs, output};
use crate::{
    exit::Failure,
    settings::Environment,
    settle::{Said, Settled, settle},
};
use serde_json::json;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    settings: SettingsArgs<All>,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// Decides, tells, and fails if something is left undecided or nobody knows it.
pub(super) fn run(args: &Args, environment: &Environment) -> Result<(), Failure> {
    let settings = args.settings.load(environment)?;
    settings.required_bootstrap_servers().map_err(|error| Failure::usage(&[error]))?;
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
