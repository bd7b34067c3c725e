//! kill -9 cannot show a missing fsync: the kernel still has everything. Here the power goes: of what was written after
//! the last fdatasync, an arbitrary part of the pages is lost.

use super::{
    copy,
    model::{Source, prefix_of},
    open, open_on,
};
use crate::disk::{Disk, RealDisk};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

const KEEP: usize = 60;
const PAGE: usize = 4096;

/// A disk with a cache: `durable` is what is on its platters.
struct Cached {
    dir: PathBuf,
    durable: PathBuf,
    /// Whether fdatasync does anything.
    works: AtomicBool,
}

impl Disk for Cached {
    fn fdatasync(&self, file: &File) -> io::Result<()> {
        if self.works.load(Ordering::SeqCst) {
            RealDisk.fdatasync(file)?;
            if self.durable.exists() {
                fs::remove_dir_all(&self.durable)?;
            }
            copy(&self.dir, &self.durable);
        }
        Ok(())
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

impl Cached {
    /// The folder as found after the power comes back.
    fn after_power_loss(&self, to: &Path, rng: &mut fastrand::Rng) {
        copy(&self.durable, to);
        let written = fs::read(self.dir.join("data.1/db")).unwrap();
        let log = to.join("data.1/db");
        let mut durable = fs::read(&log).unwrap();
        let survive = rng.u32(0..=100);
        for (n, page) in written.chunks(PAGE).enumerate() {
            if rng.u32(0..100) < survive {
                let end = n * PAGE + page.len();
                // A page beyond the durable size survives with a hole of zeros before it.
                durable.resize(durable.len().max(end), 0);
                durable[n * PAGE..end].copy_from_slice(page);
            }
        }
        fs::write(log, durable).unwrap();
    }
}

/// Runs a journal on such a disk and pulls the plug again and again. Err: an entry whose sync was answered is missing,
/// or what is left was never the journal's state.
fn run(seed: u64, fdatasync_works: bool) -> Result<(), String> {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("journal");
    let disk = Arc::new(Cached {
        dir: dir.clone(),
        durable: scratch.path().join("durable"),
        works: AtomicBool::new(true),
    });
    let (mut journal, _) = open_on(&dir, KEEP, Arc::clone(&disk) as Arc<dyn Disk>).unwrap();
    disk.works.store(fdatasync_works, Ordering::SeqCst);
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut source = Source::new(seed);
    let (mut entries, mut synced) = (Vec::new(), 0);
    for round in 0..40 {
        for _ in 0..rng.usize(0..20) {
            let entry = source.next();
            journal.put(&entry).unwrap();
            entries.push(entry);
        }
        if rng.bool() {
            journal.sync().unwrap();
            synced = entries.len();
        }
        let found = scratch.path().join(format!("found-{round}"));
        disk.after_power_loss(&found, &mut rng);
        let (_, contents) = open(&found, KEEP);
        fs::remove_dir_all(found).unwrap();
        match prefix_of(&contents, &entries, KEEP) {
            None => return Err(format!("seed {seed}, round {round}: not a state that ever was")),
            Some(found) if found < synced => {
                return Err(format!("seed {seed}, round {round}: {synced} were synced, {found} are there"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

#[test]
fn what_was_synced_survives_a_power_loss() {
    for seed in 0..6 {
        run(seed, true).unwrap();
    }
}

#[test]
fn without_the_fdatasync_the_test_above_fails() {
    let found = run(0, false).unwrap_err();
    assert!(
        found.contains("were synced") || found.contains("never was") || found.contains("ever was"),
        "{found}"
    );
}
