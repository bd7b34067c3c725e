//! Refusals on the wire: the one place where a reason gets its gRPC code, and the details that every status carries.

use crate::proto::{google_rpc as rpc, v1};
use prost::Message;
use prost_types::Any;
use sidecommit_core::{NextAction, Reason, Refusal};
use std::collections::HashMap;
use tonic::{Code, Status};

/// In ErrorInfo.domain.
const DOMAIN: &str = "sidecommit";
/// Bytes of a message that are kept: it is sent up to three times, and details must stay below 4 KiB, since proxies and
/// clients cut or refuse headers above 8 KiB.
const MESSAGE_BYTES_MAX: usize = 800;
/// Bytes of a field's name that are kept.
const FIELD_BYTES_MAX: usize = 200;

/// The gRPC code of a reason (api.md, Errors).
pub fn code(reason: Reason) -> Code {
    wire(reason).0
}

/// A refusal as a gRPC status with google.rpc.Status details: ErrorInfo, RetryInfo, BadRequest and ErrorDetail.
pub fn status(refusal: &Refusal) -> Status {
    let code = code(refusal.reason);
    let message = truncated(&refusal.message, MESSAGE_BYTES_MAX);
    let mut details = vec![
        any("google.rpc.ErrorInfo", &error_info(refusal)),
        any("sidecommit.v1.ErrorDetail", &detail(refusal)),
    ];
    if let Some(millis) = refusal.retry_after {
        let retry_delay = Some(crate::convert::duration(millis));
        details.push(any("google.rpc.RetryInfo", &rpc::RetryInfo { retry_delay }));
    }
    if let Some(field) = &refusal.field {
        let violation = rpc::bad_request::FieldViolation {
            field: truncated(field, FIELD_BYTES_MAX),
            description: message.clone(),
            ..Default::default()
        };
        let bad = rpc::BadRequest { field_violations: vec![violation] };
        details.push(any("google.rpc.BadRequest", &bad));
    }
    let status = rpc::Status { code: code.into(), message: message.clone(), details };
    Status::with_details(code, message, status.encode_to_vec().into())
}

/// Code and proto value of a reason; the only list of them, so that a new reason cannot be forgotten.
pub(crate) fn wire(reason: Reason) -> (Code, v1::Reason) {
    use {Reason as R, v1::Reason as W};
    match reason {
        R::InvalidField => (Code::InvalidArgument, W::InvalidField),
        R::UnknownTopic => (Code::InvalidArgument, W::UnknownTopic),
        R::PartitionOutOfRange => (Code::InvalidArgument, W::PartitionOutOfRange),
        R::RecordTooLarge => (Code::InvalidArgument, W::RecordTooLarge),
        R::InvalidTimestamp => (Code::InvalidArgument, W::InvalidTimestamp),
        R::KeyRequired => (Code::InvalidArgument, W::KeyRequired),
        R::KeyReused => (Code::InvalidArgument, W::KeyReused),
        R::RequestReused => (Code::InvalidArgument, W::RequestReused),
        R::TransactionTooLarge => (Code::InvalidArgument, W::TransactionTooLarge),
        R::NeverIssued => (Code::NotFound, W::NeverIssued),
        R::OutcomeForgotten => (Code::NotFound, W::OutcomeForgotten),
        R::SequenceGap => (Code::FailedPrecondition, W::SequenceGap),
        R::Incomplete => (Code::FailedPrecondition, W::Incomplete),
        R::NotOpen => (Code::FailedPrecondition, W::NotOpen),
        R::AlreadyCommitted => (Code::FailedPrecondition, W::AlreadyCommitted),
        R::DeliveryTaken => (Code::FailedPrecondition, W::DeliveryTaken),
        R::DeliveryRevoked => (Code::FailedPrecondition, W::DeliveryRevoked),
        R::MemberFenced => (Code::FailedPrecondition, W::MemberFenced),
        R::OffsetMissing => (Code::FailedPrecondition, W::OffsetMissing),
        R::SessionTaken => (Code::FailedPrecondition, W::SessionTaken),
        R::RecordTooLargeForClient => (Code::FailedPrecondition, W::RecordTooLargeForClient),
        R::TimedOut => (Code::Aborted, W::TimedOut),
        R::TimedOutIdle => (Code::Aborted, W::TimedOutIdle),
        R::Fenced => (Code::Aborted, W::Fenced),
        R::Rebalanced => (Code::Aborted, W::Rebalanced),
        R::Drained => (Code::Aborted, W::Drained),
        R::SidecarRestarted => (Code::Aborted, W::SidecarRestarted),
        R::BufferPressure => (Code::Aborted, W::BufferPressure),
        R::RecordRejected => (Code::Aborted, W::RecordRejected),
        R::AbortedByCaller => (Code::Aborted, W::AbortedByCaller),
        R::AbortedByOperator => (Code::Aborted, W::AbortedByOperator),
        R::KafkaFailed => (Code::Aborted, W::KafkaFailed),
        R::SessionLost => (Code::Aborted, W::SessionLost),
        R::DeliveryTimedOut => (Code::Aborted, W::DeliveryTimedOut),
        R::Recovering => (Code::Unavailable, W::Recovering),
        R::KafkaUnreachable => (Code::Unavailable, W::KafkaUnreachable),
        R::OutcomePending => (Code::Unavailable, W::OutcomePending),
        R::FencedByRival => (Code::Unavailable, W::FencedByRival),
        R::Draining => (Code::Unavailable, W::Draining),
        R::NoSlot => (Code::Unavailable, W::NoSlot),
        R::JournalFailed => (Code::Unavailable, W::JournalFailed),
        R::OpenTransactionsExceeded => (Code::ResourceExhausted, W::OpenTransactionsExceeded),
        R::QueueExceeded => (Code::ResourceExhausted, W::QueueExceeded),
        R::BufferExceeded => (Code::ResourceExhausted, W::BufferExceeded),
        R::SessionsExceeded => (Code::ResourceExhausted, W::SessionsExceeded),
        R::TopicDenied => (Code::PermissionDenied, W::TopicDenied),
        R::GroupDenied => (Code::PermissionDenied, W::GroupDenied),
        R::TransactionalIdDenied => (Code::PermissionDenied, W::TransactionalIdDenied),
        R::OutcomeUnknown => (Code::DataLoss, W::OutcomeUnknown),
    }
}

