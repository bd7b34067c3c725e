//! What ends a membership.

use super::Seat;
use rdkafka::{client::Client, types::RDKafkaErrorCode as Code};
use sidecommit_core::{ConsumerEvent, Reason};

/// Why a member's thread ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Nobody wants it any more.
    Closed,
    /// It is out of its group for good.
    Failed(Reason, String),
    /// KIP-848: another member has its group.instance.id.
    NameTaken(String),
}

// === impl Stop ===

impl Stop {
    /// Of an error of the client; None if librdkafka goes on by itself.
    pub(super) fn of<C: rdkafka::ClientContext>(
        client: &Client<C>,
        code: Code,
        message: &str,
    ) -> Option<Self> {
        if let Some((code, why)) = client.fatal_error() {
            let reason = reason(code).unwrap_or(Reason::KafkaFailed);
            let message = format!("{why} ({code:?})");
            return Some(match code {
                Code::UnreleasedInstanceId => Self::NameTaken(message),
                _ => Self::Failed(reason, message),
            });
        }
        reason(code).map(|reason| Self::Failed(reason, format!("{message} ({code:?})")))
    }

    pub(super) fn kafka(message: impl ToString) -> Self {
        Self::Failed(Reason::KafkaFailed, message.to_string())
    }

    pub(super) fn report(self, seat: &Seat) {
        let (reason, message) = match self {
            Self::Closed => return,
            Self::Failed(reason, message) => (reason, message),
            Self::NameTaken(message) => (Reason::MemberFenced, message),
        };
        seat.report(ConsumerEvent::Failed { reason, message });
    }
}

/// What an error means that does not pass. Everything else is about connections, coordinators that move, or metadata that
/// is not there yet.
fn reason(code: Code) -> Option<Reason> {
    match code {
        Code::FencedInstanceId | Code::UnreleasedInstanceId => Some(Reason::MemberFenced),
        Code::GroupAuthorizationFailed => Some(Reason::GroupDenied),
        Code::TopicAuthorizationFailed => Some(Reason::TopicDenied),
        Code::AutoOffsetReset | Code::NoOffset => Some(Reason::OffsetMissing),
        // Neither joins unless somebody changes the settings of the group, its members or the broker.
        Code::Fatal
        | Code::InconsistentGroupProtocol
        | Code::InvalidGroupId
        | Code::InvalidSessionTimeout
        | Code::GroupMaxSizeReached
        | Code::UnsupportedVersion
        | Code::UnsupportedFeature
        | Code::InvalidTopic => Some(Reason::KafkaFailed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_does_not_end_a_membership() {
        for code in [
            Code::AllBrokersDown,
            Code::BrokerTransportFailure,
            Code::UnknownTopicOrPartition,
            Code::UnknownMemberId,
            Code::IllegalGeneration,
            Code::RebalanceInProgress,
            Code::NotCoordinator,
            Code::SaslAuthenticationFailed,
        ] {
            assert_eq!(reason(code), None, "{code:?}");
        }
        assert_eq!(reason(Code::FencedInstanceId), Some(Reason::MemberFenced));
        assert_eq!(reason(Code::AutoOffsetReset), Some(Reason::OffsetMissing));
    }
}
