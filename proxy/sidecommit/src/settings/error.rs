use std::path::PathBuf;

/// What is wrong with the settings; each names the setting, its value and what would be accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A value is not accepted.
    #[error("{name}: {value:?} ({origin}): expected {expected}")]
    Bad {
        /// The setting.
        name: String,
        /// The value; redacted if it is a secret.
        value: String,
        /// Where it comes from.
        origin: String,
        /// The accepted form.
        expected: String,
    },
    /// A required setting is not set.
    #[error("{name}: not set: expected {expected}, by {flag}, {variable} or the file's key {name}")]
    Missing {
        /// The setting.
        name: &'static str,
        /// The accepted form.
        expected: String,
        /// Its flag.
        flag: String,
        /// Its variable.
        variable: String,
    },
    /// There is no such setting.
    #[error("{name} ({origin}): unknown setting: expected {expected}")]
    Unknown {
        /// What was given.
        name: String,
        /// Where.
        origin: String,
        /// A near name, or where to find them.
        expected: String,
    },
    /// A variable's value is no text.
    #[error("{name}: {value:?}: expected UTF-8")]
    NotText {
        /// The variable.
        name: String,
        /// Its value, with replacement characters.
        value: String,
    },
    /// The file cannot be read or is no TOML.
    #[error("config: {path:?}: expected a readable TOML file: {message}")]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A property for librdkafka is refused.
    #[error("{error} ({origin})")]
    Kafka {
        /// Where it comes from.
        origin: String,
        /// Names the property, the value (unless it is a secret) and what would be accepted.
        error: sidecommit_kafka::Error,
    },
    /// The identity is refused.
    #[error(transparent)]
    Identity(#[from] sidecommit_identity::Error),
}
