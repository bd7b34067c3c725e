//! What a sidecar remembers across its own death: PREPARED groups, outcomes and the callers' keys, in sled.
//!
//! The journal is one stream of entries, each a sled insert of its own. sled's log keeps inserts in order, so after a
//! crash the stream is a prefix of what was put: an entry is there whole or not at all, and no sled batch is needed
//! (a batch writes three times as often, and a write error inside one leaves sled's flush waiting for ever).
//! [`Journal::sync`] makes the prefix durable: sled's flush only starts writeback, so an fdatasync of our own follows.
//! Beside the stream stands, by partition, what is remembered of those that applications read; it is overwritten, in the
//! same log, so that it too is what it was when the last entry of that prefix was put.
//!
//! ```text
//! <dir>/lock          held by the one process that uses the journal; contains its pid
//! <dir>/data.<n>/     the journal: a sled folder; the highest n counts
//! <dir>/new.<n>/      being built or being removed; never read
//! ```
//! A journal is created, rewritten and bound to another slot in the same way: everything is built and synced in
//! `new.<n>`, then one rename makes it the journal.
#![forbid(unsafe_code)]

mod discard;
mod disk;
mod error;
mod folder;
mod index;
mod inspect;
mod journal;
mod load;
mod lock;
mod partitions;
mod rewrite;
mod store;
mod stored;

pub use discard::discard;
pub use error::Error;
pub use inspect::{
    Claim, Failed, ForeignGroup, Inspection, LaneSummary, Outcome, OutcomeKind, Outstanding, Partition,
    Poisoned, Prepared, inspect,
};
pub use journal::{Binding, Journal, Options};
pub use lock::FolderLock;

#[cfg(test)]
mod tests;
