//! What `sidecommit bench` takes.

use super::{compare, contender, grid};
use std::{path::PathBuf, time::Duration};

/// Arguments of the bench.
#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub struct Args {
    /// Another bench
    #[command(subcommand)]
    pub(super) part: Option<Part>,
    /// A running sidecar's socket; else one is started
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// Its process, to measure its CPU time and memory
    #[arg(long, requires = "socket", value_parser = clap::value_parser!(u32).range(1..))]
    pub pid: Option<u32>,
    /// Its journal, to measure the fdatasync of its disk
    #[arg(long, value_name = "PATH", requires = "socket")]
    pub journal_dir: Option<PathBuf>,
    /// Kafka, to make the topic and to start a sidecar; without it and --socket one is started
    #[arg(long, value_name = "HOST:PORT,...")]
    pub bootstrap_servers: Option<String>,
    /// Callers at once: with a list (1,8,64) each is measured in turn
    #[arg(long, default_value = "1", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub callers: Vec<u16>,
    #[command(flatten)]
    pub(super) load: LoadArgs,
    /// One JSON object instead of a table
    #[arg(long)]
    pub json: bool,
    /// Pictures into this folder: latency percentiles, and throughput by number of callers
    #[arg(long, value_name = "DIR")]
    pub plot: Option<PathBuf>,
}

/// What the transactions are, and when.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct LoadArgs {
    /// Which transactions
    #[arg(long, value_enum, default_value_t = Mode::Transact)]
    pub(super) mode: Mode,
    /// gRPC connections that the callers share [default: one per 64 callers]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub(super) connections: Option<u16>,
    /// Records per transaction [default: 1; for stream 10000]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) records: Option<u32>,
    /// Bytes per record's value
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) record_size: u32,
    /// Where the records go; made if it is not there and brokers are known
    #[arg(long, default_value = "sidecommit-bench")]
    pub(super) topic: String,
    /// Seconds before it is measured
    #[arg(long, default_value = "1", value_name = "SECONDS", value_parser = seconds)]
    pub(super) warmup: Duration,
    /// How long it is measured
    #[arg(long, default_value = "10", value_name = "SECONDS", value_parser = positive_seconds)]
    pub(super) seconds: Duration,
    /// Transactions a second that are due at fixed times, whatever becomes of those before; latencies then count from when one was
    /// due. Without it each caller begins its next transaction when the one before has ended
    #[arg(long, value_name = "TRANSACTIONS", value_parser = rate)]
    pub(super) rate: Option<f64>,
}

/// The other benches, and the part that is a process of its own.
#[derive(Clone, Debug, clap::Subcommand)]
pub(super) enum Part {
    /// Measure the sidecar beside native clients, all against one Kafka; see scripts/bench
    Compare(compare::Args),
    /// Measure how the sidecar grows with callers, records, lanes and payloads
    Grid(grid::Args),
    /// An application that makes transactions, or copies, through a sidecar, and tells figures as the rivals in tests/bench do
    #[command(hide = true)]
    Contender(contender::Args),
}

/// Which transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// Small ones: Transact
    #[default]
    Transact,
    /// Large ones: Begin, ProduceStream, Commit
    Stream,
    /// Small ones in steps: Begin, Produce, Commit
    Interactive,
}

/// As arguments have it: with a fraction, if need be.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.0..=3600.0).contains(seconds));
    seconds
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "expected seconds from 0 to 3600, such as 2.5".to_owned())
}

pub(super) fn positive_seconds(text: &str) -> Result<Duration, String> {
    let enough = |duration: &Duration| *duration >= Duration::from_millis(100);
    let expected = || "expected seconds from 0.1 to 3600, such as 2.5".to_owned();
    seconds(text).ok().filter(enough).ok_or_else(expected)
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.01..=1_000_000.0).contains(rate));
    rate.ok_or_else(|| "expected transactions a second from 0.01 to 1000000".to_owned())
}

// === impl Mode ===

impl Mode {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Transact => "transact",
            Self::Stream => "stream",
            Self::Interactive => "interactive",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_within_bounds_or_refused_with_what_is_accepted() {
        assert_eq!(seconds("2.5"), Ok(Duration::from_millis(2500)));
        assert_eq!(positive_seconds("0.1"), Ok(Duration::from_millis(100)));
        for bad in ["", "-1", "NaN", "inf", "3601", "ten"] {
            assert!(seconds(bad).unwrap_err().contains("from 0 to 3600"), "{bad}");
            assert!(rate(bad).is_err() || bad == "3601", "{bad}");
        }
        assert!(positive_seconds("0").unwrap_err().contains("from 0.1"));
        assert!(rate("0").unwrap_err().contains("from 0.01"));
    }
}
