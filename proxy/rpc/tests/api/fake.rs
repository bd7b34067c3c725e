//! A backend that keeps transactions in memory: enough of the engine to meet the API's promises.

use parking_lot::Mutex;
use sidecommit_core::{
    Answer, Counters, Generation, Incarnation, JournalId, LaneIndex, LaneStatus, Limits, Lookup, Millis,
    Offsets, PartitionRange, Reason, Record, Refusal, Request, Serving, SessionStatus, Slot, Status,
    StreamEvent, StreamItem, Subscribe, TopicFacts, TransactionView, TxnId,
    table::{LaneState, TxnState},
};
use sidecommit_rpc::{Backend, ConsumeStream, NodeStatus, ServerInfo, Underway};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

pub(crate) const NOW: Millis = 1_763_000_000_000;
/// Of whatever a test waits for.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(crate) struct Txn {
    pub(crate) records: Vec<Record>,
    pub(crate) offsets: u64,
    pub(crate) state: Option<TxnState>,
}

/// A Consume stream as the engine sees it.
pub(crate) struct Stream {
    pub(crate) subscribe: Subscribe,
    /// What its application has said after that.
    pub(crate) events: Vec<StreamEvent>,
    /// To its application. None: the engine is gone.
    pub(crate) items: Option<mpsc::UnboundedSender<Result<StreamItem, Refusal>>>,
}

#[derive(Default)]
struct State {
    txns: BTreeMap<TxnId, Txn>,
    by_request: HashMap<String, TxnId>,
    by_key: HashMap<String, TxnId>,
    refuse: Option<Refusal>,
    /// All requests, as they came.
    seen: Vec<Request>,
    sessions: Vec<SessionStatus>,
}

pub(crate) struct Fake {
    state: Arc<Mutex<State>>,
    serving: watch::Sender<Serving>,
    /// All that were begun.
    pub(crate) streams: watch::Sender<Vec<Stream>>,
    /// While false no call is answered.
    pub(crate) gate: watch::Sender<bool>,
    /// While false the topic "slow" is being looked up.
    pub(crate) known: watch::Sender<bool>,
    /// Calls whose topics were looked up: of which transaction, and whether they began or ended.
    pub(crate) looked_up: watch::Sender<Vec<(TxnId, bool)>>,
}

impl Fake {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Arc::default(),
            serving: watch::Sender::new(Serving::Ready),
            streams: watch::Sender::default(),
            gate: watch::Sender::new(true),
            known: watch::Sender::new(false),
            looked_up: watch::Sender::default(),
        })
    }

    pub(crate) fn set_serving(&self, serving: Serving) {
        self.serving.send_replace(serving);
    }

    /// The next call is refused so.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.state.lock().refuse = Some(refusal);
    }

    pub(crate) fn last(&self) -> Request {
        self.state.lock().seen.last().cloned().expect("a request")
    }

    pub(crate) fn calls(&self) -> usize {
        self.state.lock().seen.len()
    }

    pub(crate) fn set_sessions(&self, sessions: Vec<SessionStatus>) {
        self.state.lock().sessions = sessions;
    }

    /// What `look` finds in a stream, as soon as it finds it.
    pub(crate) async fn stream<T>(&self, index: usize, mut look: impl FnMut(&Stream) -> Option<T>) -> T {
        let mut streams = self.streams.subscribe();
        let mut found = None;
        let looked = streams.wait_for(|streams| {
            found = streams.get(index).and_then(&mut look);
            found.is_some()
        });
        timeout(PATIENCE, looked).await.expect("in time").expect("the test holds the sender");
        found.expect("was found")
    }

    /// Tells a stream's application something.
    pub(crate) async fn tell(&self, stream: usize, item: Result<StreamItem, Refusal>) {
        let items = self.stream(stream, |stream| stream.items.clone()).await;
        items.send(item).expect("the stream is there");
    }

    /// What a stream's application has said until it was closed.
    pub(crate) async fn closed(&self, stream: usize) -> Vec<StreamEvent> {
        let closed = |stream: &Stream| {
            let (last, events) = stream.events.split_last()?;
            matches!(last, StreamEvent::Closed).then(|| events.to_vec())
        };
        self.stream(stream, closed).await
    }

    /// Waits until calls have begun and ended so.
    pub(crate) async fn underway(&self, mut so: impl FnMut(&Vec<(TxnId, bool)>) -> bool) {
        let mut calls = self.looked_up.subscribe();
        let waiting = calls.wait_for(|calls| so(calls));
        timeout(PATIENCE, waiting).await.expect("in time").expect("the test holds the sender");
    }

    pub(crate) fn with<T>(&self, txn: &str, look: impl FnOnce(&Txn) -> T) -> T {
        look(&self.state.lock().txns[&txn.parse().expect("an id")])
    }
}

