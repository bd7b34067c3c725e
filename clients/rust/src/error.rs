//! Why something failed, and what to do about it.

use crate::{
    outcome::TransactionName,
    refusal::Refusal,
    v1::{NextAction, Reason},
};
use std::{error::Error as StdError, fmt, time::Duration};

/// Any error: what the application's own code returns from closures.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// Why something failed; the variant says what to do.
///
/// Whatever may be repeated has been repeated until the deadline, so none of these is to be repeated as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The transaction is over and nothing of it is visible: begin again with the same work, as
    /// [`Sidecommit::run`](crate::Sidecommit::run) does.
    #[error("aborted: {0}")]
    Aborted(Box<Refusal>),
    /// The request is wrong: correct it, the same would be refused again.
    #[error("refused: {0}")]
    BadRequest(Box<Refusal>),
    /// Needs a person: neither repeat nor begin again. With [`Reason::OutcomeUnknown`] and [`Reason::OutcomeForgotten`] it
    /// is not known whether the transaction was committed.
    #[error("needs a person: {0}")]
    NeedsHuman(Box<Refusal>),
    /// There was no outcome within the deadline: ask for it, or repeat the call.
    #[error("{0}")]
    DeadlineExceeded(Box<DeadlineExceeded>),
    /// The application's own error, as its closure returned it; the transaction is aborted.
    #[error("{0}")]
    Application(#[source] BoxError),
}

/// A call that had no outcome within the deadline. The sidecar goes on with what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadlineExceeded {
    /// The call, e.g. "Commit".
    pub call: &'static str,
    /// How long was waited.
    pub deadline: Duration,
    /// Whether it may be done: after Commit, Transact and Abort. Then ask
    /// [`Sidecommit::outcome`](crate::Sidecommit::outcome) before doing the work again.
    pub in_doubt: bool,
    /// The transaction, if the call was about one.
    pub transaction: Option<TransactionName>,
    /// What the call was told last, if anything.
    pub last: Option<Refusal>,
}

// === impl Error ===

impl Error {
    /// What the sidecar said; also of what was told last before the deadline.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Aborted(refusal) | Self::BadRequest(refusal) | Self::NeedsHuman(refusal) => Some(refusal),
            Self::DeadlineExceeded(exceeded) => exceeded.last.as_ref(),
            Self::Application(_) => None,
        }
    }

    /// Why; absent where the sidecar did not say.
    pub fn reason(&self) -> Option<Reason> {
        self.refusal().map(|refusal| refusal.reason).filter(|reason| *reason != Reason::Unspecified)
    }

    /// What to do.
    pub fn next_action(&self) -> Option<NextAction> {
        self.refusal().map(|refusal| refusal.next_action)
    }

    /// The gRPC code; absent of an application's error and where no answer came.
    pub fn code(&self) -> Option<tonic::Code> {
        self.refusal().map(|refusal| refusal.code)
    }

    /// The index in the transaction of the record to blame.
    pub fn record_index(&self) -> Option<usize> {
        self.refusal().and_then(|refusal| refusal.record_index)
    }

    /// The id of the transaction, where the call named one.
    pub fn transaction_id(&self) -> Option<&str> {
        match self {
            Self::DeadlineExceeded(exceeded) => match &exceeded.transaction {
                Some(TransactionName::TransactionId(id)) => Some(id),
                _ => None,
            },
            _ => self.refusal().and_then(|refusal| refusal.transaction_id.as_deref()),
        }
    }

    /// Whether the transaction may be committed, or aborted, although this failed.
    pub fn is_in_doubt(&self) -> bool {
        matches!(self, Self::DeadlineExceeded(exceeded) if exceeded.in_doubt)
    }

    /// What a closure returned: an error of ours that it passed on, or its own.
    pub(crate) fn of_work(error: BoxError) -> Self {
        error.downcast::<Self>().map_or_else(Self::Application, |ours| *ours)
    }

    /// Whether the work is to be begun again: also of an application's error that has such a one as its cause.
    pub(crate) fn begins_again(&self) -> bool {
        let mut cause: Option<&(dyn StdError + 'static)> = Some(self);
        while let Some(error) = cause {
            if matches!(error.downcast_ref(), Some(Self::Aborted(_))) {
                return true;
            }
            cause = error.source();
        }
        false
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let refusal = Box::new(refusal);
        match refusal.next_action {
            NextAction::BeginAgain => Self::Aborted(refusal),
            NextAction::Stop => Self::NeedsHuman(refusal),
            _ => Self::BadRequest(refusal),
        }
    }
}

// === impl DeadlineExceeded ===

impl fmt::Display for DeadlineExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: no outcome within {:?}", self.call, self.deadline)?;
        match &self.transaction {
            Some(name) if self.in_doubt => write!(f, "; it may be done, ask outcome({name:?})")?,
            Some(name) => write!(f, " ({name:?})")?,
            None => {}
        }
        self.last.as_ref().map_or(Ok(()), |last| write!(f, "; last told: {last}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(next_action: NextAction) -> Refusal {
        Refusal { next_action, ..Refusal::malformed("it says so") }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("wrapped")]
    struct Wrapped(#[source] Error);

    #[test]
    fn the_next_action_is_the_kind() {
        assert!(matches!(Error::from(refusal(NextAction::BeginAgain)), Error::Aborted(_)));
        assert!(matches!(Error::from(refusal(NextAction::FixRequest)), Error::BadRequest(_)));
        assert!(matches!(Error::from(refusal(NextAction::Stop)), Error::NeedsHuman(_)));
    }

    #[test]
    fn what_a_closure_passes_on_is_ours_again() {
        let passed: BoxError = Error::from(refusal(NextAction::Stop)).into();
        assert!(matches!(Error::of_work(passed), Error::NeedsHuman(_)));
        assert!(matches!(Error::of_work("its own".into()), Error::Application(_)));
    }

    #[test]
    fn an_abort_begins_again_also_where_the_application_wrapped_it() {
        let wrapped = |next| Error::of_work(Wrapped(Error::from(refusal(next))).into());
        assert!(wrapped(NextAction::BeginAgain).begins_again());
        assert!(!wrapped(NextAction::Stop).begins_again());
        assert!(Error::from(refusal(NextAction::BeginAgain)).begins_again());
        assert!(!Error::of_work("its own".into()).begins_again());
    }
}
