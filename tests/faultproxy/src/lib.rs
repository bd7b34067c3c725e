//! A TCP proxy for tests that stands between a client and real Kafka brokers, reads the headers of Kafka's requests and
//! breaks what passes as it is told: [`Rule`]s delay, hold, drop or duplicate a given API's request or reply, or cut its
//! connection before or after, by count or by a seeded probability. They are added and removed while it runs.
//!
//! What it saw and did is counted by API and side ([`Tally`]), so that a test waits for "the EndTxn request has arrived"
//! and not for a time. A request that a rule kept can be sent again later ([`FaultProxy::inject`]): the late duplicate of
//! an EndTxn, say.
//!
//! Brokers name their own addresses in their replies. The proxy writes its own in their place, so any broker on 127.0.0.1
//! can stand behind it, and other clients of that broker pass it by. It speaks neither TLS nor SASL.
#![forbid(unsafe_code)]

mod addresses;
mod api;
mod connection;
mod end_txn;
mod frame;
mod inject;
mod proxy;
mod rule;
mod tally;

pub use api::{Api, Side};
pub use end_txn::{EndTxn, error_of_end_txn};
pub use frame::{Malformed, Request};
pub use inject::{Kept, Via};
pub use proxy::FaultProxy;
pub use rule::{Rule, RuleId};
pub use tally::{Counts, Tally};
