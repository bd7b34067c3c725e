//! Puts the sidecar into pod templates: a pure function from a pod to a patch, a skip or a denial.
//!
//! [`inject()`] is the one function; the webhook and `sidecommit inject` both call it, so both give the same bytes. It works on
//! JSON values: fields that it does not know survive. [`manifests`] walks lists and documents around it.
#![forbid(unsafe_code)]

mod annotations;
mod check;
mod container;
pub mod docs;
mod evict;
mod identity;
mod inject;
mod json;
pub mod manifests;
mod outcome;
mod overrides;
mod paths;
mod place;
mod spec;
mod status;
mod subject;
mod uninject;
mod volumes;
pub mod yaml;

pub use annotations::{Defaults, INJECT_LABEL, PREFIX, STATUS_ANNOTATION};
pub use inject::{OptIn, inject, inject_where, mark_skipped};
pub use outcome::{Complaint, Outcome, Patched, Skip};
pub use status::BadStatus;
pub use subject::{Kind, NamespaceMeta, Subject};
pub use uninject::uninject;

/// What the status annotation of a pod begins with that was skipped, see [`mark_skipped`].
pub const SKIPPED: &str = "skipped:";
