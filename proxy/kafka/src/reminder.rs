//! A client that has forgotten all brokers says nothing any more, not even that: see [`ffi::add_servers`].

use crate::ffi;
use parking_lot::Mutex;
use rdkafka::{ClientContext, client::Client};
use std::time::{Duration, Instant};

/// How long a silence may last before the servers are named again; twice as long each time. Each time costs a few bytes.
const PATIENCE: Duration = Duration::from_secs(5);

/// At most, if nobody answers: so long a sidecar may take to notice that there are brokers again.
const LOST_MAX: Duration = Duration::from_secs(60);

/// At most, if there may be nothing to be heard: an idle group is silent as well.
const IDLE_MAX: Duration = Duration::from_secs(600);

/// Tells a silent client its bootstrap servers again.
#[derive(Debug)]
pub(crate) struct Reminder {
    servers: String,
    silence: Mutex<Silence>,
}

#[derive(Debug)]
struct Silence {
    since: Instant,
    patience: Duration,
    /// Nobody answers, as far as is known.
    lost: bool,
}

// === impl Reminder ===

impl Reminder {
    pub(crate) fn new(servers: &str) -> Self {
        Self { servers: servers.to_owned(), silence: Mutex::new(Silence::new(Instant::now())) }
    }

    /// Some broker has answered.
    pub(crate) fn heard(&self) {
        *self.silence.lock() = Silence::new(Instant::now());
    }

    /// None answers.
    pub(crate) fn lost(&self) {
        self.silence.lock().lost = true;
    }

    /// Names the servers if it is time to.
    pub(crate) fn look_after<C: ClientContext>(&self, client: &Client<C>) {
        if self.silence.lock().is_due(Instant::now()) {
            ffi::add_servers(client, &self.servers);
        }
    }

    /// Learns from a request.
    pub(crate) fn learn<C: ClientContext, T, E>(&self, client: &Client<C>, answer: &Result<T, E>) {
        if answer.is_ok() {
            return self.heard();
        }
        self.lost();
        self.look_after(client);
    }
}

// === impl Silence ===

impl Silence {
    fn new(now: Instant) -> Self {
        Self { since: now, patience: PATIENCE, lost: false }
    }

    fn is_due(&mut self, now: Instant) -> bool {
        let patience = self.patience.min(if self.lost { LOST_MAX } else { IDLE_MAX });
        let due = now.duration_since(self.since) >= patience;
        if due {
            self.since = now;
            self.patience = patience * 2;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(silence: &mut Silence, start: Instant, to: u64) -> Vec<u64> {
        (0..to).filter(|second| silence.is_due(start + Duration::from_secs(*second))).collect()
    }

    #[test]
    fn servers_are_named_less_and_less_often() {
        let start = Instant::now();
        let mut idle = Silence::new(start);
        assert_eq!(told(&mut idle, start, 2000), [5, 15, 35, 75, 155, 315, 635, 1235, 1835]);
        let mut lost = Silence { lost: true, ..Silence::new(start) };
        assert_eq!(told(&mut lost, start, 300), [5, 15, 35, 75, 135, 195, 255]);
    }

    #[test]
    fn who_was_idle_for_long_is_not_waited_for_when_nobody_answers() {
        let start = Instant::now();
        let mut silence = Silence::new(start);
        told(&mut silence, start, 2000);
        silence.lost = true;
        assert!(silence.is_due(start + Duration::from_secs(2000)), "it was named 165 s ago");
    }
}
