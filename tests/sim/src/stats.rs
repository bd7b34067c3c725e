//! What happened in one run or in many: shows whether the simulation reaches what it is for.

use crate::Coverage;
use std::{collections::BTreeMap, fmt};

/// Running totals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Seeds run.
    pub seeds: u64,
    /// Events simulated.
    pub events: u64,
    /// What was reached.
    pub coverage: Coverage,
    /// Everything else, by group and name.
    counts: BTreeMap<(&'static str, String), u64>,
}

// === impl Stats ===

impl Stats {
    /// The start of one seed's totals.
    pub(crate) fn of_one_seed() -> Self {
        Self { seeds: 1, ..Self::default() }
    }

    /// Counts one.
    pub(crate) fn count(&mut self, group: &'static str, name: impl Into<String>) {
        self.add(group, name, 1);
    }

    /// Counts several.
    pub(crate) fn add(&mut self, group: &'static str, name: impl Into<String>, count: u64) {
        if count > 0 {
            *self.counts.entry((group, name.into())).or_default() += count;
        }
    }

    /// Adds another run's totals.
    pub fn merge(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.events += other.events;
        self.coverage.merge(&other.coverage);
        for (key, count) in &other.counts {
            *self.counts.entry(key.clone()).or_default() += count;
        }
    }

    /// The sum of a group.
    pub fn total(&self, group: &str) -> u64 {
        self.counts.iter().filter(|((name, _), _)| *name == group).map(|(_, count)| count).sum()
    }

    /// One count.
    pub fn get(&self, group: &'static str, name: &str) -> u64 {
        self.counts.get(&(group, name.to_owned())).copied().unwrap_or(0)
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} seeds, {} events", self.seeds, self.events)?;
        let mut last = "";
        for ((group, name), count) in &self.counts {
            if *group != last {
                writeln!(f, "{group} ({}):", self.total(group))?;
                last = group;
            }
            writeln!(f, "  {name:<44} {count}")?;
        }
        Ok(())
    }
}
