//! What `sidecommit bench copy` takes.

use super::app;
use std::path::PathBuf;

/// Arguments of the comparison.
#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true, subcommand_value_name = "")]
pub(crate) struct Args {
    /// The bench's other process, which it starts itself
    #[command(subcommand)]
    pub(super) part: Option<Part>,
    /// Where java finds the class Copier (tests/bench/java) and Kafka's client
    #[arg(long, value_name = "PATH:...", default_value = "target/bench/java:target/kafka-libs/*")]
    pub(super) java_classpath: String,
    /// Turns that the two contenders take in each case
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(super) rounds: u32,
    /// The figures as JSON as well
    #[arg(long, value_name = "FILE")]
    pub(super) json_file: Option<PathBuf>,
    /// An existing Kafka; else one is started
    #[arg(long, value_name = "HOST:PORT,...")]
    pub(super) bootstrap_servers: Option<String>,
}

/// The part that is a process of its own, as an application is.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Part {
    /// The application that copies
    #[command(hide = true)]
    App(app::Args),
}
