//! Seeded simulation of [`sidecommit_core::Engine`] against a model of Kafka.
//!
//! One seed is one small world: a slot with its pods, journals and applications, a Kafka cluster, and a plan of
//! misfortunes. The engine runs unchanged; its drivers are modelled, one effect at a time, and a process may die at
//! every boundary between two of them. Invariants are checked whenever the broker decides and whenever a reply leaves
//! a process, and once more after everything has settled. The same seed is the same run, to the last event.
#![forbid(unsafe_code)]

mod broker;
mod campaign;
mod case;
mod chaos;
mod client;
mod coverage;
mod dice;
mod event;
mod journal;
mod ledger;
mod piece;
mod plant;
mod process;
mod producer;
mod profile;
mod schedule;
mod shrink;
mod stats;
mod token;
mod track;
mod world;

pub use campaign::Campaign;
pub use case::Case;
pub use coverage::{Coverage, FULL};
pub use dice::Stream;
pub use piece::{Piece, Pieces};
pub use plant::Plant;
pub use shrink::{Shrunk, same_promise, shrink};
pub use stats::Stats;

/// The result of one seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Which.
    pub seed: u64,
    /// What it was made of.
    pub pieces: Vec<Piece>,
    /// What happened.
    pub stats: Stats,
    /// The broken promise, if one was.
    pub broken: Option<String>,
    /// Every event, if asked for.
    pub trace: Vec<String>,
}

/// Runs one seed, with a planted fault if there is one.
pub fn run(seed: u64, plant: Option<Plant>, trace: bool) -> Run {
    Case::new(seed, plant).run(trace)
}
