//! What a failed call means: what its ErrorDetail says, or, without one, what error.proto says of statuses that gRPC
//! libraries make.

use prost::Message as _;
use sidecommit_rpc::proto::{
    google_rpc,
    v1::{ErrorDetail, NextAction},
};
use std::time::Duration;
use tonic::{Code, Status};

/// The kinds of calls that differ in what a library's status means for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// Commit, Transact, Abort.
    Decides,
    /// Every other.
    Other,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Advice {
    pub(super) next: NextAction,
    /// The reason's name, or the status code's.
    pub(super) reason: String,
    pub(super) delay: Option<Duration>,
    pub(super) next_sequence: Option<i64>,
}

// === impl Advice ===

impl Advice {
    pub(super) fn of(status: &Status, call: Call) -> Self {
        let details =
            google_rpc::Status::decode(status.details()).map(|status| status.details).unwrap_or_default();
        let mut advice = Self {
            next: by_library(status.code(), call),
            reason: format!("{:?}", status.code()),
            delay: None,
            next_sequence: None,
        };
        for any in &details {
            if any.type_url.ends_with("/sidecommit.v1.ErrorDetail")
                && let Ok(detail) = ErrorDetail::decode(&*any.value)
            {
                advice.next = known(detail.next_action());
                advice.reason = detail.reason().as_str_name().trim_start_matches("REASON_").to_owned();
                advice.next_sequence = detail.next_sequence;
            } else if any.type_url.ends_with("/google.rpc.RetryInfo")
                && let Ok(info) = google_rpc::RetryInfo::decode(&*any.value)
            {
                advice.delay = info.retry_delay.and_then(|delay| Duration::try_from(delay).ok());
            }
        }
        advice
    }
}

/// A next_action that this client does not know means RETRY_SAME.
fn known(next: NextAction) -> NextAction {
    if next == NextAction::Unspecified { NextAction::RetrySame } else { next }
}

fn by_library(code: Code, call: Call) -> NextAction {
    match (code, call) {
        (Code::OutOfRange | Code::Unimplemented | Code::ResourceExhausted, _) => NextAction::FixRequest,
        (_, Call::Decides) => NextAction::AskOutcome,
        (_, Call::Other) => NextAction::RetrySame,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sidecommit_core::{Reason, Refusal};

    #[test]
    fn the_sidecars_own_word_counts() {
        let refusal = Refusal::new(Reason::Incomplete, "2 of 3").next_sequence(2).retry_after(15);
        let advice = Advice::of(&sidecommit_rpc::status(&refusal), Call::Decides);
        assert_eq!(advice.next, NextAction::RetrySame);
        assert_eq!(advice.reason, "INCOMPLETE");
        assert_eq!(advice.next_sequence, Some(2));
        assert_eq!(advice.delay, Some(Duration::from_millis(15)));
    }

    #[test]
    fn without_it_a_deciding_calls_outcome_is_asked_for_and_others_are_repeated() {
        for code in
            [Code::Unavailable, Code::Cancelled, Code::DeadlineExceeded, Code::Unknown, Code::Internal]
        {
            let status = Status::new(code, "by a library");
            assert_eq!(Advice::of(&status, Call::Decides).next, NextAction::AskOutcome);
            assert_eq!(Advice::of(&status, Call::Other).next, NextAction::RetrySame);
        }
        let large = Status::new(Code::OutOfRange, "decoded message length too large");
        assert_eq!(Advice::of(&large, Call::Other).next, NextAction::FixRequest);
    }
}
