//! What an error of librdkafka means for a transaction: one table.

use rdkafka::{
    error::{KafkaError, RDKafkaError},
    types::RDKafkaErrorCode as Code,
};
use sidecommit_core::{LaneError, LaneErrorKind};

/// An error of a transaction call with librdkafka's flags, which cannot be derived from the code.
#[derive(Clone, Debug)]
pub(crate) struct TxnError {
    pub(crate) code: Code,
    /// The same call may be made again (and resumes, but for send_offsets).
    pub(crate) retriable: bool,
    /// The transaction can only be aborted.
    pub(crate) abortable: bool,
    /// The producer can only be replaced.
    pub(crate) fatal: bool,
    pub(crate) message: String,
}

/// What an error code of the broker or of librdkafka means.
pub(crate) fn classify(code: Code) -> LaneErrorKind {
    match code {
        Code::Fenced | Code::InvalidProducerEpoch | Code::ProducerFenced => LaneErrorKind::Fenced,
        Code::IllegalGeneration
        | Code::UnknownMemberId
        | Code::FencedInstanceId
        | Code::FencedMemberEpoch
        | Code::StaleMemberEpoch
        | Code::UnreleasedInstanceId
        | Code::RebalanceInProgress
        | Code::MemberIdRequired
        | Code::GroupIdNotFound => LaneErrorKind::Generation,
        Code::GroupAuthorizationFailed => LaneErrorKind::GroupDenied,
        Code::TransactionalIdAuthorizationFailed | Code::ClusterAuthorizationFailed => {
            LaneErrorKind::TransactionalIdDenied
        }
        code if is_unreachable(code) => LaneErrorKind::Unreachable,
        _ => LaneErrorKind::Other,
    }
}

/// Whether a record itself is to blame for its rejection: Some(true) if it is not allowed, Some(false) if malformed.
pub(crate) fn blames_record(code: Code) -> Option<bool> {
    match code {
        Code::TopicAuthorizationFailed => Some(true),
        Code::MessageSizeTooLarge
        | Code::MessageBatchTooLarge
        | Code::InvalidMessageSize
        | Code::InvalidTimestamp
        | Code::InvalidRecord
        | Code::InvalidTopic
        | Code::InvalidArgument
        | Code::PolicyViolation
        | Code::UnknownTopic
        | Code::UnknownTopicOrPartition
        | Code::UnknownPartition
        | Code::UnsupportedForMessageFormat => Some(false),
        _ => None,
    }
}

/// Whether the error is a consequence of another one, which says more.
pub(crate) fn is_consequence(code: Code) -> bool {
    matches!(code, Code::PurgeQueue | Code::PurgeInflight | Code::InvalidDifferentRecord)
}

/// Whether the broker could not be reached or did not answer in time.
pub(crate) fn is_unreachable(code: Code) -> bool {
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::OperationTimedOut
            | Code::TimedOutQueue
            | Code::MessageTimedOut
            | Code::RequestTimedOut
            | Code::Resolve
            | Code::NetworkException
            | Code::WaitingForCoordinator
            | Code::WaitCache
            | Code::DestroyBroker
            | Code::BrokerDestroy
            | Code::Authentication
            | Code::SSL
            | Code::SaslAuthenticationFailed
            | Code::CoordinatorNotAvailable
            | Code::CoordinatorLoadInProgress
            | Code::NotCoordinator
            | Code::ConcurrentTransactions
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::BrokerNotAvailable
            | Code::ReplicaNotAvailable
            | Code::NotEnoughReplicas
            | Code::NotEnoughReplicasAfterAppend
            | Code::ThrottlingQuotaExceeded
    )
}

// === impl TxnError ===

impl TxnError {
    pub(crate) fn of(error: &RDKafkaError) -> Self {
        Self {
            code: error.code(),
            retriable: error.is_retriable(),
            abortable: error.txn_requires_abort(),
            fatal: error.is_fatal(),
            message: error.string(),
        }
    }

