//! Settings: one table, three ways to set each (flag, SIDECOMMIT_* variable, file), one precedence, one moment when all
//! of them are checked, before anything is opened.

mod check;
mod docs;
mod error;
mod form;
mod kafka;
mod print;
mod sources;
mod table;

pub use docs::markdown;
pub use error::Error;
pub use form::Form;
pub use kafka::KafkaProperties;
pub use sources::{Environment, Flags, Source};
pub use table::{Fields, IdentityFrom, LogFormat, LogLevel, OutcomesMode, Setting, TABLE};

use sidecommit_core::{GroupCommit, Limits};
use sidecommit_identity::{Facts, Identity};
use sidecommit_kafka::ClientSettings;
use sources::{Gathered, Values};
use std::ops::Deref;

/// Everything that was set, checked. Its [`Fields`] are read as if they were its own.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Properties for librdkafka.
    pub kafka: KafkaProperties,
    fields: Fields,
    values: Values,
    in_kubernetes: bool,
    host_name: Option<String>,
}

// === impl Settings ===

impl Settings {
    /// Reads all sources.
    ///
    /// # Errors
    /// Everything that is wrong, so that it can be mended at once.
    pub fn load(flags: &Flags, environment: &Environment) -> Result<Self, Vec<Error>> {
        let Gathered { values, kafka, errors } = Gathered::from(flags, environment);
        if !errors.is_empty() {
            return Err(errors);
        }
        let settings = Self {
            fields: Fields::read(&values),
            kafka,
            values,
            in_kubernetes: environment.in_kubernetes(),
            host_name: environment.host_name.clone(),
        };
        let errors = check::together(&settings);
        if errors.is_empty() { Ok(settings) } else { Err(errors) }
    }

    /// Whose transactional.ids to use.
    ///
    /// # Errors
    /// If there is no identity, or one that would not survive a restart.
    pub fn identity(&self) -> Result<Identity, Error> {
        Ok(Identity::of(&self.facts())?)
    }

    /// Whose transactional.ids to use, once the Lease of a number is held.
    ///
    /// # Errors
    /// If a part is missing, contradicts a Lease, or would not survive a restart: the same for each number.
    pub fn identity_of_lease(&self, ordinal: u32) -> Result<Identity, Error> {
        Ok(Identity::of_lease(&self.facts(), ordinal)?)
    }

    fn facts(&self) -> Facts {
        Facts {
            slot: self.slot.clone(),
            prefix: self.prefix.clone(),
            namespace: self.namespace.clone(),
            workload: self.workload.clone(),
            ordinal: self.ordinal.clone(),
            pod_name: self.pod_name.clone(),
            pod_uid: self.pod_uid.clone(),
            pod_index: self.pod_index.clone(),
            pod_template_hash: self.pod_template_hash.clone(),
            host_name: self.host_name.clone(),
            in_kubernetes: self.in_kubernetes,
            vouched: self.identity_from == IdentityFrom::Static,
        }
    }

    /// The brokers.
    ///
    /// # Errors
    /// If they are not set.
    pub fn required_bootstrap_servers(&self) -> Result<&str, Error> {
        self.bootstrap_servers.as_deref().ok_or_else(|| missing("bootstrap_servers"))
    }

    /// How to reach the cluster.
    ///
    /// # Errors
    /// If the brokers are not set, or a file that a property names is no longer there.
    pub fn clients(&self) -> Result<ClientSettings, Error> {
        let bootstrap_servers = self.required_bootstrap_servers()?.to_owned();
        Ok(ClientSettings { bootstrap_servers, properties: self.kafka.properties()? })
    }

    /// The outcomes topic of slots with this prefix.
    pub fn outcomes_topic_of(&self, prefix: &str) -> String {
        self.outcomes_topic.clone().unwrap_or_else(|| format!("{prefix}.sidecommit-outcomes"))
    }

    /// With `private-groups`: what the groups' names start with, for slots with this prefix.
    pub fn private_groups_of(&self, prefix: &str) -> String {
        format!("{prefix}.sidecommit.")
    }

    /// The engine's settings.
    pub fn limits(&self) -> Limits {
        let fields = &self.fields;
        Limits {
            lanes_max: fields.lanes_max,
            lanes_reserved: fields.lanes_reserved,
            lanes_warm: fields.lanes_warm,
            group_commit: self.group_commit(),
            group_attempts_max: fields.group_attempts_max,
            open_transactions: fields.open_transactions,
            queue: fields.queue,
            records_per_transaction: fields.records_per_transaction,
            bytes_per_transaction: fields.bytes_per_transaction,
            streaming_bytes: fields.streaming_bytes,
            buffer_bytes: fields.buffer_bytes,
            lane_window_bytes: fields.lane_window_bytes,
            idle_timeout: fields.idle_timeout,
            default_timeout: fields.default_timeout,
            max_timeout: fields.max_timeout,
            lane_timeout: fields.lane_timeout,
            session_timeout: self.kafka.session_timeout(),
            recovering_wait: fields.recovering_wait,
            pending_wait: fields.pending_wait,
            outcomes_remembered: fields.outcomes_remembered,
            sessions: fields.sessions,
            delivery_timeout: fields.delivery_timeout,
            session_grace: fields.session_grace,
            revoke_wait: fields.revoke_wait,
            read_ahead_bytes: fields.read_ahead_bytes,
            read_ahead_total_bytes: fields.read_ahead_total_bytes,
            reopen_backoff: fields.reopen_backoff,
        }
    }

    fn group_commit(&self) -> GroupCommit {
        let fields = &self.fields;
        let members_max = match fields.outcomes_mode {
            OutcomesMode::Topic => usize::MAX,
            OutcomesMode::PrivateGroups => check::PRIVATE_GROUP_MEMBERS_MAX,
        };
        if !fields.group_commit_enabled {
            return GroupCommit::OFF;
        }
        GroupCommit {
            transactions: fields.group_commit_transactions.min(members_max),
            records: fields.group_commit_records,
            bytes: fields.group_commit_bytes,
            wait: fields.group_commit_wait,
        }
    }

    /// Every limit with its name, its value and the value's unit, for metrics.
    pub fn named_limits(&self) -> Vec<(&'static str, &'static str, f64)> {
        let unit = |setting: &Setting, n: u64| match setting.form {
            Form::Duration(..) => ("seconds", n as f64 / 1000.0),
            Form::Size(..) => ("bytes", n as f64),
            _ => ("", n as f64),
        };
        let value = |setting: &'static Setting| match self.values.parsed(setting.name) {
            form::Parsed::Number(n) => {
                let (unit, value) = unit(setting, n);
                Some((setting.name, unit, value))
            }
            _ => None,
        };
        let is_limit = |s: &&Setting| {
            s.name.starts_with("limits.")
                || s.name.starts_with("group_commit.")
                || s.name == "max_message_size"
        };
        TABLE.iter().filter(is_limit).filter_map(value).collect()
    }
}

impl Deref for Settings {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.fields
    }
}

fn missing(name: &'static str) -> Error {
    let setting = Setting::named(name).expect("names come from the table");
    Error::Missing {
        name,
        expected: setting.form.accepted(),
        flag: format!("--{}", setting.flag()),
        variable: setting.variable(),
    }
}

#[cfg(test)]
#[path = "settings/tests.rs"]
mod tests;
