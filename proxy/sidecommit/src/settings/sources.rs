//! Where values come from, and which wins: flag, then variable, then file, then default.

use super::{
    error::Error,
    form::Parsed,
    kafka::{self, KafkaProperties},
    table::{Setting, TABLE},
};
use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

/// What every variable of ours begins with.
const PREFIX: &str = "SIDECOMMIT_";

/// Names the file; neither in the file nor in the table.
pub(crate) const CONFIG_VARIABLE: &str = "SIDECOMMIT_CONFIG";

/// Properties for librdkafka; dots are written as underscores.
const KAFKA_VARIABLES: &str = "SIDECOMMIT_KAFKA_";

/// Told to application containers, not to the sidecar; harmless if a whole pod has them.
const FOR_APPLICATIONS: [&str; 2] = ["SIDECOMMIT_ADDRESS", "SIDECOMMIT_INJECTED"];

/// What the command line says.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// By setting name.
    pub values: BTreeMap<&'static str, String>,
    /// `--kafka key=value`, in order.
    pub kafka: Vec<String>,
}

/// What the process finds around it.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// Environment variables.
    pub variables: BTreeMap<String, String>,
    /// Variables of ours whose value is no text.
    pub not_text: Vec<(String, String)>,
    /// The machine's name.
    pub host_name: Option<String>,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Nobody said anything.
    Default,
    /// The file.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
    /// The command line.
    Flag(String),
}

/// A text and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) text: String,
    pub(crate) source: Source,
}

/// What was given for each setting; absent: nothing, and there is no default.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    given: BTreeMap<&'static str, Given>,
}

/// What the sources say, and what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) values: Values,
    pub(super) kafka: KafkaProperties,
    pub(super) errors: Vec<Error>,
}

// === impl Environment ===

impl Environment {
    /// The process's.
    pub fn of_process() -> Self {
        let mut environment = Self { host_name: host_name(), ..Self::default() };
        for (name, value) in std::env::vars_os() {
            let Some(name) = name.to_str() else { continue };
            match value.into_string() {
                Ok(value) => {
                    environment.variables.insert(name.to_owned(), value);
                }
                Err(value) if name.starts_with(PREFIX) => {
                    environment.not_text.push((name.to_owned(), value.to_string_lossy().into_owned()));
                }
                Err(_) => {}
            }
        }
        environment
    }

    /// Whether this process runs in a pod.
    pub(super) fn in_kubernetes(&self) -> bool {
        self.variable("KUBERNETES_SERVICE_HOST").is_some()
    }

    /// An empty variable counts as not set: templates make such, and the downward API does for an absent label.
    fn variable(&self, name: &str) -> Option<&String> {
        self.variables.get(name).filter(|value| !value.is_empty())
    }
}

fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

// === impl Source ===

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

// === impl Values ===

impl Values {
    /// What was given for a setting.
    pub(crate) fn get(&self, name: &str) -> Option<&Given> {
        self.given.get(name)
    }

    /// The value of a setting, whose form was checked before.
    pub(super) fn parsed(&self, name: &str) -> Parsed {
        let setting = Setting::named(name).expect("names come from the table");
        self.get(name).map_or(Parsed::Nothing, |given| {
            setting.form.parse(&given.text).expect("values are checked before they are read")
        })
    }

    fn set(&mut self, name: &'static str, text: String, source: Source) {
        self.given.insert(name, Given { text, source });
    }
}

// === impl Gathered ===

impl Gathered {
    /// Asks all sources, from the weakest to the strongest.
    pub(super) fn from(flags: &Flags, environment: &Environment) -> Self {
        let mut gathered = Self::default();
        for setting in TABLE {
            if let Some(default) = setting.default {
                gathered.values.set(setting.name, default.to_owned(), Source::Default);
            }
        }
        let variable = environment.variable(CONFIG_VARIABLE).map(PathBuf::from);
        if let Some(path) = flags.config.clone().or(variable) {
            gathered.file(&path);
        }
        gathered.variables(environment);
        gathered.flags(flags);
        gathered.check_forms();
        gathered
    }

    fn file(&mut self, path: &Path) {
        let table = std::fs::read_to_string(path)
            .map_err(|error| error.to_string())
            .and_then(|text| text.parse::<toml::Table>().map_err(|error| place_of(&error, &text)));
        match table {
            Ok(table) => {
                for (key, value) in table {
                    self.file_value(path, key, value);
                }
            }
            Err(message) => self.errors.push(Error::File { path: path.to_owned(), message }),
        }
    }

