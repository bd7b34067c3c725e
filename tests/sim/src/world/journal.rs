//! The journal's thread.

use super::{World, trace, watch::Boundary};
use crate::{
    Plant,
    coverage::{Act, Moment},
    event::{Event, ProcId},
    process::{JournalError, Thread},
};
use sidecommit_core::{Input, JournalOp};

// === impl World ===

impl World {
    /// Performs the next journal operation.
    pub(super) fn journal_turn(&mut self, proc: ProcId) {
        let Some(op) = self.procs[proc].journal.front().cloned() else { return };
        let act = if matches!(op, JournalOp::Sync(_)) { Act::Sync } else { Act::Put };
        if self.dies(proc, Boundary::of(act, Moment::Before)) {
            return;
        }
        self.procs[proc].journal.pop_front();
        if !self.procs[proc].journal.is_empty() {
            let delay = self.wait(2);
            self.schedule.after(delay, Event::Journal { proc });
        }
        if self.procs[proc].journal_error == JournalError::Failed {
            return;
        }
        trace!(self, "p{proc} journal {op:?}");
        let journal = &mut self.journals[self.pods[self.procs[proc].pod].journal];
        match op {
            JournalOp::Put(entry) => journal.put(*entry),
            JournalOp::Sync(_) if self.procs[proc].journal_error == JournalError::Next => {
                self.procs[proc].journal_error = JournalError::Failed;
                // From here on only the process knows how much it remembers.
                self.ledger.memory_lost = true;
                self.report(proc, Thread::Journal, Input::JournalFailed("no space left on device".into()));
            }
            JournalOp::Sync(token) => {
                if self.plant != Some(Plant::SyncNotDurable) {
                    journal.sync();
                }
                self.report(proc, Thread::Journal, Input::Synced(token));
            }
        }
        self.dies(proc, Boundary::of(act, Moment::After));
    }
}
