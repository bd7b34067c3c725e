//! Sidecommit's binary as a library: settings, commands, metrics, and the driver that joins the engine with Kafka, the
//! journal and the applications.
#![forbid(unsafe_code)]

pub mod admin_http;
pub mod bench;
pub mod cli;
pub mod demo;
pub mod driver;
pub mod exit;
pub mod logging;
pub mod metrics;
pub mod serve;
pub mod settings;
pub mod settle;
mod settle_identity;
mod svg;
