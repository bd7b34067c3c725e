mod binding;
mod contents;
mod crash_steps;
mod damage;
mod failure;
mod format;
mod model;
mod partitions;
mod power_loss;

use crate::{
    Binding, Error, Journal, Options,
    disk::{Disk, RealDisk},
    lock::Lock,
    store::Store,
    stored::{Family, Key},
};
use model::Source;
use sidecommit_core::{JournalContents, JournalEntry};
use std::{fs, path::Path, sync::Arc};

/// Partitions remembered.
const PARTITIONS: usize = 8;

fn binding() -> Binding {
    Binding { cluster_id: "cluster-a".to_owned(), slot: "p/ns/app/0".parse().unwrap() }
}

fn remembering(outcomes_remembered: usize) -> Options {
    Options { outcomes_remembered, partitions_remembered: PARTITIONS, ..Options::default() }
}

fn open(dir: &Path, keep: usize) -> (Journal, JournalContents) {
    Journal::open(dir, binding(), remembering(keep)).unwrap()
}

fn open_on(dir: &Path, keep: usize, disk: Arc<dyn Disk>) -> Result<(Journal, JournalContents), Error> {
    Journal::open_on(dir, binding(), remembering(keep), disk)
}

/// A journal with some entries, closed; returns the entries.
fn filled(dir: &Path, seed: u64, count: usize, keep: usize) -> Vec<JournalEntry> {
    let mut source = Source::new(seed);
    let (mut journal, _) = open(dir, keep);
    let entries: Vec<_> = (0..count).map(|_| source.next()).collect();
    for entry in &entries {
        journal.put(entry).unwrap();
    }
    journal.sync().unwrap();
    entries
}

/// sled's own handle of a closed journal.
fn raw(dir: &Path) -> sled::Db {
    let lock = Arc::new(Lock::acquire(dir).unwrap());
    // Waits until sled's threads let go of it.
    drop(Store::open(dir, &dir.join("data.1"), lock, Arc::new(RealDisk)).unwrap());
    fs::File::open(dir.join("data.1/db")).unwrap().lock().unwrap();
    sled::Config::new().path(dir.join("data.1")).flush_every_ms(None).open().unwrap()
}

fn keys(db: &sled::Db, family: Family) -> Vec<Key> {
    db.scan_prefix([family.prefix()]).keys().map(|key| Key::decode(&key.unwrap()).unwrap()).collect()
}

/// The folder as another process would find it, our open handles and locks left behind.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// assert_eq, but in words that fit on a screen.
#[track_caller]
fn same(found: &JournalContents, expected: &JournalContents, context: &str) {
    if let Some(difference) = model::difference(found, expected) {
        panic!("{difference} {context}");
    }
    assert!(found == expected, "{context}");
}
