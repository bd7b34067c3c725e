//! The engine: all transactions, groups and lanes of one slot.

mod adopt;
mod answers;
mod blame;
mod consume;
mod gather;
mod group;
mod lane;
mod memory;
mod on;
mod open;
mod outcome;
mod ownership;
mod pace;
mod quarantine;
mod queue;
mod room;
mod schedule;
mod settle;
mod status;
mod timers;
mod txn;
mod verdict;

pub use self::{
    status::{Counters, LaneStatus, Serving, Status},
    verdict::{Verdict, verdict, verdict_by_reading},
};

use self::{
    consume::Consuming,
    lane::Lane,
    memory::Memory,
    ownership::Ownership,
    pace::Pace,
    quarantine::Quarantine,
    queue::Queue,
    room::Room,
    timers::{Timer, Timers},
    txn::{Claim, Txn},
};
use crate::{
    Answer, CallId, Effect, Incarnation, Input, JournalContents, JournalEntry, JournalId, JournalOp, KeyHash,
    LaneErrorKind, LaneIndex, Limits, Millis, PreparedGroup, ReadToken, Reason, Refusal, Request, Slot,
    SyncToken, TransactionView, TxnId,
    table::{LaneState, Row, TxnEvent, TxnState},
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What a start needs to know.
#[derive(Clone, Debug)]
pub struct Start {
    /// Whose transactional.ids to use.
    pub slot: Slot,
    /// This pod, so that a zombie recognises itself; any stable text outside Kubernetes.
    pub pod_uid: String,
    /// What the journal remembers.
    pub journal: JournalContents,
    /// Whether the slot was won by a Lease: then this start is the rightful owner, whoever owned it before (a Lease won again is
    /// proof), and the slots of one pod may differ from one start to the next.
    pub leased: bool,
    /// Settings.
    pub limits: Limits,
    /// Entropy for ids, at least 64 random bits.
    pub seed: u64,
    /// The time.
    pub now: Millis,
}

/// The state machine of one slot.
#[derive(Debug)]
pub struct Engine {
    slot: Slot,
    pod_uid: String,
    limits: Limits,
    journal: JournalId,
    incarnation: Incarnation,
    ownership: Ownership,
    leased: bool,
    serving: Serving,
    /// Ids of older incarnations are only known if remembered.
    trusted_from: Incarnation,
    /// While Kafka's knowledge is being adopted: per settled lane, since when its markers are complete.
    recall: Option<BTreeMap<LaneIndex, Millis>>,
    /// Journals that served the slot before this life, as far as is known.
    served: Vec<JournalId>,
    /// A read of the owner record, apart from any lane, and the calls that wait for it.
    suspicion: Option<(ReadToken, Vec<(CallId, Request)>)>,
    /// Calls that wait for the next such read: they came after the present one had begun.
    suspicious: Vec<(CallId, Request)>,
    /// Aborted groups of a journal that misses something, until every lane was read.
    copied: Vec<PreparedGroup>,
    claims_made: Vec<(Incarnation, String)>,
    lanes: Vec<Lane>,
    txns: BTreeMap<TxnId, Txn>,
    requests: BTreeMap<String, TxnId>,
    keys: BTreeMap<KeyHash, TxnId>,
    /// Committing transactions without a lane, in the order of their Commits.
    queue: Queue,
    /// When those share a Kafka transaction.
    pace: Pace,
    quarantine: Quarantine,
    /// Calls that arrived during the recovery, with the time until which they wait.
    lobby: VecDeque<(Millis, CallId, Request)>,
    memory: Memory,
    consuming: Consuming,
    /// Offsets claimed by groups on lanes: at most one unsettled transaction per group.id, topic and partition.
    claimed: BTreeMap<Claim, LaneIndex>,
    /// Ordering keys of transactions on lanes.
    ordered: BTreeMap<String, LaneIndex>,
    /// Empty transactions whose COMMITTED is being made durable.
    empty: BTreeMap<SyncToken, TxnId>,
    timers: Timers,
    buffered: u64,
    room: Room,
    connections: Option<usize>,
    drain_until: Option<Millis>,
    entropy: u64,
    tokens: u64,
    counters: Counters,
    out: Vec<Effect>,
    /// By Lease: what ended before this was dropped, under this slot or another one of this pod, and may be in no marker of this slot.
    forgotten: Millis,
    /// Transactions of [`Engine::remember_former`] that are in doubt still.
    formers: usize,
    /// Rows of the table that the present step went through.
    moves: Vec<(TxnId, TxnState, TxnEvent)>,
    now: Millis,
    started: Millis,
    /// When this engine was made: it has issued nothing before.
    born: Millis,
}

impl Engine {
    /// Starts; the effects open lane 0, which claims the slot.
    pub fn new(start: Start) -> (Self, Vec<Effect>) {
        let Start { slot, pod_uid, journal, leased, limits, seed, now } = start;
        let mut memory = Memory::new(limits.outcomes_remembered, journal.horizon);
        journal.finished.into_iter().for_each(|summary| memory.remember(summary));
        journal.recalled.into_iter().for_each(|recalled| memory.recall(recalled));
        let mut engine = Self {
            slot,
            pod_uid,
            journal: journal.journal,
            incarnation: journal.incarnation,
            ownership: if leased { Ownership::Proven } else { Ownership::Unread },
            leased,
            serving: Serving::Recovering,
            trusted_from: journal.trusted_from.unwrap_or_default(),
            recall: None,
            served: Vec::new(),
            suspicion: None,
            suspicious: Vec::new(),
            copied: Vec::new(),
            claims_made: journal.claims,
            lanes: (0..limits.lanes_max).map(|index| Lane::new(LaneIndex(index), now)).collect(),
            txns: BTreeMap::new(),
            requests: BTreeMap::new(),
            keys: BTreeMap::new(),
            queue: Queue::default(),
            pace: Pace::default(),
            quarantine: Quarantine::default(),
            lobby: VecDeque::new(),
            memory,
            consuming: Consuming::new(journal.consumption),
            claimed: BTreeMap::new(),
            ordered: BTreeMap::new(),
            empty: BTreeMap::new(),
            timers: Timers::default(),
            buffered: 0,
            room: Room::default(),
            connections: None,
            drain_until: None,
            entropy: seed,
            tokens: 0,
            counters: Counters::default(),
            out: Vec::new(),
            forgotten: 0,
            formers: 0,
            moves: Vec::new(),
            now,
            started: now,
            born: now,
            limits,
        };
        for known in &journal.lanes {
            let lane = engine.lane_upto(known.lane);
            lane.seq = lane.seq.max(known.seq);
        }
        for group in journal.prepared {
            engine.remember_doubt(group);
        }
        journal.foreign.iter().for_each(|foreign| engine.remember_former(&foreign.group));
        engine.open_lane(LaneIndex(0), "start");
        if engine.incarnation > Incarnation(0) {
            engine.fence_ahead();
        }
        let effects = std::mem::take(&mut engine.out);
        (engine, effects)
    }

    /// Takes in what happened and tells what to do.
    pub fn step(&mut self, now: Millis, input: Input) -> Vec<Effect> {
        self.now = self.now.max(now);
        self.moves.clear();
        self.lanes.iter_mut().for_each(|lane| lane.moves.clear());
        match input {
            Input::Call { call, request } => self.on_call(call, request),
            Input::Underway { txn, begins } => self.on_underway(txn, begins),
            Input::Stream { stream, event } => self.on_stream(stream, event),
            Input::Consumer { consumer, event } => self.on_consumer(consumer, event),
            Input::Lane { lane, generation, event } => self.on_lane(lane, generation, event),
            Input::Read { token, result } => self.on_read(token, result),
            Input::Synced(token) => self.on_synced(token),
            Input::JournalFailed(message) => self.on_journal_failed(message),
            Input::Former { group, verdict } => self.on_former(&group, verdict),
            Input::Drain { until } => self.on_drain(until),
            Input::Connections(open) => self.on_connections(open),
            Input::Tick => {}
        }
        self.on_time();
        self.deliver();
        self.make_way();
        self.schedule();
        std::mem::take(&mut self.out)
    }

    /// The rows of the tables that the last step went through, no-ops included: of which transaction, of which lane.
    pub fn moves(&self) -> impl Iterator<Item = (Option<TxnId>, Option<LaneIndex>, Row)> {
        let txns = self.moves.iter().map(|(id, from, event)| (Some(*id), None, Row::Txn(*from, *event)));
        let lanes = self.lanes.iter().flat_map(|lane| {
            lane.moves.iter().map(|(from, step)| (None, Some(lane.index), Row::Lane(*from, *step)))
        });
        txns.chain(lanes)
    }

    /// When the next [`Input::Tick`] is due.
    pub fn next_deadline(&self) -> Option<Millis> {
        self.timers.next()
    }

    /// Whether the slot can serve.
    pub fn serving(&self) -> &Serving {
        &self.serving
    }

    /// True once a draining engine has nothing left to finish.
    pub fn is_drained(&self) -> bool {
        let busy = self.lanes.iter().any(|lane| lane.group.is_some());
        let reads = self.consuming.reads();
        self.drain_until.is_some()
            && !busy
            && !reads
            && self.queue.is_empty()
            && self.count(TxnState::Open) == 0
    }

    /// Whether Kafka holds nothing undecided of this slot's ids, as far as this owner knows: whoever comes next need not init them to
    /// set readers free.
    pub fn is_settled(&self) -> bool {
        let rests = |lane: &Lane| {
            lane.settled
                && lane.doubts.is_empty()
                && matches!(lane.state, LaneState::Idle | LaneState::Closed)
        };
        matches!(self.ownership, Ownership::Ours) && !self.journal_failed() && self.lanes.iter().all(rests)
    }

    /// The engine's state.
    pub fn status(&self, now: Millis) -> Status {
        let lanes = self.lanes.iter().map(|lane| LaneStatus {
            lane: lane.index,
            state: lane.state,
            generation: lane.generation,
            seq: lane.seq,
            transactions: lane.group.as_ref().map_or(0, |group| group.members.len()),
            since: lane.since,
            error: lane.error.as_ref().map(|error| error.message.clone()),
        });
        let oldest = self.lanes.iter().filter_map(|lane| lane.group.as_ref()).map(|group| group.begun).min();
        Status {
            serving: self.serving.clone(),
            slot: self.slot.clone(),
            incarnation: self.incarnation,
            journal: self.journal,
            lanes: lanes.collect(),
            open: self.count(TxnState::Open),
            queued: self.queue.len(),
            in_doubt: self.count(TxnState::InDoubt),
            buffered_bytes: self.buffered,
            oldest_in_kafka: oldest.map_or(0, |begun| now.saturating_sub(begun)),
            counters: self.counters.clone(),
        }
    }

    /// Transactions that are not final, oldest first.
    pub fn transactions(&self, now: Millis) -> Vec<TransactionView> {
        self.txns.values().map(|txn| txn.view(now)).collect()
    }

    fn count(&self, state: TxnState) -> usize {
        self.txns.values().filter(|txn| txn.state == state).count()
    }

    fn reply(&mut self, call: CallId, answer: Result<Answer, Refusal>) {
        if let Err(refusal) = &answer {
            *self.counters.refused.entry(refusal.reason).or_default() += 1;
        }
        self.out.push(Effect::Reply { call, answer });
    }

    fn journal_failed(&self) -> bool {
        matches!(self.serving, Serving::JournalFailed(_))
    }

    fn put(&mut self, entry: JournalEntry) {
        if !self.journal_failed() {
            self.out.push(Effect::Journal(JournalOp::Put(Box::new(entry))));
        }
    }

    fn sync(&mut self) -> SyncToken {
        let token = SyncToken(self.token());
        if !self.journal_failed() {
            self.out.push(Effect::Journal(JournalOp::Sync(token)));
        }
        token
    }

    fn token(&mut self) -> u64 {
        self.tokens += 1;
        self.tokens
    }

    /// SplitMix64: ids must differ, not be secret.
    fn random(&mut self) -> u64 {
        self.entropy = self.entropy.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.entropy;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn random_16(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.random().to_be_bytes());
        bytes[8..].copy_from_slice(&self.random().to_be_bytes());
        bytes
    }

    fn lane(&mut self, lane: LaneIndex) -> &mut Lane {
        &mut self.lanes[usize::from(lane.0)]
    }

    /// The lane, made if a predecessor had more lanes than we may have.
    fn lane_upto(&mut self, lane: LaneIndex) -> &mut Lane {
        for index in self.lanes.len()..=usize::from(lane.0) {
            self.lanes.push(Lane::new(LaneIndex(index as u16), self.now));
        }
        self.lane(lane)
    }

    /// Wakes whoever is due, once, the earliest first: a process that stood still tells what was over first.
    fn on_time(&mut self) {
        let (mut known, mut due) = (BTreeSet::new(), Vec::new());
        while let Some(timer) = self.timers.pop(self.now) {
            if known.insert(timer) {
                due.push(timer);
            }
        }
        for timer in due {
            match timer {
                Timer::Txn(txn) => self.on_txn_due(txn),
                Timer::Pending(txn) => self.on_pending_due(txn),
                Timer::Lane(lane) => self.on_lane_due(lane),
                Timer::Rest(lane) => self.on_rest_due(lane),
                // Groups are started with each step.
                Timer::Group => {}
                Timer::Room => self.on_room_due(),
                Timer::Lobby => self.on_lobby_due(),
                Timer::Session(session) => self.on_session_due(session),
                Timer::Drain => self.on_drain_due(),
            }
        }
    }

    fn refuse_unready(&self) -> Refusal {
        match &self.serving {
            Serving::FencedByRival(owner) => Refusal::new(
                Reason::FencedByRival,
                format!(
                    "slot {} belongs to incarnation {} of pod {}: this sidecar has stepped down",
                    self.slot, owner.incarnation.0, owner.pod_uid
                ),
            ),
            Serving::JournalFailed(_) | Serving::Draining | Serving::NoSlot(_) | Serving::Connecting(_) => {
                self.serving.refusal()
            }
            Serving::Recovering | Serving::Ready => {
                let stuck = self.lanes.iter().find(|lane| !lane.settled);
                let error = stuck.and_then(|lane| lane.error.as_ref());
                let unreachable = error.is_some_and(|error| error.kind == LaneErrorKind::Unreachable);
                let reason = if unreachable { Reason::KafkaUnreachable } else { Reason::Recovering };
                let why = error.map_or("its predecessor is being settled", |error| error.message.as_str());
                let lane = stuck.map_or(String::new(), |lane| {
                    format!(": lane {} is {:?}, {why}", lane.index, lane.state)
                });
                Refusal::new(reason, format!("the sidecar is recovering{lane}")).retry_after(500)
            }
        }
    }
}
