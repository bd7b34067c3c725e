use super::{model::Source, open_on};
use crate::{
    Error, Journal,
    disk::{Disk, RealDisk},
};
use sidecommit_core::{Incarnation, JournalEntry, PartitionMemory, SessionId};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

/// Counts fdatasyncs, lets them fail on demand, and notes whether what was put was in the log by then.
#[derive(Default)]
struct Watched {
    log: PathBuf,
    fails: AtomicBool,
    fdatasyncs: AtomicUsize,
    written_before: AtomicBool,
}

const NEEDLE: &str = "pod-that-is-easy-to-find-in-the-log";

impl Disk for Watched {
    fn fdatasync(&self, file: &File) -> io::Result<()> {
        self.fdatasyncs.fetch_add(1, Ordering::SeqCst);
        if let Ok(log) = fs::read(&self.log) {
            let found = log.windows(NEEDLE.len()).any(|window| window == NEEDLE.as_bytes());
            self.written_before.store(found, Ordering::SeqCst);
        }
        if self.fails.load(Ordering::SeqCst) {
            return Err(io::Error::from_raw_os_error(5));
        }
        RealDisk.fdatasync(file)
    }

    fn fsync_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.fsync_dir(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        RealDisk.remove_dir_all(dir)
    }
}

fn watched(dir: &Path) -> (Journal, Arc<Watched>) {
    let disk = Arc::new(Watched { log: dir.join("data.1/db"), ..Watched::default() });
    let (journal, _) = open_on(dir, 100, Arc::clone(&disk) as Arc<dyn Disk>).unwrap();
    disk.fdatasyncs.store(0, Ordering::SeqCst);
    (journal, disk)
}

fn easy_to_find() -> JournalEntry {
    JournalEntry::Claim { incarnation: Incarnation(1), pod_uid: NEEDLE.to_owned() }
}

#[test]
fn a_sync_first_writes_and_then_fdatasyncs() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, disk) = watched(dir.path());
    journal.put(&easy_to_find()).unwrap();
    assert_eq!(disk.fdatasyncs.load(Ordering::SeqCst), 0);
    journal.sync().unwrap();
    assert_eq!(disk.fdatasyncs.load(Ordering::SeqCst), 1);
    assert!(disk.written_before.load(Ordering::SeqCst), "sled's flush comes before the fdatasync");
    journal.sync().unwrap();
    assert_eq!(disk.fdatasyncs.load(Ordering::SeqCst), 1, "nothing was put since");
}

#[test]
fn a_partition_is_written_without_a_sync_and_made_durable_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, disk) = watched(dir.path());
    let outstanding = Some((SessionId([0; 16]), 4, 5));
    journal
        .put(&JournalEntry::Consumption {
            group_id: NEEDLE.to_owned(),
            topic: "t".to_owned(),
            partition: 0,
            memory: Some(PartitionMemory { outstanding, ..PartitionMemory::default() }),
        })
        .unwrap();
    assert_eq!(disk.fdatasyncs.load(Ordering::SeqCst), 0);
    journal.sync().unwrap();
    assert!(disk.written_before.load(Ordering::SeqCst));
}

#[test]
fn sled_never_runs_far_ahead_of_the_last_fdatasync() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, disk) = watched(dir.path());
    for n in 0..160 {
        journal.put(&JournalEntry::Claim { incarnation: Incarnation(n), pod_uid: String::new() }).unwrap();
    }
    assert_eq!(disk.fdatasyncs.load(Ordering::SeqCst), 10);
}

#[test]
fn after_a_failed_fdatasync_everything_fails_the_same_way_and_nothing_is_retried() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, disk) = watched(dir.path());
    journal.put(&easy_to_find()).unwrap();
    disk.fails.store(true, Ordering::SeqCst);
    let first = journal.sync().unwrap_err();
    assert!(matches!(first, Error::Io { .. }), "{first}");
    disk.fails.store(false, Ordering::SeqCst);
    type Call = fn(&mut Journal) -> Result<(), Error>;
    let calls: [Call; 3] = [Journal::sync, |journal| journal.put(&Source::new(1).next()), Journal::sync];
    for call in calls {
        assert_eq!(call(&mut journal).unwrap_err().to_string(), first.to_string());
    }
    assert_eq!(disk.fdatasyncs.load(Ordering::SeqCst), 1);
    // sled's drop would fsync once more: the handle is leaked, and with it the lock.
    drop(journal);
    assert!(matches!(open_on(dir.path(), 100, disk), Err(Error::Held { .. })));
}

#[test]
fn a_put_that_has_to_sync_fails_like_a_sync() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, disk) = watched(dir.path());
    disk.fails.store(true, Ordering::SeqCst);
    let mut source = Source::new(3);
    let failed = (0..100).find_map(|_| journal.put(&source.next()).err()).unwrap();
    assert_eq!(journal.sync().unwrap_err().to_string(), failed.to_string());
}
