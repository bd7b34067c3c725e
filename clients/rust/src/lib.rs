#![doc = include_str!("../README.md")]
#![deny(rust_2018_idioms, clippy::disallowed_methods, clippy::disallowed_types)]
#![forbid(unsafe_code)]

mod address;
mod backoff;
mod call;
mod client;
mod consume;
mod delivery;
mod error;
mod id;
mod offsets;
mod outbox;
mod outcome;
pub mod process;
mod record;
mod refusal;
mod rpc;
mod subscription;
mod trace;
pub mod transact;
pub mod transaction;

pub use crate::{
    client::{Builder, Sidecommit},
    consume::Deliveries,
    delivery::{ConsumedRecord, Delivery},
    error::{BoxError, DeadlineExceeded, Error},
    outcome::{Committed, Outcome, TransactionName},
    process::Reject,
    record::{IntoBytes, Record},
    refusal::Refusal,
    subscription::Subscription,
    transaction::Transaction,
    v1::{GroupOffsets, Header},
};
pub use bytes::Bytes;
pub use tonic::Code;

/// What tonic generates from the API's proto files, package `sidecommit.v1`, and their comments.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::too_many_lines, rustdoc::all)]
pub mod v1 {
    include!("generated/sidecommit.v1.rs");
}

/// Package `google.rpc`: what statuses carry in their details.
#[allow(missing_docs, unreachable_pub, clippy::all, rustdoc::all)]
mod google_rpc {
    include!("generated/google.rpc.rs");
}

/// To the millisecond, which is what the sidecar takes; one that is too long is as long as can be.
fn duration(duration: std::time::Duration) -> prost_types::Duration {
    let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    let millis = i32::try_from(duration.subsec_millis()).unwrap_or(0);
    prost_types::Duration { seconds, nanos: millis * 1_000_000 }
}
