//! The API as a client meets it, over both transports, in front of a backend that is a small model of the engine.
#![allow(clippy::unwrap_used)] // all of it is test code, also what clippy does not see to be

mod bulk;
mod consume;
mod deliveries;
mod details;
mod errors;
mod fake;
mod operators;
mod server;
mod stream;
mod subscribe;
mod trace;
mod transactions;
mod transport;
