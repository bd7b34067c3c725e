//! The transactions that both targets are given.

use super::{Args, Mode};
use bytes::Bytes;
use sidecommit_rpc::proto::v1::Record;
use std::sync::Arc;

const STREAM_RECORDS: u32 = 10_000;
/// Of a topic that the bench makes.
pub(super) const PARTITIONS: i32 = 6;

/// What one transaction is.
#[derive(Clone, Debug)]
pub(super) struct Work {
    pub(super) mode: Mode,
    pub(super) topic: Arc<str>,
    pub(super) records: usize,
    /// Random bytes: nothing that compresses.
    pub(super) value: Bytes,
}

// === impl Work ===

impl Work {
    pub(super) fn of(args: &Args, mode: Mode) -> Self {
        let records = match mode {
            Mode::Transact => args.records.unwrap_or(1),
            Mode::Stream => args.records.unwrap_or(STREAM_RECORDS),
        };
        let value: Vec<u8> = (0..args.record_size).map(|_| fastrand::u8(..)).collect();
        Self { mode, topic: args.topic.as_str().into(), records: records as usize, value: value.into() }
    }

    /// So many records as gRPC takes them; without a key, so that the partitioner spreads batches, not records.
    pub(super) fn records(&self, count: usize) -> Vec<Record> {
        let record =
            Record { topic: self.topic.to_string(), value: Some(self.value.clone()), ..Record::default() };
        vec![record; count]
    }
}
