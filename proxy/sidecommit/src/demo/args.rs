//! What `sidecommit demo` takes.

use super::{app, check, pipeline};
use crate::exit::Failure;
use std::path::PathBuf;

/// Arguments of the demo.
#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub struct Args {
    /// Another demo, or one of this one's other processes, which it starts itself
    #[command(subcommand)]
    pub(super) part: Option<Part>,
    /// Transfers to be acknowledged; an eighth as many more are aborted deliberately
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub transactions: u64,
    /// How often the sidecar is killed with SIGKILL; at most half of the transactions
    #[arg(long, default_value_t = 25)]
    pub kills: u32,
    /// Seed of everything random [default: a random one, which is printed]
    #[arg(long)]
    pub seed: Option<u64>,
    /// One JSON object instead of a table
    #[arg(long)]
    pub json: bool,
    /// A picture of the run: when the sidecar was dead and when the application was told what
    #[arg(long, value_name = "FILE.svg")]
    pub timeline: Option<PathBuf>,
    /// An existing Kafka; else one is started
    #[arg(long, value_name = "HOST:PORT,...")]
    pub bootstrap_servers: Option<String>,
}

/// The second demo, and the parts of the first that are processes of their own, so that none judges itself.
#[derive(Clone, Debug, clap::Subcommand)]
pub(super) enum Part {
    /// Show exactly-once from topic to topic: two sidecars in one consumer group copy and transform while sidecars and applications
    /// are killed, paused and restarted
    Pipeline(pipeline::Args),
    /// The application that transfers money
    #[command(hide = true)]
    App(app::Args),
    /// The checker that compares what Kafka's readers see with what the application was told
    #[command(hide = true)]
    Check(check::Args),
}

// === impl Args ===

impl Args {
    /// What cannot be done is refused before anything is started.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if u64::from(self.kills) * 2 <= self.transactions {
            return Ok(());
        }
        let (kills, most) = (self.kills, self.transactions / 2);
        Err(Failure::Usage(format!(
            "kills: {kills} (--kills): expected at most half of the transactions, {most}"
        )))
    }
}
