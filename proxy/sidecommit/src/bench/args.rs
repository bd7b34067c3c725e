//! What `sidecommit bench` takes.

use super::copy;
use crate::exit::Failure;
use std::{path::PathBuf, time::Duration};

/// Arguments of the bench.
#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub struct Args {
    /// Another bench
    #[command(subcommand)]
    pub(super) part: Option<Part>,
    /// Start a Kafka and a sidecar (this binary) and measure both targets in turn
    #[arg(long, conflicts_with_all = ["target", "socket", "journal_dir"])]
    pub compare: bool,
    /// What is measured
    #[arg(long, value_enum, default_value_t = Target::Sidecar)]
    pub target: Target,
    /// Which transactions [default: transact; with --compare both in turn]
    #[arg(long, value_enum)]
    pub mode: Option<Mode>,
    /// Callers at once; of librdkafka so many producers
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub callers: u16,
    /// How long each target is measured
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub seconds: u32,
    /// Turns that the two targets take, with --compare
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,
    /// Records per transaction [default: 1; for stream 10000]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub records: Option<u32>,
    /// Bytes per record's value
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub record_size: u32,
    /// Where the records go; made if it is not there and brokers are named
    #[arg(long, default_value = "sidecommit-bench")]
    pub topic: String,
    /// One JSON object instead of a table
    #[arg(long)]
    pub json: bool,
    /// Kafka, for librdkafka and to make the topic; with --compare instead of a new one
    #[arg(long, value_name = "HOST:PORT,...")]
    pub bootstrap_servers: Option<String>,
    /// The running sidecar's socket
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// The running sidecar's journal, to measure the fdatasync of its disk beside it
    #[arg(long, value_name = "PATH")]
    pub journal_dir: Option<PathBuf>,
}

/// The second bench.
#[derive(Clone, Debug, clap::Subcommand)]
pub(super) enum Part {
    /// Measure copying from topic to topic beside the same job by the Java client; see scripts/bench-copy
    Copy(copy::Args),
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Target {
    /// Transactions through a running sidecar
    Sidecar,
    /// The same with librdkafka, delivery reports awaited before each commit
    Librdkafka,
}

/// Which transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// Small ones: Transact
    #[default]
    Transact,
    /// Large ones: Begin, ProduceStream, Commit
    Stream,
}

/// What the arguments ask for.
pub(super) enum What {
    /// Both targets, with everything they need.
    Compare,
    /// A running sidecar by its socket.
    Sidecar(PathBuf),
    /// librdkafka on these brokers.
    Librdkafka(String),
}

// === impl Args ===

impl Args {
    /// What to do; what is missing for it is named.
    pub(super) fn what(&self) -> Result<What, Failure> {
        let missing = |name: &str| Failure::Usage(format!("{name}: not set: expected a value, or --compare"));
        match (self.compare, self.target) {
            (true, _) => Ok(What::Compare),
            (_, Target::Sidecar) => self.socket.clone().map(What::Sidecar).ok_or_else(|| missing("--socket")),
            (_, Target::Librdkafka) => {
                let servers = self.bootstrap_servers.clone();
                servers.map(What::Librdkafka).ok_or_else(|| missing("--bootstrap-servers"))
            }
        }
    }

    pub(super) fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }
}

// === impl Target ===

impl Target {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sidecar => "sidecar",
            Self::Librdkafka => "librdkafka",
        }
    }
}

// === impl Mode ===

impl Mode {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Transact => "transact",
            Self::Stream => "stream",
        }
    }
}
