//! Drivers that do at once what they are asked, unless told otherwise; and what they drive, as plain fields.

use bytes::Bytes;
use sidecommit_core::*;
use std::collections::{BTreeMap, VecDeque};

/// Drivers that succeed at once, unless told otherwise.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) now: Millis,
    pub(crate) view: OutcomesView,
    pub(crate) pending: BTreeMap<LaneIndex, Vec<(OutcomesKey, Vec<u8>)>>,
    pub(crate) journal: Vec<JournalEntry>,
    pub(crate) replies: BTreeMap<u64, Result<Answer, Refusal>>,
    pub(crate) calls: u64,
    /// Answers the next EndTxn with this instead; true: it was executed all the same.
    pub(crate) end_fails: Option<bool>,
    /// Answers each flush of a group that has this value in a record with its rejection.
    pub(crate) rejects: Option<&'static str>,
    /// That rejection names the record, as brokers since KIP-467 do.
    pub(crate) names: bool,
    /// The producer aborts by itself after a rejection, and tells that it did.
    pub(crate) proves: bool,
    pub(crate) sent: BTreeMap<LaneIndex, Vec<Outgoing>>,
    /// Flushes are not answered.
    pub(crate) hangs: bool,
    /// Neither are inits.
    pub(crate) inits_hang: bool,
    /// Nor this lane's.
    pub(crate) stuck: Option<LaneIndex>,
    /// What an end that was not executed would have committed.
    pub(crate) late: Vec<(OutcomesKey, Vec<u8>)>,
    pub(crate) ends: usize,
    /// What sessions were told, in order.
    pub(crate) told: Vec<(StreamId, Result<StreamItem, Refusal>)>,
    /// What members were asked, in order, but for rewinds, which are done at once.
    pub(crate) asked: Vec<(ConsumerId, ConsumerOp)>,
    /// The topics that members read.
    pub(crate) log: BTreeMap<TopicPartition, Vec<Consumed>>,
    /// The group's offsets.
    pub(crate) committed: BTreeMap<(String, i32), i64>,
    /// EndTxn is not answered until [`World::answer_end`].
    pub(crate) hangs_at_end: bool,
    /// Rewinds are not answered.
    pub(crate) rewinds_hang: bool,
    /// Syncs are not answered until [`World::answer_syncs`].
    pub(crate) syncs_hang: bool,
    unsynced: Vec<SyncToken>,
    hung: Option<LaneIndex>,
    /// Offsets and records of the lanes' open transactions.
    offsets: BTreeMap<LaneIndex, Vec<TopicPartitionOffset>>,
    /// Records that were committed.
    pub(crate) written: Vec<Record>,
}

pub(crate) fn contents() -> JournalContents {
    JournalContents {
        journal: JournalId([1; 16]),
        incarnation: Incarnation(0),
        claims: Vec::new(),
        trusted_from: None,
        horizon: 0,
        lanes: Vec::new(),
        prepared: Vec::new(),
        finished: Vec::new(),
        recalled: Vec::new(),
        consumption: Vec::new(),
        foreign: Vec::new(),
    }
}

pub(crate) fn start(limits: Limits, journal: JournalContents, now: Millis) -> Start {
    let slot = "p/n/w/0".parse().expect("valid");
    Start { slot, pod_uid: "pod".into(), journal, leased: false, limits, seed: 7, now }
}

pub(crate) fn rival(incarnation: Incarnation) -> OwnerRecord {
    OwnerRecord {
        incarnation,
        journal: JournalId([2; 16]),
        pod_uid: "other".into(),
        lanes_max: 8,
        time: 2_000,
    }
}

pub(crate) fn record(value: &'static str) -> Record {
    Record {
        topic: "t".into(),
        partition: None,
        key: None,
        value: Some(Bytes::from_static(value.as_bytes())),
        headers: Vec::new(),
        timestamp_ms: 0,
    }
}

