//! A sidecar's journal on a disk that fails, lies or loses its power on demand (tests/diskshim).

use crate::{Spec, sidecar::built};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

const PAGE: usize = 4096;

/// The disk under the journal of one spec.
#[derive(Debug)]
pub struct Disk {
    journal: PathBuf,
    state: PathBuf,
}

// === impl Disk ===

impl Disk {
    /// Puts it under the spec's journal. All sidecars that are started from the spec returned have it.
    ///
    /// # Panics
    /// If the shim was not built (cargo build --workspace --all-targets does).
    pub fn under(spec: &Spec) -> (Self, Spec) {
        let shim = built("libsidecommit_diskshim.so");
        assert!(
            shim.exists(),
            "{} is missing (on Linux with glibc: cargo build --workspace)",
            shim.display()
        );
        let folder = spec.journal().parent().and_then(|folder| folder.canonicalize().ok()).expect("was made");
        let disk = Self { journal: folder.join("journal"), state: folder.join("disk") };
        fs::create_dir(&disk.state).expect("a folder of the test");
        let spec = spec
            .clone()
            .variable("LD_PRELOAD", &shim.display().to_string())
            .variable("DISKSHIM_FOLDER", &disk.journal.display().to_string())
            .variable("DISKSHIM_STATE", &disk.state.display().to_string());
        (disk, spec)
    }

    /// After so many more writes to files of the journal whose paths begin so, all such fail with this errno.
    pub fn fail_writes_after(&self, writes: u32, errno: i32, prefix: &str) {
        self.tell("fail-writes", &format!("{writes} {errno} {prefix}"));
    }

    /// After so many more syncs of such files one fails; all after it report success for what is lost, as Linux' do.
    pub fn fail_sync_after(&self, syncs: u32, errno: i32, prefix: &str) {
        self.tell("fail-sync", &format!("{syncs} {errno} {prefix}"));
    }

    /// From now on a sync reports success and makes nothing durable.
    pub fn lie(&self) {
        self.tell("lies", "");
    }

    /// Writes and syncs work again.
    pub fn mend(&self) {
        for control in ["fail-writes", "fail-sync", "lies"] {
            match fs::remove_file(self.state.join(control)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => panic!("{control}: {error}"),
                _ => {}
            }
        }
    }

    /// The syncs and failures so far, a line each: call, file, result.
    pub fn trace(&self) -> Vec<String> {
        let trace = fs::read_to_string(self.state.join("trace")).unwrap_or_default();
        trace.lines().map(str::to_owned).collect()
    }

    /// How many calls so far had this result: ok, lie, ENOSPC or EIO.
    pub fn count(&self, result: &str) -> usize {
        self.trace().iter().filter(|line| line.rsplit(' ').next() == Some(result)).count()
    }

    /// All that is there now is durable. No sidecar may run.
    pub fn sync_all(&self) {
        // The next process takes what it finds for durable.
        or_empty(fs::remove_dir_all(self.state.join("durable"))).expect("is the test's");
    }

    /// What was not synced is gone. No sidecar may run. Returns how many pages of the journal's logs that were.
    ///
    /// # Panics
    /// If the disk was not in use.
    pub fn lose_power(&self) -> usize {
        let durable = self.state.join("durable");
        assert!(durable.exists(), "no process has used the disk");
        let before = logs(&self.journal).expect("the journal can be read");
        or_empty(fs::remove_dir_all(&self.journal)).expect("is the test's");
        // Without a root not even the journal's folder is there.
        if let Ok(root) = fs::read_to_string(durable.join("root")) {
            restore(&durable, &root, &self.journal).expect("what is durable can be read");
        }
        // From here on what was restored is what is durable.
        fs::remove_dir_all(durable).expect("is there");
        let after = logs(&self.journal).expect("was just restored");
        before.iter().map(|(path, written)| lost(written, after.get(path).map_or(&[], Vec::as_slice))).sum()
    }

    fn tell(&self, control: &str, text: &str) {
        // In one step: the sidecar may be looking.
        let unfinished = self.state.join("unfinished");
        fs::write(&unfinished, text)
            .and_then(|()| fs::rename(unfinished, self.state.join(control)))
            .expect("a folder of the test");
    }
}

/// Makes a folder as it is durable.
fn restore(durable: &Path, inode: &str, folder: &Path) -> io::Result<()> {
    fs::create_dir(folder)?;
    for entry in or_empty(fs::read_to_string(durable.join(format!("{inode}.dir"))))?.lines() {
        let [inode, kind, name] =
            entry.splitn(3, ' ').collect::<Vec<_>>().try_into().map_err(|_| io::Error::other(entry))?;
        if kind == "dir" {
            restore(durable, inode, &folder.join(name))?;
        } else {
            let content = or_empty(fs::read(durable.join(format!("{inode}.file"))))?;
            fs::write(folder.join(name), content)?;
        }
    }
    Ok(())
}

/// sled's logs in the journal's folder.
fn logs(journal: &Path) -> io::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut logs = BTreeMap::new();
    if journal.exists() {
        for entry in fs::read_dir(journal)? {
            let log = entry?.path().join("db");
            if log.exists() {
                logs.insert(log.clone(), fs::read(log)?);
            }
        }
    }
    Ok(logs)
}

/// How many pages of what was written are not there, or are not as they were.
fn lost(written: &[u8], there: &[u8]) -> usize {
    let pages = written.chunks(PAGE).enumerate();
    pages.filter(|(n, page)| there.get(n * PAGE..n * PAGE + page.len()) != Some(*page)).count()
}

/// What was never synced is empty.
fn or_empty<T: Default>(read: io::Result<T>) -> io::Result<T> {
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        read => read,
    }
}
