//! The crate against a real broker.

mod denied;
mod lanes;
mod latency;
mod partitioner;
mod reader;
mod stopped;
mod support;
mod topics;
