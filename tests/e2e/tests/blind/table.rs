//! docs/errors.md row by row: provoked on a real sidecar and a real broker, told as the row says, and a client that
//! follows its next action ends right.

use crate::{acls, brokers, limits, lives, outcomes, reading, requests};
use sidecommit_e2e::{Cluster, Met};
use sidecommit_rpc::proto::v1::Reason;
use std::collections::{BTreeMap, BTreeSet};

/// `name: [REASONS], how they are brought about, case`: a test for each, and the table of all.
macro_rules! cases {
    ($($name:ident: [$($reason:ident),+], $how:literal, $case:path;)+) => {
        const CASES: &[(&[&str], &str)] = &[$((&[$(stringify!($reason)),+], $how)),+];

        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                told_as_documented(&[$(stringify!($reason)),+], &$case(Cluster::shared()).await);
            }
        )+
    };
}

cases! {
    records_that_no_topic_takes: [
        INVALID_FIELD,
        UNKNOWN_TOPIC,
        PARTITION_OUT_OF_RANGE,
        RECORD_TOO_LARGE,
        INVALID_TIMESTAMP,
        KEY_REQUIRED,
        TRANSACTION_TOO_LARGE
    ], "a transfer with one such record", requests::wrong;
    names_that_are_used_twice: [KEY_REUSED, REQUEST_REUSED], "the same name with other content", requests::reused;
    a_record_that_only_the_broker_refuses: [RECORD_REJECTED],
        "the topic's max.message.bytes shrinks after the sidecar looked", requests::rejected;
    calls_that_get_lost: [SEQUENCE_GAP, INCOMPLETE, NEVER_ISSUED],
        "the first call with records, all of them, or the id does not arrive", requests::lost;
    calls_that_come_too_late: [NOT_OPEN, ALREADY_COMMITTED, ABORTED_BY_CALLER, ABORTED_BY_OPERATOR],
        "the transaction's end was asked elsewhere meanwhile", requests::too_late;
    a_consumer_that_lost_its_partitions: [REBALANCED], "offsets of a generation that never was", requests::rebalanced;
    rights_that_are_missing: [TOPIC_DENIED, GROUP_DENIED, TRANSACTIONAL_ID_DENIED],
        "ACLs; that of the transactional.id appears while the sidecar serves", acls::denied;
    clocks_that_run_out: [TIMED_OUT, TIMED_OUT_IDLE], "the application dawdles", lives::timed_out;
    a_restart: [SIDECAR_RESTARTED], "SIGKILL before Commit", lives::restarted;
    a_drain: [DRAINING, DRAINED], "SIGTERM before Commit, and an application that does not hurry", lives::drained;
    a_fence: [FENCED], "a stranger inits the transactional.ids of a streaming transaction", lives::fenced;
    a_rival: [FENCED_BY_RIVAL], "another pod claims the slot; later an operator resumes the first", lives::rival;
    a_disk_that_is_full: [JOURNAL_FAILED], "no write to the journal works until a restart", lives::journal_failed;
    too_many_open_transactions: [OPEN_TRANSACTIONS_EXCEEDED], "one is allowed and open", limits::open_transactions;
    too_many_waiting_commits: [QUEUE_EXCEEDED],
        "one may wait for the only lane, which a streaming transaction has", limits::queue;
    too_many_bytes: [BUFFER_EXCEEDED], "two transactions that fit the buffer only one after the other", limits::buffer;
    an_outcome_that_is_forgotten: [OUTCOME_FORGOTTEN],
        "the journal is lost with an open transaction; a key is older than what is remembered", outcomes::forgotten;
    an_outcome_that_nobody_can_tell: [OUTCOME_UNKNOWN],
        "killed after PREPARED, then a stranger removes the births from the outcomes topic", outcomes::unknown;
    a_recovery_that_takes_long: [RECOVERING],
        "a stranger's open transaction holds back the outcomes topic", outcomes::recovering;
    a_broker_that_stands_still: [KAFKA_UNREACHABLE, OUTCOME_PENDING, KAFKA_FAILED, BUFFER_PRESSURE],
        "SIGSTOP for longer than the lanes' timeout", brokers::stopped;
    a_delivery_that_another_transaction_holds: [DELIVERY_TAKEN],
        "another transaction sends it first; later it is aborted", reading::taken;
    a_delivery_of_an_earlier_life: [DELIVERY_REVOKED],
        "SIGKILL between a delivery and the transaction that is to settle it", reading::revoked;
    two_members_of_one_name: [MEMBER_FENCED],
        "another sidecar's application subscribes with the same group_instance_id", reading::fenced;
    a_group_without_an_offset: [OFFSET_MISSING],
        "reset_policy NONE; later somebody commits an offset", reading::offset_missing;
    two_streams_of_one_session: [SESSION_TAKEN],
        "a second stream resumes the session of the first", reading::session_taken;
    a_record_that_no_message_holds: [RECORD_TOO_LARGE_FOR_CLIENT],
        "a larger record than max_message_bytes; later a larger limit, or a dead-letter topic", reading::too_large;
    an_application_that_was_gone: [SESSION_LOST],
        "its stream breaks and does not come back while its transaction is open", reading::session_lost;
    an_application_that_settles_nothing: [DELIVERY_TIMED_OUT],
        "it holds a delivery for longer than delivery_timeout", reading::timed_out;
    too_many_sessions: [SESSIONS_EXCEEDED], "one is allowed, and another application's", reading::sessions;
}

