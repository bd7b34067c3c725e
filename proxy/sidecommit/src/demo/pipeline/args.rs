//! What `sidecommit demo pipeline` takes.

use super::{app, check};
use crate::exit::Failure;

/// Between two strikes so many records are copied at least.
const RECORDS_PER_STRIKE: u64 = 100;

/// Arguments of the second demo.
#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true, subcommand_value_name = "")]
pub(in super::super) struct Args {
    /// The demo's other processes, which it starts itself
    #[command(subcommand)]
    pub(super) part: Option<Part>,
    /// Records to be copied and transformed
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(super) records: u64,
    /// How often a sidecar or an application is killed with SIGKILL
    #[arg(long, default_value_t = 8)]
    pub(super) kills: u32,
    /// How often one is stopped with SIGSTOP for longer than the group waits for it
    #[arg(long, default_value_t = 2)]
    pub(super) pauses: u32,
    /// How often both pods are restarted one after the other, in order
    #[arg(long, default_value_t = 1)]
    pub(super) rolls: u32,
    /// Seed of everything random [default: a random one, which is printed]
    #[arg(long)]
    pub(super) seed: Option<u64>,
    /// One JSON object instead of a table
    #[arg(long)]
    pub(super) json: bool,
    /// An existing Kafka; else one is started
    #[arg(long, value_name = "HOST:PORT,...")]
    pub(super) bootstrap_servers: Option<String>,
}

/// The parts of the demo that are processes of their own, so that SIGKILL is real and none judges itself.
#[derive(Clone, Debug, clap::Subcommand)]
pub(super) enum Part {
    /// An application that copies and transforms
    #[command(hide = true)]
    App(app::Args),
    /// The checker that compares the output with the input
    #[command(hide = true)]
    Check(check::Args),
}

// === impl Args ===

impl Args {
    /// What cannot be done is refused before anything is started.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let strikes = u64::from(self.kills) + u64::from(self.pauses) + u64::from(self.rolls);
        let most = self.records / RECORDS_PER_STRIKE;
        if strikes <= most {
            return Ok(());
        }
        Err(Failure::Usage(format!(
            "kills, pauses and rolls: {strikes} (--kills, --pauses, --rolls): expected at most one for {RECORDS_PER_STRIKE} \
             records, {most}"
        )))
    }
}
