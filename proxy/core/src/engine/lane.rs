//! A lane: one transactional.id, one producer at a time, at most one Kafka transaction.

use crate::{
    Coordinate, Effect, Generation, GroupUuid, LaneError, LaneIndex, LaneOp, MemberReport, Millis,
    PreparedGroup, ReadToken, SyncToken, TxnId,
    table::{LaneState, LaneStep, Next},
};

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) index: LaneIndex,
    pub(super) generation: Generation,
    pub(super) state: LaneState,
    pub(super) since: Millis,
    /// The highest sequence number used.
    pub(super) seq: u64,
    /// What is awaited in `state`.
    pub(super) awaits: Awaits,
    pub(super) group: Option<Group>,
    /// PREPARED groups whose outcome only Kafka knows.
    pub(super) doubts: Vec<PreparedGroup>,
    /// Transactions whose group failed before PREPARED; init proves their abort, then they may try again.
    pub(super) unproven: Vec<TxnId>,
    /// Our journal's birth record on this lane stands.
    pub(super) born: bool,
    /// Since when every commit on the lane can be told from its markers.
    pub(super) horizon: Millis,
    /// A record of ours was committed after init: a read up to the watermark after it is decisive.
    pub(super) barrier: bool,
    /// The last end was not clean: replace before use.
    pub(super) tainted: bool,
    /// Everything before this life is settled.
    pub(super) settled: bool,
    /// Asked for by a transaction, so not closed after it is settled.
    pub(super) wanted: bool,
    /// Bytes handed over and not delivered.
    pub(super) window: u64,
    pub(super) last_fence: Option<Millis>,
    pub(super) error: Option<LaneError>,
    /// Rows of the table that the present step went through.
    pub(super) moves: Vec<(LaneState, LaneStep)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaits {
    Nothing,
    /// Opening: the turn after a fence.
    Turn(Millis),
    /// Verifying: a read.
    Read(ReadToken),
    /// Verifying: the time to read again after a failed read.
    ReadAgain(Millis),
    /// Verifying: the journal, before the owner record is written.
    ClaimSync(SyncToken),
    /// Verifying: the journal, before the lane is used.
    SettleSync(SyncToken),
    /// Writing: what.
    Commit(Own),
}

/// Records of our own that a lane commits apart from groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    Owner,
    Birth,
    Barrier,
}

/// Transactions carried by one Kafka transaction.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) uuid: GroupUuid,
    pub(super) seq: u64,
    pub(super) members: Vec<TxnId>,
    pub(super) carries: Carries,
    pub(super) begun: Millis,
    pub(super) phase: Phase,
    pub(super) reports: Vec<MemberReport>,
    pub(super) marker: Option<Coordinate>,
}

/// What a group is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carries {
    /// Buffered transactions that share a Kafka transaction.
    Shared,
    /// One buffered transaction that might spoil others.
    Alone,
    /// One whose records flow as they come.
    Stream,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// A streaming transaction takes records; `finishing` once its commit was asked.
    Filling { finishing: bool },
    /// Everything is sent, delivery is awaited.
    Flushing,
    /// PREPARED is being made durable.
    Preparing(SyncToken),
    /// EndTxn(commit) is sent.
    Ending,
    /// EndTxn(abort) is sent.
    Aborting,
}

impl Lane {
    pub(super) fn new(index: LaneIndex, now: Millis) -> Self {
        Self {
            index,
            generation: Generation::default(),
            state: LaneState::Closed,
            since: now,
            seq: 0,
            awaits: Awaits::Nothing,
            group: None,
            doubts: Vec::new(),
            unproven: Vec::new(),
            born: false,
            horizon: 0,
            barrier: false,
            tainted: false,
            settled: false,
            wanted: false,
            window: 0,
            last_fence: None,
            error: None,
            moves: Vec::new(),
        }
    }

    /// Moves by the table.
    ///
    /// # Panics
    /// If the table forbids it: a defect, and the safest thing is to stop and let the next start settle the past.
    pub(super) fn step(&mut self, now: Millis, step: LaneStep) {
        self.moves.push((self.state, step));
        match self.state.on(step) {
            Next::To(state) => {
                self.state = state;
                self.since = now;
                self.awaits = Awaits::Nothing;
            }
            Next::NoOp => {}
            Next::Invalid => panic!("lane {}: {step:?} in state {:?}", self.index, self.state),
        }
    }

    /// Whether what it carries will leave memory without any more calls: not what is delivered of a stream whose
    /// application has more to say, as its next call might be the one that waits for memory.
    pub(super) fn frees_memory(&self) -> bool {
        self.window > 0 || !matches!(self.phase(), None | Some(Phase::Filling { finishing: false }))
    }

    pub(super) fn op(&self, op: LaneOp) -> Effect {
        Effect::Lane { lane: self.index, generation: self.generation, op }
    }

    /// The group, if it is one whose records flow as they come.
    pub(super) fn stream(&self) -> Option<&Group> {
        self.group.as_ref().filter(|group| group.carries == Carries::Stream)
    }

    pub(super) fn phase(&self) -> Option<Phase> {
        self.group.as_ref().map(|group| group.phase)
    }
}
