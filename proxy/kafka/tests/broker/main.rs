//! The crate against a real broker.

mod consumers;
mod denied;
mod lanes;
mod latency;
mod member;
mod partitioner;
mod reader;
mod rebalances;
mod rewinds;
mod secured;
mod stopped;
mod support;
mod topics;
