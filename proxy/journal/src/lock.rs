use crate::{Error, disk::RealDisk, folder};
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The right to use a journal: one process at a time. Given up when dropped, or by the kernel when the process ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// A journal's folder, made if it was not there, and the right to use it: for a process that opens its journal more than once, and that
/// must know before it does that no other process of the folder lives. Cheap to clone.
#[derive(Clone, Debug)]
pub struct FolderLock {
    dir: PathBuf,
    lock: Arc<Lock>,
}

// === impl FolderLock ===

impl FolderLock {
    /// Takes the folder.
    ///
    /// # Errors
    /// [`Error::Held`], or what the disk says.
    pub fn acquire(dir: &Path) -> Result<Self, Error> {
        folder::create(dir, &RealDisk)?;
        Ok(Self { dir: dir.to_owned(), lock: Arc::new(Lock::acquire(dir)?) })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn lock(&self) -> Arc<Lock> {
        self.lock.clone()
    }
}

// === impl Lock ===

impl Lock {
    pub(crate) fn acquire(dir: &Path) -> Result<Self, Error> {
        let path = dir.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(Error::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Held { dir: dir.to_owned(), pid: holder(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", &path)(error)),
        }
        // Only read by people and by the error above, so that it need not be durable.
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(Error::io("write", &path))?;
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
