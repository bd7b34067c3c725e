//! The checker: reads with Kafka's own console consumer what read_committed readers see, and compares it with what the
//! application was told. It shares nothing with the sidecar but Kafka.

mod reader;
mod verdict;

pub(super) use verdict::Verdict;

use super::ledger;
use crate::exit::Failure;
use std::path::PathBuf;

/// Arguments of the checker.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// What the application was told
    #[arg(long)]
    ledger: PathBuf,
    /// Names the run in each record
    #[arg(long)]
    run: String,
    /// Kafka
    #[arg(long)]
    bootstrap_servers: String,
}

/// Reads, compares, and prints the verdict as JSON.
pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let lines = ledger::read(&args.ledger)?;
    let seen = reader::read(&args.bootstrap_servers, &args.run).await?;
    let verdict = verdict::judge(&lines, &seen);
    println!("{}", serde_json::to_string(&verdict).map_err(Failure::internal)?);
    Ok(())
}
