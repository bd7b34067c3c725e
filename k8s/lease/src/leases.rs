use std::{future::Future, pin::Pin};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;

/// What became of a call, if not what was asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Failure {
    /// The resourceVersion (or uid) is not the present one.
    Conflict,
    /// To be created, but there.
    Exists,
    /// To be read or replaced, but not there.
    Missing,
    /// RBAC.
    Forbidden(String),
    /// No answer: it may have been done.
    Silent(String),
    /// Any other answer.
    Refused(String),
}

/// An answer that is still to come.
pub(crate) type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// The leases of one workload: what the API server can do, no more than the Role allows.
pub(crate) trait Leases: Send + Sync {
    /// Those that carry the workload's label.
    fn list(&self) -> Answer<'_, Vec<Lease>>;
    /// One by name.
    fn get(&self, name: String) -> Answer<'_, Lease>;
    /// Makes one that is not there.
    fn create(&self, lease: Lease) -> Answer<'_, Lease>;
    /// Puts one in the place of the resourceVersion (and uid) it carries: the compare-and-swap.
    fn replace(&self, lease: Lease) -> Answer<'_, Lease>;

    /// The wall clock, which people read in a lease and nothing is decided by.
    fn wall_clock(&self) -> Timestamp {
        Timestamp::now()
    }

    /// Runs a renewal beside its caller; a test stops it, as SIGSTOP would.
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) -> tokio::task::JoinHandle<()> {
        tokio::spawn(task)
    }
}