    /// An error of rust-rdkafka's calls.
    pub(crate) fn of_call(error: &KafkaError) -> Self {
        match error {
            KafkaError::Transaction(error) => Self::of(error),
            other => Self {
                code: other.rdkafka_error_code().unwrap_or(Code::Fail),
                retriable: false,
                abortable: false,
                fatal: false,
                message: other.to_string(),
            },
        }
    }

    /// What it means for the transaction.
    pub(crate) fn lane_error(&self, act: &str) -> LaneError {
        let kind = match classify(self.code) {
            LaneErrorKind::Other if self.retriable => LaneErrorKind::Unreachable,
            kind => kind,
        };
        let flags = match (self.fatal, self.abortable, self.retriable) {
            (true, ..) => ", fatal",
            (_, true, _) => ", transaction must be aborted",
            (.., true) => ", retriable",
            _ => "",
        };
        LaneError::new(kind, format!("{act}: {} ({:?}{flags})", self.message, self.code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: Code, retriable: bool) -> TxnError {
        TxnError { code, retriable, abortable: false, fatal: false, message: "m".to_owned() }
    }

    #[test]
    fn each_class_of_errors_has_its_kind() {
        use LaneErrorKind as K;
        let table = [
            (K::Fenced, vec![Code::Fenced, Code::InvalidProducerEpoch, Code::ProducerFenced]),
            (
                K::Generation,
                vec![
                    Code::IllegalGeneration,
                    Code::UnknownMemberId,
                    Code::FencedInstanceId,
                    Code::StaleMemberEpoch,
                    Code::FencedMemberEpoch,
                    Code::RebalanceInProgress,
                ],
            ),
            (K::GroupDenied, vec![Code::GroupAuthorizationFailed]),
            (
                K::TransactionalIdDenied,
                vec![Code::TransactionalIdAuthorizationFailed, Code::ClusterAuthorizationFailed],
            ),
            (
                K::Unreachable,
                vec![
                    Code::BrokerTransportFailure,
                    Code::OperationTimedOut,
                    Code::MessageTimedOut,
                    Code::NotCoordinator,
                    Code::NotEnoughReplicas,
                ],
            ),
            (
                K::Other,
                vec![
                    Code::InvalidTransactionalState,
                    Code::InvalidProducerIdMapping,
                    Code::Unknown,
                    Code::Inconsistent,
                    Code::State,
                    Code::InvalidTransactionTimeout,
                ],
            ),
        ];
        for (kind, codes) in table {
            for code in codes {
                assert_eq!(error(code, false).lane_error("commit").kind, kind, "{code:?}");
            }
        }
    }

    #[test]
    fn an_unknown_error_that_may_be_retried_is_a_matter_of_reaching_the_broker() {
        assert_eq!(error(Code::Unknown, true).lane_error("commit").kind, LaneErrorKind::Unreachable);
        assert_eq!(error(Code::Fenced, true).lane_error("commit").kind, LaneErrorKind::Fenced);
    }

    #[test]
    fn only_what_a_record_can_be_blamed_for_blames_it() {
        assert_eq!(blames_record(Code::MessageSizeTooLarge), Some(false));
        assert_eq!(blames_record(Code::InvalidTimestamp), Some(false));
        assert_eq!(blames_record(Code::TopicAuthorizationFailed), Some(true));
        for code in [Code::MessageTimedOut, Code::PurgeQueue, Code::InvalidDifferentRecord, Code::Fenced] {
            assert_eq!(blames_record(code), None, "{code:?}");
        }
        assert!(is_consequence(Code::PurgeInflight) && !is_consequence(Code::InvalidRecord));
    }

    #[test]
    fn the_message_names_the_act_and_the_flags() {
        let fatal = TxnError { fatal: true, ..error(Code::Fenced, false) };
        assert_eq!(fatal.lane_error("commit_transaction").message, "commit_transaction: m (Fenced, fatal)");
    }
}
