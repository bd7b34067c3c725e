//! proto <-> core. What a request has wrong is told with the field, its value and what would be accepted.

mod answer;
mod consume;
mod delivery;
mod digest;
mod field;
mod offsets;
mod record;
mod request;
mod status;
mod subscribe;
mod trace;

pub use digest::key_hash;

pub(crate) use answer::{
    aborted, alive, begun, committed, committed_at_once, offsets_taken, produced, resumed, view,
};
pub(crate) use consume::{event, first, told};
pub(crate) use field::{duration, int64, span};
use record::Topics;
pub use request::produce;
pub(crate) use request::{
    abort, abort_by_operator, begin, commit, get, keep_alive, send_offsets, transact, txn,
};
pub(crate) use status::{groups, serving, sessions, status};
pub use trace::Trace;