/// The broker refused a batch with a record of each of these members.
pub(crate) fn refused_batch(members: impl IntoIterator<Item = u32>) -> LaneError {
    let suspects = members.into_iter().map(|member| Suspect { member, index: 0, proven: false });
    let blame = Blame::Records { topic: "t".into(), suspects: suspects.collect() };
    let kind = LaneErrorKind::Record { denied: false };
    LaneError { blame, ..LaneError::new(kind, "the batch was refused") }
}

/// The broker refused the first record of each of these members, and names it.
pub(crate) fn refused_records(members: impl IntoIterator<Item = u32>) -> LaneError {
    let mut error = refused_batch(members);
    if let Blame::Records { suspects, .. } = &mut error.blame {
        suspects.iter_mut().for_each(|suspect| suspect.proven = true);
    }
    error
}

impl World {
    pub(crate) fn start(limits: Limits) -> Self {
        let (engine, effects) = Engine::new(start(limits, contents(), 1_000));
        let mut world = Self {
            engine,
            now: 1_000,
            view: OutcomesView::default(),
            pending: BTreeMap::new(),
            journal: Vec::new(),
            replies: BTreeMap::new(),
            calls: 0,
            end_fails: None,
            rejects: None,
            names: false,
            proves: false,
            sent: BTreeMap::new(),
            hangs: false,
            inits_hang: false,
            stuck: None,
            late: Vec::new(),
            ends: 0,
            told: Vec::new(),
            asked: Vec::new(),
            log: BTreeMap::new(),
            committed: BTreeMap::new(),
            hangs_at_end: false,
            rewinds_hang: false,
            syncs_hang: false,
            unsynced: Vec::new(),
            hung: None,
            offsets: BTreeMap::new(),
            written: Vec::new(),
        };
        world.perform(effects);
        world
    }

    /// The process is another one, and so is its journal: the old one is lost.
    pub(crate) fn restart_without_journal(&mut self, limits: Limits) {
        let journal = JournalContents { journal: JournalId([2; 16]), ..contents() };
        let (engine, effects) = Engine::new(start(limits, journal, self.now));
        self.engine = engine;
        self.perform(effects);
    }

    pub(crate) fn input(&mut self, input: Input) {
        let effects = self.engine.step(self.now, input);
        self.perform(effects);
    }

    pub(crate) fn perform(&mut self, effects: Vec<Effect>) {
        let mut todo: VecDeque<Effect> = effects.into();
        while let Some(effect) = todo.pop_front() {
            let answer = match effect {
                Effect::Reply { call, answer } => {
                    assert!(self.replies.insert(call.0, answer).is_none(), "answered twice");
                    None
                }
                Effect::Journal(JournalOp::Put(entry)) => {
                    self.journal.push(*entry);
                    None
                }
                Effect::Journal(JournalOp::Sync(token)) if self.syncs_hang => {
                    self.unsynced.push(token);
                    None
                }
                Effect::Journal(JournalOp::Sync(token)) => Some(Input::Synced(token)),
                Effect::Read(token) => {
                    Some(Input::Read { token, result: ReadResult::Done(self.view.clone()) })
                }
                Effect::Stream { stream, item } => {
                    self.told.push((stream, item));
                    None
                }
                Effect::Consumer { consumer, op: ConsumerOp::Rewind { from, epoch } }
                    if !self.rewinds_hang =>
                {
                    let position = self.offset(&from);
                    let rewound = ConsumerEvent::Rewound { from: from.clone(), epoch, position };
                    todo.extend(self.engine.step(self.now, Input::Consumer { consumer, event: rewound }));
                    Some(Input::Consumer { consumer, event: self.fetched(&from, epoch, position) })
                }
                Effect::Consumer { consumer, op } => {
                    self.asked.push((consumer, op));
                    None
                }
                Effect::Lane { lane, generation, op } => {
                    self.lane(lane, op).map(|event| Input::Lane { lane, generation, event })
                }
            };
            if let Some(input) = answer {
                todo.extend(self.engine.step(self.now, input));
            }
        }
    }

