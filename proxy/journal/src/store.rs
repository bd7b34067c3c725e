use crate::{
    Error,
    disk::Disk,
    folder,
    lock::Lock,
    stored::{DecodeError, Family, Key, PART, Versioned, decode, encode, parts},
};
use serde::de::DeserializeOwned;
use std::{
    fs::{self, File},
    io,
    iter::Peekable,
    ops::RangeInclusive,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Writes to sled between two fdatasyncs at most.
///
/// sled takes what it flushed for durable: it overwrites segments whose pages moved to a later segment, and at recovery
/// it looks for holes only in the segments after those that a later one declared stable. Both are true after a power
/// loss only if no more than one segment (512 KiB) was written since the last fdatasync. 16 writes are at most 64 KiB
/// of parts, two leaves rewritten and two moved (80 KiB each): less than 400 KiB.
const UNSYNCED_MAX: u32 = 16;

/// sled's page cache; its default is 1 GiB. The journal reads only when it is opened.
const CACHE_BYTES: u64 = 8 << 20;

/// One sled folder with values in parts, made durable in earnest.
pub(crate) struct Store {
    /// The journal's folder, for errors.
    dir: PathBuf,
    /// None only while dropping.
    db: Option<sled::Db>,
    /// Our own descriptor of sled's log.
    log: File,
    disk: Arc<dyn Disk>,
    unsynced: u32,
    unsynced_max: u32,
    lock: Arc<Lock>,
    /// After a failed write or sync nothing of this handle may be tried again, not even by sled's own drop.
    failed: bool,
}

/// A value as found.
#[derive(Debug, Default)]
pub(crate) struct Value {
    pub(crate) index: u64,
    pub(crate) bytes: Vec<u8>,
    /// Parts that belong to it.
    pub(crate) parts: Vec<Key>,
    /// Parts of a longer value that stood here before.
    pub(crate) stray: Vec<Key>,
    /// False: its writing was interrupted.
    pub(crate) complete: bool,
}

/// All values of a family in order.
pub(crate) struct Values<'a> {
    store: &'a Store,
    iter: Peekable<sled::Iter>,
}

// === impl Store ===

