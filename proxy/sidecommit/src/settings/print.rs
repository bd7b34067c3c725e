//! `config print`: the effective settings, each with where it comes from.

use super::{Form, Settings, Source, TABLE};
use serde::Serialize;
use std::collections::BTreeMap;

/// One effective setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Effective {
    /// Its value as a text; secrets are redacted; absent: not set.
    pub value: Option<String>,
    /// Where it comes from.
    pub source: String,
}

// === impl Settings ===

impl Settings {
    /// All settings by name, secrets redacted.
    pub fn effective(&self) -> BTreeMap<String, Effective> {
        let shown = TABLE.iter().filter(|setting| !setting.hidden()).map(|setting| {
            let (value, source) = match self.values.get(setting.name) {
                Some(given) => (Some(given.text.clone()), given.source.to_string()),
                None => (None, "not set".to_owned()),
            };
            (setting.name.to_owned(), Effective { value, source })
        });
        let kafka = self.kafka.shown().map(|(name, value, source): (_, _, &Source)| {
            (format!("kafka.{name}"), Effective { value: Some(value), source: source.to_string() })
        });
        shown.chain(kafka).collect()
    }

    /// The effective settings as a file that would set them again (but for the redacted secrets).
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        let mut section = "";
        for setting in TABLE.iter().filter(|setting| !setting.hidden()) {
            let (of, key) = setting.name.split_once('.').unwrap_or(("", setting.name));
            if of != section {
                text += &format!("\n[{of}]\n");
                section = of;
            }
            text += &match self.values.get(setting.name) {
                Some(given) => {
                    format!("{key} = {}  # {}\n", literal(setting.form, &given.text), given.source)
                }
                None => format!("# {key} is not set\n"),
            };
        }
        let properties: Vec<_> = self.kafka.shown().collect();
        if !properties.is_empty() {
            text += "\n[kafka]\n";
        }
        for (name, value, source) in properties {
            text += &format!("{} = {}  # {source}\n", quoted(name), quoted(&value));
        }
        text
    }
}

fn literal(form: Form, text: &str) -> String {
    match form {
        Form::Integer(..) => text.to_owned(),
        _ => quoted(text),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
