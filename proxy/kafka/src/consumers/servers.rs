//! A client that has forgotten all brokers says nothing any more, not even that: see [`ffi::add_servers`].

use crate::ffi;
use rdkafka::{ClientContext, client::Client};
use std::time::{Duration, Instant};

/// How long a silence may last before the servers are named again.
const SILENCE: Duration = Duration::from_secs(10);

/// In the end they are named that often: each time costs a few bytes, and an idle group is silent as well.
const SELDOM: Duration = Duration::from_secs(600);

/// When a silent client is told its servers again.
#[derive(Debug)]
pub(super) struct Servers {
    since: Instant,
    patience: Duration,
}

// === impl Servers ===

impl Servers {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, patience: SILENCE }
    }

    /// Some broker has answered.
    pub(super) fn heard(&mut self, now: Instant) {
        *self = Self::new(now);
    }

    /// All brokers are down.
    pub(super) fn lost(&mut self) {
        self.patience = SILENCE;
    }

    pub(super) fn look_after<C: ClientContext>(&mut self, client: &Client<C>, servers: &str, now: Instant) {
        if self.is_due(now) {
            ffi::add_servers(client, servers);
        }
    }

    fn is_due(&mut self, now: Instant) -> bool {
        let due = now.duration_since(self.since) >= self.patience;
        if due {
            self.since = now;
            self.patience = (self.patience * 2).min(SELDOM);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_named_less_and_less_often_while_it_is_silent() {
        let start = Instant::now();
        let mut servers = Servers::new(start);
        let told = |servers: &mut Servers, from: u64, to: u64| -> Vec<u64> {
            (from..to).filter(|second| servers.is_due(start + Duration::from_secs(*second))).collect()
        };
        assert_eq!(told(&mut servers, 0, 100), [10, 30, 70]);
        servers.lost();
        assert_eq!(told(&mut servers, 100, 130), [100, 120]);
        servers.heard(start + Duration::from_secs(130));
        assert_eq!(told(&mut servers, 130, 150), [140]);
    }
}
