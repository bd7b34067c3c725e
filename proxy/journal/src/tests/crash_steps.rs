//! The process dies before the nth call that decides what survives, for every n; another one opens what it left.

use super::{binding, binding::foreign, copy, filled, model::model, open, open_on, remembering, same};
use crate::{
    Binding, Error, Journal, Options,
    disk::{Disk, RealDisk},
    folder::Folder,
};
use std::{
    fs::{self, File},
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Performs so many calls, then none any more.
struct DiesAfter(AtomicUsize);

impl DiesAfter {
    fn calls(calls: usize) -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(calls)))
    }

    fn call(&self) -> io::Result<()> {
        self.0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .map(drop)
            .map_err(|_| io::Error::other("the process is dead"))
    }
}

impl Disk for DiesAfter {
    fn fdatasync(&self, file: &File) -> io::Result<()> {
        self.call().and_then(|()| RealDisk.fdatasync(file))
    }

    fn fsync_dir(&self, dir: &Path) -> io::Result<()> {
        self.call().and_then(|()| RealDisk.fsync_dir(dir))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call().and_then(|()| RealDisk.rename(from, to))
    }

    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        let alive = self.call();
        if alive.is_err() && dir.join("conf").exists() {
            // Half-way through.
            fs::remove_file(dir.join("conf")).unwrap();
        }
        alive.and_then(|()| RealDisk.remove_dir_all(dir))
    }
}

/// Lets `act` die at each of its steps in a copy of `from`, then hands what is left to `check`. Returns the steps.
fn at_each_step(
    from: &Path,
    act: impl Fn(&Path, Arc<dyn Disk>) -> Result<(), Error>,
    check: impl Fn(&Path, usize),
) -> usize {
    for step in 0.. {
        let scratch = tempfile::tempdir().unwrap();
        let (dir, left) = (scratch.path().join("dies"), scratch.path().join("left"));
        copy(from, &dir);
        let survived = act(&dir, DiesAfter::calls(step)).is_ok();
        copy(&dir, &left);
        check(&left, step);
        if survived {
            return step;
        }
    }
    unreachable!()
}

#[test]
fn a_creation_that_dies_leaves_nothing_or_a_journal() {
    let empty = tempfile::tempdir().unwrap();
    let steps = at_each_step(
        empty.path(),
        |dir, disk| open_on(dir, 10, disk).map(drop),
        |left, step| {
            let (journal, contents) = open(left, 10);
            same(&contents, &model(journal.id(), &[], 10), &format!("step {step}"));
        },
    );
    assert!(steps >= 8, "{steps}");
}

#[test]
fn a_rewrite_that_dies_loses_nothing() {
    let pristine = tempfile::tempdir().unwrap();
    let entries = filled(pristine.path(), 11, 300, 40);
    let id = open(pristine.path(), 40).0.id();
    let options = Options { rewrite_floor_bytes: 0, ..remembering(40) };
    let steps = at_each_step(
        pristine.path(),
        |dir, disk| {
            let opened = Journal::open_on(dir, binding(), options, disk);
            assert!(opened.is_err() || dir.join("data.2").exists());
            opened.map(drop)
        },
        |left, step| {
            let (mut journal, contents) = open(left, 40);
            same(&contents, &model(id, &entries, 40), &format!("step {step}"));
            assert_eq!(Folder::scan(left).unwrap().leftovers(), 0, "step {step}");
            journal.put(&entries[0]).unwrap();
        },
    );
    assert!(steps >= 12, "{steps}");
}

#[test]
fn a_move_to_another_slot_that_dies_loses_no_undecided_group() {
    let pristine = tempfile::tempdir().unwrap();
    filled(pristine.path(), 3, 100, 100);
    let (journal, before) = open(pristine.path(), 100);
    let id = journal.id();
    drop(journal);
    let there = || Binding { slot: "p/ns/app/1".parse().unwrap(), ..binding() };
    let theirs = foreign(id, &before.prepared);
    assert!(!theirs.is_empty());
    at_each_step(
        pristine.path(),
        |dir, disk| Journal::open_on(dir, there(), remembering(100), disk).map(drop),
        |left, step| {
            let (_, contents) = Journal::open(left, there(), remembering(100)).unwrap();
            assert_eq!(
                (contents.foreign, contents.finished),
                (theirs.clone(), before.finished.clone()),
                "step {step}"
            );
        },
    );
}

#[test]
fn a_discard_that_dies_leaves_the_journal_or_none() {
    let pristine = tempfile::tempdir().unwrap();
    let entries = filled(pristine.path(), 3, 50, 100);
    let id = open(pristine.path(), 100).0.id();
    // As a rewrite that died would leave it: the older one must not come back.
    copy(&pristine.path().join("data.1"), &pristine.path().join("data.2"));
    at_each_step(
        pristine.path(),
        |dir, disk| Folder::scan(dir)?.discard(disk.as_ref()),
        |left, step| {
            let (journal, contents) = open(left, 100);
            let expected: &[_] = if journal.id() == id { &entries } else { &[] };
            same(&contents, &model(journal.id(), expected, 100), &format!("step {step}"));
        },
    );
}
