use std::{fs, fs::File, io, path::Path};

/// The file system calls that decide what survives. Tests put themselves in between: to look at what is durable after
/// each, to leave one out, or to end everything at one.
pub(crate) trait Disk: Send + Sync {
    /// Makes a file's content durable.
    fn fdatasync(&self, file: &File) -> io::Result<()>;

    /// Makes a folder's entries durable.
    fn fsync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Renames atomically; durable once the parent is synced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a folder with all that is in it.
    fn remove_dir_all(&self, dir: &Path) -> io::Result<()>;
}

/// The real one.
pub(crate) struct RealDisk;

// === impl RealDisk ===

impl Disk for RealDisk {
    fn fdatasync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn fsync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        fs::remove_dir_all(dir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_disk_asks_the_kernel() {
        // The kernel refuses to sync what has no disk behind it: an answer that nobody could have made up.
        let null = File::open("/dev/null").unwrap();
        let refused = RealDisk.fdatasync(&null).expect_err("the kernel was not asked");
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    }
}
