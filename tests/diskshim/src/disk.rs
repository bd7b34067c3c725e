use libc::c_int;
use std::{
    cell::Cell,
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// The disk under one folder, and what a test has it do.
pub(crate) struct Disk {
    /// Without symbolic links in it.
    folder: PathBuf,
    state: PathBuf,
    /// Since they were told to fail.
    writes: AtomicU64,
    syncs: AtomicU64,
}

/// While it lives, this thread's calls are the shim's own.
pub(crate) struct Own(());

thread_local! {
    static OWN: Cell<bool> = const { Cell::new(false) };
}

/// The process's disk; None if it was not given one.
fn disk() -> Option<&'static Disk> {
    static DISK: LazyLock<Option<Disk>> = LazyLock::new(|| {
        let path = |name| std::env::var_os(name).map(PathBuf::from);
        let (folder, state) = (path("DISKSHIM_FOLDER")?, path("DISKSHIM_STATE")?);
        let disk = Disk { folder, state, writes: AtomicU64::new(0), syncs: AtomicU64::new(0) };
        crate::durable::begin(&disk);
        Some(disk)
    });
    DISK.as_ref()
}

/// What a libc function returns that failed so.
pub(crate) fn fail<T: From<i8>>(errno: c_int) -> T {
    // SAFETY: the calling thread's own errno.
    unsafe { *libc::__errno_location() = errno };
    T::from(-1)
}

/// The file or folder of the disk that a call of the process is about; None if it is about another, or if the call is
/// the shim's own.
pub(crate) fn meant(fd: c_int) -> Option<(&'static Disk, PathBuf, Own)> {
    let own = Own::enter()?;
    let disk = disk()?;
    Some((disk, disk.file(fd)?, own))
}

// === impl Own ===

impl Own {
    fn enter() -> Option<Self> {
        // Not then_some: what it made in vain would be dropped.
        (!OWN.replace(true)).then(|| Self(()))
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        OWN.set(false);
    }
}

// === impl Disk ===

impl Disk {
    /// The path of an open file or folder below the disk's folder, relative to it.
    fn file(&self, fd: c_int) -> Option<PathBuf> {
        let path = fs::read_link(format!("/proc/self/fd/{fd}")).ok()?;
        path.strip_prefix(&self.folder).ok().map(Path::to_owned)
    }

    /// The errno of a write that fails.
    pub(crate) fn write_fails(&self, file: &Path) -> Option<c_int> {
        self.fails("fail-writes", &self.writes, file)
    }

    /// The errno of a sync that fails.
    pub(crate) fn sync_fails(&self, file: &Path) -> Option<c_int> {
        let errno = self.fails("fail-sync", &self.syncs, file)?;
        // One thread's only: the next sync is a lie already.
        fs::rename(self.state.join("fail-sync"), self.state.join("lies")).ok().map(|()| errno)
    }

    pub(crate) fn lies(&self) -> bool {
        self.state.join("lies").exists()
    }

    pub(crate) fn trace(&self, call: &str, file: &Path, result: &str) {
        let line =
            [call.as_bytes(), b" ", file.as_os_str().as_bytes(), b" ", result.as_bytes(), b"\n"].concat();
        let trace = OpenOptions::new().create(true).append(true).open(self.state.join("trace"));
        trace.and_then(|mut trace| trace.write_all(&line)).expect("the state is writable");
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn durable(&self) -> PathBuf {
        self.state.join("durable")
    }

    /// The errno that a control tells for this call; it counts those that it concerns.
    fn fails(&self, control: &str, calls: &AtomicU64, file: &Path) -> Option<c_int> {
        let text = fs::read_to_string(self.state.join(control)).ok()?;
        let mut words = text.splitn(3, ' ');
        let mut number = || words.next().and_then(|word| word.parse().ok()).expect("a number");
        let (after, errno) = (number(), number());
        let meant = file.as_os_str().as_bytes().starts_with(words.next().expect("a prefix").as_bytes());
        let fails = meant && calls.fetch_add(1, Ordering::SeqCst) >= after;
        fails.then(|| errno.try_into().expect("an errno"))
    }
}
