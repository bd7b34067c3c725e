use super::{
    binding, filled,
    model::{Source, model},
    open, remembering, same,
};
use crate::{Binding, Error, FolderLock, Journal, discard, inspect};
use sidecommit_core::{ForeignGroup, JournalEntry, JournalId, PreparedGroup};
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

/// What a journal of [`binding`]'s slot leaves undecided.
pub(super) fn foreign(journal: JournalId, prepared: &[PreparedGroup]) -> Vec<ForeignGroup> {
    let slot = binding().slot;
    prepared.iter().map(|group| ForeignGroup { slot: slot.clone(), journal, group: group.clone() }).collect()
}

fn other_slot() -> Binding {
    Binding { slot: "p/ns/app/1".parse().unwrap(), ..binding() }
}

#[test]
fn another_clusters_journal_is_refused_with_both_ids() {
    let dir = tempfile::tempdir().unwrap();
    let entries = filled(dir.path(), 1, 20, 100);
    let elsewhere = Binding { cluster_id: "cluster-b".to_owned(), ..binding() };
    let error = Journal::open(dir.path(), elsewhere, remembering(100)).unwrap_err();
    assert!(matches!(error, Error::OtherCluster { .. }));
    let text = error.to_string();
    assert!(text.contains("cluster-a") && text.contains("cluster-b"), "{text}");
    let (journal, contents) = open(dir.path(), 100);
    same(&contents, &model(journal.id(), &entries, 100), "left as it was");
}

#[test]
fn another_slot_gets_a_new_journal_that_keeps_the_outcomes_and_the_undecided_groups() {
    let dir = tempfile::tempdir().unwrap();
    let entries = filled(dir.path(), 3, 100, 100);
    let (journal, before) = open(dir.path(), 100);
    let id = journal.id();
    drop(journal);
    assert!(!before.prepared.is_empty() && !before.finished.is_empty());
    let theirs = foreign(id, &before.prepared);

    let (journal, moved) = Journal::open(dir.path(), other_slot(), remembering(100)).unwrap();
    assert_ne!(journal.id(), id);
    let mut expected = model(journal.id(), &[], 100);
    expected.foreign = theirs.clone();
    expected.finished = before.finished.clone();
    // What only the former slot's markers told is not told by this one's.
    expected.horizon = before.recalled.iter().map(|recalled| recalled.time).fold(before.horizon, u64::max);
    assert_eq!(moved, expected);
    drop(journal);

    // Back again: still foreign, their markers carry the former journal id.
    let (mut journal, back) = Journal::open(dir.path(), binding(), remembering(100)).unwrap();
    assert_eq!(back.foreign, theirs);
    assert_eq!((&back.prepared, &back.finished), (&Vec::new(), &before.finished));
    assert!(entries.len() > theirs.len());

    journal.forget_foreign(theirs[0].group.group).unwrap();
    drop(journal);
    let (_, contents) = open(dir.path(), 100);
    assert_eq!(contents.foreign, theirs[1..]);
}

#[test]
fn foreign_groups_outlive_outcomes_and_rewrites() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 3, 100, 100);
    let (mut journal, moved) = Journal::open(dir.path(), other_slot(), remembering(5)).unwrap();
    let mut source = Source::new(8);
    for _ in 0..200 {
        journal.put(&source.next()).unwrap();
    }
    drop(journal);
    let options = crate::Options { rewrite_floor_bytes: 0, ..remembering(5) };
    let (_, contents) = Journal::open(dir.path(), other_slot(), options).unwrap();
    let groups = |foreign: &[ForeignGroup]| {
        let mut groups: Vec<_> = foreign.iter().map(|foreign| foreign.group.group).collect();
        groups.sort_unstable();
        groups
    };
    assert!(!moved.foreign.is_empty());
    assert_eq!(groups(&contents.foreign), groups(&moved.foreign));
}

#[test]
fn a_journal_in_use_is_refused_with_the_pid_that_uses_it() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path(), 10);
    let pid = std::process::id();
    let refused =
        |error: Error| assert!(matches!(error, Error::Held { pid: Some(p), .. } if p == pid), "{error}");
    refused(Journal::open(dir.path(), binding(), remembering(10)).unwrap_err());
    refused(inspect(dir.path()).unwrap_err());
    refused(discard(dir.path()).unwrap_err());
    drop(journal);
    open(dir.path(), 10);
}

#[test]
fn only_the_owner_may_read_it() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("deep/journal");
    filled(&dir, 1, 10, 10);
    open(&dir, 10);
    fn check(path: &Path) {
        let meta = fs::metadata(path).unwrap();
        let expected = if meta.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(meta.permissions().mode() & 0o777, expected, "{}", path.display());
        if meta.is_dir() {
            fs::read_dir(path).unwrap().for_each(|entry| check(&entry.unwrap().path()));
        }
    }
    check(&parent.path().join("deep"));
}

#[test]
fn inspect_shows_what_a_start_would_read_and_changes_nothing_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let entries = filled(dir.path(), 4, 120, 100);
    let seen = inspect(dir.path()).unwrap();
    assert_eq!(inspect(dir.path()).unwrap(), seen);
    let (journal, contents) = open(dir.path(), 100);
    same(&contents, &model(journal.id(), &entries, 100), "");
    assert_eq!(
        (seen.journal.as_str(), seen.slot.as_str()),
        (journal.id().to_string().as_str(), "p/ns/app/0")
    );
    let ids: Vec<_> = contents.finished.iter().map(|summary| summary.txn.to_string()).collect();
    let shown: Vec<_> = seen.outcomes.iter().map(|outcome| outcome.transaction_id.clone()).collect();
    assert_eq!(shown, ids);
    assert_eq!(seen.prepared.len(), contents.prepared.len());
    assert_eq!(seen.incarnation, contents.incarnation.0);
}

#[test]
fn discard_makes_the_next_start_a_first_one() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(discard(dir.path()), Err(Error::Missing { .. })));
    assert!(matches!(inspect(dir.path()), Err(Error::Missing { .. })));
    filled(dir.path(), 4, 20, 100);
    let (journal, _) = open(dir.path(), 100);
    let id = journal.id();
    drop(journal);
    discard(dir.path()).unwrap();
    let (mut journal, contents) = open(dir.path(), 100);
    assert_ne!(journal.id(), id);
    same(&contents, &model(journal.id(), &[], 100), "");
    journal
        .put(&JournalEntry::Claim { incarnation: sidecommit_core::Incarnation(1), pod_uid: String::new() })
        .unwrap();
}

#[test]
fn a_folder_that_is_held_opens_as_often_as_its_slot_changes() {
    let dir = tempfile::tempdir().unwrap();
    let held = FolderLock::acquire(&dir.path().join("journal")).unwrap();
    for turn in 0..10 {
        let slot = if turn % 2 == 0 { binding() } else { other_slot() };
        let (mut journal, contents) = Journal::open_in(&held, slot, remembering(10)).unwrap();
        assert_eq!(contents.claims, [], "turn {turn}: a new journal");
        journal.put(&Source::new(turn).next()).unwrap();
        journal.sync().unwrap();
    }
    let elsewhere = Journal::open(&dir.path().join("journal"), binding(), remembering(10));
    assert!(matches!(elsewhere, Err(Error::Held { .. })));
    drop(held);
    Journal::open(&dir.path().join("journal"), binding(), remembering(10)).unwrap();
}