    fn file_value(&mut self, path: &Path, name: String, value: toml::Value) {
        let source = Source::File(path.to_owned());
        let text = match value {
            toml::Value::Table(table) => {
                for (key, value) in table {
                    self.file_value(path, format!("{name}.{key}"), value);
                }
                return;
            }
            toml::Value::String(text) => text,
            toml::Value::Array(values) if values.iter().all(toml::Value::is_str) => {
                values.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join(",")
            }
            other => other.to_string(),
        };
        if let Some(property) = name.strip_prefix("kafka.") {
            self.kafka.set(property, text, source);
        } else if let Some(setting) = Setting::named(&name) {
            self.values.set(setting.name, text, source);
        } else {
            let expected = nearest(&name, TABLE.iter().map(|setting| setting.name.to_owned()));
            self.errors.push(Error::Unknown { name, origin: source.to_string(), expected });
        }
    }

    fn variables(&mut self, environment: &Environment) {
        for (name, value) in &environment.not_text {
            self.errors.push(Error::NotText { name: name.clone(), value: kafka::shown(name, value) });
        }
        let ours = environment.variables.iter().filter(|(name, _)| name.starts_with(PREFIX));
        for (name, value) in ours.filter(|(name, value)| !value.is_empty() && !is_foreign(name)) {
            let source = Source::Variable(name.clone());
            if let Some(setting) = TABLE.iter().find(|setting| setting.variable() == *name) {
                self.values.set(setting.name, value.clone(), source);
            } else if let Some(property) = name.strip_prefix(KAFKA_VARIABLES) {
                let property = property.to_ascii_lowercase().replace('_', ".");
                self.kafka.set(&property, value.clone(), source);
            } else {
                let expected = nearest(name, TABLE.iter().map(Setting::variable));
                let origin = "environment variable".to_owned();
                self.errors.push(Error::Unknown { name: name.clone(), origin, expected });
            }
        }
    }

    fn flags(&mut self, flags: &Flags) {
        for (name, value) in &flags.values {
            let setting = Setting::named(name).expect("flags are made from the table");
            self.values.set(setting.name, value.clone(), Source::Flag(format!("--{}", setting.flag())));
        }
        for pair in &flags.kafka {
            match pair.split_once('=') {
                Some((property, value)) if !property.is_empty() => {
                    self.kafka.set(property, value.to_owned(), Source::Flag("--kafka".to_owned()));
                }
                _ => self.errors.push(Error::Bad {
                    name: "kafka".to_owned(),
                    value: kafka::shown(pair, pair),
                    origin: "--kafka".to_owned(),
                    expected: "key=value, such as compression.type=zstd".to_owned(),
                }),
            }
        }
    }

    fn check_forms(&mut self) {
        for (name, given) in &self.values.given {
            let setting = Setting::named(name).expect("names come from the table");
            if setting.form.parse(&given.text).is_none() {
                self.errors.push(Error::Bad {
                    name: (*name).to_owned(),
                    value: given.text.clone(),
                    origin: given.source.to_string(),
                    expected: setting.form.accepted(),
                });
            }
        }
        self.errors.extend(self.kafka.check());
    }
}

/// What is wrong with a TOML text, without the line's content, which may be a secret.
fn place_of(error: &toml::de::Error, text: &str) -> String {
    let line = error.span().map(|span| text[..span.start].matches('\n').count() + 1);
    line.map_or_else(|| error.message().to_owned(), |line| format!("line {line}: {}", error.message()))
}

/// Kubernetes puts a pod's neighbours into its variables: a Service named sidecommit, or sidecommit-webhook, makes
/// SIDECOMMIT_SERVICE_HOST, SIDECOMMIT_PORT_443_TCP and so on.
fn is_foreign(name: &str) -> bool {
    let service_link = |word: &str| {
        name.strip_prefix(PREFIX).is_some_and(|rest| {
            rest == word || rest.ends_with(&format!("_{word}")) || rest.starts_with(&format!("{word}_"))
        })
    };
    let port_link = || {
        let digits_then_protocol = |rest: &str| {
            let (port, protocol) = rest.split_once('_').unwrap_or((rest, ""));
            !port.is_empty()
                && port.bytes().all(|b| b.is_ascii_digit())
                && ["TCP", "UDP", "SCTP"].iter().any(|p| protocol.starts_with(p))
        };
        name.match_indices("_PORT_").any(|(at, word)| digits_then_protocol(&name[at + word.len()..]))
    };
    name == CONFIG_VARIABLE
        || FOR_APPLICATIONS.contains(&name)
        || service_link("SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name == "SIDECOMMIT_PORT"
        || port_link()
}

/// A name that was probably meant.
fn nearest(given: &str, names: impl Iterator<Item = String>) -> String {
    let distance = |name: &String| strsim::damerau_levenshtein(given, name);
    match names.min_by_key(distance) {
        Some(name) if distance(&name) <= 2 + given.len() / 6 => {
            format!("one of the known; did you mean {name}?")
        }
        _ => "one of docs/configuration.md; `sidecommit config print` lists them".to_owned(),
    }
}
