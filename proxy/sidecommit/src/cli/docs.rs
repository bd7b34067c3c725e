//! `sidecommit docs` (hidden): pages that are made from code.

use super::output;
use crate::{exit::Failure, settings};

/// Which page.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// docs/configuration.md
    Configuration,
}

/// Prints the page.
pub(super) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Configuration => output::print(&settings::markdown()),
    }
}
