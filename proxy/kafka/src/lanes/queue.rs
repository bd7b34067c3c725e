//! What a lane is asked to do, in order, and who may do it.

use parking_lot::{Condvar, Mutex};
use sidecommit_core::{Generation, LaneOp};
use std::{collections::VecDeque, time::Duration};

/// Which thread serves a lane; a thread that hung in librdkafka finds that its ticket is not valid any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// What a lane's thread does next.
#[derive(Debug)]
pub(super) enum Next {
    Op(Generation, LaneOp),
    /// The producer's state changed by itself: look at it.
    Attention,
    /// Another thread has taken over, or the lanes stop.
    Retire,
}

/// One lane's queue. Unbounded: the engine's window bounds what is in it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    ops: VecDeque<(Generation, LaneOp)>,
    /// Of the newest Open that a thread has taken.
    generation: Generation,
    ticket: u64,
    attention: bool,
    stopped: bool,
}

// === impl Queue ===

impl Queue {
    pub(super) fn push(&self, generation: Generation, op: LaneOp) {
        self.state.lock().ops.push_back((generation, op));
        self.changed.notify_all();
    }

    pub(super) fn call_attention(&self) {
        self.state.lock().attention = true;
        self.changed.notify_all();
    }

    pub(super) fn stop(&self) {
        self.state.lock().stopped = true;
        self.changed.notify_all();
    }

    /// Makes all earlier tickets invalid. What was asked of the old thread's producer is dropped, up to the next
    /// Open or Close.
    pub(super) fn new_ticket(&self) -> (Ticket, Generation) {
        let mut state = self.state.lock();
        state.ticket += 1;
        state.attention = false;
        while state.ops.front().is_some_and(|(_, op)| !replaces(op)) {
            state.ops.pop_front();
        }
        self.changed.notify_all();
        (Ticket(state.ticket), state.generation)
    }

    pub(super) fn is_valid(&self, ticket: Ticket) -> bool {
        let state = self.state.lock();
        state.ticket == ticket.0 && !state.stopped
    }

    pub(super) fn next(&self, ticket: Ticket) -> Next {
        let mut state = self.state.lock();
        loop {
            if state.ticket != ticket.0 || state.stopped {
                return Next::Retire;
            }
            if std::mem::take(&mut state.attention) {
                return Next::Attention;
            }
            if let Some((generation, op)) = state.ops.pop_front() {
                if matches!(op, LaneOp::Open) {
                    state.generation = generation;
                }
                return Next::Op(generation, op);
            }
            self.changed.wait(&mut state);
        }
    }

    /// Whether what the thread is doing is not wanted any more: its producer will be replaced or closed.
    pub(super) fn is_superseded(&self, ticket: Ticket) -> bool {
        let state = self.state.lock();
        superseded(&state, ticket)
    }

    /// Waits that long, or until superseded; returns whether it is.
    pub(super) fn pause(&self, ticket: Ticket, time: Duration) -> bool {
        let mut state = self.state.lock();
        self.changed.wait_while_for(&mut state, |state| !superseded(state, ticket), time);
        superseded(&state, ticket)
    }
}

fn superseded(state: &State, ticket: Ticket) -> bool {
    state.ticket != ticket.0 || state.stopped || state.ops.iter().any(|(_, op)| replaces(op))
}

fn replaces(op: &LaneOp) -> bool {
    matches!(op, LaneOp::Open | LaneOp::Close)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_without_a_valid_ticket_retires_and_the_next_one_starts_at_the_next_open() {
        let queue = Queue::default();
        let (old, _) = queue.new_ticket();
        queue.push(Generation(1), LaneOp::Open);
        assert!(matches!(queue.next(old), Next::Op(Generation(1), LaneOp::Open)));
        queue.push(Generation(1), LaneOp::Flush);
        assert!(!queue.is_superseded(old));
        queue.push(Generation(2), LaneOp::Open);
        assert!(queue.is_superseded(old));
        let (new, generation) = queue.new_ticket();
        assert_eq!(generation, Generation(1));
        assert!(matches!(queue.next(old), Next::Retire));
        assert!(!queue.is_valid(old));
        assert!(matches!(queue.next(new), Next::Op(Generation(2), LaneOp::Open)));
    }

    #[test]
    fn attention_comes_before_what_is_queued_and_once() {
        let queue = Queue::default();
        let (ticket, _) = queue.new_ticket();
        queue.push(Generation(1), LaneOp::Begin);
        queue.call_attention();
        assert!(matches!(queue.next(ticket), Next::Attention));
        assert!(matches!(queue.next(ticket), Next::Op(_, LaneOp::Begin)));
        queue.stop();
        assert!(matches!(queue.next(ticket), Next::Retire));
    }
}
