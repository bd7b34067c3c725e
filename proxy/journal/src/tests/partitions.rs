//! What is remembered of partitions that applications read.

use super::{PARTITIONS, binding, filled, keys, model::model, open, raw, remembering, same};
use crate::{
    Journal, Options, inspect,
    stored::{Family, Key, PART, Partition, Place, encode, parts},
};
use sidecommit_core::{FailedRange, JournalEntry, PartitionMemory, Poison, SessionId};
use std::{fs, path::Path};

fn memory(first: i64) -> PartitionMemory {
    PartitionMemory {
        outstanding: Some((SessionId([1; 16]), first, first + 9)),
        ..PartitionMemory::default()
    }
}

/// More than fits into two parts.
fn large(first: i64) -> PartitionMemory {
    let message = "m".repeat(2 * PART);
    let poison = Poison { offset: first, retryable: false, error_class: "E".to_owned(), message };
    PartitionMemory { poisoned: vec![poison], ..PartitionMemory::default() }
}

fn put(partition: i32, memory: impl Into<Option<PartitionMemory>>) -> JournalEntry {
    let memory = memory.into();
    JournalEntry::Consumption { group_id: "g".to_owned(), topic: "t".to_owned(), partition, memory }
}

/// Partitions that a start is told of.
fn remembered(dir: &Path) -> Vec<i32> {
    open(dir, 10).1.consumption.iter().map(|known| known.2).collect()
}

#[test]
fn the_last_memory_of_each_partition_counts_and_nothing_else_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path(), 10);
    for first in 0..50 {
        journal.put(&put(1, large(first))).unwrap();
        journal.put(&put(2, memory(first))).unwrap();
        journal.put(&put(3, memory(first))).unwrap();
        journal.put(&put(3, None)).unwrap();
    }
    journal.put(&put(4, None)).unwrap();
    drop(journal);
    let parts = parts(&encode(&partition(1, large(49)))).count();
    assert_eq!(keys(&raw(dir.path()), Family::Partition).len(), parts + 1);
    let (_, contents) = open(dir.path(), 10);
    let known = |partition, memory| ("g".to_owned(), "t".to_owned(), partition, memory);
    assert_eq!(contents.consumption, [known(1, large(49)), known(2, memory(49))]);
}

#[test]
fn names_that_read_the_same_when_put_together_are_not_confused() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path(), 10);
    let places = [("a-b", "c", 1), ("a", "b-c", 1), ("", "a-b-c", 1), ("a-b-c", "", 1), ("a", "b-c-1", 0)];
    for (first, (group_id, topic, partition)) in (0..).zip(places) {
        let (group_id, topic, memory) = (group_id.to_owned(), topic.to_owned(), Some(memory(first)));
        journal.put(&JournalEntry::Consumption { group_id, topic, partition, memory }).unwrap();
    }
    drop(journal);
    let (_, contents) = open(dir.path(), 10);
    let mut found: Vec<_> = contents.consumption.iter().map(|known| &known.3).collect();
    found.sort_by_key(|memory| memory.outstanding);
    assert_eq!(found, (0..5).map(memory).collect::<Vec<_>>().iter().collect::<Vec<_>>());
}

#[test]
fn beyond_its_bound_the_partition_that_was_written_longest_ago_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path(), 10);
    for partition in 0..PARTITIONS as i32 {
        journal.put(&put(partition, memory(0))).unwrap();
    }
    journal.put(&put(0, memory(1))).unwrap();
    journal.put(&put(100, memory(0))).unwrap();
    journal.put(&put(101, memory(0))).unwrap();
    drop(journal);
    assert_eq!(remembered(dir.path()), [0, 3, 4, 5, 6, 7, 100, 101]);
    let smaller = Options { partitions_remembered: 3, ..remembering(10) };
    drop(Journal::open(dir.path(), binding(), smaller).unwrap());
    assert_eq!(remembered(dir.path()), [0, 100, 101], "a smaller bound takes effect at open, and stays");
}

#[test]
fn a_rewrite_keeps_them_and_their_age() {
    let dir = tempfile::tempdir().unwrap();
    let mut entries = filled(dir.path(), 11, 300, 40);
    let options = Options { rewrite_floor_bytes: 0, ..remembering(40) };
    let (mut journal, contents) = Journal::open(dir.path(), binding(), options).unwrap();
    assert!(dir.path().join("data.2").exists(), "rewritten");
    assert!(contents.consumption.len() > PARTITIONS - 3, "{}", contents.consumption.len());
    same(&contents, &model(journal.id(), &entries, 40), "");
    for partition in 0..3 {
        entries.push(put(partition, memory(0)));
        journal.put(entries.last().unwrap()).unwrap();
    }
    drop(journal);
    let (journal, contents) = open(dir.path(), 40);
    same(&contents, &model(journal.id(), &entries, 40), "the oldest made room");
}

