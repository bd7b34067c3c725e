//! Properties passed through to librdkafka.

use super::{
    error::Error,
    sources::{Given, Source},
};
use sidecommit_kafka::{
    Error::{InvalidValue, RefusedProperty, UnknownProperty},
    Properties,
};
use std::{collections::BTreeMap, fmt};

/// What stands for a secret wherever settings are shown.
pub(crate) const REDACTED: &str = "***";

/// librdkafka properties, by name.
#[derive(Clone, Default)]
pub struct KafkaProperties {
    given: BTreeMap<String, Given>,
}

// === impl KafkaProperties ===

impl KafkaProperties {
    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.given.iter().map(|(name, given)| (name.as_str(), given.text.as_str()))
    }

    /// session.timeout.ms of consumers: as given, else librdkafka's default.
    pub(super) fn session_timeout(&self) -> u64 {
        let given = self.given.get("session.timeout.ms");
        given.and_then(|given| given.text.trim().parse().ok()).unwrap_or(45_000)
    }

    /// Names, values fit to be shown, and sources.
    pub(super) fn shown(&self) -> impl Iterator<Item = (&str, String, &Source)> {
        self.given.iter().map(|(name, given)| (name.as_str(), shown(name, &given.text), &given.source))
    }

    pub(super) fn set(&mut self, name: &str, text: String, source: Source) {
        self.given.insert(name.to_owned(), Given { text, source });
    }

    /// Checked: all of them are known to librdkafka, none would break the guarantees, no two contradict each other.
    pub(super) fn properties(&self) -> Result<Properties, Error> {
        Properties::new(self.iter()).map_err(|error| {
            let name = match &error {
                RefusedProperty { name, .. } | UnknownProperty { name } | InvalidValue { name, .. } => {
                    Some(name)
                }
                _ => None,
            };
            let given = name.and_then(|name| self.given.get(name));
            let origin = given.map_or_else(|| "kafka.*".to_owned(), |given| given.source.to_string());
            Error::Kafka { origin, error }
        })
    }

    /// What is wrong with them. Without any nothing is; to find that out librdkafka would make two clients.
    pub(super) fn check(&self) -> Option<Error> {
        if self.given.is_empty() { None } else { self.properties().err() }
    }
}

impl fmt::Debug for KafkaProperties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.shown().map(|(name, value, _)| (name, value))).finish()
    }
}

/// The value, unless the name says that it is a secret.
pub(super) fn shown(name: &str, value: &str) -> String {
    let name = name.to_ascii_lowercase().replace('_', ".");
    let secret = ["password", "passphrase", "secret", ".pem", "token", "oauthbearer.config", "jaas"]
        .iter()
        .any(|word| name.contains(word));
    if secret { REDACTED.to_owned() } else { value.to_owned() }
}
