use crate::{
    Error,
    disk::{Disk, RealDisk},
    folder::{self, Folder},
    index::Index,
    load::{Loaded, bound_recalled, merge_recalled},
    lock::{FolderLock, Lock},
    partitions::Partitions,
    rewrite::{Rewrite, foreign, is_due},
    store::Store,
    stored::{Entry, Family, Header, Key, Partition, Put, Stored},
};
use sidecommit_core::{GroupUuid, JournalContents, JournalEntry, JournalId, Recalled, Slot};
use std::{collections::VecDeque, fmt, fs::File, io::Read, iter, path::Path, sync::Arc};

/// To which Kafka cluster and slot a journal belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Kafka's cluster id: another cluster's journal is refused.
    pub cluster_id: String,
    /// The slot: another slot's journal is taken over, see [`JournalContents::foreign`].
    pub slot: Slot,
}

/// The journal's bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Outcomes remembered; beyond, the oldest are dropped and the horizon moves up. A group's outcomes are dropped
    /// together. Also bounds what is known only from markers.
    pub outcomes_remembered: usize,
    /// Partitions of which attempts are remembered; beyond, the one that was written longest ago is dropped.
    pub partitions_remembered: usize,
    /// A log up to this many bytes is never rewritten at open.
    pub rewrite_floor_bytes: u64,
}

/// The open journal. Calls block for the disk (0.2 to 0.3 ms for [`Journal::sync`] on a good one).
///
/// After an error of a writing call the journal is over: each later one fails with the same error, since a second fsync
/// on the same file may report success for pages that the first one lost.
pub struct Journal {
    store: Store,
    header: Header,
    index: Index,
    partitions: Partitions,
    recalled: Vec<Recalled>,
    garbage: VecDeque<Key>,
    options: Options,
    failed: Option<Error>,
}

// === impl Options ===

impl Default for Options {
    fn default() -> Self {
        Self { outcomes_remembered: 100_000, partitions_remembered: 10_000, rewrite_floor_bytes: 8 << 20 }
    }
}

// === impl Journal ===

impl Journal {
    /// Opens the journal in `dir`, or creates it, and tells what it remembers. Everything told is durable.
    ///
    /// A journal of another slot becomes this slot's, with a new journal id and nothing but the other slot's outcomes and undecided
    /// groups. A log larger than 4 times its content is rewritten.
    ///
    /// # Errors
    /// [`Error::Held`], [`Error::OtherCluster`], [`Error::Newer`], [`Error::Unreadable`], or what the disk says.
    pub fn open(dir: &Path, binding: Binding, options: Options) -> Result<(Self, JournalContents), Error> {
        Self::open_on(dir, binding, options, Arc::new(RealDisk))
    }

    /// As [`Self::open`], in a folder that this process holds already. One at a time: the former has to be dropped, and must not have
    /// failed.
    ///
    /// # Errors
    /// As [`Self::open`], but for [`Error::Held`].
    pub fn open_in(
        folder: &FolderLock,
        binding: Binding,
        options: Options,
    ) -> Result<(Self, JournalContents), Error> {
        Self::open_locked(folder.dir(), folder.lock(), binding, options, Arc::new(RealDisk))
    }

    pub(crate) fn open_on(
        dir: &Path,
        binding: Binding,
        options: Options,
        disk: Arc<dyn Disk>,
    ) -> Result<(Self, JournalContents), Error> {
        folder::create(dir, disk.as_ref())?;
        let lock = Arc::new(Lock::acquire(dir)?);
        Self::open_locked(dir, lock, binding, options, disk)
    }

