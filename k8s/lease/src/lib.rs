//! Slots by Lease: who holds which, decided purely, and claimed by compare-and-swap.
//!
//! A Lease is advisory: Kafka's epoch is the fence that keeps a former owner from committing. The lease keeps two
//! sidecars from fighting over the same transactional.ids, and tells which ids nobody looks after any more.
//!
//! The arithmetic (`evaluate`, `choose`, `observed`, `timing`) knows neither Kubernetes nor a clock; `slots` and `tenure`
//! carry it out through the trait `Leases`, which `cluster` implements with kube and the tests in memory.
#![forbid(unsafe_code)]

mod choose;
mod claim;
mod cluster;
mod config;
mod error;
mod evaluate;
mod facts;
mod held;
mod leases;
mod object;
mod observed;
mod reason;
mod settle;
mod slots;
mod standing;
mod taken;
mod tenure;
#[cfg(test)]
mod tests;
mod timing;

pub use config::Config;
pub use error::Error;
pub use held::Held;
pub use settle::Abandoned;
pub use slots::Slots;
pub use standing::Guard;
pub use taken::Taken;
