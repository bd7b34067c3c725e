//! The words of which scenarios are made.

use crate::Wrong;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// One step; what is done to whom.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Step {
    /// A command for a driver, which is not waited for.
    Call(Map<String, Value>),
    /// Waits for the answer of the oldest call that has none, and compares.
    Answer(Answer),
    /// Waits for an event.
    Event(Event),
    /// Tells a paused driver to go on.
    Continue(Target),
    /// To the cell's sidecar.
    Sidecar(Act),
    /// To another sidecar of the same slot.
    Rival(Act),
    /// Foreign producers take so many lanes' transactional.ids.
    Fence(u16),
    /// A signal for a driver.
    Driver(Hit),
    /// Writes input.
    Fill(Fill),
    /// Waits for a condition.
    Until(Until),
    /// Compares what a read_committed reader sees.
    Visible(Visible),
    /// Compares a group's committed offset.
    Committed(Committed),
    /// Compares what was kept with a pattern.
    Same(Same),
}

/// To a sidecar.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Act {
    /// Starts it, and goes on.
    Start,
    /// Waits until it serves.
    Serves,
    /// SIGKILL.
    Kill,
    /// SIGSTOP.
    Pause,
    /// SIGCONT.
    Continue,
    /// Waits until it has killed itself.
    Died,
    /// Once it died: its journal is lost.
    Forget,
    /// As an operator: makes it claim its slot again.
    Resume,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    /// Whose.
    pub(crate) on: Option<String>,
    /// Keeps it for placeholders.
    #[serde(rename = "as")]
    pub(crate) kept: Option<String>,
    /// So much work: its pace is evidence.
    pub(crate) timed: Option<Number>,
    /// The pattern.
    #[serde(flatten)]
    pub(crate) pattern: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Event {
    pub(crate) is: String,
    pub(crate) on: Option<String>,
    #[serde(rename = "as")]
    pub(crate) kept: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    pub(crate) on: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hit {
    pub(crate) on: String,
    pub(crate) signal: Signal,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Signal {
    Kill,
    Term,
}

/// Keys are `key-<n % keys>`, a key's records in one partition; values are `n` in decimal, counted through the scenario.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fill {
    #[serde(rename = "in")]
    pub(crate) topic: String,
    pub(crate) records: u64,
    pub(crate) keys: u64,
    /// In place of the nth's value.
    #[serde(default)]
    pub(crate) values: BTreeMap<u64, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Until {
    /// So many records are visible.
    Visible {
        #[serde(rename = "in")]
        topic: String,
        count: u64,
        /// Made by this driver.
        by: Option<String>,
        /// Input to be written whenever there are not so many yet.
        feed: Option<Fill>,
    },
    /// As many records are visible as were written to `of`, but so many.
    Copied {
        #[serde(rename = "in")]
        topic: String,
        of: String,
        #[serde(default)]
        but: u64,
    },
    /// The driver's process has ended.
    Ended(String),
    /// The sidecar's serving state.
    State(String),
    /// The sidecar has refused a call for this reason.
    Refused(String),
    /// So many seconds; where the time itself is what is tried.
    Passed(u64),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Visible {
    #[serde(rename = "in")]
    pub(crate) topic: String,
    /// Else nothing is visible.
    pub(crate) when: Option<When>,
    /// Precisely these, in their order; on more partitions in any, unless each names its own.
    pub(crate) records: Option<Vec<Value>>,
    /// Precisely what `generate` makes.
    pub(crate) generated: Option<Generated>,
    /// Each record of this topic once, each key's in order, with the header `driver` before all others.
    pub(crate) copies: Option<String>,
    /// Values that are not copied.
    #[serde(default)]
    pub(crate) but: BTreeSet<String>,
    /// Ranges that say where they are.
    pub(crate) at: Option<Value>,
    /// Headers that each record has, and what is in their text.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct When {
    pub(crate) value: Value,
    pub(crate) is: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Generated {
    pub(crate) count: Number,
    pub(crate) size: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Committed {
    pub(crate) group: String,
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Same {
    pub(crate) value: Value,
    #[serde(rename = "as")]
    pub(crate) pattern: Value,
}

/// A number, or before it is filled in the placeholder of one.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Number {
    Is(u64),
    Named(String),
}

// === impl Number ===

impl Number {
    pub(crate) fn get(&self) -> Result<u64, Wrong> {
        match self {
            Self::Is(number) => Ok(*number),
            Self::Named(text) => Err(Wrong::new(format!("{text} is no number"))),
        }
    }
}