/// What cannot occur, and why.
const NEVER: &[(&str, &str)] = &[(
    "NO_SLOT",
    "a sidecar of this version has its slot before it listens, or does not start; slots by Lease come later. \
     How it is told: proxy/rpc/tests/api/errors.rs",
)];

/// Code and next action of each reason.
fn documented() -> BTreeMap<&'static str, (&'static str, &'static str)> {
    let docs = include_str!("../../../../docs/errors.md");
    let row = |line: &'static str| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        Some((cells.next()?.trim_end_matches('`'), (cells.next()?, cells.next()?)))
    };
    docs.lines().filter_map(row).collect()
}

/// `InvalidArgument` as `INVALID_ARGUMENT`.
fn screaming(name: &str) -> String {
    let mut screaming = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !screaming.is_empty() {
            screaming.push('_');
        }
        screaming.push(c.to_ascii_uppercase());
    }
    screaming
}

/// Each of these reasons was met, and every refusal has the code and the next action of its row.
fn told_as_documented(reasons: &[&str], met: &[Met]) {
    let documented = documented();
    let met: Vec<_> = met.iter().flat_map(Met::all).collect();
    for refused in met.iter().filter(|refused| !refused.reason.is_empty()) {
        let code = screaming(&format!("{:?}", refused.code));
        let row = documented.get(&refused.reason[..]).copied();
        assert_eq!(row, Some((code.as_str(), refused.next.as_str())), "docs/errors.md and {refused:?}");
    }
    for reason in reasons {
        assert!(met.iter().any(|refused| refused.reason == *reason), "{reason} is not among {met:#?}");
    }
}

#[test]
fn every_reason_of_the_api_is_in_the_table() {
    let mut listed = BTreeSet::new();
    let cases = CASES.iter().flat_map(|(reasons, how)| reasons.iter().map(move |reason| (*reason, *how)));
    for (reason, how) in cases.chain(NEVER.iter().copied()) {
        assert!(listed.insert(reason.to_owned()), "{reason} is listed twice");
        assert!(!how.is_empty(), "{reason}: how?");
    }
    let numbers = (1..10_000).filter_map(|number| Reason::try_from(number).ok());
    let known: BTreeSet<_> =
        numbers.map(|reason| reason.as_str_name().trim_start_matches("REASON_").to_owned()).collect();
    assert_eq!(listed, known, "left: this table, right: proto/sidecommit/v1/error.proto");
    let documented: BTreeSet<_> = documented().into_keys().map(str::to_owned).collect();
    assert_eq!(documented, known, "left: docs/errors.md, right: proto/sidecommit/v1/error.proto");
}
