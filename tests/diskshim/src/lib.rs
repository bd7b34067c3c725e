//! A disk that fails, lies or loses its power on demand, for a process that runs with `LD_PRELOAD` set to this library.
//!
//! It stands between the process and libc for files below the folder `DISKSHIM_FOLDER`. Beside it, in the folder
//! `DISKSHIM_STATE`:
//!
//! | entry | written by | meaning |
//! |---|---|---|
//! | `fail-writes` | test | n, errno, prefix: all writes after the next n to files whose paths begin so fail |
//! | `fail-sync` | test | n, errno, prefix: the sync after the next n of such files fails, and the disk lies from then on, as Linux does: it has dropped the pages and calls the next fsync a success |
//! | `lies` | test, or a failed sync | syncs succeed and make nothing durable |
//! | `trace` | shim | a line for each sync and each failure: call, file, result |
//! | `durable/` | shim | what survives the loss of power (how it is kept: `durable.rs`) |
//!
//! It sees what goes through libc, as std and sled do. Raw system calls (rustix's) pass it by, and so do mmap and calls
//! that write in other ways, which the journal does not use. Linux with glibc only; elsewhere it is empty.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod disk;
mod durable;
mod next;

use disk::{fail, meant};
use durable::Snapshot;
use libc::{c_int, c_void, iovec, off64_t, size_t, ssize_t};
use next::Next;

type Sync = unsafe extern "C" fn(c_int) -> c_int;
type Truncate = unsafe extern "C" fn(c_int, off64_t) -> c_int;
type Write = unsafe extern "C" fn(c_int, *const c_void, size_t) -> ssize_t;
type WriteAt = unsafe extern "C" fn(c_int, *const c_void, size_t, off64_t) -> ssize_t;
type WriteMany = unsafe extern "C" fn(c_int, *const iovec, c_int) -> ssize_t;

/// Defines libc's function of that name: `$act` of the descriptor, the name, and libc's own as a closure.
macro_rules! interpose {
    ($($name:ident: $kind:ident($($argument:ident: $type:ty),*) -> $result:ty = $act:path;)*) => {$(
        /// libc's, unless the descriptor is a file of the disk.
        ///
        /// # Safety
        /// As libc's.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(fd: c_int $(, $argument: $type)*) -> $result {
            static NEXT: Next<$kind> = Next::new(match std::ffi::CStr::from_bytes_with_nul(
                concat!(stringify!($name), "\0").as_bytes(),
            ) {
                Ok(name) => name,
                Err(_) => unreachable!(),
            });
            // SAFETY: the caller's arguments, for the function that it meant.
            $act(fd, stringify!($name), || unsafe { (NEXT.get())(fd $(, $argument)*) })
        }
    )*};
}

interpose! {
    fdatasync: Sync() -> c_int = sync;
    fsync: Sync() -> c_int = sync;
    ftruncate: Truncate(length: off64_t) -> c_int = write_to;
    ftruncate64: Truncate(length: off64_t) -> c_int = write_to;
    write: Write(bytes: *const c_void, count: size_t) -> ssize_t = write_to;
    writev: WriteMany(parts: *const iovec, count: c_int) -> ssize_t = write_to;
    pwrite: WriteAt(bytes: *const c_void, count: size_t, offset: off64_t) -> ssize_t = write_to;
    pwrite64: WriteAt(bytes: *const c_void, count: size_t, offset: off64_t) -> ssize_t = write_to;
}

fn sync(fd: c_int, call: &str, next: impl FnOnce() -> c_int) -> c_int {
    let Some((disk, file, _own)) = meant(fd) else { return next() };
    if let Some(errno) = disk.sync_fails(&file) {
        disk.trace(call, &file, name(errno));
        return fail(errno);
    }
    if disk.lies() {
        disk.trace(call, &file, "lie");
        return 0;
    }
    // What another thread writes from here on need not be in it.
    let snapshot = Snapshot::take(disk, fd);
    let result = next();
    if result == 0 {
        snapshot.keep();
        disk.trace(call, &file, "ok");
    }
    result
}

fn write_to<T: From<i8>>(fd: c_int, call: &str, next: impl FnOnce() -> T) -> T {
    let Some((disk, file, _own)) = meant(fd) else { return next() };
    if let Some(errno) = disk.write_fails(&file) {
        disk.trace(call, &file, name(errno));
        return fail(errno);
    }
    next()
}

fn name(errno: c_int) -> &'static str {
    match errno {
        libc::ENOSPC => "ENOSPC",
        libc::EIO => "EIO",
        _ => "failed",
    }
}
