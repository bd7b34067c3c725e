//! Chance: seeded, a stream for each of those who act, so that leaving one out does not change the luck of the others;
//! and numbered, so that a shrunk run can leave out what chance brought.

use crate::{
    event::{ClientId, Event, PodId, ProcId},
    piece::{Piece, Pieces},
    profile,
};
use fastrand::Rng;
use sidecommit_core::{LaneIndex, Millis};
use std::{
    collections::BTreeMap,
    ops::{Deref, DerefMut},
};

/// Whose luck it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// Nobody's in particular.
    World,
    /// A client's.
    Client(ClientId),
    /// A process's.
    Process(ProcId),
    /// A lane's of a process, and that of its requests.
    Lane(ProcId, u16),
    /// A pod's.
    Pod(PodId),
    /// That of a misfortune, by its time.
    Chaos(Millis),
}

/// The source of everything that is random in a run.
#[derive(Debug)]
pub(crate) struct Dice {
    seed: u64,
    stream: Stream,
    present: Luck,
    others: BTreeMap<Stream, Luck>,
    /// Hits that happened.
    happened: Vec<Piece>,
    /// What is allowed to happen; absent: everything.
    only: Option<Pieces>,
}

#[derive(Debug)]
struct Luck {
    rng: Rng,
    hits: u64,
}

// === impl Stream ===

impl Stream {
    /// Whose luck an event tries.
    pub(crate) fn of(event: &Event, now: Millis) -> Self {
        let lane = |proc, lane: LaneIndex| Self::Lane(proc, lane.0);
        match event {
            Event::Lane { proc, lane: index } => lane(*proc, *index),
            Event::Answered { sender, .. } | Event::Overdue { sender } => lane(sender.proc, sender.lane),
            Event::Arrive { sender: Some(sender), .. } => lane(sender.proc, sender.lane),
            Event::Deliver { proc, .. }
            | Event::Tick { proc }
            | Event::Journal { proc }
            | Event::ReadBegins { proc, .. }
            | Event::ReadPolls { proc, .. }
            | Event::Reply { proc, .. }
            | Event::DrainPolls { proc, .. }
            | Event::Continue { proc } => Self::Process(*proc),
            Event::Replied { client, .. } | Event::Impatient { client, .. } | Event::Act { client } => {
                Self::Client(*client)
            }
            Event::Restart { pod } => Self::Pod(*pod),
            Event::Chaos(_) => Self::Chaos(now),
            Event::Arrive { sender: None, .. }
            | Event::Marker { .. }
            | Event::ExpireTransactions
            | Event::Heal => Self::World,
        }
    }

    fn number(self) -> u64 {
        match self {
            Self::World => 0,
            Self::Client(client) => 1 << 56 | client as u64,
            Self::Process(proc) => 2 << 56 | proc as u64,
            Self::Lane(proc, lane) => 3 << 56 | (proc as u64) << 16 | u64::from(lane),
            Self::Pod(pod) => 4 << 56 | pod as u64,
            Self::Chaos(time) => 5 << 56 | time,
        }
    }
}

// === impl Dice ===

impl Dice {
    /// Goes on with what drew the world.
    pub(crate) fn new(rng: Rng, seed: u64, only: Option<Pieces>) -> Self {
        let present = Luck { rng, hits: 0 };
        Self { seed, stream: Stream::World, present, others: BTreeMap::new(), happened: Vec::new(), only }
    }

    /// Begins anew: the same world, other luck.
    pub(crate) fn reseed(&mut self, seed: u64) {
        self.seed = seed;
        self.present.rng.seed(seed);
    }

    /// Now it is another's turn.
    pub(crate) fn turn(&mut self, stream: Stream) {
        if stream == self.stream {
            return;
        }
        let next = self.others.remove(&stream).unwrap_or_else(|| Luck::new(self.seed, stream));
        let last = std::mem::replace(&mut self.present, next);
        self.others.insert(self.stream, last);
        self.stream = stream;
    }

    /// True in so many of ten thousand cases, unless this run does without it.
    pub(crate) fn hit(&mut self, per_ten_thousand: u32) -> bool {
        profile::hit(&mut self.present.rng, per_ten_thousand) && self.lets_happen()
    }

    /// Numbers something that chance brings; false if this run does without it.
    pub(crate) fn lets_happen(&mut self) -> bool {
        self.present.hits += 1;
        let piece = Piece::Hit(self.stream, self.present.hits);
        let happens = self.keeps(piece);
        if happens {
            self.happened.push(piece);
        }
        happens
    }

    /// Whether this run has a piece.
    pub(crate) fn keeps(&self, piece: Piece) -> bool {
        self.only.as_ref().is_none_or(|only| only.0.contains(&piece))
    }

    /// The hits that happened.
    pub(crate) fn happened(&self) -> &[Piece] {
        &self.happened
    }
}

impl Deref for Dice {
    type Target = Rng;

    fn deref(&self) -> &Rng {
        &self.present.rng
    }
}

impl DerefMut for Dice {
    fn deref_mut(&mut self) -> &mut Rng {
        &mut self.present.rng
    }
}

// === impl Luck ===

impl Luck {
    fn new(seed: u64, stream: Stream) -> Self {
        // The seed's bits and the stream's are mixed by a generator's first draw.
        let mixed = Rng::with_seed(seed).u64(..) ^ stream.number();
        Self { rng: Rng::with_seed(Rng::with_seed(mixed).u64(..)), hits: 0 }
    }
}