impl Store {
    /// Opens or creates the sled folder `path` of the journal in `dir`.
    pub(crate) fn open(dir: &Path, path: &Path, lock: Arc<Lock>, disk: Arc<dyn Disk>) -> Result<Self, Error> {
        if path.exists() {
            remove_unfinished_snapshots(path)?;
            await_release(path)?;
        }
        let config = sled::Config::new()
            .path(path)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None)
            .use_compression(false);
        // sled asserts some of what it reads: damage must be an error here, whatever it is there.
        let db = match catch_unwind(AssertUnwindSafe(|| config.open())) {
            Ok(Ok(db)) => db,
            Ok(Err(sled::Error::Io(error))) => return Err(Error::io("open", path)(error)),
            Ok(Err(error)) => return Err(Error::unreadable(dir, error.to_string())),
            Err(_) => return Err(Error::unreadable(dir, "sled gave up on it")),
        };
        folder::restrict(path)?;
        let file = path.join("db");
        let log = File::open(&file).map_err(Error::io("open", &file))?;
        // A process that was killed may have left more than it synced; what is read from here on is told as durable.
        disk.fdatasync(&log).map_err(Error::io("sync", &file))?;
        // sled may have renamed a snapshot into place.
        disk.fsync_dir(path).map_err(Error::io("sync", path))?;
        Ok(Self {
            dir: dir.to_owned(),
            db: Some(db),
            log,
            disk,
            unsynced: 0,
            unsynced_max: UNSYNCED_MAX,
            lock,
            failed: false,
        })
    }

    /// While a folder is built that is thrown away if anything happens, only the last sync counts.
    pub(crate) fn sync_only_at_the_end(&mut self) {
        self.unsynced_max = u32::MAX;
    }

    /// Writes a value; it is there completely once all its parts are in the log.
    pub(crate) fn put<T: Versioned>(&mut self, family: Family, index: u64, value: &T) -> Result<u32, Error> {
        let mut count = 0;
        for part in parts(&encode(value)) {
            let key = Key { family, index, part: count };
            self.write(|db| db.insert(key.encode(), part))?;
            count += 1;
        }
        Ok(count)
    }

    /// Removes one part.
    pub(crate) fn remove(&mut self, key: Key) -> Result<(), Error> {
        self.write(|db| db.remove(key.encode()))
    }

    /// Makes everything written so far durable: sled's flush hands it to the kernel (on Linux by sync_file_range, which
    /// neither flushes the disk's cache nor the file's size and extents), then fdatasync.
    pub(crate) fn sync(&mut self) -> Result<(), Error> {
        if self.unsynced == 0 {
            return Ok(());
        }
        let flushed = self.db()?.flush();
        flushed.map_err(|source| self.fail("flush", source))?;
        if let Err(error) = self.disk.fdatasync(&self.log) {
            self.failed = true;
            return Err(Error::io("sync the log of", &self.dir)(error));
        }
        self.unsynced = 0;
        Ok(())
    }

    /// Closes it. Where more depends on it than on a close at the end of the process: dropping it only logs that sled
    /// could not sync, and the next sync of the same file may well report success for what was lost.
    pub(crate) fn close(mut self) -> Result<(), Error> {
        let db = self.db.take();
        catch_unwind(AssertUnwindSafe(|| drop(db))).map_err(|panic| {
            let said = panic.downcast_ref::<String>().map_or("sled could not sync it", String::as_str);
            Error::io("close the journal in", &self.dir)(io::Error::other(said))
        })
    }

    /// The log's size in bytes.
    pub(crate) fn file_bytes(&self) -> Result<u64, Error> {
        self.log.metadata().map(|meta| meta.len()).map_err(Error::io("look at the log of", &self.dir))
    }

    /// All values of a family in order.
    pub(crate) fn values(&self, family: Family) -> Result<Values<'_>, Error> {
        Ok(Values { store: self, iter: self.db()?.scan_prefix([family.prefix()]).peekable() })
    }

    /// One value, which must be there.
    pub(crate) fn value<T: DeserializeOwned>(&self, family: Family, index: u64) -> Result<T, Error> {
        let prefix = Key { family, index, part: 0 }.encode();
        let iter = self.db()?.scan_prefix(&prefix[..Key::VALUE]).peekable();
        match (Values { store: self, iter }).next().transpose()? {
            Some(value) if value.complete => self.decode("entry", &value),
            _ => Err(self.unreadable(format!("entry {index} is missing"))),
        }
    }

    /// The keys of the values with these numbers.
    pub(crate) fn keys(&self, family: Family, indexes: RangeInclusive<u64>) -> Result<Vec<Key>, Error> {
        let from = Key { family, index: *indexes.start(), part: 0 }.encode();
        let to = Key { family, index: *indexes.end(), part: u32::MAX }.encode();
        let keys = self.db()?.range(from..=to).keys();
        keys.map(|key| {
            let key = key.map_err(|error| self.unreadable(error.to_string()))?;
            Key::decode(&key).ok_or_else(|| self.unreadable("a key is malformed"))
        })
        .collect()
    }

    /// Understands a value.
    pub(crate) fn decode<T: DeserializeOwned>(&self, what: &str, value: &Value) -> Result<T, Error> {
        decode(&value.bytes).map_err(|error| match error {
            DecodeError::Newer(found) => Error::Newer { dir: self.dir.clone(), found },
            DecodeError::Malformed => self.unreadable(format!("{what} {} is malformed", value.index)),
        })
    }

    pub(crate) fn unreadable(&self, cause: impl Into<String>) -> Error {
        Error::unreadable(&self.dir, cause)
    }

    fn write<T>(&mut self, write: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<(), Error> {
        write(self.db()?).map_err(|source| self.fail("write to", source))?;
        self.unsynced += 1;
        if self.unsynced >= self.unsynced_max { self.sync() } else { Ok(()) }
    }

    fn fail(&mut self, act: &'static str, source: sled::Error) -> Error {
        self.failed = true;
        Error::Sled { act, dir: self.dir.clone(), source }
    }

    fn db(&self) -> Result<&sled::Db, Error> {
        self.db.as_ref().ok_or_else(|| self.unreadable("it is closed"))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let db = self.db.take();
        if self.failed {
            // sled's drop would flush and fsync once more and panic if that fails. sled's own lock stays with the leaked
            // handle, so ours must stay too: whoever gets it waits for sled's.
            std::mem::forget((db, Arc::clone(&self.lock)));
        } else if catch_unwind(AssertUnwindSafe(|| drop(db))).is_err() {
            tracing::error!(dir = %self.dir.display(), "the journal could not be flushed when it was closed");
        }
    }
}

/// sled takes a snapshot that a crash left half-written for the newest one and refuses to open.
fn remove_unfinished_snapshots(path: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(path).map_err(Error::io("list", path))? {
        let file = entry.map_err(Error::io("list", path))?.path();
        if file.extension().is_some_and(|extension| extension == "generating") {
            fs::remove_file(&file).map_err(Error::io("remove", &file))?;
        }
    }
    Ok(())
}

/// sled's worker threads may hold its own lock a moment longer than the handle that was dropped. We hold the journal's
/// lock, so nobody else can have it.
fn await_release(path: &Path) -> Result<(), Error> {
    let file = path.join("db");
    match File::open(&file) {
        Ok(log) => log.lock().map_err(Error::io("lock", &file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io("open", &file)(error)),
    }
}

// === impl Values ===

impl Values<'_> {
    fn read(&mut self) -> Result<Option<Value>, Error> {
        let mut value: Option<Value> = None;
        while let Some(pair) = self.iter.peek() {
            let (key, bytes) = pair.as_ref().map_err(|error| self.store.unreadable(error.to_string()))?;
            let key = Key::decode(key).ok_or_else(|| self.store.unreadable("a key is malformed"))?;
            let value = value.get_or_insert_with(|| Value { index: key.index, ..Value::default() });
            if value.index != key.index {
                break;
            }
            if !value.complete && value.stray.is_empty() && key.part as usize == value.parts.len() {
                value.bytes.extend_from_slice(bytes);
                value.complete = bytes.len() < PART;
                value.parts.push(key);
            } else {
                value.stray.push(key);
            }
            self.iter.next();
        }
        Ok(value)
    }
}

impl Iterator for Values<'_> {
    type Item = Result<Value, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        // Here sled reads pages, and asserts.
        match catch_unwind(AssertUnwindSafe(|| self.read())) {
            Ok(read) => read.transpose(),
            Err(_) => Some(Err(self.store.unreadable("sled gave up on reading it"))),
        }
    }
}
