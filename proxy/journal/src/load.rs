use crate::{
    Error,
    index::{Index, Trimmed},
    partitions::Partitions,
    store::{Store, Value},
    stored::{Entry, Family, Foreign, Header, Key, Partition, Place, Stored},
};
use sidecommit_core::{
    JournalContents, LaneIndex, Millis, PartitionMemory, PreparedGroup, Recalled, TxnSummary,
};
use std::collections::{BTreeMap, VecDeque};

/// Leaves and index pages cost sled about this much per value beyond key and value.
const VALUE_OVERHEAD: usize = 16;

/// A journal as read.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) header: Header,
    pub(crate) index: Index,
    pub(crate) prepared: BTreeMap<(LaneIndex, u64), PreparedGroup>,
    pub(crate) finished: VecDeque<TxnSummary>,
    pub(crate) recalled: Vec<Recalled>,
    pub(crate) foreign: Vec<Foreign>,
    pub(crate) partitions: Partitions,
    pub(crate) memory: BTreeMap<Place, PartitionMemory>,
    /// What an interrupted put left: to be removed before anything is written.
    pub(crate) torn: Vec<Key>,
    /// Entries that a later one supersedes, but which an interrupted put left standing.
    pub(crate) superseded: Vec<u64>,
    /// Keys without meaning, to be removed some time.
    pub(crate) garbage: VecDeque<Key>,
    /// Size of everything that counts.
    pub(crate) live_bytes: u64,
}

/// Keeps the newest `keep`. Returns when the last one dropped was written; 0: none was dropped.
pub(crate) fn bound_recalled(recalled: &mut Vec<Recalled>, keep: usize) -> Millis {
    recalled.sort_by_key(|known| (known.time, known.txn));
    let excess = recalled.len().saturating_sub(keep);
    recalled.drain(..excess).map(|known| known.time).max().unwrap_or(0)
}

/// Adds what is not known yet.
pub(crate) fn merge_recalled(known: &mut Vec<Recalled>, new: &[Recalled]) {
    let mut by_txn: BTreeMap<_, _> = known.drain(..).map(|recalled| (recalled.txn, recalled)).collect();
    by_txn.extend(new.iter().map(|recalled| (recalled.txn, *recalled)));
    known.extend(by_txn.into_values());
}

// === impl Loaded ===

impl Loaded {
    /// Reads and checks everything.
    pub(crate) fn read(store: &Store) -> Result<Self, Error> {
        let mut torn = Vec::new();
        let mut garbage = VecDeque::new();
        let mut header: Option<Value> = None;
        for value in store.values(Family::Header)? {
            let value = value?;
            garbage.extend(&value.stray);
            if !value.complete {
                torn.extend(value.parts);
            } else if let Some(former) = header.replace(value) {
                garbage.extend(former.parts);
            }
        }
        let Some(value) = header else { return Err(store.unreadable("its header is missing")) };
        let header: Header = store.decode("header", &value)?;
        let mut loaded = Self {
            index: Index::after(header.through),
            header,
            prepared: BTreeMap::new(),
            finished: VecDeque::new(),
            recalled: Vec::new(),
            foreign: Vec::new(),
            partitions: Partitions::default(),
            memory: BTreeMap::new(),
            torn,
            superseded: Vec::new(),
            garbage,
            live_bytes: value.bytes.len() as u64,
        };
        let mut last = loaded.header.last;
        for value in store.values(Family::Entry)? {
            last = last.max(loaded.take(store, value?)?);
        }
        let next = loaded.index.next();
        if last >= next {
            return Err(store.unreadable(format!("entries {next} to {last} are missing")));
        }
        for value in store.values(Family::Partition)? {
            loaded.take_partition(store, value?)?;
        }
        Ok(loaded)
    }

    /// Forgets the oldest outcomes beyond `keep`, as the journal itself does a little later.
    pub(crate) fn trim(&mut self, keep: usize) -> Trimmed {
        let trimmed = self.index.trim(keep);
        self.finished.drain(..trimmed.outcomes);
        self.header.fold(self.index.through(), &trimmed);
        self.header.horizon = self.header.horizon.max(bound_recalled(&mut self.recalled, keep));
        trimmed
    }

