//! The scenarios as scenarios.yaml has them. README.md says what each word means.

use crate::{
    Wrong,
    step::{Answer, Event, Step},
    vars::Vars,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const SCENARIOS: &str = include_str!("../scenarios.yaml");
/// Placeholders that every scenario has.
pub(crate) const GIVEN: [&str; 1] = ["records"];

/// One of the list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    /// What a client that fails it does to its users.
    why: String,
    /// Topics to be made, and their partitions: `${name}`.
    #[serde(default)]
    topics: BTreeMap<String, i32>,
    /// Names that nobody else uses: `${name}`.
    #[serde(default)]
    names: Vec<String>,
    /// Of the sidecar, beside those that all scenarios have.
    #[serde(default)]
    pub(crate) settings: BTreeMap<String, String>,
    /// Where the sidecar kills itself in its first life.
    pub(crate) failpoint: Option<String>,
    /// Lines at WARN or ERROR that the scenario brings about, as in tests/e2e/src/log.rs.
    #[serde(default)]
    pub(crate) logs: Vec<String>,
    pub(crate) steps: Vec<Value>,
}

/// The list.
pub(crate) fn all() -> Result<Vec<Scenario>, Wrong> {
    parse(SCENARIOS)
}

fn parse(yaml: &str) -> Result<Vec<Scenario>, Wrong> {
    let wrong = |error: &dyn std::fmt::Display| Wrong::new(format!("scenarios.yaml: {error}"));
    let list: Value = serde_saphyr::from_str(yaml).map_err(|error| wrong(&error))?;
    let scenarios: Vec<Scenario> = serde_json::from_value(list).map_err(|error| wrong(&error))?;
    let mut names = BTreeSet::new();
    for scenario in &scenarios {
        scenario.check().map_err(|error| wrong(&format!("{}: {}", scenario.name, error.0)))?;
        if !names.insert(&scenario.name) {
            return Err(wrong(&format!("{}: there are two", scenario.name)));
        }
    }
    Ok(scenarios)
}

// === impl Scenario ===

impl Scenario {
    /// Its topics in a cell: what the steps call each, its name, its partitions.
    pub(crate) fn topics(&self, tag: &str) -> impl Iterator<Item = (&str, String, i32)> {
        let named = move |name: &str| format!("{tag}-{}-{name}", self.name);
        self.topics.iter().map(move |(name, partitions)| (&**name, named(name), *partitions))
    }

    /// Its names in a cell: what the steps call each, and the name.
    pub(crate) fn names(&self, tag: &str) -> impl Iterator<Item = (&str, String)> {
        self.names.iter().map(move |name| (&**name, format!("{tag}-{}-{name}", self.name)))
    }

    /// Of a step with its placeholders filled in.
    pub(crate) fn step(step: &Value) -> Result<Step, Wrong> {
        serde_json::from_value(step.clone()).map_err(|error| Wrong::new(format!("{step}: {error}")))
    }

    /// Its steps are steps, and their placeholders are topics, names, or answers that were kept before.
    fn check(&self) -> Result<(), Wrong> {
        if self.why.is_empty() || self.steps.is_empty() {
            return Err(Wrong::new("it says not why, or does nothing"));
        }
        let known = self.topics.keys().chain(&self.names).map(String::as_str).chain(GIVEN);
        let mut vars = Vars::default();
        known.for_each(|name| vars.set(name, json!(1)));
        let mut kept = BTreeSet::new();
        for step in &self.steps {
            roots(step, &mut |root| {
                let known = kept.contains(root) || vars.fill(&json!(format!("${{{root}}}"))).is_ok();
                if known { Ok(()) } else { Err(Wrong::new(format!("{step}: there is no {root}"))) }
            })?;
            match Self::step(step)? {
                Step::Answer(Answer { kept: Some(name), .. })
                | Step::Event(Event { kept: Some(name), .. }) => {
                    kept.insert(name);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The first part of each placeholder.
fn roots(value: &Value, see: &mut dyn FnMut(&str) -> Result<(), Wrong>) -> Result<(), Wrong> {
    match value {
        Value::String(text) => text
            .split("${")
            .skip(1)
            .try_for_each(|part| see(part.split(['.', '}']).next().unwrap_or_default())),
        Value::Array(items) => items.iter().try_for_each(|item| roots(item, see)),
        Value::Object(fields) => fields.values().try_for_each(|value| roots(value, see)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_right() {
        let scenarios = all().expect("can be read");
        assert!(scenarios.len() > 20, "{}", scenarios.len());
    }

    #[test]
    fn mistakes_are_found_before_anything_is_run() {
        let with = |step: &str| parse(&format!("[{{name: a, why: b, topics: {{t: 1}}, steps: [{step}]}}]"));
        assert!(with("{call: {op: connect}}, {answer: {ok: {}, as: first}}, {visible: {in: '${t}', at: '${first.ok.ranges}'}}").is_ok());
        for bad in [
            "{cal: {op: connect}}",
            "{call: {op: '${u}'}}",
            "{visible: {in: '${t}', record: []}}",
            "{visible: {in: '${t}', at: '${first.ok.ranges}'}}",
            "{sidecar: restart}",
            "{until: {state: A, ended: B}}",
        ] {
            assert!(with(bad).is_err(), "{bad}");
        }
        assert!(parse("[{name: a, why: '', steps: [{fence: 1}]}]").is_err());
        let twice = "{name: a, why: b, steps: [{fence: 1}]}";
        assert!(parse(&format!("[{twice}]")).is_ok());
        assert!(parse(&format!("[{twice}, {twice}]")).is_err());
    }
}
