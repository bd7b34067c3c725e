//! `cargo test -p sidecommit-journal --test latency -- --ignored --nocapture`: what a commit pays for the journal, on
//! the disk of TMPDIR.
#![allow(clippy::unwrap_used)] // helpers of tests are tests

use sidecommit_core::{
    Fingerprint, GroupUuid, IdempotencyKey, Incarnation, JournalEntry, KeyHash, LaneIndex, PartitionRange,
    PreparedGroup, TxnId, TxnOutcome, TxnSummary,
};
use sidecommit_journal::{Binding, Journal, Options};
use std::{
    env,
    io::Write,
    time::{Duration, Instant},
};

/// Commits measured.
const COMMITS: u64 = 20_000;

#[test]
#[ignore = "a measurement"]
fn an_append_with_fdatasync_for_comparison() {
    let mut file = tempfile::tempfile().unwrap();
    let took = (0..COMMITS / 4).map(|_| {
        let begin = Instant::now();
        file.write_all(&[7; 600]).unwrap();
        file.sync_data().unwrap();
        begin.elapsed()
    });
    report("append+fdatasync", took.collect());
}

fn report(what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |percent: f64| took[((took.len() - 1) as f64 * percent / 100.0) as usize];
    println!("{what}: p50 {:?} p99 {:?} p99.9 {:?} max {:?}", at(50.0), at(99.0), at(99.9), at(100.0));
}

#[test]
#[ignore = "a measurement"]
fn put_and_sync_of_a_prepared_group() {
    let dir = tempfile::tempdir().unwrap();
    let binding = Binding { cluster_id: "c".to_owned(), slot: "p/ns/app/0".parse().unwrap() };
    let remembered = env::var("REMEMBERED").map_or(5_000, |n| n.parse().unwrap());
    let options = Options { outcomes_remembered: remembered, ..Options::default() };
    let (mut journal, _) = Journal::open(dir.path(), binding.clone(), options).unwrap();
    let mut took = Vec::new();
    let start = Instant::now();
    let mut bytes_max = 0;
    for seq in 1..=COMMITS {
        let members = vec![summary(seq)];
        let group =
            PreparedGroup { lane: LaneIndex(0), seq, group: GroupUuid([5; 16]), marker: None, members };
        let settled = JournalEntry::Settled { lane: group.lane, seq, members: group.members.clone() };
        let prepared = JournalEntry::Prepared(group);
        let begin = Instant::now();
        journal.put(&prepared).unwrap();
        journal.sync().unwrap();
        took.push(begin.elapsed());
        journal.put(&settled).unwrap();
        bytes_max = bytes_max.max(journal.file_bytes().unwrap());
    }
    println!("{COMMITS} commits in {:?}", start.elapsed());
    report("put+sync", took);
    println!("log {} KiB, at most {} KiB", journal.file_bytes().unwrap() >> 10, bytes_max >> 10);
    drop(journal);
    for _ in 0..2 {
        let begin = Instant::now();
        let (journal, contents) = Journal::open(dir.path(), binding.clone(), options).unwrap();
        println!(
            "opened {} outcomes in {:?}, log {} KiB",
            contents.finished.len(),
            begin.elapsed(),
            journal.file_bytes().unwrap() >> 10
        );
    }
}

fn summary(seq: u64) -> TxnSummary {
    let range = |partition| PartitionRange {
        topic: "orders".to_owned(),
        partition,
        first_offset: 123_456,
        last_offset: 123_456,
        count: 1,
    };
    TxnSummary {
        txn: TxnId::new(seq, Incarnation(1), seq),
        request_id: "0b7f4c6e-2f0e-4a53-9a58-6f2a8f3f4d11".to_owned(),
        key: Some(IdempotencyKey { text: format!("order-{seq}"), hash: KeyHash([4; 16]) }),
        fingerprint: Fingerprint([9; 16]),
        label: "transfer".to_owned(),
        outcome: TxnOutcome::Committed(vec![range(0), range(1)]),
        ended: 1_763_000_000_000 + seq,
        record_count: 2,
        offsets_count: 0,
    }
}
