//! What to do next: docs/errors.md's first table and the paragraph after it.

use crate::Refused;
use tonic::Code;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Advice {
    RetrySame,
    BeginAgain,
    FixRequest,
    AskOutcome,
    WaitReady,
    Stop,
}

// === impl Advice ===

impl Advice {
    /// `decides`: after Commit, Transact or Abort.
    pub(super) fn of(refused: &Refused, decides: bool) -> Self {
        match (refused.next.as_str(), refused.code) {
            ("BEGIN_AGAIN", _) => Self::BeginAgain,
            ("FIX_REQUEST", _) => Self::FixRequest,
            ("ASK_OUTCOME", _) => Self::AskOutcome,
            ("WAIT_READY", _) => Self::WaitReady,
            ("STOP", _) => Self::Stop,
            // Made by a gRPC library.
            ("", Code::OutOfRange | Code::Unimplemented | Code::ResourceExhausted) => Self::FixRequest,
            (
                "",
                Code::DeadlineExceeded | Code::Cancelled | Code::Internal | Code::Unknown | Code::Unavailable,
            ) if decides => Self::AskOutcome,
            // RETRY_SAME, and whatever this client does not know.
            _ => Self::RetrySame,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Status;

    #[test]
    fn a_status_without_details_means_what_the_paragraph_says() {
        let fix = [Code::OutOfRange, Code::Unimplemented, Code::ResourceExhausted];
        let ask = [Code::DeadlineExceeded, Code::Cancelled, Code::Internal, Code::Unknown, Code::Unavailable];
        for code in (1..=16).map(Code::from_i32) {
            let refused = Refused::from(Status::new(code, "a library's"));
            let expected = match code {
                code if fix.contains(&code) => [Advice::FixRequest; 2],
                code if ask.contains(&code) => [Advice::AskOutcome, Advice::RetrySame],
                _ => [Advice::RetrySame; 2],
            };
            assert_eq!([Advice::of(&refused, true), Advice::of(&refused, false)], expected, "{code:?}");
        }
    }

    #[test]
    fn an_action_that_is_not_known_means_retry_same() {
        let refused = Refused { next: "DANCE".to_owned(), ..Status::new(Code::Aborted, "newer").into() };
        assert_eq!(Advice::of(&refused, true), Advice::RetrySame);
    }
}
