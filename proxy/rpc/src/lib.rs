//! The gRPC face of a sidecar: checks requests, hands them to a [`Backend`] as core's types, and turns answers and
//! refusals into what proto/sidecommit/v1 promises.
#![forbid(unsafe_code)]

mod authority;
mod backend;
mod connection;
mod convert;
mod error;
mod intake;
mod listen;
pub mod proto;
mod refusal;
mod serve;
mod service;

pub use backend::{Backend, ConsumeStream, NodeStatus, ServerInfo, Underway};
pub use convert::key_hash;
#[doc(hidden)] // for the test that counts allocations
pub use convert::{Trace, produce};
pub use error::Error;
pub use listen::{Listeners, bind_tcp, bind_uds};
pub use refusal::{code, status};
pub use serve::{Options, serve};
