//! What one seed is like. Each draws its own subset of misfortunes and its own limits, so that together they reach
//! combinations that one mean setting would never show.

use crate::{
    broker::Body,
    chaos::{Chaos, KINDS},
};
use fastrand::Rng;
use sidecommit_core::{Limits, Millis};

/// When the simulated world begins: any time will do that is not near zero.
pub(crate) const EPOCH: Millis = 1_700_000_000_000;

/// A seed's settings.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) limits: Limits,
    pub(crate) net: Net,
    /// Chance of a crash at each effect boundary, of a million.
    pub(crate) crash: u32,
    /// Share of crashes that are power losses, of a hundred.
    pub(crate) power: u32,
    /// Crashes at effect boundaries at most.
    pub(crate) crashes: u32,
    /// When what goes wrong.
    pub(crate) plan: Vec<(Millis, Chaos)>,
    /// When the world is healed.
    pub(crate) healed: Millis,
    pub(crate) clients: usize,
    pub(crate) jobs: usize,
    /// Longest pause of a client between two jobs.
    pub(crate) pause: Millis,
}

/// How the network behaves; chances of ten thousand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Net {
    /// A request or answer takes so long at most.
    pub(crate) usual: Millis,
    /// A request or answer takes up to a second.
    pub(crate) slow: u32,
    /// A request is stuck in a socket for longer than its sender waits.
    pub(crate) stuck: u32,
    /// A request or answer is lost.
    pub(crate) lost: u32,
    /// So many times more often for EndTxn and TxnOffsetCommit, whose repeats are the dangerous ones.
    pub(crate) trouble: u32,
    /// After so long a request is sent again (socket.timeout.ms).
    pub(crate) timeout: Millis,
    /// After so long the producer fails.
    pub(crate) give_up: Millis,
}

/// True in so many of ten thousand cases.
pub(crate) fn hit(rng: &mut Rng, per_ten_thousand: u32) -> bool {
    rng.u32(0..10_000) < per_ten_thousand
}

/// One of several.
pub(crate) fn pick<T: Clone>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(0..from.len())].clone()
}

// === impl Profile ===

impl Profile {
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let clients = pick(rng, &[1, 3, 6, 12, 25]);
        let healed = EPOCH + pick(rng, &[20_000, 60_000, 120_000]);
        Self {
            limits: limits(rng),
            net: Net::draw(rng),
            crash: pick(rng, &[0, 300, 2_000, 10_000]),
            power: pick(rng, &[0, 30, 100]),
            crashes: rng.u32(1..=12),
            plan: plan(rng, healed),
            healed,
            clients,
            jobs: rng.usize(2..=(60 / clients).clamp(3, 12)),
            pause: pick(rng, &[20, 500, 3_000]),
        }
    }
}

fn plan(rng: &mut Rng, until: Millis) -> Vec<(Millis, Chaos)> {
    let mut plan = Vec::new();
    // One seed in six is quiet: what is forbidden without misfortune is forbidden there.
    if rng.u32(0..6) == 0 {
        return plan;
    }
    let density = pick(rng, &[2, 4, 6]);
    for (kind, most) in KINDS {
        if rng.u32(0..10) < density {
            for _ in 0..rng.u32(1..=*most) {
                plan.push((rng.u64(EPOCH..until), *kind));
            }
        }
    }
    plan
}

fn limits(rng: &mut Rng) -> Limits {
    let (lanes_max, lanes_reserved) = pick(rng, &[(2, 1), (3, 1), (4, 2), (4, 1)]);
    Limits {
        lanes_max,
        lanes_reserved,
        lanes_warm: pick(rng, &[1, 2]),
        group_members_max: pick(rng, &[1, 4]),
        group_attempts_max: pick(rng, &[2, 3]),
        open_transactions: pick(rng, &[3, 50]),
        queue: pick(rng, &[2, 50]),
        streaming_bytes: pick(rng, &[300, 1_000, 100_000]),
        buffer_bytes: pick(rng, &[12_000, 1 << 20]),
        lane_window_bytes: pick(rng, &[300, 1 << 20]),
        idle_timeout: pick(rng, &[3_000, 10_000]),
        default_timeout: pick(rng, &[8_000, 25_000]),
        max_timeout: 60_000,
        lane_timeout: pick(rng, &[12_000, 30_000]),
        outcomes_remembered: pick(rng, &[6, 40, 1_000]),
        ..Limits::default()
    }
}

// === impl Net ===

impl Net {
    fn draw(rng: &mut Rng) -> Self {
        Self {
            usual: pick(rng, &[3, 5, 60]),
            slow: pick(rng, &[0, 50, 300]),
            stuck: pick(rng, &[0, 30, 150]),
            lost: pick(rng, &[0, 30, 150]),
            trouble: pick(rng, &[1, 5, 20]),
            timeout: pick(rng, &[500, 2_000, 10_000]),
            give_up: pick(rng, &[3_000, 15_000, 40_000]),
        }
    }

    /// Nothing goes wrong any more.
    pub(crate) fn heal(&mut self) {
        (self.slow, self.stuck, self.lost) = (0, 0, 0);
    }

    /// How long a request is under way; None: it is lost.
    pub(crate) fn request(&self, rng: &mut Rng, body: &Body) -> Option<Millis> {
        let trouble = self.trouble_of(body);
        if hit(rng, self.lost * trouble) {
            return None;
        }
        if hit(rng, self.stuck * trouble) {
            // Often just late enough to meet the transaction after the repeat.
            let longest = pick(rng, &[40, 500, 20_000]);
            return Some(self.timeout + rng.u64(0..longest));
        }
        Some(self.delay(rng))
    }

    /// How long an answer is under way; None: it is lost.
    pub(crate) fn answer(&self, rng: &mut Rng, body: &Body) -> Option<Millis> {
        (!hit(rng, self.lost * self.trouble_of(body))).then(|| self.delay(rng))
    }

    fn trouble_of(&self, body: &Body) -> u32 {
        if matches!(body, Body::End { .. } | Body::Offsets(_)) { self.trouble } else { 1 }
    }

    fn delay(&self, rng: &mut Rng) -> Millis {
        if hit(rng, self.slow) { rng.u64(5..1_000) } else { rng.u64(0..self.usual) }
    }
}
