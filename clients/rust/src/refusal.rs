//! What a failed call means: what its ErrorDetail says, or, without one, what error.proto says of statuses that gRPC libraries
//! make.

use crate::{
    google_rpc,
    v1::{Coordinate, ErrorDetail, LimitExceeded, NextAction, Reason},
};
use prost::Message as _;
use std::{fmt, time::Duration};
use tonic::{Code, Status};

/// Why the sidecar refused a call, or aborted a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The gRPC code.
    pub code: Code,
    /// For people.
    pub message: String,
    /// Why; unspecified if it is not the sidecar that refused.
    pub reason: Reason,
    /// What to do.
    pub next_action: NextAction,
    /// How long to wait before.
    pub retry_delay: Option<Duration>,
    /// The index in the transaction of the record to blame.
    pub record_index: Option<usize>,
    /// How many records the sidecar has.
    pub next_sequence: Option<i64>,
    /// The limit run into.
    pub limit: Option<LimitExceeded>,
    /// Where in Kafka to look, with [`Reason::OutcomeUnknown`].
    pub coordinate: Option<Coordinate>,
    /// The transaction, where the call named one by its id.
    pub transaction_id: Option<String>,
}

// === impl Refusal ===

impl Refusal {
    /// A status; of a call that `decides` (Commit, Transact, Abort) a library's own leaves the outcome in doubt.
    pub(crate) fn of(status: &Status, decides: bool) -> Self {
        let mut refusal = Self {
            code: status.code(),
            message: status.message().to_owned(),
            reason: Reason::Unspecified,
            next_action: by_library(status.code(), decides),
            ..Self::malformed("")
        };
        // Details that cannot be read are none.
        let details =
            google_rpc::Status::decode(status.details()).map(|status| status.details).unwrap_or_default();
        for any in &details {
            if any.type_url.ends_with("/sidecommit.v1.ErrorDetail")
                && let Ok(detail) = ErrorDetail::decode(&*any.value)
            {
                refusal.take(detail);
            } else if any.type_url.ends_with("/google.rpc.RetryInfo")
                && let Ok(info) = google_rpc::RetryInfo::decode(&*any.value)
            {
                refusal.retry_delay = info.retry_delay.and_then(|delay| delay.try_into().ok());
            }
        }
        refusal
    }

    /// What this client itself refuses.
    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self {
            code: Code::InvalidArgument,
            message: message.into(),
            reason: Reason::InvalidField,
            next_action: NextAction::FixRequest,
            retry_delay: None,
            record_index: None,
            next_sequence: None,
            limit: None,
            coordinate: None,
            transaction_id: None,
        }
    }

    /// Whether the same call may be sent again.
    pub(crate) fn repeats(&self) -> bool {
        !matches!(self.next_action, NextAction::BeginAgain | NextAction::FixRequest | NextAction::Stop)
    }

    /// From which record on to send again first.
    pub(crate) fn sends_from(&self) -> Option<i64> {
        self.next_sequence.filter(|_| self.repeats())
    }

    /// As docs/errors.md has it, e.g. `TIMED_OUT_IDLE`; empty if it is not the sidecar that refused.
    pub fn reason_name(&self) -> &'static str {
        match self.reason {
            Reason::Unspecified => "",
            reason => reason.as_str_name().trim_start_matches("REASON_"),
        }
    }

    fn take(&mut self, detail: ErrorDetail) {
        self.reason = detail.reason();
        self.next_action = next_action(&detail);
        self.record_index = detail.record_index.and_then(|index| index.try_into().ok());
        self.next_sequence = detail.next_sequence;
        self.limit = detail.limit;
        self.coordinate = detail.coordinate;
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            Reason::Unspecified => write!(f, "{:?}: {}", self.code, self.message),
            _ => write!(f, "{}: {}", self.reason_name(), self.message),
        }
    }
}

/// A reason or an action that this client does not know means RETRY_SAME.
fn next_action(detail: &ErrorDetail) -> NextAction {
    match (Reason::try_from(detail.reason), NextAction::try_from(detail.next_action)) {
        (Err(_), _) | (_, Err(_) | Ok(NextAction::Unspecified)) => NextAction::RetrySame,
        (Ok(_), Ok(next)) => next,
    }
}

fn by_library(code: Code, decides: bool) -> NextAction {
    match code {
        Code::OutOfRange | Code::Unimplemented | Code::ResourceExhausted => NextAction::FixRequest,
        _ if decides => NextAction::AskOutcome,
        _ => NextAction::RetrySame,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost_types::{Any, Duration as ProtoDuration};

    fn status(detail: ErrorDetail, delay: Option<i64>) -> Status {
        let any = |name: &str, value| Any { type_url: format!("type.googleapis.com/{name}"), value };
        let mut details = vec![any("sidecommit.v1.ErrorDetail", detail.encode_to_vec())];
        if let Some(seconds) = delay {
            let info = google_rpc::RetryInfo { retry_delay: Some(ProtoDuration { seconds, nanos: 0 }) };
            details.push(any("google.rpc.RetryInfo", info.encode_to_vec()));
        }
        let status = google_rpc::Status { details, ..google_rpc::Status::default() };
        Status::with_details(Code::FailedPrecondition, "2 of 3", status.encode_to_vec().into())
    }

    #[test]
    fn the_sidecars_own_word_counts() {
        let detail = ErrorDetail {
            reason: Reason::Incomplete.into(),
            next_action: NextAction::RetrySame.into(),
            record_index: Some(4),
            next_sequence: Some(2),
            ..ErrorDetail::default()
        };
        let refusal = Refusal::of(&status(detail, Some(3)), true);
        assert_eq!(refusal.reason, Reason::Incomplete);
        assert_eq!(refusal.next_action, NextAction::RetrySame);
        assert_eq!(refusal.retry_delay, Some(Duration::from_secs(3)));
        assert_eq!((refusal.record_index, refusal.sends_from()), (Some(4), Some(2)));
        assert_eq!(refusal.to_string(), "INCOMPLETE: 2 of 3");
        assert!(refusal.repeats());
    }

    #[test]
    fn a_refusal_for_good_says_nothing_of_where_to_go_on() {
        let detail = ErrorDetail {
            reason: Reason::UnknownTopic.into(),
            next_action: NextAction::FixRequest.into(),
            next_sequence: Some(2),
            ..ErrorDetail::default()
        };
        let refusal = Refusal::of(&status(detail, None), false);
        assert_eq!((refusal.repeats(), refusal.sends_from()), (false, None));
    }

    #[test]
    fn what_is_not_known_means_the_same_again() {
        for (reason, next_action) in [(4711, 2), (40, 4711), (40, 0)] {
            let detail = ErrorDetail { reason, next_action, ..ErrorDetail::default() };
            assert_eq!(Refusal::of(&status(detail, None), true).next_action, NextAction::RetrySame);
        }
    }

    #[test]
    fn without_details_a_deciding_calls_outcome_is_in_doubt_and_others_are_repeated() {
        for code in
            [Code::Unavailable, Code::Cancelled, Code::DeadlineExceeded, Code::Unknown, Code::Internal]
        {
            let status = Status::new(code, "by a library");
            assert_eq!(Refusal::of(&status, true).next_action, NextAction::AskOutcome);
            assert_eq!(Refusal::of(&status, false).next_action, NextAction::RetrySame);
        }
        for code in [Code::OutOfRange, Code::Unimplemented, Code::ResourceExhausted] {
            assert!(!Refusal::of(&Status::new(code, "too large"), true).repeats());
        }
    }
}