    fn open_locked(
        dir: &Path,
        lock: Arc<Lock>,
        binding: Binding,
        options: Options,
        disk: Arc<dyn Disk>,
    ) -> Result<(Self, JournalContents), Error> {
        let mut folder = Folder::scan(dir)?;
        folder.clean(disk.as_ref())?;
        let current = folder.current();
        let mut rewrite = Rewrite { dir, lock, folder, disk };
        let Some(path) = current else {
            let header = Header::new(binding.cluster_id, binding.slot, random_id()?);
            return Self::start(rewrite.write(header, iter::empty(), iter::empty())?, options);
        };
        let store = rewrite.open(&path)?;
        let loaded = Loaded::read(&store)?;
        if loaded.header.cluster_id != binding.cluster_id {
            return Err(Error::OtherCluster {
                dir: dir.to_owned(),
                journal: loaded.header.cluster_id,
                configured: binding.cluster_id,
            });
        }
        if loaded.header.slot != binding.slot {
            let mut header = Header::new(binding.cluster_id, binding.slot, random_id()?);
            // Its outcomes are kept, and what of them was dropped is forgotten here too.
            // So is what only that slot's markers told.
            let recalled = loaded.recalled.iter().map(|recalled| recalled.time);
            header.horizon = recalled.fold(loaded.header.horizon, u64::max);
            drop(store);
            return Self::start(rewrite.write(header, foreign(loaded), iter::empty())?, options);
        }
        if is_due(&loaded, store.file_bytes()?, &options) {
            return Self::start(rewrite.compact(store, &loaded)?, options);
        }
        Self::take(store, loaded, options)
    }

    /// Writes an entry. Durable only after the next [`Journal::sync`], but never without all that was put before it.
    ///
    /// # Errors
    /// If the disk refuses; the journal is over then.
    pub fn put(&mut self, entry: &JournalEntry) -> Result<(), Error> {
        self.attempt(|journal| match Put::from(entry) {
            Put::Entry(entry) => journal.put_entry(entry),
            Put::Partition(partition) => journal.remember(partition),
            Put::Forget(place) => {
                journal.partitions.forget(&place).map_or(Ok(()), |number| journal.erase(number))
            }
        })
    }

    /// Makes everything put so far durable: sled's flush, then fdatasync.
    ///
    /// # Errors
    /// If the disk refuses; nothing put since the last success may be relied on, and the journal is over.
    pub fn sync(&mut self) -> Result<(), Error> {
        self.attempt(|journal| journal.store.sync())
    }

    /// Forgets a group of [`JournalContents::foreign`] once it is settled. Not synced: to settle it twice is harmless.
    ///
    /// # Errors
    /// If the disk refuses; the journal is over then.
    pub fn forget_foreign(&mut self, group: GroupUuid) -> Result<(), Error> {
        self.attempt(|journal| match journal.index.forget_foreign(group) {
            Some(number) => journal.retire(number),
            None => Ok(()),
        })
    }

    /// The journal's id.
    pub fn id(&self) -> JournalId {
        self.header.journal
    }

    /// The log's size in bytes.
    ///
    /// # Errors
    /// If the file system does not tell.
    pub fn file_bytes(&self) -> Result<u64, Error> {
        self.store.file_bytes()
    }

    fn start(store: Store, options: Options) -> Result<(Self, JournalContents), Error> {
        let loaded = Loaded::read(&store)?;
        Self::take(store, loaded, options)
    }

    /// Takes a journal into use: removes what an interrupted put left and trims to the bounds.
    fn take(store: Store, mut loaded: Loaded, options: Options) -> Result<(Self, JournalContents), Error> {
        let former = loaded.header.through;
        let trimmed = loaded.trim(options.outcomes_remembered);
        let excess = loaded.trim_partitions(options.partitions_remembered);
        let contents = loaded.contents();
        let mut journal = Self {
            store,
            header: loaded.header,
            index: loaded.index,
            partitions: loaded.partitions,
            recalled: loaded.recalled,
            garbage: loaded.garbage,
            options,
            failed: None,
        };
        for key in loaded.torn {
            journal.store.remove(key)?;
        }
        for number in excess {
            journal.erase(number)?;
        }
        for number in loaded.superseded {
            if journal.index.contains(number) {
                journal.retire(number)?;
            }
        }
        if journal.header.through > former {
            journal.fold(former, &trimmed.kept)?;
        }
        journal.store.sync()?;
        Ok((journal, contents))
    }

