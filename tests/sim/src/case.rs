//! One run, as it is asked for: a seed, perhaps with a planted fault, perhaps without some of its pieces.

use crate::{Plant, Run, piece::Pieces, world::World};
use clap::ValueEnum;
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// What to run. Displayed as the arguments that replay it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Everything that is random comes from it.
    pub seed: u64,
    /// A fault to plant.
    pub plant: Option<Plant>,
    /// Other luck in the same world; 0: the seed's own.
    pub salt: u64,
    /// A crash that is sought, by its number among all that can be met; without it crashes come by chance alone.
    pub aim: Option<usize>,
    /// The pieces to keep; absent: all.
    pub only: Option<Pieces>,
}

/// More events than any seed needs: an engine that runs in circles ends here.
const EVENTS_MAX: u64 = 1_000_000;

// === impl Case ===

impl Case {
    /// A whole seed.
    pub fn new(seed: u64, plant: Option<Plant>) -> Self {
        Self { seed, plant, salt: 0, aim: None, only: None }
    }

    /// Runs it.
    pub fn run(&self, trace: bool) -> Run {
        self.run_within(EVENTS_MAX, trace)
    }

    /// Runs it; to go on for more events is a broken promise.
    pub(crate) fn run_within(&self, events_max: u64, trace: bool) -> Run {
        let mut world = World::new(self, trace);
        // A defect that the engine detects itself is a panic; it must not end the campaign.
        let result = catch_unwind(AssertUnwindSafe(|| world.run(events_max)));
        let broken = match result {
            Ok(result) => result.err(),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                Some(format!("the engine gave up: {}", text.unwrap_or_default()))
            }
        };
        world.finish_stats();
        let pieces = world.pieces();
        Run { seed: self.seed, pieces, stats: world.stats, broken, trace: world.trace.unwrap_or_default() }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--seed {}", self.seed)?;
        if let Some(plant) = self.plant.and_then(|plant| plant.to_possible_value()) {
            write!(f, " --plant {}", plant.get_name())?;
        }
        if self.salt != 0 {
            write!(f, " --salt {}", self.salt)?;
        }
        if let Some(aim) = self.aim {
            write!(f, " --aim {aim}")?;
        }
        match &self.only {
            Some(only) => write!(f, " --only {only}"),
            None => Ok(()),
        }
    }
}
