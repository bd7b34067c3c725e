//! Kafka as Sidecommit needs it: lanes (transactional producers on threads of their own), the reader of the outcomes,
//! members of consumer groups, what must be known of topics, and the properties that pass through to librdkafka.
//!
//! librdkafka's transaction calls block and have no asynchronous form, so there is no async runtime in here: threads
//! and callbacks. The `ffi` module is the only place with unsafe code.
#![deny(unsafe_code)]

mod block_on;
mod catalog;
mod classify;
mod client;
mod cluster;
mod consumers;
mod error;
#[allow(unsafe_code)] // what rust-rdkafka has no safe form for; each block says why it is sound
mod ffi;
mod groups;
mod inquirer;
mod lanes;
mod patterns;
mod properties;
mod reader;
mod reminder;
mod settle;
mod topics;

pub use catalog::Catalog;
pub use client::ClientSettings;
pub use cluster::{Cluster, TopicConfig, TopicShape};
pub use consumers::{ConsumerEvents, Consumers};
pub use error::Error;
pub use lanes::{LaneCounters, LaneEvents, LaneSettings, Lanes, TopicLimits};
pub use patterns::check_pattern;
pub use properties::Properties;
pub use reader::{OutcomesReader, ReadResults};
pub use settle::{read_outcomes, settle_lanes};
pub use topics::{DurabilityWarning, OutcomesPlace, OutcomesTopic, partition_of};