    /// Once it failed, it fails.
    fn attempt(&mut self, act: impl FnOnce(&mut Self) -> Result<(), Error>) -> Result<(), Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let result = act(self);
        self.failed = result.as_ref().err().cloned();
        result
    }

    fn put_entry(&mut self, entry: Entry) -> Result<(), Error> {
        self.header.learn(&entry);
        let entry = match entry {
            Entry::Adopted { recalled, .. } => self.adopted(&recalled),
            entry => entry,
        };
        self.append(&Stored::Entry(entry))?;
        let remembered = self.options.outcomes_remembered;
        if self.index.weight() > remembered + remembered / 256 {
            let former = self.header.through;
            let trimmed = self.index.trim(remembered);
            self.header.fold(self.index.through(), &trimmed);
            self.fold(former, &trimmed.kept)?;
        }
        Ok(())
    }

    /// Writes what is remembered of a partition, then removes what it supersedes, and the oldest if there are too many.
    fn remember(&mut self, partition: Partition) -> Result<(), Error> {
        let number = self.partitions.next();
        self.store.put(Family::Partition, number, &partition)?;
        if let Some(former) = self.partitions.set(partition.place, number) {
            self.erase(former)?;
        }
        match self.partitions.forget_excess(self.options.partitions_remembered) {
            Some((oldest, _)) => self.erase(oldest),
            None => Ok(()),
        }
    }

    /// Removes what is remembered of a partition. Once one of its parts is gone it is no value any more.
    fn erase(&mut self, number: u64) -> Result<(), Error> {
        let keys = self.store.keys(Family::Partition, number..=number)?;
        keys.into_iter().try_for_each(|key| self.store.remove(key))
    }

    /// What was adopted, once `recalled` is added to what was recalled before: the entry supersedes the former one.
    fn adopted(&mut self, recalled: &[Recalled]) -> Entry {
        merge_recalled(&mut self.recalled, recalled);
        let dropped = bound_recalled(&mut self.recalled, self.options.outcomes_remembered);
        self.header.horizon = self.header.horizon.max(dropped);
        Entry::Adopted {
            trusted_from: self.header.trusted_from.unwrap_or_default(),
            horizon: self.header.horizon,
            recalled: self.recalled.clone(),
            lanes: self.header.lanes.clone(),
        }
    }

    fn append(&mut self, stored: &Stored) -> Result<(), Error> {
        let parts = self.store.put(Family::Entry, self.index.next(), stored)?;
        if let Some(superseded) = self.index.push(stored) {
            self.retire(superseded)?;
        }
        // A little more than was added, so that garbage does not pile up and no put pays for all of it.
        for _ in 0..parts + 2 {
            let Some(key) = self.garbage.pop_front() else { break };
            self.store.remove(key)?;
        }
        Ok(())
    }

    /// Overwrites an entry that no longer counts.
    fn retire(&mut self, number: u64) -> Result<(), Error> {
        let keys = self.store.keys(Family::Entry, number..=number)?;
        self.store.put(Family::Entry, number, &Stored::Gone { by: self.index.next() - 1 })?;
        self.garbage.extend(keys.into_iter().filter(|key| key.part > 0));
        Ok(())
    }

    /// Drops the entries after `former` up to the header's `through`: those to be kept are written again, then the
    /// header, and only then do the others become garbage.
    fn fold(&mut self, former: u64, kept: &[u64]) -> Result<(), Error> {
        for number in kept {
            let stored = match self.store.value(Family::Entry, *number)? {
                // Its horizon is of its own time.
                Stored::Entry(Entry::Adopted { .. }) => Stored::Entry(self.adopted(&[])),
                stored => stored,
            };
            self.append(&stored)?;
        }
        let through = self.header.through;
        self.header.last = self.index.next() - 1;
        self.store.put(Family::Header, through, &self.header)?;
        self.garbage.extend(self.store.keys(Family::Header, former..=former)?);
        self.garbage.extend(self.store.keys(Family::Entry, former + 1..=through)?);
        Ok(())
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("header", &self.header).field("failed", &self.failed).finish()
    }
}

fn random_id() -> Result<JournalId, Error> {
    let path = "/dev/urandom";
    let mut id = [0; 16];
    File::open(path).and_then(|mut file| file.read_exact(&mut id)).map_err(Error::io("read", path))?;
    Ok(JournalId(id))
}
