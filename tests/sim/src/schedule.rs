//! Virtual time: events in the order of their time, those of one moment in the order in which they were asked for.

use crate::event::Event;
use sidecommit_core::Millis;
use std::collections::BTreeMap;

/// The queue of everything that is going to happen.
#[derive(Debug)]
pub(crate) struct Schedule {
    now: Millis,
    asked: u64,
    events: BTreeMap<(Millis, u64), Event>,
}

// === impl Schedule ===

impl Schedule {
    pub(crate) fn new(now: Millis) -> Self {
        Self { now, asked: 0, events: BTreeMap::new() }
    }

    pub(crate) fn now(&self) -> Millis {
        self.now
    }

    /// Lets an event happen at a time, or now if that has passed.
    pub(crate) fn at(&mut self, time: Millis, event: Event) {
        self.asked += 1;
        self.events.insert((time.max(self.now), self.asked), event);
    }

    /// Lets an event happen after a delay.
    pub(crate) fn after(&mut self, delay: Millis, event: Event) {
        self.at(self.now + delay, event);
    }

    /// Moves time to the next event.
    pub(crate) fn next(&mut self) -> Option<Event> {
        let ((time, _), event) = self.events.pop_first()?;
        self.now = time;
        Some(event)
    }
}
