//! One partition: records, control markers, the last stable offset, compaction.

use super::{BrokerError, Millis, TxnNumber};
use crate::token::Token;
use bytes::Bytes;
use std::collections::BTreeMap;

/// What a producer appends.
#[derive(Clone, Debug)]
pub(crate) struct Payload {
    /// Record key.
    pub(crate) key: Option<Bytes>,
    /// Record value; absent: tombstone.
    pub(crate) value: Option<Bytes>,
    /// The broker refuses the batch because of this record.
    pub(crate) poison: bool,
}

/// Whether read_committed readers see an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Its transaction has no marker in this partition yet.
    Open,
    /// Visible.
    Committed,
    /// Never visible.
    Aborted,
}

/// One record or control marker.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) offset: i64,
    pub(crate) pid: u64,
    pub(crate) fate: Fate,
    pub(crate) control: bool,
    pub(crate) key: Option<Bytes>,
    pub(crate) value: Option<Bytes>,
    pub(crate) time: Millis,
}

/// What a partition knows of a producer.
#[derive(Clone, Debug, Default)]
struct ProducerState {
    epoch: u32,
    next_seq: u64,
    /// First offset of its open transaction, and which transaction that is.
    open: Option<(i64, TxnNumber)>,
    /// Base offsets of the last batches, to answer a repeat.
    recent: BTreeMap<u64, i64>,
}

/// A partition.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) entries: Vec<Entry>,
    pub(crate) start: i64,
    pub(crate) end: i64,
    producers: BTreeMap<u64, ProducerState>,
}

/// Where a batch came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    pub(crate) pid: u64,
    pub(crate) epoch: u32,
    pub(crate) base_seq: u64,
}

// === impl Log ===

impl Log {
    /// The first offset that read_committed readers may not pass.
    pub(crate) fn last_stable(&self) -> i64 {
        self.producers.values().filter_map(|p| p.open).map(|(first, _)| first).min().unwrap_or(self.end)
    }

    /// The transaction that the producer has open here, if its epoch is the known one.
    pub(crate) fn open_txn(&self, pid: u64, epoch: u32) -> Option<TxnNumber> {
        self.producers.get(&pid).filter(|p| p.epoch == epoch).and_then(|p| p.open).map(|(_, txn)| txn)
    }

    /// Whether a request of this epoch is too old for the partition.
    pub(crate) fn is_fenced(&self, pid: u64, epoch: u32) -> bool {
        self.producers.get(&pid).is_some_and(|p| p.epoch > epoch)
    }

    /// Appends a batch of a transaction, or recognises a repeat; the base offset is absent if it is not known any more.
    pub(crate) fn append(
        &mut self,
        now: Millis,
        source: Source,
        txn: TxnNumber,
        batch: &[Payload],
    ) -> Result<Appended, BrokerError> {
        let end = self.end;
        let producer = self.producers.entry(source.pid).or_default();
        if source.epoch < producer.epoch {
            return Err(BrokerError::Fenced);
        }
        if source.epoch > producer.epoch {
            *producer = ProducerState { epoch: source.epoch, ..ProducerState::default() };
        }
        if source.base_seq < producer.next_seq {
            return Ok(Appended::Repeat(producer.recent.get(&source.base_seq).copied()));
        }
        if source.base_seq > producer.next_seq {
            return Err(BrokerError::OutOfOrder);
        }
        if let Some(position) = batch.iter().position(|payload| payload.poison) {
            return Err(BrokerError::Rejected { position });
        }
        producer.next_seq += batch.len() as u64;
        producer.recent.insert(source.base_seq, end);
        while producer.recent.len() > 5 {
            producer.recent.pop_first();
        }
        producer.open.get_or_insert((end, txn));
        for payload in batch {
            self.push(now, source.pid, Fate::Open, false, payload.key.clone(), payload.value.clone());
        }
        Ok(Appended::New(end))
    }

    /// Appends outside any transaction: visible at once.
    pub(crate) fn append_plain(&mut self, now: Millis, key: Option<Bytes>, value: Option<Bytes>) -> i64 {
        self.push(now, u64::MAX, Fate::Committed, false, key, value)
    }

    /// Writes a transaction's control marker, which also tells the partition the producer's epoch.
    pub(crate) fn write_marker(&mut self, now: Millis, pid: u64, epoch: u32, commit: bool) {
        let producer = self.producers.entry(pid).or_default();
        if epoch > producer.epoch {
            producer.epoch = epoch;
            producer.next_seq = 0;
            producer.recent.clear();
        }
        if let Some((first, _)) = producer.open.take() {
            let fate = if commit { Fate::Committed } else { Fate::Aborted };
            let from = self.entries.partition_point(|entry| entry.offset < first);
            for entry in self.entries[from..].iter_mut().filter(|e| e.pid == pid && e.fate == Fate::Open) {
                entry.fate = fate;
            }
        }
        let fate = if commit { Fate::Committed } else { Fate::Aborted };
        self.push(now, pid, fate, true, None, None);
    }

    /// Removes what compaction may remove below the last stable offset: superseded and aborted records, control markers,
    /// and tombstones written before `tombstones_before`.
    pub(crate) fn compact(&mut self, tombstones_before: Millis) -> usize {
        let stable = self.last_stable();
        let mut newest: BTreeMap<Bytes, i64> = BTreeMap::new();
        for entry in self.entries.iter().filter(|e| e.offset < stable && e.is_visible()) {
            if let Some(key) = &entry.key {
                newest.insert(key.clone(), entry.offset);
            }
        }
        let before = self.entries.len();
        self.entries.retain(|entry| {
            let newest_of_key = entry.key.as_ref().is_some_and(|key| newest.get(key) == Some(&entry.offset));
            let expired = entry.value.is_none() && entry.time < tombstones_before;
            entry.offset >= stable || (entry.is_visible() && newest_of_key && !expired)
        });
        before - self.entries.len()
    }

    /// DeleteRecords up to the last stable offset.
    pub(crate) fn truncate(&mut self) {
        self.start = self.last_stable();
        self.entries.retain(|entry| entry.offset >= self.start);
    }

    /// What read_committed readers see below an offset.
    pub(crate) fn visible(&self, below: i64) -> impl Iterator<Item = &Entry> {
        self.entries.iter().take_while(move |e| e.offset < below).filter(|e| e.is_visible())
    }

    fn push(
        &mut self,
        time: Millis,
        pid: u64,
        fate: Fate,
        control: bool,
        key: Option<Bytes>,
        value: Option<Bytes>,
    ) -> i64 {
        let offset = self.end;
        self.end += 1;
        self.entries.push(Entry { offset, pid, fate, control, key, value, time });
        offset
    }
}

/// A successful append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Appended {
    /// Appended at this base offset.
    New(i64),
    /// A repeat of an earlier batch.
    Repeat(Option<i64>),
}

// === impl Entry ===

impl Entry {
    /// Whether a read_committed reader is handed this entry.
    pub(crate) fn is_visible(&self) -> bool {
        !self.control && self.fate == Fate::Committed
    }

    /// What the simulated application put into the record.
    pub(crate) fn token(&self) -> Option<Token> {
        self.value.as_deref().and_then(Token::decode)
    }
}
