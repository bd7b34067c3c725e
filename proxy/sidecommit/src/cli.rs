//! The commands. Each is a module with one entry function; this file only names and dispatches them.

mod client;
mod config;
mod docs;
mod groups;
mod healthcheck;
mod inject;
mod journal;
pub(crate) mod output;
mod proto;
mod resume;
mod scope;
mod settle;
mod transactions;
mod webhook;

pub(crate) use journal::failure as journal_failure;
pub use scope::{All, Identified, JournalFolder, Operator, Scope, SettingsArgs};

use crate::{
    bench, demo, exit,
    exit::Failure,
    logging,
    serve::{self, Who},
    settings::{Environment, IdentityFrom},
};
use clap::Parser as _;
use std::{ffi::OsString, process::ExitCode};

#[derive(Debug, clap::Parser)]
#[command(
    name = "sidecommit",
    version,
    about = "Kafka's exactly-once transactions over gRPC, for a service in any language",
    after_help = "Exit codes: 0 done, 1 asked and answered with no, 64 wrong settings or arguments, 69 what is needed does \
                  not answer, 70 anything else."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Serve applications until SIGTERM
    Serve(Box<SettingsArgs<All>>),
    /// Show exactly-once through kill -9: transfers money in transactions while the sidecar is killed again and again
    Demo(demo::Args),
    /// Measure transactions per second and latencies
    Bench(Box<bench::Args>),
    /// Look into a journal, or remove it
    #[command(subcommand)]
    Journal(journal::Command),
    /// Look at open transactions, or abort one
    #[command(subcommand)]
    Transactions(transactions::Command),
    /// Look at what applications read through the sidecar
    #[command(subcommand)]
    Groups(groups::Command),
    /// Tell a sidecar that stepped down that it is its slot's rightful owner
    Resume(resume::Args),
    /// Decide what a journal holds in doubt, by reading Kafka only; no sidecar may be using the journal. With --identity: end what the
    /// last owner of a slot left open
    Settle(Box<settle::Args>),
    /// Ask the sidecar whether it serves; for exec probes
    Healthcheck(healthcheck::Args),
    /// Inject the sidecar into pods as they are created: an admission webhook, until SIGTERM
    Webhook(Box<webhook::Args>),
    /// Show settings
    #[command(subcommand)]
    Config(config::Command),
    /// Put the sidecar into the pod templates of manifests, as the webhook does
    Inject(inject::Args),
    /// Take the sidecar out of the pod templates of manifests
    Uninject(inject::Input),
    /// Print the gRPC API's .proto files
    Proto(proto::Args),
    /// Print pages of documentation that are made from code
    #[command(subcommand, hide = true)]
    Docs(docs::Command),
}

/// Runs what the command line says.
pub fn run(arguments: impl IntoIterator<Item = OsString>, environment: &Environment) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    match cli.command.run(environment) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// clap's own exit code is 2, and help is no failure.
fn usage(error: &clap::Error) -> ExitCode {
    match error.print() {
        Ok(()) if !error.use_stderr() => ExitCode::SUCCESS,
        Ok(()) => exit::USAGE.into(),
        Err(_) => exit::INTERNAL.into(),
    }
}

// === impl Command ===

impl Command {
    fn run(self, environment: &Environment) -> Result<(), Failure> {
        match self {
            Self::Serve(args) => serve(&args, environment),
            Self::Demo(args) => demo::run(args),
            Self::Bench(args) => bench::run(*args),
            Self::Journal(command) => journal::run(&command, environment),
            Self::Transactions(command) => transactions::run(&command, environment),
            Self::Groups(command) => groups::run(&command, environment),
            Self::Resume(args) => resume::run(&args, environment),
            Self::Settle(args) => settle::run(&args, environment),
            Self::Healthcheck(args) => healthcheck::run(&args, environment),
            Self::Webhook(args) => webhook::run(&args, environment),
            Self::Config(command) => config::run(&command, environment),
            Self::Inject(args) => inject::run(&args),
            Self::Uninject(input) => inject::undo(&input),
            Self::Proto(args) => proto::run(&args),
            Self::Docs(command) => docs::run(&command),
        }
    }
}

/// Everything that can be wrong with settings is found here, before anything is opened.
fn serve(args: &SettingsArgs<All>, environment: &Environment) -> Result<(), Failure> {
    let settings = args.load(environment)?;
    let who = match settings.identity_from {
        IdentityFrom::Auto | IdentityFrom::Static => settings.identity().map(Who::Fixed),
        IdentityFrom::Lease => settings.identity_of_lease(0).map(|_| Who::Leased),
    };
    let who = match (who, settings.required_bootstrap_servers()) {
        (Ok(who), Ok(_)) => who,
        (who, servers) => {
            let errors: Vec<_> = who.err().into_iter().chain(servers.err()).collect();
            return Err(Failure::usage(&errors));
        }
    };
    logging::init(settings.log_format, settings.log_level);
    serve::run(&settings, who)
}

/// Runs the one future of a short command.
fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Failure::internal)?.block_on(future)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn no_command_has_two_arguments_of_one_name() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_healthcheck_waits_for_a_duration_and_asks_one_thing() {
        let parse = |arguments: &[&str]| {
            Cli::try_parse_from(["sidecommit", "healthcheck"].iter().chain(arguments)).map(|_| ())
        };
        assert!(parse(&["--claimed", "--wait", "120s"]).is_ok());
        assert!(parse(&["--claimed", "--live"]).is_err());
        let error = parse(&["--wait", "120"]).unwrap_err().to_string();
        assert!(error.contains("'120'") && error.contains("such as 250ms, 10s, 5m or 1h"), "{error}");
    }
}
