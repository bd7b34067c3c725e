//! What counts for a pod: its own annotations over those of its namespace over the defaults over the table.

use super::{
    PREFIX,
    form::Form,
    keys::{KAFKA_CA_SECRET, KAFKA_TLS_SECRET},
    table::{Annotation, Scope, TABLE, find},
};
use crate::{Complaint, NamespaceMeta};
use serde_json::{Map, Value};
use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

/// Labels and annotations under the prefix that are no settings.
const LABELS: [&str; 2] = ["inject", "rev"];
const STATUS: &str = "status";

/// The defaults of an installation, by the annotations' keys in camelCase.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    values: BTreeMap<&'static str, String>,
}

/// Where a value was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    Table,
    Defaults,
    Namespace,
    Pod,
}

/// The values that count, each accepted by its form.
#[derive(Debug, Default)]
pub(crate) struct Values {
    values: BTreeMap<&'static str, (String, Origin)>,
    /// Keys whose value was complained about.
    rejected: BTreeSet<String>,
}

// === impl Defaults ===

impl Defaults {
    /// Reads the chart's `injection` object; an empty text or null counts as not given.
    ///
    /// # Errors
    /// All keys that do not exist and values that are not accepted.
    pub fn from_value(value: &Value) -> Result<Self, Vec<Complaint>> {
        let mut defaults = Self::default();
        let mut complaints = Vec::new();
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match default(name, value) {
                        Ok(Some((key, text))) => drop(defaults.values.insert(key, text)),
                        Ok(None) => {}
                        Err(complaint) => complaints.push(complaint),
                    }
                }
            }
            Value::Null => {}
            other => complaints.push(Complaint::of_value("defaults", other, "an object of keys and values")),
        }
        if complaints.is_empty() { Ok(defaults) } else { Err(complaints) }
    }

    /// Reads a file's text, YAML or JSON.
    ///
    /// # Errors
    /// As [`Defaults::from_value`], and if the text is no YAML.
    pub fn from_yaml(text: &str) -> Result<Self, Vec<Complaint>> {
        let documents = crate::yaml::parse(text);
        let documents =
            documents.map_err(|e| vec![Complaint::new("defaults", &e.to_string(), "YAML or JSON")])?;
        match &documents[..] {
            [] => Ok(Self::default()),
            [one] => Self::from_value(one),
            more => {
                Err(vec![Complaint::new("defaults", &format!("{} documents", more.len()), "one document")])
            }
        }
    }
}

fn default(name: &str, value: &Value) -> Result<Option<(&'static str, String)>, Complaint> {
    let Some(row) = TABLE.iter().find(|row| row.camel() == name) else {
        let names: Vec<String> = TABLE.iter().map(Annotation::camel).collect();
        return Err(Complaint::of_value(name, value, nearest(name, names.iter().map(String::as_str), "")));
    };
    if row.scope == Scope::Pod {
        return Err(Complaint::of_value(name, value, "nothing: it is an annotation of the pod only"));
    }
    let text = match (value, row.form) {
        (Value::Null, _) => return Ok(None),
        (Value::String(text), _) if text.is_empty() => return Ok(None),
        (Value::String(text), _) => Some(text.clone()),
        (Value::Number(_) | Value::Bool(_), _) => Some(value.to_string()),
        (Value::Array(items), Form::Names) if items.is_empty() => return Ok(None),
        (Value::Array(items), Form::Names) => {
            items.iter().map(Value::as_str).collect::<Option<Vec<_>>>().map(|names| names.join(","))
        }
        (Value::Object(map), Form::Env) if map.is_empty() => return Ok(None),
        (Value::Object(map), Form::Env) => Some(map.iter().map(line).collect::<Vec<_>>().join("\n")),
        _ => None,
    };
    match text.filter(|text| row.form.accepts(text)) {
        Some(text) => Ok(Some((row.key, text))),
        None => Err(Complaint::of_value(name, value, row.form.accepted())),
    }
}

fn line((name, value): (&String, &Value)) -> String {
    match value {
        Value::String(text) => format!("{name}={text}"),
        other => format!("{name}={other}"),
    }
}

// === impl Values ===

impl Values {
    /// Merges the three sources; what is not accepted is complained about and left out.
    pub(crate) fn collect(
        pod: &Value,
        namespace: &NamespaceMeta,
        defaults: &Defaults,
        complaints: &mut Vec<Complaint>,
    ) -> Self {
        let mut values = Self::default();
        for row in &TABLE {
            if let Some(default) = row.default {
                values.values.insert(row.key, (default.to_owned(), Origin::Table));
            }
        }
        for (key, text) in &defaults.values {
            values.values.insert(key, (text.clone(), Origin::Defaults));
        }
        values.layer(Origin::Namespace, &namespace.annotations, complaints);
        let metadata = |key| pod.pointer(key).and_then(Value::as_object);
        if let Some(annotations) = metadata("/metadata/annotations") {
            values.layer(Origin::Pod, annotations, complaints);
        }
        if let Some(labels) = metadata("/metadata/labels") {
            complaints.extend(unknown_labels(labels));
        }
        values.hide(KAFKA_TLS_SECRET, KAFKA_CA_SECRET);
        values
    }

