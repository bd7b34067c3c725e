//! `sidecommit docs` (hidden): pages that are made from code.

use super::output;
use crate::{exit::Failure, settings};

/// Which page.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// docs/configuration.md
    Configuration,
    /// docs/annotations.md
    Annotations,
    /// The JSON schema of the chart's `injection` values
    ValuesSchema,
}

/// Prints the page.
pub(super) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Configuration => output::print(&settings::markdown()),
        Command::Annotations => output::print(&sidecommit_inject::docs::markdown()),
        Command::ValuesSchema => output::print_json(&sidecommit_inject::docs::values_schema()),
    }
}
