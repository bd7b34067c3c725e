//! Which slot this sidecar is: the stable identity of a pod, from which its transactional.ids are made (engine.md 1).
//!
//! An identity that changes at a restart is worse than none: with new transactional.ids the old producer is never
//! fenced. So whatever looks random or like an address is refused, with the reason and the way out.
#![forbid(unsafe_code)]

mod error;
mod form;
mod resolve;

pub use error::{Error, Instability};
pub use resolve::{Facts, Identity, Kind};