    /// A value, if anybody gave one.
    pub(crate) fn get(&self, key: &'static str) -> Option<&str> {
        self.values.get(key).map(|(text, _)| text.as_str())
    }

    /// A value that the table has a default for.
    pub(crate) fn text(&self, key: &'static str) -> &str {
        self.get(key).unwrap_or_default()
    }

    /// Whether the pod itself says so.
    pub(crate) fn is_of_pod(&self, key: &'static str) -> bool {
        self.values.get(key).is_some_and(|(_, origin)| *origin == Origin::Pod)
    }

    /// Of two that exclude each other: what was said nearer to the pod hides the other, which is gone then.
    fn hide(&mut self, one: &'static str, other: &'static str) {
        let origin = |key| self.values.get(key).map(|(_, origin)| *origin);
        if let (Some(first), Some(second)) = (origin(one), origin(other)) {
            match first.cmp(&second) {
                Ordering::Greater => drop(self.values.remove(other)),
                Ordering::Less => drop(self.values.remove(one)),
                Ordering::Equal => {}
            }
        }
    }

    /// Whether nobody gave a value, not even a wrong one.
    pub(crate) fn is_missing(&self, key: &'static str) -> bool {
        !self.values.contains_key(key) && !self.rejected.contains(key)
    }

    /// A complaint about a value that is well-formed and does not fit.
    pub(crate) fn complain(&self, key: &'static str, accepted: impl Into<String>) -> Complaint {
        let origin = self.values.get(key).map_or(Origin::Pod, |(_, origin)| *origin);
        Complaint::new(&named(key, origin), self.text(key), accepted)
    }

    fn layer(&mut self, origin: Origin, annotations: &Map<String, Value>, complaints: &mut Vec<Complaint>) {
        for (full, value) in annotations {
            let Some(key) = full.strip_prefix(PREFIX) else { continue };
            if key == STATUS && origin == Origin::Pod {
                continue;
            }
            match accepted(key, value, origin) {
                Ok((key, text)) => drop(self.values.insert(key, (text, origin))),
                Err(accepted) => {
                    self.rejected.insert(key.to_owned());
                    complaints.push(Complaint::of_value(&named(key, origin), value, accepted));
                }
            }
        }
    }
}

/// The row's key and the text, or the accepted form.
fn accepted(key: &str, value: &Value, origin: Origin) -> Result<(&'static str, String), String> {
    if LABELS.contains(&key) {
        return Err(format!("no annotation: {PREFIX}{key} is a label of the pod"));
    }
    let Some(row) = find(key) else {
        return Err(nearest(key, TABLE.iter().map(|row| row.key), PREFIX));
    };
    if row.scope == Scope::Pod && origin != Origin::Pod {
        return Err("an annotation of the pod only: workloads that share it would be one".to_owned());
    }
    match value {
        Value::String(text) if row.form.accepts(text) => Ok((row.key, text.clone())),
        Value::String(_) => Err(row.form.accepted()),
        _ => Err(format!("a text, in quotes: {}", row.form.accepted())),
    }
}

fn unknown_labels(labels: &Map<String, Value>) -> Vec<Complaint> {
    let ours = labels.iter().filter_map(|(full, value)| Some((full.strip_prefix(PREFIX)?, value)));
    let unknown = ours.filter(|(key, _)| !LABELS.contains(key));
    let complaint = |(key, value): (&str, &Value)| {
        let accepted = match find(key) {
            Some(_) => format!("no label: {PREFIX}{key} is an annotation of the pod"),
            None => nearest(key, LABELS.into_iter(), PREFIX),
        };
        Complaint::of_value(&format!("{PREFIX}{key} (label)"), value, accepted)
    };
    unknown.map(complaint).collect()
}

/// What an unknown key was perhaps meant to be.
fn nearest<'a>(key: &str, known: impl Iterator<Item = &'a str>, prefix: &str) -> String {
    let scored = known.map(|known| (strsim::jaro_winkler(key, known), known));
    let best = scored.max_by(|one, other| one.0.total_cmp(&other.0));
    match best {
        Some((score, known)) if score > 0.7 => format!("a known key, such as {prefix}{known}"),
        _ => "a known key: see docs/annotations.md".to_owned(),
    }
}

fn named(key: &str, origin: Origin) -> String {
    match origin {
        Origin::Pod | Origin::Table => format!("{PREFIX}{key}"),
        Origin::Namespace => format!("{PREFIX}{key} (of the namespace)"),
        Origin::Defaults => format!("{PREFIX}{key} (of the defaults)"),
    }
}
