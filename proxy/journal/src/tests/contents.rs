use super::{
    binding, filled,
    model::{Source, model},
    open, remembering, same,
};
use crate::{Journal, Options};
use sidecommit_core::JournalEntry;
use std::fs;

#[test]
fn a_reopened_journal_remembers_what_the_model_does() {
    for seed in 0..12 {
        let dir = tempfile::tempdir().unwrap();
        let mut rng = fastrand::Rng::with_seed(seed);
        let keep = rng.usize(5..60);
        let mut source = Source::new(seed);
        let mut entries: Vec<JournalEntry> = Vec::new();
        let (mut journal, contents) = open(dir.path(), keep);
        same(&contents, &model(contents.journal, &[], keep), "");
        for _ in 0..600 {
            match rng.u32(0..100) {
                0..2 => {
                    drop(journal);
                    let contents;
                    (journal, contents) = open(dir.path(), keep);
                    same(
                        &contents,
                        &model(journal.id(), &entries, keep),
                        &format!("seed {seed}, {} entries", entries.len()),
                    );
                }
                2..20 => journal.sync().unwrap(),
                _ => {
                    let entry = source.next();
                    journal.put(&entry).unwrap();
                    entries.push(entry);
                }
            }
        }
    }
}

#[test]
fn beyond_its_bound_the_oldest_outcomes_go_and_the_horizon_rises_to_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut source = Source::new(5);
    let outcomes: Vec<_> = std::iter::repeat_with(|| source.next())
        .filter_map(|entry| match entry {
            JournalEntry::Finished(summary) => Some(summary),
            _ => None,
        })
        .take(25)
        .collect();
    let (mut journal, _) = open(dir.path(), 10);
    for outcome in &outcomes {
        journal.put(&JournalEntry::Finished(outcome.clone())).unwrap();
    }
    drop(journal);
    let (_, contents) = open(dir.path(), 10);
    assert_eq!(contents.finished, outcomes[15..]);
    assert_eq!(contents.horizon, outcomes[14].ended);
}

#[test]
fn a_smaller_bound_takes_effect_at_open() {
    let dir = tempfile::tempdir().unwrap();
    let entries = filled(dir.path(), 9, 300, 200);
    let (journal, contents) = open(dir.path(), 20);
    let expected = model(journal.id(), &entries, 20);
    assert_eq!((&contents.finished, &contents.recalled), (&expected.finished, &expected.recalled));
    assert!(contents.horizon >= expected.horizon, "what was dropped late may have ended before an Adopted");
    drop(journal);
    let (_, later) = open(dir.path(), 200);
    assert_eq!(
        (later.finished.len(), later.horizon),
        (contents.finished.len(), contents.horizon),
        "and stays"
    );
}

#[test]
fn an_undecided_group_outlives_any_number_of_outcomes() {
    let dir = tempfile::tempdir().unwrap();
    let mut source = Source::new(1);
    let group = std::iter::repeat_with(|| source.next())
        .find_map(|entry| match entry {
            JournalEntry::Prepared(group) => Some(group),
            _ => None,
        })
        .unwrap();
    let (mut journal, _) = open(dir.path(), 3);
    journal.put(&JournalEntry::Prepared(group.clone())).unwrap();
    let finished =
        std::iter::repeat_with(|| source.next()).filter(|entry| matches!(entry, JournalEntry::Finished(_)));
    for entry in finished.take(50) {
        journal.put(&entry).unwrap();
    }
    drop(journal);
    let (_, contents) = open(dir.path(), 3);
    assert_eq!(contents.prepared, [group]);
}

#[test]
fn no_value_leaves_the_log_for_a_file_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let mut source = Source::new(2);
    let (mut journal, _) = open(dir.path(), 1_000);
    let mut put = 0;
    while put < 300 {
        // Only the large ones, so that leaves are as full as they get.
        if let JournalEntry::Finished(mut summary) = source.next() {
            summary.label = "l".repeat(4_096 * (put % 5) + 4_000);
            journal.put(&JournalEntry::Finished(summary)).unwrap();
            put += 1;
        }
    }
    journal.sync().unwrap();
    assert_eq!(fs::read_dir(dir.path().join("data.1/blobs")).unwrap().count(), 0);
}

#[test]
fn a_claim_each_start_and_nothing_else_does_not_pile_up() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path(), 10);
    let claim =
        |n| JournalEntry::Claim { incarnation: sidecommit_core::Incarnation(n), pod_uid: format!("pod-{n}") };
    for n in 1..=1_100 {
        journal.put(&claim(n)).unwrap();
    }
    drop(journal);
    let (journal, contents) = open(dir.path(), 10);
    let entries: Vec<_> = (1..=1_100).map(claim).collect();
    same(&contents, &model(journal.id(), &entries, 10), "");
    assert!(dir.path().join("data.2").exists(), "rewritten without them");
}

#[test]
fn a_bloated_log_is_rewritten_at_open_and_then_it_is_well() {
    let dir = tempfile::tempdir().unwrap();
    let mut source = Source::new(6);
    let mut entries = Vec::new();
    let (mut journal, _) = open(dir.path(), 1_000);
    // Bloat is relative: all of this, and then only a little of it is remembered.
    while entries.len() < 6_000 {
        let JournalEntry::Finished(mut summary) = source.next() else { continue };
        summary.label = "l".repeat(900);
        entries.push(JournalEntry::Finished(summary));
        journal.put(&entries[entries.len() - 1]).unwrap();
    }
    drop(journal);
    let log = |n: u32| fs::metadata(dir.path().join(format!("data.{n}/db"))).map(|meta| meta.len());
    let bloated = log(1).unwrap();
    let options = Options { rewrite_floor_bytes: 1 << 20, ..remembering(300) };
    assert!(bloated > 2 * options.rewrite_floor_bytes, "{bloated}");
    // The bound applies at the first open, the room is given back at the second.
    drop(open(dir.path(), 300));
    assert!(log(1).is_ok());
    for _ in 0..2 {
        let (journal, contents) = Journal::open(dir.path(), binding(), options).unwrap();
        same(&contents, &model(journal.id(), &entries, 300), "");
    }
    assert!(log(1).is_err() && log(3).is_err(), "rewritten once");
    assert!(log(2).unwrap() < options.rewrite_floor_bytes, "{}", log(2).unwrap());
}