#[test]
fn another_slot_remembers_none() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 11, 300, 40);
    let there = crate::Binding { slot: "p/ns/app/1".parse().unwrap(), ..binding() };
    let (_, contents) = Journal::open(dir.path(), there, remembering(40)).unwrap();
    assert_eq!(contents.consumption, []);
}

#[test]
fn deliveries_without_end_do_not_make_the_log_grow() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path(), 10);
    let message = "m".repeat(500);
    let poison = Poison { offset: 0, retryable: false, error_class: "E".to_owned(), message };
    for first in 0..20_000 {
        let memory = PartitionMemory { poisoned: vec![poison.clone()], ..memory(first) };
        journal.put(&put((first % 3) as i32, memory)).unwrap();
        if first % 2 == 0 {
            journal.put(&put((first % 3) as i32, None)).unwrap();
        }
    }
    // 11 MB were written.
    let bytes = journal.file_bytes().unwrap();
    assert!(bytes < 4 << 20, "{bytes}");
}

fn partition(partition: i32, memory: PartitionMemory) -> Partition {
    Partition { place: Place { group_id: "g".to_owned(), topic: "t".to_owned(), partition }, memory }
}

#[test]
fn an_interrupted_writing_leaves_what_was_there_before() {
    let value = encode(&partition(1, large(7)));
    for written in 0..=parts(&value).count() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(dir.path(), 10);
        journal.put(&put(1, large(6))).unwrap();
        drop(journal);
        let db = raw(dir.path());
        let index = keys(&db, Family::Partition).last().unwrap().index + 1;
        for (part, bytes) in (0..).zip(parts(&value)).take(written) {
            db.insert(Key { family: Family::Partition, index, part }.encode(), bytes).unwrap();
        }
        drop(db);
        let expected = if written < parts(&value).count() { large(6) } else { large(7) };
        let (mut journal, contents) = open(dir.path(), 10);
        assert_eq!(contents.consumption[0].3, expected, "{written} parts");
        assert_eq!(contents.consumption.len(), 1);
        // Nothing of either comes back.
        journal.put(&put(1, None)).unwrap();
        drop(journal);
        assert_eq!(keys(&raw(dir.path()), Family::Partition), []);
    }
}

#[test]
fn an_interrupted_removal_has_removed() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path(), 10);
    journal.put(&put(1, large(6))).unwrap();
    drop(journal);
    let db = raw(dir.path());
    let all = keys(&db, Family::Partition);
    assert!(all.len() > 2);
    db.remove(all[0].encode()).unwrap();
    drop(db);
    let (mut journal, contents) = open(dir.path(), 10);
    assert_eq!(contents.consumption, []);
    journal.put(&put(1, memory(0))).unwrap();
    drop(journal);
    assert_eq!(remembered(dir.path()), [1]);
    assert_eq!(keys(&raw(dir.path()), Family::Partition).len(), 1);
}

#[test]
fn no_memory_leaves_the_log_for_a_file_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path(), 10);
    for first in 0..300 {
        journal.put(&put((first % 7) as i32, large(first))).unwrap();
    }
    journal.sync().unwrap();
    assert_eq!(fs::read_dir(dir.path().join("data.1/blobs")).unwrap().count(), 0);
}

#[test]
fn inspect_shows_them() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path(), 10);
    let failed = vec![FailedRange { first: 12, last: 14, attempts: 2, alone: 0, suspect: true }];
    let poison = Poison { offset: 13, retryable: true, error_class: "E".to_owned(), message: "m".to_owned() };
    journal.put(&put(7, PartitionMemory { failed, poisoned: vec![poison], ..memory(10) })).unwrap();
    drop(journal);
    let shown = line(&inspect(dir.path()).unwrap().partitions[0]);
    assert_eq!(
        shown,
        "g t 7, outstanding 01010101010101010101010101010101 10 to 19, failed 12 to 14 x 2, poisoned 13 true E m"
    );
}

fn line(shown: &crate::Partition) -> String {
    let (had, failed, poison) = (shown.outstanding.as_ref().unwrap(), shown.failed[0], &shown.poisoned[0]);
    format!(
        "{} {} {}, outstanding {} {} to {}, failed {} to {} x {}, poisoned {} {} {} {}",
        shown.group_id,
        shown.topic,
        shown.partition,
        had.session_id,
        had.first_offset,
        had.last_offset,
        failed.first_offset,
        failed.last_offset,
        failed.attempts,
        poison.offset,
        poison.retryable,
        poison.error_class,
        poison.message
    )
}
