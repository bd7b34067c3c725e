//! What is due when. Entries may be stale: whoever is woken looks at the real deadline and asks again.

use crate::{LaneIndex, Millis, SessionId, TxnId};
use std::collections::BTreeSet;

/// Who wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// Idle or total timeout of a transaction.
    Txn(TxnId),
    /// Callers of a transaction wait for an outcome in doubt.
    Pending(TxnId),
    /// A lane waits to be opened, or to read again.
    Lane(LaneIndex),
    /// A lane may have been idle for too long.
    Rest(LaneIndex),
    /// A group is due.
    Group,
    /// Something waits for room, and nothing moves.
    Room,
    /// Calls wait for the recovery.
    Lobby,
    /// Something of a session is due.
    Session(SessionId),
    /// The grace of the drain ends.
    Drain,
}

#[derive(Debug, Default)]
pub(super) struct Timers {
    due: BTreeSet<(Millis, Timer)>,
}

impl Timers {
    pub(super) fn set(&mut self, at: Millis, timer: Timer) {
        self.due.insert((at, timer));
    }

    /// Nobody needs to be woken then any more.
    pub(super) fn clear(&mut self, at: Millis, timer: Timer) {
        self.due.remove(&(at, timer));
    }

    pub(super) fn next(&self) -> Option<Millis> {
        self.due.first().map(|(at, _)| *at)
    }

    pub(super) fn pop(&mut self, now: Millis) -> Option<Timer> {
        let first = *self.due.first()?;
        if first.0 > now {
            return None;
        }
        self.due.remove(&first);
        Some(first.1)
    }
}