fn slot() -> Slot {
    "p/ns/app/0".parse().expect("a slot")
}

impl Backend for Fake {
    async fn call(&self, request: Request) -> Result<Answer, Refusal> {
        let (state, mut gate) = (self.state.clone(), self.gate.subscribe());
        // As the real one: goes on when its caller hangs up.
        let work = tokio::spawn(async move {
            state.lock().seen.push(request.clone());
            gate.wait_for(|open| *open).await.expect("the test holds the sender");
            state.lock().answer(request)
        });
        work.await.expect("no panic")
    }

    fn underway(&self, txn: TxnId) -> Underway {
        let calls = self.looked_up.clone();
        calls.send_modify(|calls| calls.push((txn, true)));
        Underway::new(move || calls.send_modify(|calls| calls.push((txn, false))))
    }

    async fn topic(&self, name: &str) -> Result<Arc<TopicFacts>, Refusal> {
        if name == "slow" {
            self.known.subscribe().wait_for(|known| *known).await.expect("the test holds the sender");
            return Ok(Arc::new(TopicFacts { partitions: 3, ..TopicFacts::default() }));
        }
        match name {
            "t" | "u" | "retry-1" | "retry-2" | "dead" => {
                Ok(Arc::new(TopicFacts { partitions: 3, ..TopicFacts::default() }))
            }
            "compacted" => Ok(Arc::new(TopicFacts { compacted: true, ..TopicFacts::default() })),
            _ => Err(Refusal::new(Reason::UnknownTopic, format!("topic {name} does not exist"))),
        }
    }

    fn pattern(&self, pattern: &str) -> Result<(), String> {
        if pattern.contains('[') { Err("unmatched [".to_owned()) } else { Ok(()) }
    }

    fn consume(&self, subscribe: Subscribe) -> ConsumeStream {
        let (items, told) = mpsc::unbounded_channel();
        let streams = self.streams.clone();
        let mut index = 0;
        streams.send_modify(|streams| {
            index = streams.len();
            streams.push(Stream { subscribe, events: Vec::new(), items: Some(items) });
        });
        let tell = move |event| streams.send_modify(|streams| streams[index].events.push(event));
        ConsumeStream::new(tell, told)
    }

    async fn status(&self) -> NodeStatus {
        let state = self.state.lock();
        let lane = LaneStatus {
            lane: LaneIndex(1),
            state: LaneState::Busy,
            generation: Generation(2),
            seq: 40,
            transactions: state.txns.len(),
            since: NOW,
            error: Some("no route to broker".into()),
        };
        let engine = Status {
            serving: self.serving.borrow().clone(),
            slot: slot(),
            incarnation: Incarnation(7),
            journal: JournalId([0xab; 16]),
            lanes: vec![lane],
            open: state.txns.len(),
            queued: 0,
            in_doubt: 0,
            buffered_bytes: 12,
            oldest_in_kafka: 1500,
            counters: Counters { aborted: [(Reason::TimedOut, 3)].into(), ..Counters::default() },
        };
        NodeStatus::of_engine(engine, vec!["topic t has min.insync.replicas 1".into()])
    }

    fn serving(&self) -> watch::Receiver<Serving> {
        self.serving.subscribe()
    }

    async fn transactions(&self) -> Vec<TransactionView> {
        let state = self.state.lock();
        state.txns.iter().filter(|(_, txn)| txn.state.is_none()).map(|(id, _)| state.view(*id)).collect()
    }

    async fn sessions(&self) -> Vec<SessionStatus> {
        self.state.lock().sessions.clone()
    }

    fn now(&self) -> Millis {
        NOW
    }

    fn info(&self) -> ServerInfo {
        ServerInfo {
            version: "0.1.0".into(),
            slot: Some(slot()),
            cluster_id: "cluster".into(),
            limits: Limits::default(),
        }
    }
}

