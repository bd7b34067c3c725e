//! Bounds and statistics after each step of an engine.

use super::World;
use crate::event::ProcId;
use sidecommit_core::{Status, TransactionView, table::TxnState};

/// Five records (client.rs) of at most 200 bytes, and what each costs beside.
const MESSAGE_BYTES_MAX: usize = 5 * 300;

// === impl World ===

impl World {
    /// Memory is bounded.
    pub(super) fn check_bounds(&mut self, proc: ProcId, status: &Status) {
        let limits = &self.procs[proc].limits;
        // A lane that has nothing takes a message whatever the buffer has.
        let beyond = usize::from(limits.lanes_max) * MESSAGE_BYTES_MAX;
        let bounds = [
            ("open transactions", status.open, limits.open_transactions),
            ("queued transactions", status.queued, limits.queue + limits.open_transactions),
            ("buffered bytes", status.buffered_bytes as usize, limits.buffer_bytes as usize + beyond),
        ];
        let over = bounds.into_iter().find(|(_, actual, limit)| actual > limit);
        if let Some((what, actual, limit)) = over {
            self.require(Err(format!("process {proc} has {actual} {what}, its limit is {limit}")));
        }
    }

    /// Whoever wants to be committed and is on no lane waits for one: nobody is forgotten until its time is over.
    pub(super) fn check_queue(&mut self, proc: ProcId, status: &Status) {
        let views = self.procs[proc].engine.transactions(self.now());
        let waits = |view: &&TransactionView| {
            let empty = view.record_count == 0 && view.offsets_count == 0;
            view.state == TxnState::Committing && view.lane.is_none() && !empty
        };
        let waiting = views.iter().filter(waits).count();
        if waiting != status.queued {
            let queued = status.queued;
            self.require(Err(format!(
                "process {proc} has forgotten some: {waiting} wait, {queued} are queued"
            )));
        }
    }

    /// Sums up what the engines and the books have counted.
    pub(crate) fn finish_stats(&mut self) {
        let now = self.now();
        for process in &self.procs {
            let counters = process.engine.status(now).counters;
            self.stats.add("engines", "begun", counters.begun);
            self.stats.add("engines", "committed", counters.committed);
            self.stats.add("engines", "aborted", counters.aborted.values().sum());
            self.stats.add("engines", "unknown", counters.unknown);
            self.stats.add("engines", "in doubt", counters.in_doubt);
            self.stats.add("engines", "fences", counters.fences);
            for (cause, count) in counters.replaced {
                self.stats.add("producers replaced", cause, count);
            }
        }
        self.stats.add("books", "application transactions", self.ledger.apps.len() as u64);
        self.stats.add("books", "committed but never told", self.ledger.untold().len() as u64);
    }
}
