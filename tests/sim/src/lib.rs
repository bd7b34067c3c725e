//! Seeded simulation of [`sidecommit_core::Engine`] against a model of Kafka.
//!
//! One seed is one small world: a slot with its pods, journals and applications, a Kafka cluster, and a plan of
//! misfortunes. The engine runs unchanged; its drivers are modelled, one effect at a time, and a process may die at
//! every boundary between two of them. Invariants are checked whenever the broker decides and whenever a reply leaves
//! a process, and once more after everything has settled. The same seed is the same run, to the last event.
#![forbid(unsafe_code)]

mod broker;
mod chaos;
mod client;
mod event;
mod journal;
mod ledger;
mod plant;
mod process;
mod producer;
mod profile;
mod schedule;
mod stats;
mod token;
mod world;

pub use plant::Plant;
pub use stats::Stats;

use std::panic::{AssertUnwindSafe, catch_unwind};
use world::World;

/// The result of one seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Which.
    pub seed: u64,
    /// What happened.
    pub stats: Stats,
    /// The broken promise, if one was.
    pub broken: Option<String>,
    /// Every event, if asked for.
    pub trace: Vec<String>,
}

/// Runs one seed, with a planted fault if there is one.
pub fn run(seed: u64, plant: Option<Plant>, trace: bool) -> Run {
    let mut world = World::new(seed, plant, trace);
    // A defect that the engine detects itself is a panic; it must not end the campaign.
    let result = catch_unwind(AssertUnwindSafe(|| world.run()));
    let broken = match result {
        Ok(result) => result.err(),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Some(format!("the engine gave up: {}", text.unwrap_or_default()))
        }
    };
    world.finish_stats();
    Run { seed, stats: world.stats, broken, trace: world.trace.unwrap_or_default() }
}
