//! What survives the loss of power, exactly: a file's content as of its last sync, a folder's entries as of the folder's
//! last sync. Nothing else does, so that a missing fsync of a folder is seen as well as a missing fdatasync.
//!
//! Kept by the file's key, since a file may be synced under one name and renamed: its inode and, as inodes are used
//! again, its time of birth where the file system tells it. `<key>.file` is a copy of the content, `<key>.dir` has a line
//! `<key> <kind> <name>` for each entry, and `root` names the key of the disk's folder, whose own entry in its parent
//! counts as durable. What a process finds when no state was kept counts as durable.

use crate::disk::Disk;
use libc::c_int;
use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::UNIX_EPOCH,
};

/// Takes what is there for durable, unless an earlier process has left its state.
pub(crate) fn begin(disk: &Disk) {
    if !disk.durable().exists() {
        fs::create_dir_all(disk.durable()).expect("the state is writable");
        if disk.folder().exists() {
            save_tree(disk, disk.folder()).expect("the folder can be read and the state written");
        }
    }
}

/// A file's content or a folder's entries, not yet durable.
pub(crate) struct Snapshot {
    at: PathBuf,
    /// Where it counts.
    to: PathBuf,
    /// It is the disk's folder: where its key is written, and which that is.
    root: Option<(PathBuf, String)>,
}

// === impl Snapshot ===

impl Snapshot {
    /// Of an open file or folder.
    pub(crate) fn take(disk: &Disk, fd: c_int) -> Self {
        // Its name may have changed since it was opened.
        let path = format!("/proc/self/fd/{fd}");
        Self::of(disk, Path::new(&path)).expect("the folder can be read and the state written")
    }

    /// Its sync has succeeded.
    pub(crate) fn keep(self) {
        self.put().expect("the state is writable");
    }

    fn of(disk: &Disk, path: &Path) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let durable = disk.durable();
        let at = durable.join(format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
        let meta = path.metadata()?;
        let key = key(&meta);
        let kind = if meta.is_dir() {
            fs::write(&at, entries(path)?)?;
            "dir"
        } else {
            fs::copy(path, &at)?;
            "file"
        };
        let is_root = disk.folder().metadata().is_ok_and(|root| root.ino() == meta.ino());
        let to = durable.join(format!("{key}.{kind}"));
        Ok(Self { at, to, root: is_root.then(|| (durable.join("root"), key)) })
    }

    fn put(self) -> io::Result<()> {
        // At once: the process may be killed here.
        fs::rename(self.at, self.to)?;
        match self.root {
            Some((root, key)) if !root.exists() => {
                let unfinished = root.with_extension("unfinished");
                fs::write(&unfinished, key).and_then(|()| fs::rename(unfinished, root))
            }
            _ => Ok(()),
        }
    }
}

fn save_tree(disk: &Disk, path: &Path) -> io::Result<()> {
    if path.is_dir() {
        for entry in path.read_dir()? {
            save_tree(disk, &entry?.path())?;
        }
    }
    Snapshot::of(disk, path)?.put()
}

fn key(meta: &fs::Metadata) -> String {
    let born = meta.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok());
    format!("{}-{}", meta.ino(), born.unwrap_or_default().as_nanos())
}

fn entries(folder: &Path) -> io::Result<String> {
    let mut lines = String::new();
    for entry in folder.read_dir()? {
        let entry = entry?;
        let meta = match entry.path().metadata() {
            // Removed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            meta => meta?,
        };
        let kind = if meta.is_dir() { "dir" } else { "file" };
        let name = entry.file_name();
        let name = name.to_str().expect("the journal's names are ASCII");
        lines += &format!("{} {kind} {name}\n", key(&meta));
    }
    Ok(lines)
}
