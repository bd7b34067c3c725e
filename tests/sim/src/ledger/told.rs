//! A reply never lies.

use super::{AppId, Broken, Ledger};
use crate::{broker::Broker, event::ProcId};
use sidecommit_core::{Millis, PartitionRange, Reason, TxnId};

/// What a reply says about a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// It is visible, there; absent: the reply has no room for places.
    Committed(Option<Vec<PartitionRange>>),
    /// Nothing of it is or will be visible.
    Aborted(Reason),
    /// Kafka can no longer tell.
    Unknown,
    /// The sidecar can no longer tell.
    Forgotten,
}

/// A word about a transaction in answer to a call.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) by: ProcId,
    pub(crate) app: AppId,
    /// Absent: only the key is known.
    pub(crate) txn: Option<TxnId>,
    /// When the call was made.
    pub(crate) called: Millis,
    pub(crate) word: Word,
}

// === impl Word ===

impl Word {
    /// What a refusal says about the transaction that the call was about; None: nothing.
    pub(crate) fn of(reason: Reason) -> Option<Self> {
        match reason {
            Reason::TimedOut
            | Reason::TimedOutIdle
            | Reason::Fenced
            | Reason::Rebalanced
            | Reason::Drained
            | Reason::SidecarRestarted
            | Reason::BufferPressure
            | Reason::RecordRejected
            | Reason::AbortedByCaller
            | Reason::AbortedByOperator
            | Reason::KafkaFailed
            | Reason::NeverIssued
            | Reason::TopicDenied
            | Reason::GroupDenied
            | Reason::TransactionalIdDenied => Some(Self::Aborted(reason)),
            Reason::AlreadyCommitted => Some(Self::Committed(None)),
            Reason::OutcomeUnknown => Some(Self::Unknown),
            Reason::OutcomeForgotten => Some(Self::Forgotten),
            _ => None,
        }
    }
}

// === impl Ledger ===

impl Ledger {
    /// Checks a reply at the moment when it leaves the process.
    pub(crate) fn told(&mut self, now: Millis, broker: &Broker, told: &Told) -> Result<(), Broken> {
        if self.is_excused(told.app) {
            return Ok(());
        }
        let who = || format!("process {} said {:?} of app {} ({:?})", told.by, told.word, told.app, told.txn);
        match &told.word {
            Word::Committed(ranges) => self
                .told_committed(now, broker, told, ranges.as_deref())
                .map_err(|why| format!("{}: {why}", who())),
            Word::Aborted(reason) => {
                self.told_aborted(told, *reason).map_err(|why| format!("{}: {why}", who()))
            }
            Word::Unknown if !self.evidence_removed => {
                Err(format!("{}, but nobody removed evidence from the outcomes", who()))
            }
            Word::Forgotten if !self.memory_lost && !self.evidence_removed => {
                Err(format!("{}, but no journal was lost and none dropped outcomes", who()))
            }
            Word::Unknown | Word::Forgotten => Ok(()),
        }
    }

    fn told_committed(
        &mut self,
        now: Millis,
        broker: &Broker,
        told: &Told,
        ranges: Option<&[PartitionRange]>,
    ) -> Result<(), Broken> {
        if let Some(by) = told.txn.and_then(|txn| self.aborted.get(&txn)) {
            return Err(format!("process {by} had said that it is aborted"));
        }
        if let Some(txn) = told.txn {
            self.bind(told.app, txn)?;
        }
        let app = &mut self.apps[told.app];
        if !app.asked {
            return Err("its commit was never asked".into());
        }
        app.told_committed.get_or_insert(now);
        if app.records == 0 && app.offsets.is_empty() {
            return Ok(());
        }
        let Some(txn) = app.committed_in.first().copied() else {
            return Err("no Kafka transaction has committed it".into());
        };
        if let Some(id) = told.txn
            && self.committed.get(&id).is_none_or(|number| *number != txn)
        {
            return Err(format!("Kafka transaction {txn} committed it under another id"));
        }
        let Some(ranges) = ranges else { return Ok(()) };
        if ranges.is_empty() && app.records > 0 && !self.memory_lost {
            return Err("the ranges are missing, but no journal was lost".into());
        }
        if ranges.is_empty() { Ok(()) } else { self.check_ranges(broker, told.app, txn, ranges) }
    }

    fn check_ranges(
        &self,
        broker: &Broker,
        app: AppId,
        txn: usize,
        ranges: &[PartitionRange],
    ) -> Result<(), Broken> {
        let mut count = 0;
        for range in ranges {
            count += range.count;
            let log = broker.log_of(&range.topic, range.partition);
            let offsets = self.places(broker, app, txn).filter(|(place, _)| *place == log).map(|(_, o)| o);
            let offsets: Vec<i64> = offsets.collect();
            let (first, last) = (offsets.first().copied(), offsets.last().copied());
            let told = |offset: i64| (offset >= 0).then_some(offset);
            let lies = |told: Option<i64>, is: Option<i64>| told.is_some() && told != is;
            if offsets.len() as u64 != range.count
                || lies(told(range.first_offset), first)
                || lies(told(range.last_offset), last)
            {
                return Err(format!("it said {range:?}, the records are at {offsets:?}"));
            }
        }
        let records = self.apps[app].records;
        if count == records { Ok(()) } else { Err(format!("it told of {count} records of {records}")) }
    }

    fn told_aborted(&mut self, told: &Told, reason: Reason) -> Result<(), Broken> {
        let app = &self.apps[told.app];
        if reason == Reason::RecordRejected && !app.poisoned {
            return Err("none of its records is one that the broker refuses".into());
        }
        let Some(txn) = told.txn else {
            // A key: another attempt may have committed since the call; but not before the call, unless by a successor that
            // this process has not met: then it speaks for its own attempt only, and the key protects the next.
            return match app.told_committed {
                Some(at) if at < told.called && self.owners.is_newest(told.by) => {
                    Err(format!("it was said to be committed at {at}"))
                }
                _ => Ok(()),
            };
        };
        if let Some(number) = self.committed.get(&txn) {
            return Err(format!("Kafka transaction {number} has committed it"));
        }
        self.aborted.insert(txn, told.by);
        Ok(())
    }
}
