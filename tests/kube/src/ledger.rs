//! What applications were told, against what Kafka shows.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A line of the test's application: each is written before the next act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// A transaction with this value is to be committed; nothing was asked yet.
    Trying(String),
    /// It was told to be committed.
    Committed(String),
    /// It was told to be aborted, and will not be tried again under this value.
    Aborted(String),
    /// A transaction is open with this value, its records are in Kafka.
    Open(String),
    /// SIGTERM was seen; the last transaction is over.
    Ended,
}

/// All applications' lines together.
#[derive(Debug, Default)]
pub struct Outcomes {
    /// Told to be committed.
    pub committed: BTreeSet<String>,
    /// Told to be aborted.
    pub aborted: BTreeSet<String>,
    /// Nobody was told: the application died.
    pub untold: BTreeSet<String>,
}

// === impl Line ===

impl Line {
    /// A line of this kind, if it is one: an application may say other things as well.
    pub fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }

    /// Writes it to standard output.
    pub fn say(&self) {
        println!("{}", serde_json::to_string(self).expect("texts are JSON"));
    }
}

// === impl Outcomes ===

impl Outcomes {
    /// Of these lines.
    pub fn of(lines: &[Line]) -> Self {
        let mut outcomes = Self::default();
        for line in lines {
            match line {
                Line::Trying(value) | Line::Open(value) => outcomes.untold.insert(value.clone()),
                Line::Committed(value) => outcomes.committed.insert(value.clone()),
                Line::Aborted(value) => outcomes.aborted.insert(value.clone()),
                Line::Ended => false,
            };
        }
        outcomes
            .untold
            .retain(|value| !outcomes.committed.contains(value) && !outcomes.aborted.contains(value));
        outcomes
    }

    /// Every value that was told to be committed is visible once, none that was told to be aborted is visible, none that
    /// nobody was told of is visible twice, and nothing else is visible.
    ///
    /// # Panics
    /// If not.
    pub fn check(&self, visible: &BTreeMap<String, usize>) {
        let lost: Vec<_> = self.committed.iter().filter(|value| !visible.contains_key(*value)).collect();
        let doubled: Vec<_> = visible.iter().filter(|(_, count)| **count > 1).collect();
        let torn: Vec<_> = self.aborted.iter().filter(|value| visible.contains_key(*value)).collect();
        let known = |value: &String| {
            self.committed.contains(value) || self.untold.contains(value) || self.aborted.contains(value)
        };
        let phantom: Vec<_> = visible.keys().filter(|value| !known(value)).collect();
        assert!(
            lost.is_empty() && doubled.is_empty() && torn.is_empty() && phantom.is_empty(),
            "lost {lost:?}, duplicated {doubled:?}, told aborted and visible {torn:?}, from nowhere {phantom:?}"
        );
    }
}