fn next_action(action: NextAction) -> v1::NextAction {
    match action {
        NextAction::RetrySame => v1::NextAction::RetrySame,
        NextAction::BeginAgain => v1::NextAction::BeginAgain,
        NextAction::FixRequest => v1::NextAction::FixRequest,
        NextAction::AskOutcome => v1::NextAction::AskOutcome,
        NextAction::WaitReady => v1::NextAction::WaitReady,
        NextAction::Stop => v1::NextAction::Stop,
    }
}

/// What clients with our stubs read.
pub(crate) fn detail(refusal: &Refusal) -> v1::ErrorDetail {
    use crate::convert::int64;
    v1::ErrorDetail {
        reason: wire(refusal.reason).1.into(),
        next_action: next_action(refusal.reason.next_action()).into(),
        record_index: refusal.record_index.map(int64),
        next_sequence: refusal.next_sequence.map(int64),
        limit: refusal.exceeded.map(|exceeded| v1::LimitExceeded {
            setting: exceeded.setting.to_owned(),
            limit: int64(exceeded.limit),
            actual: int64(exceeded.actual),
        }),
        coordinate: refusal.coordinate.as_ref().map(|at| v1::Coordinate {
            topic: at.topic.clone(),
            partition: at.partition,
            offset: at.offset,
        }),
    }
}

/// The same once more as text, for clients that have no stubs of ours.
fn error_info(refusal: &Refusal) -> rpc::ErrorInfo {
    let action = next_action(refusal.reason.next_action());
    let action = action.as_str_name().trim_start_matches("NEXT_ACTION_");
    let mut metadata = HashMap::from([("next_action".to_owned(), action.to_owned())]);
    let mut add = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            metadata.insert(key.to_owned(), value);
        }
    };
    add("record_index", refusal.record_index.map(|index| index.to_string()));
    add("next_sequence", refusal.next_sequence.map(|next| next.to_string()));
    add("limit_setting", refusal.exceeded.map(|exceeded| exceeded.setting.to_owned()));
    rpc::ErrorInfo { reason: refusal.reason.name(), domain: DOMAIN.to_owned(), metadata }
}

fn any(name: &str, message: &impl Message) -> Any {
    Any { type_url: format!("type.googleapis.com/{name}"), value: message.encode_to_vec() }
}

/// At most `max` bytes of a text, cut between characters.
pub(crate) fn truncated(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let ellipsis = '…';
    let mut end = max - ellipsis.len_utf8();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{ellipsis}", &text[..end])
}
