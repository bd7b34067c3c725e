//! `sidecommit bench contender`: an application behind a sidecar as a process of its own. It takes and tells what the rivals in
//! tests/bench do: a line `measuring` when the warm-up is over, and a line of JSON at the end.

mod pipeline;

use super::{
    args::LoadArgs,
    load::{self, Load, Measured, Window},
};
use crate::{cli::output, exit::Failure};
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, time::Instant};

/// Arguments of the application.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// The sidecar's socket
    #[arg(long)]
    pub(super) socket: PathBuf,
    /// Callers at once
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=4096))]
    callers: u16,
    #[command(flatten)]
    pub(super) load: LoadArgs,
    /// Copy the input to the topic in upper case, up to --records in a transaction
    #[arg(long, requires = "input", requires = "group")]
    pipeline: bool,
    /// The topic to read
    #[arg(long)]
    pub(super) input: Option<String>,
    /// group.id
    #[arg(long)]
    pub(super) group: Option<String>,
}

/// What a contender tells at its end.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Figures {
    pub(super) transactions: u64,
    pub(super) records: u64,
    pub(super) seconds: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) max_ms: f64,
}

/// The line that says that the warm-up is over.
pub(super) const MEASURING: &str = "measuring";

/// Works, and tells how it was.
pub(super) async fn run(args: &Args) -> Result<(), Failure> {
    let figures = if args.pipeline { pipeline::run(args).await? } else { transactions(args).await? };
    let json = serde_json::to_string(&figures).map_err(Failure::internal)?;
    output::print(&format!("{json}\n"))
}

async fn transactions(args: &Args) -> Result<Figures, Failure> {
    let load = Load::of(&args.load, args.callers);
    let running = load.start(&args.socket).await?;
    let announced = announce(running.window);
    let (measured, ()) = tokio::try_join!(running.finish(), announced)?;
    Ok(Figures::of(&measured, measured.transactions() * load.records as u64))
}

/// When the warm-up is over.
async fn announce(window: Window) -> Result<(), Failure> {
    tokio::time::sleep_until(window.start().into()).await;
    output::print(&format!("{MEASURING}\n"))
}

// === impl Figures ===

impl Figures {
    pub(super) fn transactions_per_s(&self) -> f64 {
        self.transactions as f64 / self.seconds
    }

    pub(super) fn records_per_s(&self) -> f64 {
        self.records as f64 / self.seconds
    }

    fn of(measured: &Measured, records: u64) -> Self {
        Self {
            transactions: measured.transactions(),
            records,
            seconds: measured.took.as_secs_f64(),
            p50_ms: measured.quantile_ms(0.5),
            p99_ms: measured.quantile_ms(0.99),
            max_ms: measured.max_ms(),
        }
    }
}

/// Whether what began then counts.
fn is_within(window: &Window, began: Instant) -> bool {
    (window.start()..window.end()).contains(&began)
}

/// Waits until the sidecar serves.
async fn serving(args: &Args) -> Result<load::Client, Failure> {
    let client = load::client(&args.socket);
    load::serving(client.clone()).await.map(|()| client)
}
