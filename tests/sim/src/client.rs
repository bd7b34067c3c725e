//! A model application: does its jobs one after the other and follows next_action blindly.

use crate::{
    event::PodId,
    ledger::AppId,
    piece::Piece,
    profile::{Theme, hit},
};
use fastrand::Rng;
use sidecommit_core::{CallId, IdempotencyKey, KeyHash, TxnId};
use std::collections::VecDeque;

/// An application.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) plans: VecDeque<Plan>,
    pub(crate) job: Option<Job>,
    /// The pod that it talks to.
    pub(crate) pod: PodId,
    /// Its input partition.
    pub(crate) partition: i32,
}

/// What a job will do.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// A Transact call with an idempotency key, not a Begin.
    pub(crate) keyed: bool,
    pub(crate) records: Vec<RecordPlan>,
    /// Records per Produce.
    pub(crate) batch: usize,
    /// Send the offset of the input partition.
    pub(crate) offsets: Offsets,
    pub(crate) finish: Finish,
    /// Send Commit before the last Produce is answered.
    pub(crate) overtake: bool,
    /// The first Commit tells a wrong count.
    pub(crate) miscount: bool,
    pub(crate) ordering_key: String,
    /// Absent: the default.
    pub(crate) timeout: Option<u64>,
    /// Chance to pause before each step, of ten thousand.
    pub(crate) lazy: u32,
}

/// One record to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordPlan {
    /// Index into the data topics.
    pub(crate) topic: usize,
    /// Absent: by key.
    pub(crate) partition: Option<i32>,
    pub(crate) size: usize,
    pub(crate) poison: bool,
}

/// How offsets travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offsets {
    None,
    /// By SendOffsets.
    Sent,
    /// With the Commit (or Transact).
    WithCommit,
}

/// How a job ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    Commit,
    Abort,
    /// An Abort follows the Commit at once.
    CommitAndAbort,
    /// The application is never heard of again.
    Vanish,
}

/// A job under way.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) plan: Plan,
    pub(crate) app: AppId,
    pub(crate) stage: Stage,
    pub(crate) txn: Option<TxnId>,
    pub(crate) request_id: String,
    pub(crate) key: Option<IdempotencyKey>,
    pub(crate) first_attempt: u64,
    /// Index of the next record to send.
    pub(crate) next: u64,
    /// The call whose answer it waits for.
    pub(crate) call: Option<CallId>,
    pub(crate) attempts: u32,
    pub(crate) miscounted: bool,
}

/// What a job does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Begin,
    Produce,
    Offsets,
    Commit,
    Abort,
    /// GetTransaction with wait.
    Ask,
    Transact,
}

// === impl Client ===

impl Client {
    pub(crate) fn draw(rng: &mut Rng, id: usize, jobs: usize, theme: Theme) -> Self {
        let crowd = theme == Theme::Crowd;
        let mut plans: VecDeque<Plan> = (0..jobs).map(|_| Plan::draw(rng)).collect();
        match theme {
            Theme::Crowd => plans.iter_mut().for_each(|plan| plan.crowd(rng, id)),
            Theme::Streams => plans.iter_mut().for_each(|plan| plan.stream(rng)),
            Theme::Anything | Theme::Contest | Theme::Doubt => {}
        }
        // In a crowd partitions are shared: an application may commit an older offset after another's newer one.
        let partition = if crowd { id % 4 } else { id } as i32;
        // Ordering keys are shared by half of the clients.
        for plan in plans.iter_mut().filter(|_| id.is_multiple_of(2)) {
            if hit(rng, if crowd { 6_000 } else { 3_000 }) {
                plan.ordering_key = format!("order-{}", rng.u8(0..2));
            }
        }
        Self { plans, job: None, pod: 0, partition }
    }

    /// Leaves out the pieces that a run does without; returns the others.
    pub(crate) fn keep(&mut self, id: usize, keeps: impl Fn(Piece) -> bool) -> Vec<Piece> {
        let whole = Piece::Client(id);
        let mut kept = vec![whole];
        if !keeps(whole) {
            self.plans.clear();
            kept.clear();
        }
        let plans = std::mem::take(&mut self.plans).into_iter().enumerate();
        for (job, mut plan) in plans.filter(|(job, _)| keeps(Piece::Job(id, *job))) {
            kept.push(Piece::Job(id, job));
            if plan.records.len() > 1 && keeps(Piece::Records(id, job)) {
                kept.push(Piece::Records(id, job));
            } else {
                plan.records.truncate(1);
            }
            if plan.offsets != Offsets::None && keeps(Piece::Offsets(id, job)) {
                kept.push(Piece::Offsets(id, job));
            } else {
                plan.offsets = Offsets::None;
            }
            self.plans.push_back(plan);
        }
        kept
    }
}

// === impl Plan ===

impl Plan {
    fn draw(rng: &mut Rng) -> Self {
        let poison = hit(rng, 500);
        let count = [0, 1, 1, 2, 3, 5, 12, 30][rng.usize(0..8)];
        let guilty = if count > 0 { rng.usize(0..count) } else { 0 };
        let mut record = |i| RecordPlan {
            topic: rng.usize(0..crate::world::TOPICS.len()),
            partition: if rng.bool() { Some(rng.i32(0..2)) } else { None },
            size: rng.usize(0..200),
            poison: poison && i == guilty,
        };
        let records: Vec<RecordPlan> = (0..count).map(&mut record).collect();
        Self {
            keyed: hit(rng, 3_500),
            records,
            batch: rng.usize(1..=5),
            offsets: [Offsets::None, Offsets::None, Offsets::Sent, Offsets::WithCommit][rng.usize(0..4)],
            finish: match rng.u32(0..20) {
                0..=13 => Finish::Commit,
                14..=16 => Finish::Abort,
                17..=18 => Finish::CommitAndAbort,
                _ => Finish::Vanish,
            },
            overtake: hit(rng, 1_000),
            miscount: hit(rng, 500),
            ordering_key: String::new(),
            timeout: hit(rng, 2_000).then(|| rng.u64(500..20_000)),
            lazy: [0, 1_000, 3_000][rng.usize(0..3)],
        }
    }
}

impl Plan {
    /// Sometimes its last record is refused while its abort is under way.
    fn stream(&mut self, rng: &mut Rng) {
        if hit(rng, 2_000)
            && let Some(last) = self.records.last_mut()
        {
            last.poison = true;
            self.finish = Finish::Abort;
            (self.keyed, self.lazy) = (false, 0);
        }
    }

    /// Small, and committed at once; some clients spoil half of their groups.
    fn crowd(&mut self, rng: &mut Rng, client: usize) {
        self.records.truncate(2);
        self.batch = 2;
        let poison = hit(rng, if client % 5 == 1 { 5_000 } else { 200 });
        for (index, record) in self.records.iter_mut().enumerate() {
            record.poison = poison && index == 0;
        }
        self.lazy = 0;
        if !matches!(self.finish, Finish::CommitAndAbort) {
            self.finish = Finish::Commit;
        }
        (self.overtake, self.miscount) = (false, false);
    }
}

/// An idempotency key; the real hash is made by the rpc layer.
pub(crate) fn key(app: AppId) -> IdempotencyKey {
    let mut hash = [0x5a; 16];
    hash[8..].copy_from_slice(&(app as u64).to_be_bytes());
    IdempotencyKey { text: format!("key-{app}"), hash: KeyHash(hash) }
}