    /// Forgets the partitions beyond `keep` that were written longest ago. Returns their numbers.
    pub(crate) fn trim_partitions(&mut self, keep: usize) -> Vec<u64> {
        let mut numbers = Vec::new();
        while let Some((number, place)) = self.partitions.forget_excess(keep) {
            self.memory.remove(&place);
            numbers.push(number);
        }
        numbers
    }

    /// What the engine is told.
    pub(crate) fn contents(&self) -> JournalContents {
        let mut header = self.header.clone();
        for (incarnation, pod_uid) in self.index.claims() {
            header.claim(incarnation, pod_uid.to_owned());
        }
        JournalContents {
            journal: header.journal,
            incarnation: header.claims.last().map(|claim| claim.0).unwrap_or_default(),
            claims: header.claims,
            trusted_from: header.trusted_from,
            horizon: header.horizon,
            lanes: header.lanes,
            prepared: self.prepared.values().cloned().collect(),
            finished: self.finished.iter().cloned().collect(),
            recalled: self.recalled.clone(),
            consumption: self
                .memory
                .iter()
                .map(|(place, memory)| {
                    (place.group_id.clone(), place.topic.clone(), place.partition, memory.clone())
                })
                .collect(),
            foreign: self.foreign.iter().cloned().map(Into::into).collect(),
        }
    }

    /// Takes in a value. Returns the number of an entry that must be there.
    fn take(&mut self, store: &Store, value: Value) -> Result<u64, Error> {
        if value.index <= self.header.through {
            self.garbage.extend(value.parts.into_iter().chain(value.stray));
            return Ok(0);
        }
        // An interrupted entry takes no number here, so that one that follows it is a hole as well.
        if value.index != self.index.next() {
            let expected = self.index.next();
            return Err(store.unreadable(format!("entry {expected} is missing before entry {}", value.index)));
        }
        if !value.complete {
            self.torn.extend(value.parts.into_iter().chain(value.stray));
            return Ok(0);
        }
        self.garbage.extend(&value.stray);
        let stored: Stored = store.decode("entry", &value)?;
        self.live_bytes += size(&value);
        self.superseded.extend(self.index.push(&stored));
        match stored {
            Stored::Gone { by } => return Ok(by),
            Stored::Foreign(foreign) => {
                self.foreign.retain(|known| known.group.group != foreign.group.group);
                self.foreign.push(foreign);
            }
            Stored::Entry(entry) => {
                if value.index > self.header.last {
                    self.header.learn(&entry);
                }
                self.apply(entry);
            }
        }
        Ok(0)
    }

    /// Takes in what is remembered of a partition. Whatever is not whole was being written or removed when the process
    /// died: unlike a hole in the stream, it says nothing about the rest.
    fn take_partition(&mut self, store: &Store, value: Value) -> Result<(), Error> {
        self.partitions.saw(value.index);
        self.torn.extend(&value.stray);
        if !value.complete {
            self.torn.extend(value.parts);
            return Ok(());
        }
        let Partition { place, memory } = store.decode("partition", &value)?;
        self.live_bytes += size(&value);
        self.memory.insert(place.clone(), memory);
        if let Some(former) = self.partitions.set(place, value.index) {
            self.torn.extend(store.keys(Family::Partition, former..=former)?);
        }
        Ok(())
    }

    fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Claim { .. } => {}
            Entry::Prepared(group) => {
                self.prepared.insert((group.lane, group.seq), group);
            }
            Entry::Settled { lane, seq, members } => {
                self.prepared.remove(&(lane, seq));
                self.finished.extend(members);
            }
            Entry::Finished(summary) => self.finished.push_back(summary),
            Entry::Adopted { recalled, .. } => merge_recalled(&mut self.recalled, &recalled),
        }
    }
}

fn size(value: &Value) -> u64 {
    (value.bytes.len() + value.parts.len() * (Key::LEN + VALUE_OVERHEAD)) as u64
}