impl State {
    fn answer(&mut self, request: Request) -> Result<Answer, Refusal> {
        if let Some(refusal) = self.refuse.take() {
            return Err(refusal);
        }
        match request {
            Request::Begin(begin) => {
                let next = TxnId::new(NOW, Incarnation(7), self.txns.len() as u64);
                let txn = *self.by_request.entry(begin.request_id).or_insert(next);
                self.txns.entry(txn).or_default();
                Ok(Answer::Begun { txn, deadline: NOW + 25_000 })
            }
            Request::Produce(produce) => {
                let have = self.open(produce.txn)?.records.len() as u64;
                if produce.sequence > have {
                    let message = format!("sequence {}: have {have}", produce.sequence);
                    return Err(Refusal::new(Reason::SequenceGap, message).next_sequence(have));
                }
                let known = (have - produce.sequence) as usize;
                let txn = self.open(produce.txn)?;
                txn.records.extend(produce.records.into_iter().skip(known));
                Ok(Answer::Produced { next_sequence: txn.records.len() as u64 })
            }
            Request::SendOffsets(sent) => {
                let txn = self.open(sent.txn)?;
                txn.offsets += match sent.offsets {
                    Offsets::Explicit(_, offsets) => offsets.len() as u64,
                    Offsets::Deliveries(deliveries) => deliveries.len() as u64,
                };
                Ok(Answer::OffsetsTaken { count: txn.offsets })
            }
            Request::KeepAlive(ids) => Ok(Answer::Alive(
                ids.into_iter().map(|id| (id, self.open(id).ok().map(|_| NOW + 25_000))).collect(),
            )),
            Request::Commit(commit) => self.commit(commit.txn, commit.record_count),
            Request::Abort(abort) => {
                self.txns.get_mut(&abort.txn).ok_or_else(unknown)?.state = Some(TxnState::Aborted);
                Ok(Answer::Aborted { txn: abort.txn })
            }
            Request::Transact(transact) => {
                let txn = TxnId::new(NOW, Incarnation(7), self.txns.len() as u64);
                let count = transact.records.len() as u64;
                self.by_key.insert(transact.key.text, txn);
                self.txns.insert(txn, Txn { records: transact.records, ..Txn::default() });
                self.commit(txn, count)
            }
            Request::Get(get) => {
                let txn = match get.by {
                    Lookup::Id(txn) => Some(txn),
                    Lookup::RequestId(id) => self.by_request.get(&id).copied(),
                    Lookup::Key(key) => self.by_key.get(&key.text).copied(),
                };
                let txn = txn.filter(|txn| self.txns.contains_key(txn)).ok_or_else(unknown)?;
                Ok(Answer::Transaction(Box::new(self.view(txn))))
            }
            Request::Resume => Ok(Answer::Resumed),
        }
    }

    fn commit(&mut self, id: TxnId, count: u64) -> Result<Answer, Refusal> {
        let txn = self.txns.get_mut(&id).ok_or_else(unknown)?;
        let have = txn.records.len() as u64;
        if have != count {
            let message = format!("record_count {count}: have {have}");
            return Err(Refusal::new(Reason::Incomplete, message).next_sequence(have));
        }
        txn.state = Some(TxnState::Committed);
        Ok(Answer::Committed { txn: id, ranges: ranges(have) })
    }

    fn open(&mut self, id: TxnId) -> Result<&mut Txn, Refusal> {
        let txn = self.txns.get_mut(&id).ok_or_else(unknown)?;
        match txn.state {
            None => Ok(txn),
            Some(_) => Err(Refusal::new(Reason::NotOpen, "it is over")),
        }
    }

    fn view(&self, id: TxnId) -> TransactionView {
        let txn = &self.txns[&id];
        let count = txn.records.len() as u64;
        TransactionView {
            txn: id,
            state: txn.state.unwrap_or(TxnState::Open),
            reason: (txn.state == Some(TxnState::Aborted)).then_some(Reason::AbortedByCaller),
            label: "label".into(),
            age: 1234,
            deadline: txn.state.is_none().then_some(NOW + 25_000),
            record_count: count,
            offsets_count: txn.offsets,
            ranges: if txn.state == Some(TxnState::Committed) { ranges(count) } else { Vec::new() },
            lane: txn.state.is_none().then_some(LaneIndex(1)),
        }
    }
}

fn ranges(count: u64) -> Vec<PartitionRange> {
    let last_offset = count as i64 - 1;
    vec![PartitionRange { topic: "t".into(), partition: 0, first_offset: 0, last_offset, count }]
}

fn unknown() -> Refusal {
    Refusal::new(Reason::NeverIssued, "no such transaction")
}
