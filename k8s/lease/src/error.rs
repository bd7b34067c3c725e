use crate::leases::Failure;

/// Why the API server did not do what was asked.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// RBAC does not allow it.
    #[error("not allowed to {verb} leases in {namespace}: bind the Role sidecommit-leases ({detail})")]
    Forbidden {
        /// list, get, create or update.
        verb: &'static str,
        /// The workload's namespace.
        namespace: String,
        /// What the API server answered.
        detail: String,
    },
    /// No answer, so it may or may not have been done.
    #[error("the API server does not answer: {detail}")]
    Silent {
        /// What failed, as far as known.
        detail: String,
    },
    /// It answered, but not as expected.
    #[error("the API server refused to {verb} leases in {namespace}: {detail}")]
    Refused {
        /// list, get, create or update.
        verb: &'static str,
        /// The workload's namespace.
        namespace: String,
        /// What it answered.
        detail: String,
    },
    /// The lease is another's now.
    #[error("slot {ordinal} is lost: {why}")]
    Lost {
        /// The slot.
        ordinal: u32,
        /// Who has it, or that it was deleted.
        why: String,
    },
}

// === impl Error ===

impl Error {
    pub(crate) fn of(verb: &'static str, namespace: &str, failure: Failure) -> Self {
        let namespace = namespace.to_owned();
        let refused =
            |detail: &str| Self::Refused { verb, namespace: namespace.clone(), detail: detail.to_owned() };
        match failure {
            Failure::Forbidden(detail) => Self::Forbidden { verb, namespace, detail },
            Failure::Silent(detail) => Self::Silent { detail },
            Failure::Refused(detail) => refused(&detail),
            Failure::Conflict => refused("409, it was changed meanwhile"),
            Failure::Exists => refused("409, it exists already"),
            Failure::Missing => refused("404, not found"),
        }
    }
}
