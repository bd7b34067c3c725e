//! Joins the pure engine with the world: one thread steps it, others perform its effects and report back.
//!
//! ```text
//! rpc handlers ──call──▶ ┌────────────┐ ──JournalOp──▶ journal thread ──Synced──▶ ┐
//! SIGTERM, clock ──────▶ │   engine   │ ──LaneOp─────▶ lane threads ──LaneEvent─▶ │ back to
//!                        │   thread   │ ──Read───────▶ reader thread ──ReadResult▶│ the engine
//!                        └────────────┘ ──Reply──────▶ rpc handlers               ┘
//! ```
//! The engine owns its state alone, so nothing is locked; memory is bounded by the engine's limits, so the channels
//! need no bounds of their own.

mod backend;
mod clock;
mod failpoint;
mod handle;
mod journal;
mod run;
mod topics;

pub(crate) use self::backend::{grpc_name, name};
pub use self::{
    backend::Sidecar,
    clock::Clock,
    failpoint::{Failpoint, Failpoints},
    handle::Handle,
    run::{Ended, Parts, Running, start},
    topics::Topics,
};