    pub(crate) fn lane(&mut self, lane: LaneIndex, op: LaneOp) -> Option<LaneEvent> {
        match op {
            LaneOp::Open => {
                self.pending.remove(&lane);
                self.sent.remove(&lane);
                self.offsets.remove(&lane);
                (!self.inits_hang && self.stuck != Some(lane)).then_some(LaneEvent::Opened)
            }
            LaneOp::Send(batch) | LaneOp::SendApart(batch) => {
                self.sent.entry(lane).or_default().extend(batch);
                None
            }
            LaneOp::Write { key, value } => {
                self.pending.entry(lane).or_default().push((key, value));
                None
            }
            LaneOp::Offsets(offsets) => {
                self.offsets.entry(lane).or_default().extend(offsets.offsets);
                None
            }
            LaneOp::Flush if self.hangs => None,
            LaneOp::Flush => {
                let sent = self.sent.get(&lane).cloned().unwrap_or_default();
                let bad = |outgoing: &&Outgoing| {
                    outgoing.record.value.as_deref() == self.rejects.map(str::as_bytes)
                };
                Some(match sent.iter().find(bad).filter(|_| self.rejects.is_some()) {
                    None => LaneEvent::Flushed(Flushed::default()),
                    // As an old broker does it: the batch is refused, and no record is named.
                    Some(_) if !self.names => self.refuses(sent.iter().map(|outgoing| outgoing.member)),
                    Some(_) => self.refuses(sent.iter().filter(bad).map(|outgoing| outgoing.member)),
                })
            }
            LaneOp::End { .. } if std::mem::take(&mut self.hangs_at_end) => {
                self.hung = Some(lane);
                None
            }
            LaneOp::End { commit } => {
                self.ends += 1;
                let fails = self.end_fails.take();
                let written = self.pending.remove(&lane).unwrap_or_default();
                let sent = self.sent.remove(&lane).unwrap_or_default();
                let offsets = self.offsets.remove(&lane).unwrap_or_default();
                if commit && fails != Some(false) {
                    self.written.extend(sent.into_iter().map(|outgoing| outgoing.record));
                    let next =
                        |offset: TopicPartitionOffset| ((offset.topic, offset.partition), offset.offset);
                    self.committed.extend(offsets.into_iter().map(next));
                }
                if commit && fails != Some(false) {
                    self.execute(&written);
                } else {
                    self.late = written;
                }
                match fails {
                    None => Some(LaneEvent::Ended(Ended { clean: true })),
                    Some(_) => {
                        let kind = LaneErrorKind::Unreachable;
                        Some(LaneEvent::Failed(LaneError::new(kind, "timed out")))
                    }
                }
            }
            _ => None,
        }
    }

    fn refuses(&self, members: impl Iterator<Item = u32>) -> LaneEvent {
        let error = if self.names { refused_records(members) } else { refused_batch(members) };
        LaneEvent::Failed(LaneError { aborted: self.proves, ..error })
    }

    pub(crate) fn execute(&mut self, written: &[(OutcomesKey, Vec<u8>)]) {
        written.iter().for_each(|(key, value)| self.view.apply(*key, Some(value)).expect("ours"));
    }

    /// Answers what hung.
    pub(crate) fn reports(&mut self, lane: LaneIndex, event: LaneEvent) {
        let generation = self.engine.status(self.now).lanes[usize::from(lane.0)].generation;
        self.input(Input::Lane { lane, generation, event });
    }

    pub(crate) fn call(&mut self, request: Request) -> Option<Result<Answer, Refusal>> {
        self.calls += 1;
        self.input(Input::Call { call: CallId(self.calls), request });
        self.replies.get(&self.calls).cloned()
    }

