//! The disk under the journal is full, refuses writes, or fails a sync, in each phase: JOURNAL_FAILED as docs/errors.md
//! says, what callers are told equals what a read_committed reader sees, and a start on the mended disk settles the rest
//! from Kafka. tests/diskshim stands in for the disk.

mod closing;
mod fault;
mod load;
mod preparing;
mod rewriting;
mod starting;

use fault::Fault;
