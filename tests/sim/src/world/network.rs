//! Between producers and the broker: delay, loss, requests stuck in sockets; and what the broker does by itself.

use super::{World, trace};
use crate::{
    broker::{Body, FOREIGN, News, Request},
    event::{Event, Sender},
    ledger::{Committed, Expected},
};
use sidecommit_core::OwnerRecord;

/// How often the coordinator looks for overdue transactions
/// (transaction.abort.timed.out.transaction.cleanup.interval.ms).
const EXPIRY_SCAN: u64 = 10_000;

// === impl World ===

impl World {
    /// A request leaves for the broker; its sender may die or give up before it arrives.
    pub(super) fn send_request(&mut self, sender: Sender, request: Request) {
        let delay = self.profile.net.request(&mut self.dice, &request.body);
        if let Some(delay) = delay {
            let request = Box::new(request);
            self.schedule.after(delay, Event::Arrive { sender: Some(sender), request });
        }
        self.schedule.after(self.profile.net.timeout, Event::Overdue { sender });
    }

    /// A request arrives and is executed.
    pub(super) fn arrive(&mut self, sender: Option<Sender>, request: &Request) {
        let now = self.now();
        if now < self.outage_until {
            return;
        }
        let cut = matches!(request.body, Body::End { .. }) && self.dice.hit(self.profile.net.cut);
        if cut {
            self.stats.count("broker", "cut off around an end");
            self.outage_until = now + self.profile.net.give_up + self.dice.u64(0..4_000);
            if self.dice.bool() {
                return;
            }
        }
        let response = self.broker.handle(now, request);
        trace!(
            self,
            "broker: p{} {}@{} {:?} -> {response:?}",
            request.origin as isize,
            request.id,
            request.epoch,
            request.body
        );
        let delay = self.profile.net.answer(&mut self.dice, &request.body);
        if let (Some(sender), Some(delay), false) = (sender, delay, cut) {
            self.schedule.after(delay, Event::Answered { sender, response });
        }
    }

    pub(super) fn expire_transactions(&mut self) {
        let now = self.now();
        let expired = self.broker.expire(now);
        self.stats.add("broker", "transactions timed out", expired as u64);
        self.schedule.after(EXPIRY_SCAN, Event::ExpireTransactions);
    }

    /// Decisions of the coordinator: checked at once, their markers written one by one.
    pub(super) fn broker_news(&mut self) {
        for News::Decided { id, txn, commit } in std::mem::take(&mut self.broker.news) {
            trace!(self, "broker: {id} decided, transaction {txn} commit={commit}");
            self.stats.count("broker", if commit { "commits decided" } else { "aborts decided" });
            for participant in self.broker.unmarked(&id) {
                let slow = self.now() < self.slow_markers_until;
                let delay = if slow { self.dice.u64(0..4_000) } else { self.dice.u64(0..20) };
                self.schedule.after(delay, Event::Marker { id: id.clone(), participant });
            }
            if commit && self.broker.txns[txn].origin != FOREIGN {
                let result = self.check_commit(txn);
                self.require(result);
            }
        }
    }

    fn check_commit(&mut self, number: usize) -> Result<(), String> {
        let txn = &self.broker.txns[number];
        let expected = Expected::read(&self.broker, txn, &self.slot)?;
        let process = &self.procs[txn.origin];
        let claim = expected.owner.as_deref().map(OwnerRecord::decode).transpose();
        let commit = Committed {
            by: txn.origin,
            pod: process.pod,
            inited: txn.inited,
            now: self.now(),
            claim: claim.map_err(|error| format!("owner record: {error}"))?,
            knows: process.claimed,
        };
        if commit.claim.is_some() {
            self.stats.count("broker", "slot claims");
            self.procs[commit.by].claimed = true;
            self.procs[commit.by].owned = true;
        }
        self.ledger.owners.committed(&commit)?;
        for marker in &expected.markers {
            self.stats.count("groups", if marker.members.len() > 1 { "of several" } else { "of one" });
            let journal = &self.journals[self.pods[commit.pod].journal];
            let planted = self.plant == Some(crate::Plant::SyncNotDurable);
            if !planted && !journal.is_prepared_durably(marker.group) {
                return Err(format!("group {} is committed, but not durably PREPARED", marker.group));
            }
        }
        self.ledger.committed(&self.broker, number, &expected)
    }
}
