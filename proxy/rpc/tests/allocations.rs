//! How often memory is allocated for a record of bulk, from the bytes of its message to what a lane is given, and that its
//! payload is not copied on the way. The counts are exact: whoever adds an allocation per record sees it here.

use bytes::Bytes;
use futures_util::FutureExt;
use prost::Message;
use sidecommit_core::*;
use sidecommit_rpc::{Backend, ConsumeStream, NodeStatus, ServerInfo, Trace, Underway, produce, proto::v1};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    collections::VecDeque,
    sync::Arc,
};

const RECORDS: usize = 250;

/// Counts what the thread that asks allocates.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is System's; the counter is a plain number of the thread, made without an allocation.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as promised to us.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as promised to us; it came from System.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as promised to us; it came from System.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What it returns, and how many allocations that took.
fn counted<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = ALLOCATIONS.get();
    let done = work();
    (done, ALLOCATIONS.get() - before)
}

/// Knows every topic; nothing else is asked.
struct Known(Arc<TopicFacts>);

impl Backend for Known {
    async fn call(&self, _: Request) -> Result<Answer, Refusal> {
        panic!("not asked")
    }

    fn underway(&self, _: TxnId) -> Underway {
        panic!("topics are known at once")
    }

    async fn topic(&self, _: &str) -> Result<Arc<TopicFacts>, Refusal> {
        Ok(self.0.clone())
    }

    fn pattern(&self, _: &str) -> Result<(), String> {
        panic!("not asked")
    }

    fn consume(&self, _: Subscribe) -> ConsumeStream {
        panic!("not asked")
    }

    async fn status(&self) -> NodeStatus {
        panic!("not asked")
    }

    fn serving(&self) -> tokio::sync::watch::Receiver<Serving> {
        panic!("not asked")
    }

    async fn transactions(&self) -> Vec<TransactionView> {
        panic!("not asked")
    }

    async fn sessions(&self) -> Vec<SessionStatus> {
        panic!("not asked")
    }

    fn now(&self) -> Millis {
        1_000
    }

    fn info(&self) -> ServerInfo {
        panic!("not asked")
    }
}

/// An engine whose drivers do at once what they are asked.
struct World {
    engine: Engine,
    view: OutcomesView,
    calls: u64,
    answers: Vec<Result<Answer, Refusal>>,
}

impl World {
    fn start() -> Self {
        let journal = JournalContents {
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
        };
        let slot = "p/n/w/0".parse().expect("a slot");
        let limits = Limits { streaming_bytes: 0, ..Limits::default() };
        let (engine, effects) = Engine::new(Start {
            slot,
            pod_uid: "pod".into(),
            journal,
            leased: false,
            limits,
            seed: 7,
            now: 1_000,
        });
        let mut world = Self { engine, view: OutcomesView::default(), calls: 0, answers: Vec::new() };
        world.perform(effects);
        world
    }

    fn step(&mut self, request: Request) -> Vec<Effect> {
        self.calls += 1;
        self.engine.step(1_000, Input::Call { call: CallId(self.calls), request })
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        let mut todo: VecDeque<_> = effects.into();
        while let Some(effect) = todo.pop_front() {
            let input = match effect {
                Effect::Journal(JournalOp::Sync(token)) => Input::Synced(token),
                Effect::Read(token) => Input::Read { token, result: ReadResult::Done(self.view.clone()) },
                Effect::Lane { lane, generation, op } => {
                    let event = match op {
                        LaneOp::Open => LaneEvent::Opened,
                        LaneOp::Flush => LaneEvent::Flushed(Flushed::default()),
                        LaneOp::End { .. } => LaneEvent::Ended(Ended { clean: true }),
                        LaneOp::Write { key, value } => {
                            self.view.apply(key, Some(&value)).expect("ours");
                            continue;
                        }
                        _ => continue,
                    };
                    Input::Lane { lane, generation, event }
                }
                Effect::Reply { answer, .. } => {
                    self.answers.push(answer);
                    continue;
                }
                _ => continue,
            };
            todo.extend(self.engine.step(1_000, input));
        }
    }

    fn begin(&mut self) -> TxnId {
        let effects = self.step(Request::Begin(Begin {
            caller: Caller(1),
            request_id: "r".into(),
            fingerprint: Fingerprint::default(),
            timeout: None,
            label: String::new(),
            ordering_key: String::new(),
        }));
        self.perform(effects);
        match self.answers.pop() {
            Some(Ok(Answer::Begun { txn, .. })) => txn,
            other => panic!("{other:?}"),
        }
    }
}

/// A message of 250 records of 1 KB, as it is on the wire.
fn message(sequence: usize) -> Bytes {
    let record = |index: usize| v1::Record {
        topic: "orders".into(),
        key: Some(format!("key {index}").into()),
        value: Some(vec![7; 1024].into()),
        ..v1::Record::default()
    };
    let records = (sequence..sequence + RECORDS).map(record).collect();
    let request =
        v1::ProduceStreamRequest { transaction_id: String::new(), sequence: sequence as i64, records };
    request.encode_to_vec().into()
}

fn sent(effects: &[Effect]) -> &[Outgoing] {
    let batch = effects.iter().find_map(|effect| match effect {
        Effect::Lane { op: LaneOp::Send(batch), .. } => Some(batch),
        _ => None,
    });
    batch.expect("the lane is given the records")
}

#[test]
fn a_record_of_bulk_costs_one_allocation_and_no_copy() {
    let mut world = World::start();
    let txn = world.begin();
    let backend = Known(Arc::new(TopicFacts::default()));
    // The first message takes the lane; the second is what all others are like.
    for sequence in [0, RECORDS] {
        let wire = message(sequence);
        let buffer = wire.as_ptr_range();
        let (decoded, decoding) = counted(|| v1::ProduceStreamRequest::decode(wire.clone()));
        let records = decoded.expect("is one").records;
        let (request, converting) = counted(|| {
            produce(&backend, txn, sequence as i64, records, &Trace::default(), true).now_or_never()
        });
        let request = request.expect("topics are known at once").expect("is fine");
        let (effects, engine) = counted(|| world.step(request));
        let batch = sent(&effects);
        assert_eq!(batch.len(), RECORDS);
        for outgoing in batch {
            let value = outgoing.record.value.as_ref().expect("has one");
            assert!(buffer.contains(&value.as_ptr()), "the payload is where it was received");
            assert!(
                Arc::ptr_eq(&outgoing.record.topic, &batch[0].record.topic),
                "the topic's name is there once"
            );
        }
        let per_message = [decoding - RECORDS as u64, converting, engine];
        println!("beside the topic's name per record: {per_message:?} (decode, convert, engine)");
        if sequence > 0 {
            assert_eq!(per_message, [8, 3, 2]);
        }
        world.perform(effects);
    }
}
