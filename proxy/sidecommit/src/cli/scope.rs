//! Flags made from the table of settings, for the commands that take settings.

use crate::{
    exit::Failure,
    settings::{Environment, Flags, Form, Setting, Settings, TABLE},
};
use clap::{Arg, ArgAction, ArgMatches, Command, builder::ValueParser};
use std::{marker::PhantomData, path::PathBuf};

const CONFIG: &str = "config";
const KAFKA: &str = "kafka";

/// Which settings a command has flags for; variables and file are read whole by each.
pub trait Scope {
    /// Whether a setting belongs to it.
    fn includes(setting: &Setting) -> bool;
    /// Whether librdkafka's properties do.
    const KAFKA: bool;
    /// Whether the settings' file does.
    const FILE: bool = true;
}

/// All settings.
#[derive(Clone, Copy, Debug)]
pub struct All;

/// All but where an identity comes from: for a command that is told one.
#[derive(Clone, Copy, Debug)]
pub struct Identified;

/// What is needed to talk to a running sidecar.
#[derive(Clone, Copy, Debug)]
pub struct Operator;

/// What is needed to find the journal.
#[derive(Clone, Copy, Debug)]
pub struct JournalFolder;

/// How to log, for what is no sidecar.
#[derive(Clone, Copy, Debug)]
pub(super) struct Log;

/// The settings on a command line.
#[derive(Clone, Debug)]
pub struct SettingsArgs<S> {
    flags: Flags,
    scope: PhantomData<S>,
}

// === impl Scope ===

impl Scope for All {
    fn includes(_: &Setting) -> bool {
        true
    }
    const KAFKA: bool = true;
}

impl Scope for Identified {
    fn includes(setting: &Setting) -> bool {
        setting.name != "identity"
    }
    const KAFKA: bool = true;
}

impl Scope for Operator {
    fn includes(setting: &Setting) -> bool {
        matches!(setting.name, "admin_socket" | "socket" | "tcp_address")
    }
    const KAFKA: bool = false;
}

impl Scope for JournalFolder {
    fn includes(setting: &Setting) -> bool {
        setting.name == "journal_dir"
    }
    const KAFKA: bool = false;
}

impl Scope for Log {
    fn includes(setting: &Setting) -> bool {
        setting.name.starts_with("log.")
    }
    const KAFKA: bool = false;
    const FILE: bool = false;
}

// === impl SettingsArgs ===

impl<S: Scope> SettingsArgs<S> {
    /// The effective settings.
    ///
    /// # Errors
    /// Exit code 64 with everything that is wrong.
    pub fn load(&self, environment: &Environment) -> Result<Settings, Failure> {
        Settings::load(&self.flags, environment).map_err(|errors| Failure::usage(&errors))
    }
}

impl<S: Scope> clap::FromArgMatches for SettingsArgs<S> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let value = |setting: &'static Setting| {
            matches.get_one::<String>(setting.name).map(|value| (setting.name, value.clone()))
        };
        let kafka = if S::KAFKA { matches.get_many::<String>(KAFKA) } else { None };
        let config = if S::FILE { matches.get_one::<PathBuf>(CONFIG) } else { None };
        let flags = Flags {
            config: config.cloned(),
            values: TABLE.iter().filter(|setting| S::includes(setting)).filter_map(value).collect(),
            kafka: kafka.into_iter().flatten().cloned().collect(),
        };
        Ok(Self { flags, scope: PhantomData })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<S: Scope> clap::Args for SettingsArgs<S> {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new(CONFIG)
            .long(CONFIG)
            .value_name("FILE")
            .value_parser(ValueParser::path_buf())
            .help("Settings in a TOML file; flags and SIDECOMMIT_* variables win over it");
        let kafka = Arg::new(KAFKA)
            .long(KAFKA)
            .value_name("KEY=VALUE")
            .action(ArgAction::Append)
            .help("A property for librdkafka, such as compression.type=zstd; repeatable");
        let flags = TABLE.iter().filter(|setting| S::includes(setting)).map(flag);
        let command = command.args(flags);
        let command = if S::FILE { command.arg(config) } else { command };
        if S::KAFKA { command.arg(kafka) } else { command }
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// A value is read as a text: what it must be is told with the setting's name by [`Settings::load`].
fn flag(setting: &'static Setting) -> Arg {
    let default = setting.default.map(|default| format!(" [default: {default}]")).unwrap_or_default();
    Arg::new(setting.name)
        .long(setting.flag())
        .value_name(value_name(setting.form))
        .help(format!("{}{default}", setting.doc.trim()))
        .help_heading(heading(setting))
        .hide(setting.hidden())
}

fn value_name(form: Form) -> &'static str {
    match form {
        Form::Text | Form::Topic => "NAME",
        Form::Servers => "HOST:PORT,...",
        Form::Path | Form::Socket | Form::SocketOrNone => "PATH",
        Form::Mode => "MODE",
        Form::Loopback | Form::Address => "IP:PORT",
        Form::Integer(..) => "N",
        Form::Duration(..) => "DURATION",
        Form::Size(..) => "SIZE",
        Form::Choice(_) => "WORD",
    }
}

fn heading(setting: &Setting) -> &'static str {
    match setting.name.split_once('.') {
        Some(("limits", _)) => "Limits",
        Some(("outcomes", _)) => "Outcomes",
        Some(("leases", _)) => "Leases",
        Some(("log", _)) => "Log",
        _ => "Settings",
    }
}
