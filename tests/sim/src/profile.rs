//! What one seed is like. Each draws its own subset of misfortunes and its own limits, so that together they reach
//! combinations that one mean setting would never show.

use crate::{
    broker::Body,
    chaos::{Chaos, KINDS, Volume},
    dice::Dice,
};
use fastrand::Rng;
use sidecommit_core::{GroupCommit, Limits, Millis};

/// When the simulated world begins: any time will do that is not near zero.
pub(crate) const EPOCH: Millis = 1_700_000_000_000;

/// What a seed is about. Chance alone would lead to some rows of the tables too seldom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Theme {
    Anything,
    /// Rivals come while others still recover, and operators take sides.
    Contest,
    /// The broker is cut off around ends of transactions.
    Doubt,
    /// Most transactions have a lane of their own, and a small window.
    Streams,
    /// Many small transactions are committed at the same time, and some spoil the groups of the others.
    Crowd,
}

/// A seed's settings.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) theme: Theme,
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
    /// Chance that a thread, a message or a timer has to wait for the processor, of ten thousand.
    pub(crate) busy: u32,
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
    /// The broker is cut off just before or after it ends a transaction.
    pub(crate) cut: u32,
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
        let mut profile = Self {
            theme: Theme::Anything,
            limits: limits(rng),
            net: Net::draw(rng),
            crash: pick(rng, &[0, 300, 2_000, 10_000]),
            power: pick(rng, &[0, 30, 100]),
            crashes: rng.u32(1..=12),
            plan: plan(rng, healed),
            healed,
            clients,
            jobs: rng.usize(2..=(60 / clients).clamp(3, 12)),
            busy: pick(rng, &[0, 100, 500]),
            pause: pick(rng, &[20, 500, 3_000]),
        };
        profile.follow(rng);
        profile
    }

    /// Chooses a theme and adapts to it.
    fn follow(&mut self, rng: &mut Rng) {
        use Theme::{Anything, Contest, Crowd, Doubt, Streams};
        let themes = [Anything, Anything, Anything, Anything, Contest, Contest, Doubt, Doubt, Doubt, Streams];
        self.theme = pick(rng, &[&themes[..], &[Crowd; 4]].concat());
        match self.theme {
            Anything => return,
            Contest => {
                (self.limits.lanes_max, self.limits.lanes_reserved, self.limits.lanes_warm) = (4, 1, 2);
                self.net.usual = 60;
                let (begin, length) = (rng.u64(EPOCH..self.healed), pick(rng, &[2_000, 6_000]));
                for _ in 0..16 {
                    let at = rng.u64(begin..begin + length).min(self.healed - 1);
                    self.plan.push((at, pick(rng, FIGHT)));
                }
            }
            Doubt => {
                (self.net.usual, self.net.timeout, self.net.give_up) = (60, 500, 3_000);
                self.net.cut = pick(rng, &[2_000, 4_000]);
                (self.limits.default_timeout, self.limits.group_attempts_max) = (25_000, 3);
                (self.clients, self.jobs) = (pick(rng, &[3, 8]), 8);
            }
            Streams => {
                (self.limits.streaming_bytes, self.limits.lane_window_bytes) = (300, 300);
                self.limits.default_timeout = pick(rng, &[700, 2_000]);
                (self.net.usual, self.net.timeout) = (60, 500);
                (self.net.lost, self.net.trouble) = (150, 20);
                self.busy = 1_500;
            }
            Crowd => self.crowd(rng),
        }
        self.crash = pick(rng, &[300, 2_000]);
    }
}

impl Profile {
    fn crowd(&mut self, rng: &mut Rng) {
        let group_commit = GroupCommit {
            transactions: pick(rng, &[3, 4, 8]),
            records: pick(rng, &[6, 10_000]),
            ..GroupCommit::default()
        };
        (self.limits.lanes_max, self.limits.lanes_reserved) = pick(rng, &[(2, 1), (3, 1), (4, 2)]);
        self.limits = Limits {
            group_commit,
            open_transactions: 50,
            queue: 50,
            streaming_bytes: 100_000,
            buffer_bytes: 1 << 20,
            default_timeout: 25_000,
            ..self.limits.clone()
        };
        (self.clients, self.jobs, self.pause) = (pick(rng, &[8, 16, 24]), 6, 5);
        self.net.usual = pick(rng, &[3, 5]);
        // Later there is nobody left whom it could meet.
        for _ in 0..8 {
            self.plan.push((rng.u64(EPOCH..EPOCH + 4_000), Chaos::Rebalance));
        }
    }
}

/// What happens while a slot is fought over.
const FIGHT: &[Chaos] = &[
    Chaos::Rival(Volume::Empty),
    Chaos::Rival(Volume::Empty),
    Chaos::Rival(Volume::Same),
    Chaos::Crash { power: false },
    Chaos::StrayInit,
    Chaos::Resume,
    Chaos::Resume,
];

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
        group_commit: pick(
            rng,
            &[GroupCommit::OFF, GroupCommit { transactions: 4, ..GroupCommit::default() }],
        ),
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
            cut: pick(rng, &[0, 0, 100, 1_000]),
            timeout: pick(rng, &[500, 2_000, 10_000]),
            give_up: pick(rng, &[3_000, 15_000, 40_000]),
        }
    }

    /// Nothing goes wrong any more.
    pub(crate) fn heal(&mut self) {
        (self.slow, self.stuck, self.lost, self.cut) = (0, 0, 0, 0);
    }

    /// How long a request is under way; None: it is lost.
    pub(crate) fn request(&self, dice: &mut Dice, body: &Body) -> Option<Millis> {
        let trouble = self.trouble_of(body);
        if dice.hit(self.lost * trouble) {
            return None;
        }
        if dice.hit(self.stuck * trouble) {
            // Often just late enough to meet the transaction after the repeat.
            let longest = pick(dice, &[40, 500, 20_000]);
            return Some(self.timeout + dice.u64(0..longest));
        }
        Some(self.delay(dice))
    }

    /// How long an answer is under way; None: it is lost.
    pub(crate) fn answer(&self, dice: &mut Dice, body: &Body) -> Option<Millis> {
        (!dice.hit(self.lost * self.trouble_of(body))).then(|| self.delay(dice))
    }

    fn trouble_of(&self, body: &Body) -> u32 {
        if matches!(body, Body::End { .. } | Body::Offsets(_)) { self.trouble } else { 1 }
    }

    fn delay(&self, dice: &mut Dice) -> Millis {
        if dice.hit(self.slow) { dice.u64(5..1_000) } else { dice.u64(0..self.usual) }
    }
}
