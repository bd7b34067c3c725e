//! The records of a transaction on their way: numbered, in batches, kept until they are acknowledged.

use crate::{record::Record, v1};
use std::collections::VecDeque;

/// What may be on its way: beyond, `produce` waits.
const WINDOW_BYTES: usize = 4 << 20;
const WINDOW_RECORDS: usize = 5000;
/// What goes into one message.
const BATCH_BYTES: usize = 256 << 10;
const BATCH_RECORDS: usize = 500;

/// Records with consecutive numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Batch {
    /// The number of the first one.
    pub(crate) sequence: i64,
    pub(crate) records: Vec<v1::Record>,
    bytes: usize,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Full ones, from the first that is not wholly acknowledged on.
    batches: VecDeque<Batch>,
    /// How many of these were handed out.
    sent: usize,
    /// The one that is being filled.
    open: Batch,
    /// Of `batches` and `open`.
    bytes: usize,
    acknowledged: i64,
}

// === impl Outbox ===

impl Outbox {
    /// How many records there were in all.
    pub(crate) fn count(&self) -> i64 {
        self.open.end()
    }

    /// Whether the window is.
    pub(crate) fn is_full(&self) -> bool {
        let records = self.count() - self.acknowledged;
        self.bytes >= WINDOW_BYTES || records >= WINDOW_RECORDS as i64
    }

    /// Whether all records are acknowledged.
    pub(crate) fn is_empty(&self) -> bool {
        self.acknowledged >= self.count()
    }

    /// Whether there is a batch to be sent.
    pub(crate) fn has_unsent(&self) -> bool {
        self.sent < self.batches.len()
    }

    /// Adds a record. Returns whether there is more to send now.
    pub(crate) fn push(&mut self, record: Record) -> bool {
        let bytes = record.bytes();
        let full = self.open.records.len() >= BATCH_RECORDS || self.open.bytes + bytes > BATCH_BYTES;
        let sealed = full && self.seal();
        self.open.records.push(record.into());
        self.open.bytes += bytes;
        self.bytes += bytes;
        sealed
    }

    /// Lets what there is be sent, however little. Returns whether there is more to send now.
    pub(crate) fn seal(&mut self) -> bool {
        if self.open.records.is_empty() {
            return false;
        }
        let next = Batch { sequence: self.open.end(), ..Batch::default() };
        self.batches.push_back(std::mem::replace(&mut self.open, next));
        true
    }

    /// The next batch to be sent.
    pub(crate) fn next(&mut self) -> Option<Batch> {
        let batch = self.batches.get(self.sent)?.clone();
        self.sent += 1;
        Some(batch)
    }

    /// Every record before `next_sequence` is accepted.
    pub(crate) fn acknowledge(&mut self, next_sequence: i64) {
        self.acknowledged = self.acknowledged.max(next_sequence);
        while self.batches.front().is_some_and(|batch| batch.end() <= next_sequence) {
            self.bytes -= self.batches.pop_front().map_or(0, |batch| batch.bytes);
            self.sent = self.sent.saturating_sub(1);
        }
    }

    /// What is not acknowledged is sent again.
    pub(crate) fn rewind(&mut self) {
        self.sent = 0;
    }

    /// The sidecar goes on from `next_sequence`. Returns whether that is possible: what was acknowledged is gone.
    pub(crate) fn rewind_to(&mut self, next_sequence: i64) -> bool {
        self.acknowledge(next_sequence);
        self.rewind();
        self.acknowledged <= next_sequence
    }
}

// === impl Batch ===

impl Batch {
    /// The number of the record after the last one.
    fn end(&self) -> i64 {
        self.sequence + self.records.len() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(bytes: usize) -> Record {
        Record::new("t").value(vec![0; bytes])
    }

    fn filled(records: usize, bytes: usize) -> Outbox {
        let mut outbox = Outbox::default();
        for _ in 0..records {
            outbox.push(record(bytes));
        }
        outbox
    }

    /// Hands all out: (first, how many).
    fn drain(outbox: &mut Outbox) -> Vec<(i64, usize)> {
        std::iter::from_fn(|| outbox.next()).map(|batch| (batch.sequence, batch.records.len())).collect()
    }

    #[test]
    fn batches_are_full_by_records_or_by_bytes() {
        let mut outbox = filled(1001, 1);
        assert_eq!(drain(&mut outbox), [(0, 500), (500, 500)]);
        assert!(outbox.seal() && !outbox.seal());
        assert_eq!(drain(&mut outbox), [(1000, 1)]);

        let mut outbox = filled(3, 100 << 10);
        outbox.push(record(1 << 20));
        outbox.push(record(1));
        assert_eq!(drain(&mut outbox), [(0, 2), (2, 1), (3, 1)]);
    }

    #[test]
    fn the_window_is_full_by_records_or_by_bytes_until_they_are_acknowledged() {
        let mut outbox = filled(4999, 0);
        assert!(!outbox.is_full());
        outbox.push(record(0));
        assert!(outbox.is_full());
        outbox.acknowledge(500);
        assert!(!outbox.is_full());

        let mut outbox = filled(1, 4 << 20);
        assert!(outbox.is_full());
        outbox.seal();
        outbox.acknowledge(1);
        assert!(!outbox.is_full() && outbox.is_empty());
    }

    #[test]
    fn after_a_break_what_is_not_acknowledged_is_sent_again() {
        let mut outbox = filled(1501, 1);
        drain(&mut outbox);
        // In the middle of a batch: a repeat of what is accepted does no harm.
        outbox.acknowledge(700);
        outbox.rewind();
        assert_eq!(drain(&mut outbox), [(500, 500), (1000, 500)]);
        assert!(!outbox.is_empty());
    }

    #[test]
    fn the_sidecar_may_have_less_than_was_sent_but_not_less_than_it_acknowledged() {
        let mut outbox = filled(1501, 1);
        drain(&mut outbox);
        outbox.acknowledge(500);
        assert!(outbox.rewind_to(500));
        assert_eq!(drain(&mut outbox), [(500, 500), (1000, 500)]);
        assert!(outbox.rewind_to(1000));
        assert_eq!(drain(&mut outbox), [(1000, 500)]);
        assert!(!outbox.rewind_to(0));
    }

    #[test]
    fn old_acks_change_nothing() {
        let mut outbox = filled(1001, 1);
        drain(&mut outbox);
        outbox.acknowledge(1000);
        outbox.acknowledge(500);
        outbox.seal();
        assert_eq!(drain(&mut outbox), [(1000, 1)]);
        outbox.acknowledge(1001);
        assert!(outbox.is_empty() && outbox.count() == 1001);
    }
}
