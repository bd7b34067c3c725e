//! Journals that other versions wrote.

use super::{model::Source, open, raw};
use crate::stored::{
    Entry, FORMAT, Family, Foreign, Header, OLDEST, Partition, Place, Put, Stored, Versioned, decode, encode,
};
use serde::de::DeserializeOwned;
use sidecommit_core::{
    Coordinate, FailedRange, Fingerprint, GroupUuid, IdempotencyKey, Incarnation, JournalEntry, JournalId,
    KeyHash, LaneIndex, LaneSeq, PartitionMemory, PartitionRange, Poison, PreparedGroup, Reason, Recalled,
    SessionId, TxnId, TxnOutcome, TxnSummary,
};
use std::fmt::Debug;

fn summary(outcome: TxnOutcome) -> TxnSummary {
    TxnSummary {
        txn: TxnId::new(1_700_000_000_000, Incarnation(3), 0x0123_4567_89ab_cdef),
        request_id: "r".to_owned(),
        key: Some(IdempotencyKey { text: "k".to_owned(), hash: KeyHash([3; 16]) }),
        fingerprint: Fingerprint([4; 16]),
        label: "l".to_owned(),
        outcome,
        ended: 300,
        record_count: 2,
        offsets_count: 1,
    }
}

fn committed() -> TxnSummary {
    summary(TxnOutcome::Committed(vec![PartitionRange {
        topic: "t".to_owned(),
        partition: 7,
        first_offset: 5,
        last_offset: 6,
        count: 2,
    }]))
}

fn group() -> PreparedGroup {
    PreparedGroup {
        lane: LaneIndex(1),
        seq: 300,
        group: GroupUuid([1; 16]),
        marker: Some(Coordinate { topic: "o".to_owned(), partition: 3, offset: 77 }),
        members: vec![committed()],
    }
}

/// One of each, with the last reason that there was.
fn entries() -> Vec<JournalEntry> {
    let aborted = TxnOutcome::Aborted {
        reason: Reason::OutcomeUnknown,
        message: "m".to_owned(),
        record_index: Some(4),
    };
    vec![
        JournalEntry::Claim { incarnation: Incarnation(3), pod_uid: "pod".to_owned() },
        JournalEntry::Prepared(group()),
        JournalEntry::Settled { lane: LaneIndex(1), seq: 300, members: vec![committed()] },
        JournalEntry::Finished(summary(aborted)),
        JournalEntry::Finished(summary(TxnOutcome::Unknown { coordinate: None })),
        JournalEntry::Adopted {
            trusted_from: Incarnation(2),
            horizon: 200,
            recalled: vec![Recalled {
                txn: TxnId::new(100, Incarnation(1), 9),
                key: Some(KeyHash([5; 16])),
                time: 150,
            }],
            lanes: vec![LaneSeq { lane: LaneIndex(1), seq: 299 }],
        },
    ]
}

fn stored() -> Vec<Stored> {
    let put = entries().into_iter().map(|entry| Put::from(&entry)).map(|put| match put {
        Put::Entry(entry) => Stored::Entry(entry),
        other => panic!("not of the stream: {other:?}"),
    });
    let foreign =
        Foreign { slot: "p/ns/app/1".parse().unwrap(), journal: JournalId([2; 16]), group: group() };
    put.chain([Stored::Foreign(foreign), Stored::Gone { by: 300 }]).collect()
}

fn header() -> Header {
    Header {
        through: 12,
        claims: vec![(Incarnation(3), "pod".to_owned())],
        last: 14,
        trusted_from: Some(Incarnation(2)),
        horizon: 200,
        lanes: vec![LaneSeq { lane: LaneIndex(1), seq: 299 }],
        ..Header::new("c".to_owned(), "p/ns/app/0".parse().unwrap(), JournalId([2; 16]))
    }
}

fn partition() -> Partition {
    Partition {
        place: Place { group_id: "g".to_owned(), topic: "t".to_owned(), partition: 7 },
        memory: PartitionMemory {
            topic_id: "id".to_owned(),
            outstanding: Some((SessionId([6; 16]), 10, 19)),
            failed: vec![FailedRange { first: 12, last: 13, attempts: 2, alone: 0, suspect: true }],
            poisoned: vec![Poison {
                offset: 11,
                retryable: true,
                error_class: "E".to_owned(),
                message: "m".to_owned(),
            }],
        },
    }
}

#[track_caller]
fn is_read_and_written<T: Versioned + DeserializeOwned + PartialEq + Debug>(value: &T, golden: &str) {
    let hex: String = encode(value).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, golden, "{value:?} is written as it never was");
    assert_eq!(decode::<T>(&encode(value)).as_ref(), Ok(value));
}

/// Taken from the code of format 1 before the journal knew partitions: a journal has to survive an upgrade, and the way back.
/// Whoever has to change a line of these makes a new format, and keeps the types that read this one.
#[test]
fn format_1_is_read_and_written_as_it_was() {
    let golden = include_str!("format_1.txt").lines();
    let (stream, rest): (Vec<_>, Vec<_>) = golden.enumerate().partition(|(n, _)| *n < stored().len());
    for (value, (_, golden)) in stored().iter().zip(stream) {
        is_read_and_written(value, golden);
    }
    is_read_and_written(&header(), rest[0].1);
    is_read_and_written(&partition(), rest[1].1);
}

#[test]
fn only_what_an_older_sidecar_cannot_read_is_of_a_newer_format() {
    for reason in Reason::ALL {
        let outcome = TxnOutcome::Aborted { reason: *reason, message: String::new(), record_index: None };
        let members = vec![committed(), summary(outcome)];
        let group = PreparedGroup { members: members.clone(), ..group() };
        let slot = "p/ns/app/1".parse().unwrap();
        let expected = if *reason > Reason::OutcomeUnknown { FORMAT } else { OLDEST };
        for stored in [
            Stored::Entry(Entry::Prepared(group.clone())),
            Stored::Entry(Entry::Settled { lane: LaneIndex(1), seq: 3, members: members.clone() }),
            Stored::Entry(Entry::Finished(members[1].clone())),
            Stored::Foreign(Foreign { slot, journal: JournalId([2; 16]), group }),
        ] {
            assert_eq!(encode(&stored)[0], expected, "{reason:?}");
            assert_eq!(decode::<Stored>(&encode(&stored)), Ok(stored));
        }
    }
}

/// A sidecar that knows no partitions reads the stream and its header and nothing else: it must find there what it would
/// find had nobody read anything.
#[test]
fn partitions_leave_no_trace_in_the_stream() {
    let (with, without) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut source = Source::new(5);
    let (mut read, _) = open(with.path(), 20);
    let (mut unread, _) = open(without.path(), 20);
    for _ in 0..200 {
        let entry = source.next();
        read.put(&entry).unwrap();
        if !matches!(entry, JournalEntry::Consumption { .. }) {
            unread.put(&entry).unwrap();
        }
    }
    drop((read, unread));
    let stream =
        |db: sled::Db| -> Vec<_> { db.scan_prefix([Family::Entry.prefix()]).map(Result::unwrap).collect() };
    let with = raw(with.path());
    assert!(with.scan_prefix([Family::Partition.prefix()]).count() > 0);
    assert_eq!(stream(with), stream(raw(without.path())));
}
