//! What a blind application is to do.

use sidecommit_rpc::proto::v1;
use std::time::{Duration, SystemTime};

/// A piece of work.
#[derive(Clone, Debug)]
pub struct Work {
    /// Names the attempts: the start of their request_ids, or the idempotency key.
    pub name: String,
    /// The records, in order.
    pub records: Vec<v1::Record>,
    /// Offsets to be committed with them.
    pub offsets: Option<v1::GroupOffsets>,
    /// Deliveries to be settled with them.
    pub deliveries: Vec<String>,
    /// Begin's or Transact's timeout.
    pub timeout: Option<Duration>,
    /// By which calls.
    pub way: Way,
    /// The application changes its mind after the last record: Abort instead of Commit. Not of Transact.
    pub abort: bool,
    /// Of Transact: the key was tried before, so long ago.
    pub first_attempt: Option<SystemTime>,
}

/// By which calls a transfer is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Begin, Produce, SendOffsets, Commit.
    Calls,
    /// The same with ProduceStream.
    Stream,
    /// Transact.
    Transact,
}

/// Where an attempt is: what a test has happen there, happens there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Before the first call about a delivery.
    Delivered,
    /// Before the first record.
    Begun,
    /// Before Commit or Abort.
    Added,
}

/// An attempt that a test may reach into.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// Counts them from 0.
    pub number: usize,
    /// Where it is.
    pub at: At,
    /// Its transaction's id.
    pub txn: &'a mut String,
    /// The index from which on records are sent: past the start if the first calls got lost.
    pub next: &'a mut usize,
    /// What it is about.
    pub work: &'a mut Work,
}

// === impl Work ===

impl Work {
    /// Both halves of a transfer, as [`crate::check_ledger`] wants them.
    pub fn transfer(topic: &str, name: &str) -> Self {
        let half = |half| crate::record(topic, name, &format!("{name}/{half}"));
        Self {
            name: name.to_owned(),
            records: vec![half("debit"), half("credit")],
            offsets: None,
            deliveries: Vec::new(),
            timeout: None,
            way: Way::Calls,
            abort: false,
            first_attempt: None,
        }
    }

    /// By other calls.
    pub fn by(self, way: Way) -> Self {
        Self { way, ..self }
    }

    pub(super) fn begin(&self, attempt: usize) -> v1::BeginRequest {
        v1::BeginRequest {
            request_id: format!("{}/{attempt}", self.name),
            timeout: self.timeout(),
            ..v1::BeginRequest::default()
        }
    }

    pub(super) fn transact(&self, first_attempt: Option<SystemTime>) -> v1::TransactRequest {
        v1::TransactRequest {
            idempotency_key: self.name.clone(),
            first_attempt_time: first_attempt.map(Into::into),
            records: self.records.clone(),
            delivery_ids: self.deliveries.clone(),
            group_offsets: self.offsets.clone().into_iter().collect(),
            timeout: self.timeout(),
            ..v1::TransactRequest::default()
        }
    }

    pub(super) fn counts(&self) -> (i64, i64) {
        let offsets = self.offsets.as_ref().map_or(0, |offsets| offsets.offsets.len());
        (self.records.len() as i64, (offsets + self.deliveries.len()) as i64)
    }

    fn timeout(&self) -> Option<prost_types::Duration> {
        self.timeout.map(|timeout| timeout.try_into().expect("some seconds"))
    }
}
