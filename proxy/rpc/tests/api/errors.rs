//! Reasons: proto, docs/errors.md and api.md's table say the same.

use crate::details::Details;
use sidecommit_core::{Coordinate, NextAction, Reason, Refusal};
use sidecommit_rpc::{code, proto::v1, status};
use std::collections::{BTreeMap, BTreeSet};
use tonic::Code;

/// The row of docs/errors.md for a reason: code, next action, cause, what the sidecar did, what to do.
fn rows() -> BTreeMap<String, Vec<String>> {
    let docs = include_str!("../../../../docs/errors.md");
    let rows = docs.lines().filter_map(|line| {
        let cells: Vec<_> = line.strip_prefix("| `")?.strip_suffix(" |")?.split(" | ").collect();
        let (reason, rest) = cells.split_first()?;
        Some((reason.trim_end_matches('`').to_owned(), rest.iter().map(|cell| (*cell).to_owned()).collect()))
    });
    let listed: Vec<(String, Vec<String>)> = rows.collect();
    let map: BTreeMap<_, _> = listed.iter().cloned().collect();
    assert_eq!(map.len(), listed.len(), "a reason has two rows");
    map
}

/// `INVALID_ARGUMENT` of [`Code::InvalidArgument`].
fn screaming(name: impl std::fmt::Debug) -> String {
    let mut out = String::new();
    for c in format!("{name:?}").chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}

#[test]
fn docs_have_a_full_row_for_each_reason_and_no_other() {
    let mut rows = rows();
    for reason in Reason::ALL {
        let row = rows.remove(&reason.name()).unwrap_or_else(|| panic!("no row for {reason:?}"));
        assert_eq!(row.len(), 5, "{reason:?}");
        assert_eq!(row[0], screaming(code(*reason)), "code of {reason:?}");
        assert_eq!(row[1], screaming(reason.next_action()), "next action of {reason:?}");
        assert!(row.iter().all(|cell| cell.len() > 3), "{reason:?}: an empty cell in {row:?}");
    }
    assert!(rows.is_empty(), "rows of no reason: {:?}", rows.keys());
}

#[test]
fn proto_has_each_reason_by_its_name_and_no_other() {
    let ours: BTreeSet<_> = Reason::ALL.iter().map(|reason| format!("REASON_{}", reason.name())).collect();
    let known = (1..1000).filter_map(|number| v1::Reason::try_from(number).ok());
    let proto: BTreeSet<_> = known.map(|reason| reason.as_str_name().to_owned()).collect();
    assert_eq!(ours, proto);
    for reason in Reason::ALL {
        let details = Details::of(&status(&Refusal::new(*reason, "why")));
        assert_eq!(details.detail.reason().as_str_name(), format!("REASON_{}", reason.name()));
        assert_eq!(details.info.reason, reason.name());
        let action = format!("NEXT_ACTION_{}", screaming(reason.next_action()));
        assert_eq!(details.detail.next_action().as_str_name(), action);
        assert_eq!(format!("NEXT_ACTION_{}", details.info.metadata["next_action"]), action);
    }
}

/// Of a transaction that is over, or a session.
const ABORTED: &[Reason] = &[
    Reason::TimedOut,
    Reason::TimedOutIdle,
    Reason::Fenced,
    Reason::Rebalanced,
    Reason::Drained,
    Reason::SidecarRestarted,
    Reason::BufferPressure,
    Reason::RecordRejected,
    Reason::AbortedByCaller,
    Reason::AbortedByOperator,
    Reason::KafkaFailed,
    Reason::SessionLost,
    Reason::DeliveryTimedOut,
];

/// api.md's table, reason by reason.
#[test]
fn codes_are_those_of_the_contract() {
    use Reason as R;
    let table: [(Code, &[Reason]); 8] = [
        (
            Code::InvalidArgument,
            &[
                R::InvalidField,
                R::UnknownTopic,
                R::PartitionOutOfRange,
                R::RecordTooLarge,
                R::InvalidTimestamp,
                R::KeyRequired,
                R::KeyReused,
                R::RequestReused,
                R::TransactionTooLarge,
            ],
        ),
        (Code::NotFound, &[R::NeverIssued, R::OutcomeForgotten]),
        (
            Code::FailedPrecondition,
            &[
                R::SequenceGap,
                R::Incomplete,
                R::NotOpen,
                R::AlreadyCommitted,
                R::DeliveryTaken,
                R::DeliveryRevoked,
                R::MemberFenced,
                R::OffsetMissing,
                R::SessionTaken,
                R::RecordTooLargeForClient,
            ],
        ),
        (Code::Aborted, ABORTED),
        (
            Code::Unavailable,
            &[
                R::Recovering,
                R::KafkaUnreachable,
                R::OutcomePending,
                R::FencedByRival,
                R::Draining,
                R::NoSlot,
                R::JournalFailed,
            ],
        ),
        (
            Code::ResourceExhausted,
            &[R::OpenTransactionsExceeded, R::QueueExceeded, R::BufferExceeded, R::SessionsExceeded],
        ),
        (Code::PermissionDenied, &[R::TopicDenied, R::GroupDenied, R::TransactionalIdDenied]),
        (Code::DataLoss, &[R::OutcomeUnknown]),
    ];
    for (expected, reasons) in table {
        for reason in reasons {
            assert_eq!(code(*reason), expected, "{reason:?}");
        }
    }
    assert_eq!(table.iter().map(|(_, reasons)| reasons.len()).sum::<usize>(), Reason::ALL.len());
}

#[test]
fn everything_a_refusal_knows_is_in_the_details_and_they_stay_small() {
    let refusal = Refusal {
        coordinate: Some(Coordinate { topic: "t".repeat(249), partition: 3, offset: 44 }),
        ..Refusal::new(Reason::OutcomeUnknown, "ü".repeat(100_000))
            .field("f".repeat(100_000))
            .record(u64::MAX)
            .next_sequence(9)
            .exceeded("limits.bytes_per_transaction", 10, 11)
            .retry_after(1500)
    };
    let details = Details::of(&status(&refusal));
    assert_eq!(details.code, Code::DataLoss);
    assert_eq!(details.detail.next_action(), v1::NextAction::Stop);
    assert_eq!(refusal.reason.next_action(), NextAction::Stop);
    assert_eq!((details.detail.record_index, details.detail.next_sequence), (Some(i64::MAX), Some(9)));
    let limit = details.detail.limit.as_ref().unwrap();
    assert_eq!((limit.setting.as_str(), limit.limit, limit.actual), ("limits.bytes_per_transaction", 10, 11));
    let at = details.detail.coordinate.as_ref().unwrap();
    assert_eq!((at.topic.len(), at.partition, at.offset), (249, 3, 44));
    let delay = details.retry.as_ref().unwrap().retry_delay.unwrap();
    assert_eq!((delay.seconds, delay.nanos), (1, 500_000_000));
    assert!(details.field().ends_with('…'));
}
