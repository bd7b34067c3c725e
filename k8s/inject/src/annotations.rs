//! Annotations: one table of them, and what a pod, its namespace and the defaults say together.

pub(crate) mod duration;
pub(crate) mod env;
pub(crate) mod form;
pub(crate) mod keys;
pub(crate) mod quantity;
pub(crate) mod table;
mod values;

pub use values::Defaults;
pub(crate) use values::Values;

/// What our labels and annotations begin with.
pub const PREFIX: &str = "sidecommit.dev/";
/// The label that opts a pod in (`"true"`) or out (`"false"`).
pub const INJECT_LABEL: &str = "sidecommit.dev/inject";
/// The annotation in which the injector remembers what it did.
pub const STATUS_ANNOTATION: &str = "sidecommit.dev/status";
