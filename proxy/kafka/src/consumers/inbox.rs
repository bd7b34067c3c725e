//! What a member's thread is told, and what wakes it.

use super::{topic_ids::TopicIds, topics::Found};
use parking_lot::{Condvar, Mutex};
use sidecommit_core::ConsumerOp;
use std::{collections::VecDeque, time::Duration};

/// What a member's thread does next.
#[derive(Debug)]
pub(super) enum Order {
    /// The engine wants it.
    Op(ConsumerOp),
    /// What was asked for the assignment of that number.
    TopicIds(u64, TopicIds),
    /// What came of a look at the topics.
    Found(Option<Found>),
}

/// Orders in order. Unbounded: the engine asks for little at a time.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    orders: VecDeque<Order>,
    woken: bool,
}

// === impl Inbox ===

impl Inbox {
    pub(super) fn push(&self, order: Order) {
        let mut state = self.state.lock();
        state.orders.push_back(order);
        state.woken = true;
        self.changed.notify_all();
    }

    /// Ends a wait.
    pub(super) fn wake(&self) {
        self.state.lock().woken = true;
        self.changed.notify_all();
    }

    pub(super) fn next(&self) -> Option<Order> {
        self.state.lock().orders.pop_front()
    }

    /// Waits until something was pushed or `wake` was called since the last wait, or the time is over.
    pub(super) fn wait(&self, timeout: Duration) {
        let mut state = self.state.lock();
        if !state.woken {
            self.changed.wait_for(&mut state, timeout);
        }
        state.woken = false;
    }
}
