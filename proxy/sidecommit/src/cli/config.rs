//! `sidecommit config`.

use super::{All, SettingsArgs, output};
use crate::{exit::Failure, settings::Environment};

/// What to do with settings.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Print the effective settings and where each comes from, secrets redacted
    Print(Box<Print>),
}

/// Arguments of `config print`.
#[derive(Debug, clap::Args)]
pub(super) struct Print {
    #[command(flatten)]
    settings: SettingsArgs<All>,
    /// One JSON object instead of TOML
    #[arg(long)]
    json: bool,
}

/// Prints.
pub(super) fn run(command: &Command, environment: &Environment) -> Result<(), Failure> {
    let Command::Print(args) = command;
    let settings = args.settings.load(environment)?;
    if args.json { output::print_json(&settings.effective()) } else { output::print(&settings.to_toml()) }
}
