use crate::{
    Error,
    disk::Disk,
    folder::{self, Folder},
    journal::Options,
    load::Loaded,
    lock::Lock,
    store::Store,
    stored::{Entry, Family, Foreign, Header, Partition, Stored},
};
use sidecommit_core::TxnId;
use std::{collections::BTreeSet, path::Path, sync::Arc};

/// A log this many times its content is rewritten, and a stream this many times the entries that count.
const BLOAT: u64 = 4;

/// Entries below which a stream is never rewritten for their number.
const ENTRIES_FLOOR: usize = 1024;

/// Makes a new sled folder and switches to it.
pub(crate) struct Rewrite<'a> {
    pub(crate) dir: &'a Path,
    pub(crate) lock: Arc<Lock>,
    pub(crate) folder: Folder,
    pub(crate) disk: Arc<dyn Disk>,
}

/// Whether a rewrite pays: sled reuses the room of what was deleted, but gives none back.
pub(crate) fn is_due(loaded: &Loaded, file_bytes: u64, options: &Options) -> bool {
    let (needed, entries) = loaded.index.needed_of();
    file_bytes > options.rewrite_floor_bytes.max(BLOAT * loaded.live_bytes)
        || entries > BLOAT as usize * needed + ENTRIES_FLOOR
}

/// What the journal of another slot leaves to this one: its undecided groups, and the outcomes of what was decided. Applications of this
/// pod go on asking for both.
pub(crate) fn foreign(loaded: Loaded) -> impl Iterator<Item = Result<Stored, Error>> {
    let Header { slot, journal, .. } = loaded.header;
    let known: BTreeSet<TxnId> = loaded.finished.iter().map(|summary| summary.txn).collect();
    let own = loaded.prepared.into_values();
    let own = own.map(move |group| Foreign { slot: slot.clone(), journal, group });
    let decided =
        move |foreign: &Foreign| foreign.group.members.iter().all(|member| known.contains(&member.txn));
    let undecided = loaded.foreign.into_iter().filter(move |foreign| !decided(foreign));
    let finished = loaded.finished.into_iter().map(|summary| Stored::Entry(Entry::Finished(summary)));
    undecided.chain(own).map(Stored::Foreign).chain(finished).map(Ok)
}

// === impl Rewrite ===

impl Rewrite<'_> {
    /// The same journal, with what counts and nothing else.
    pub(crate) fn compact(&mut self, store: Store, loaded: &Loaded) -> Result<Store, Error> {
        let contents = loaded.contents();
        let header = Header { through: 0, claims: contents.claims, ..loaded.header.clone() };
        let needed = |number| number > loaded.header.through && loaded.index.is_needed(number);
        let entries = store.values(Family::Entry)?.filter_map(|value| match value {
            Ok(value) => needed(value.index).then(|| store.decode("entry", &value)),
            Err(error) => Some(Err(error)),
        });
        let before = store.file_bytes()?;
        let partitions = loaded.partitions.oldest_first().filter_map(|(number, place)| {
            let memory = loaded.memory.get(place)?.clone();
            Some((number, Partition { place: place.clone(), memory }))
        });
        let written = self.write(header, entries, partitions)?;
        let after = written.file_bytes()?;
        tracing::info!(dir = %self.dir.display(), before, after, live = loaded.live_bytes, "rewrote the journal");
        Ok(written)
    }

    /// Builds a journal beside the present one, if any, and puts it in its place.
    pub(crate) fn write(
        &mut self,
        mut header: Header,
        entries: impl Iterator<Item = Result<Stored, Error>>,
        partitions: impl Iterator<Item = (u64, Partition)>,
    ) -> Result<Store, Error> {
        let path = self.folder.next();
        let mut store = self.open(&path)?;
        store.sync_only_at_the_end();
        header.last = 0;
        for entry in entries {
            header.last += 1;
            store.put(Family::Entry, header.last, &entry?)?;
        }
        for (number, partition) in partitions {
            store.put(Family::Partition, number, &partition)?;
        }
        store.put(Family::Header, header.through, &header)?;
        store.sync()?;
        store.close()?;
        folder::sync_all(&path, self.disk.as_ref())?;
        let path = self.folder.switch(self.disk.as_ref())?;
        self.open(&path)
    }

    pub(crate) fn open(&self, path: &Path) -> Result<Store, Error> {
        Store::open(self.dir, path, Arc::clone(&self.lock), Arc::clone(&self.disk))
    }
}
