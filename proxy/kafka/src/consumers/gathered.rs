//! Records that were polled together, to be reported together.

use super::partitions::Partition;
use crate::ffi;
use rdkafka::{ClientContext, client::Client};
use sidecommit_core::{Consumed, ConsumerEvent, PartitionEpoch, TopicPartition};

/// Records that are gathered at most.
const RECORDS: usize = 500;

/// Bytes that are gathered at most, but for a single record.
const BYTES: u64 = 1 << 20;

/// What is there without waiting, by partition.
#[derive(Default)]
pub(super) struct Gathered {
    parts: Vec<Part>,
    records: usize,
    bytes: u64,
}

struct Part {
    from: TopicPartition,
    epoch: PartitionEpoch,
    records: Vec<Consumed>,
    position: i64,
    at_end: bool,
}

// === impl Gathered ===

impl Gathered {
    pub(super) fn has_room(&self) -> bool {
        self.records < RECORDS && self.bytes < BYTES
    }

    pub(super) fn record(&mut self, of: &mut Partition, record: Consumed) {
        self.records += 1;
        self.bytes += record.bytes();
        of.origin.get_or_insert(record.offset);
        of.reach(record.offset + 1);
        let part = self.part(of);
        part.position = record.offset + 1;
        part.at_end = false;
        part.records.push(record);
    }

    pub(super) fn end(&mut self, of: &mut Partition, position: i64) {
        of.reach(position);
        let part = self.part(of);
        part.position = position;
        part.at_end = true;
    }

    /// Empties itself.
    pub(super) fn report<C: ClientContext>(
        &mut self,
        client: &Client<C>,
    ) -> impl Iterator<Item = ConsumerEvent> {
        let Self { parts, .. } = std::mem::take(self);
        parts.into_iter().map(|part| {
            let Part { from, epoch, records, position, at_end } = part;
            let end = match at_end {
                true => Some(position),
                false => ffi::cached_end(client, &from.topic, from.partition),
            };
            ConsumerEvent::Fetched { from, epoch, records, position, end, at_end }
        })
    }

    fn part(&mut self, of: &Partition) -> &mut Part {
        let known = self.parts.iter().rposition(|part| part.from == of.name && part.epoch == of.epoch);
        let index = known.unwrap_or_else(|| {
            let (from, epoch) = (of.name.clone(), of.epoch);
            self.parts.push(Part { from, epoch, records: Vec::new(), position: 0, at_end: false });
            self.parts.len() - 1
        });
        &mut self.parts[index]
    }
}
