//! Many seeds, and what they cover together: crashes that chance has not brought are aimed at.

use crate::{Case, FULL, Plant, Run, Stats, coverage::Target};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

/// Runs that aim at one crash, at most.
const ATTEMPTS: usize = 400;

/// Runs and what they add up to.
#[derive(Debug, Default)]
pub struct Campaign {
    plant: Option<Plant>,
    seeds: u64,
    stats: Stats,
    /// Seeds that go through a row or have a feature, those that do most often first.
    through: BTreeMap<Target, BTreeSet<(Reverse<u64>, u64)>>,
    /// Runs that have aimed at a crash.
    attempts: BTreeMap<usize, usize>,
}

// === impl Campaign ===

impl Campaign {
    /// Nothing has run yet.
    pub fn new(plant: Option<Plant>) -> Self {
        Self { plant, ..Self::default() }
    }

    /// Runs a seed.
    pub fn seed(&mut self, seed: u64) -> (Case, Run) {
        let case = Case::new(seed, self.plant);
        let run = case.run(false);
        self.seeds += 1;
        self.stats.merge(&run.stats);
        for (target, times) in run.stats.coverage.targets() {
            self.through.entry(target).or_default().insert((Reverse(times), seed));
        }
        (case, run)
    }

    /// Once the seeds of a full run have run: runs one of them again, with a crash that none has met yet. None if there
    /// is nothing left to try.
    pub fn aim(&mut self) -> Option<(Case, Run)> {
        // A planted fault covers other ground.
        if self.seeds < FULL || self.plant.is_some() {
            return None;
        }
        let (aim, seeds) = self.stats.coverage.missing_crashes().find_map(|(index, target)| {
            let tried = self.attempts.get(&index).copied().unwrap_or(0);
            Some((index, self.through.get(&target).filter(|_| tried < ATTEMPTS)?))
        })?;
        let attempt = self.attempts.entry(aim).or_default();
        // Each of the seeds with its own luck, then with other luck.
        let (_, seed) = seeds.iter().nth(*attempt % seeds.len())?;
        let salt = (*attempt / seeds.len()) as u64;
        *attempt += 1;
        let case = Case { salt, aim: Some(aim), ..Case::new(*seed, None) };
        let run = case.run(false);
        self.stats.merge(&run.stats);
        Some((case, run))
    }

    /// Runs that aimed at a crash.
    pub fn aimed(&self) -> usize {
        self.attempts.values().sum()
    }

    /// What happened.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// What is covered and should not be, or should be and is not.
    pub fn gaps(&self) -> Vec<String> {
        if self.plant.is_some() { Vec::new() } else { self.stats.coverage.gaps(self.seeds) }
    }
}