    pub(crate) fn begin(&mut self, request_id: &str) -> TxnId {
        let begin = Begin {
            caller: Caller::default(),
            request_id: request_id.into(),
            fingerprint: Fingerprint::default(),
            timeout: None,
            label: String::new(),
            ordering_key: String::new(),
        };
        match self.call(Request::Begin(begin)) {
            Some(Ok(Answer::Begun { txn, .. })) => txn,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn produce(&mut self, txn: TxnId, sequence: u64) -> Option<Result<Answer, Refusal>> {
        self.call(Request::Produce(Produce { txn, sequence, records: vec![record("v")], patient: false }))
    }

    pub(crate) fn commit(&mut self, txn: TxnId, record_count: u64) -> Option<Result<Answer, Refusal>> {
        self.call(Request::Commit(Commit {
            txn,
            record_count,
            offsets_count: 0,
            offsets: Vec::new(),
            deliveries: Vec::new(),
        }))
    }

    /// Answers the EndTxn that hung.
    pub(crate) fn answer_end(&mut self, commit: bool) {
        let lane = self.hung.take().expect("one hangs");
        let event = self.lane(lane, LaneOp::End { commit }).expect("is answered");
        self.reports(lane, event);
    }

    /// Answers the syncs that hung.
    pub(crate) fn answer_syncs(&mut self) {
        for token in std::mem::take(&mut self.unsynced) {
            self.input(Input::Synced(token));
        }
    }

    /// The sidecar dies and starts again. Kafka is as it was, the journal remembers what it knew of partitions.
    pub(crate) fn dies(&mut self, seed: u64) {
        let mut consumption = BTreeMap::new();
        for entry in &self.journal {
            if let JournalEntry::Consumption { group_id, topic, partition, memory } = entry {
                consumption.insert((group_id.clone(), topic.clone(), *partition), memory.clone());
            }
        }
        let known = consumption.into_iter();
        let known =
            known.filter_map(|((group, topic, partition), memory)| Some((group, topic, partition, memory?)));
        let journal = JournalContents { consumption: known.collect(), ..contents() };
        let start = Start { seed, ..start(Limits::default(), journal, self.now) };
        let (engine, effects) = Engine::new(start);
        self.engine = engine;
        self.view = OutcomesView::default();
        self.replies.clear();
        self.perform(effects);
    }

    /// Another life, with what its journal remembers of partitions.
    pub(crate) fn restarted_with(
        seed: u64,
        consumption: Vec<(String, String, i32, PartitionMemory)>,
    ) -> Self {
        let mut world = Self::start(Limits::default());
        let journal = JournalContents { consumption, ..contents() };
        let start = Start { seed, ..start(Limits::default(), journal, world.now) };
        let (engine, effects) = Engine::new(start);
        world.engine = engine;
        world.view = OutcomesView::default();
        world.perform(effects);
        world
    }

    /// Where the group goes on.
    pub(crate) fn offset(&self, from: &TopicPartition) -> i64 {
        self.committed.get(&(from.topic.to_string(), from.partition)).copied().unwrap_or(0)
    }

    /// Everything that a partition has from an offset on.
    pub(crate) fn fetched(&self, from: &TopicPartition, epoch: PartitionEpoch, offset: i64) -> ConsumerEvent {
        let log = self.log.get(from).cloned().unwrap_or_default();
        let position = log.last().map_or(offset, |record| record.offset + 1);
        let records = log.into_iter().filter(|record| record.offset >= offset).collect();
        let from = from.clone();
        ConsumerEvent::Fetched { from, epoch, records, position, end: Some(position), at_end: true }
    }

    pub(crate) fn stream(&mut self, stream: u64, event: StreamEvent) {
        self.input(Input::Stream { stream: StreamId(stream), event });
    }

    pub(crate) fn member(&mut self, consumer: ConsumerId, event: ConsumerEvent) {
        self.input(Input::Consumer { consumer, event });
    }

    /// Time passes.
    pub(crate) fn pass(&mut self, millis: Millis) {
        self.now += millis;
        self.input(Input::Tick);
    }
}
