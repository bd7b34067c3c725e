//! Faults on the wire between the sidecar and Kafka: an EndTxn whose reply is lost, one that never arrives, one that
//! arrives during the next transaction, and every kind of fault for every API that a transaction needs. What callers are
//! told equals what a read_committed reader sees.
//!
//! `SIDECOMMIT_WIRE_ROUNDS` runs the whole matrix so often and `SIDECOMMIT_WIRE_FAULTS` sets how many random faults are
//! injected (in CI: a third of the matrix once, and some); `SIDECOMMIT_WIRE_SEED` replays which are, as far as timing
//! lets it.

mod late;
mod lost;
mod matrix;
mod random;
mod reading;
mod rig;
