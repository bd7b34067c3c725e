//! An application that reads.

mod attempts;
mod random;
mod sessions;

use crate::world::{World, record};
use bytes::Bytes;
use sidecommit_core::*;

const STREAM: u64 = 1;

fn subscribe() -> Subscribe {
    Subscribe {
        group_id: "g".into(),
        topics: Topics::Named(vec!["in".into()]),
        group_instance_id: None,
        max_records: 4,
        max_delivery_bytes: 1 << 20,
        max_record_bytes: 1 << 20,
        reset: Reset::Earliest,
        protocol: GroupProtocol::ClassicCooperative,
        retry: Retry {
            max_attempts: 2,
            backoff: 100,
            backoff_max: 1_000,
            topics: vec![RetryTopic { topic: "later".into(), delay: 60_000 }],
            dead_letters: Some("dead".into()),
        },
        delivery_timeout: 300_000,
        session: None,
        fingerprint: Fingerprint::default(),
    }
}

fn consumed(offset: i64) -> Consumed {
    Consumed {
        offset,
        timestamp_ms: 7,
        key: Some(Bytes::from_static(b"k")),
        value: Some(Bytes::from(format!("v{offset}"))),
        headers: Vec::new(),
    }
}

fn input() -> TopicPartition {
    TopicPartition::new("in", 0)
}

/// A world with one session, which is assigned one partition with so many records.
struct Reader {
    world: World,
    session: SessionId,
    member: ConsumerId,
    stream: u64,
    begun: u32,
}

impl Reader {
    fn start(records: i64) -> Self {
        Self::of(World::start(Limits::default()), subscribe(), records)
    }

    fn of(mut world: World, subscribe: Subscribe, records: i64) -> Self {
        let stream = STREAM + world.told.len() as u64;
        world.stream(stream, StreamEvent::Subscribe(Box::new(subscribe)));
        let session = match world.told.last() {
            Some((_, Ok(StreamItem::Started { session, .. }))) => *session,
            other => panic!("{other:?}"),
        };
        let Some((member, ConsumerOp::Open(_))) = world.asked.last() else { panic!("{:?}", world.asked) };
        let member = *member;
        world.log.insert(input(), (0..records).map(consumed).collect());
        let mut reader = Self { world, session, member, stream, begun: 0 };
        reader.assign(&input());
        reader.credit(100);
        reader
    }

    fn assign(&mut self, from: &TopicPartition) {
        let assigned = AssignedPartition { partition: from.clone(), topic_id: "id".into() };
        self.world.member(self.member, ConsumerEvent::Assigned(vec![assigned]));
        let fetched = self.world.fetched(from, 0, self.world.offset(from));
        self.world.member(self.member, fetched);
    }

    fn revoke(&mut self, lost: bool) {
        self.world.member(self.member, ConsumerEvent::Revoking { partitions: vec![input()], lost });
    }

    fn credit(&mut self, deliveries: u32) {
        self.world.stream(self.stream, StreamEvent::Credit(deliveries));
    }

    /// Takes what was told since the last time.
    fn told(&mut self) -> Vec<Result<StreamItem, Refusal>> {
        self.world.told.drain(..).map(|(_, item)| item).collect()
    }

    /// The only delivery that was told since the last time.
    fn delivery(&mut self) -> Delivery {
        let told = self.told();
        let mut deliveries = told.iter().filter_map(|item| match item {
            Ok(StreamItem::Delivery(delivery)) => Some(delivery),
            _ => None,
        });
        match (deliveries.next(), deliveries.next()) {
            (Some(delivery), None) => (**delivery).clone(),
            _ => panic!("{told:?}"),
        }
    }

    fn begin(&mut self) -> TxnId {
        self.begun += 1;
        self.world.begin(&format!("r{}-{}", self.stream, self.begun))
    }

    /// Begins a transaction that holds a delivery.
    fn hold(&mut self, delivery: DeliveryId) -> TxnId {
        let txn = self.begin();
        let taken = self.take(txn, delivery);
        assert_eq!(taken, Some(Ok(Answer::OffsetsTaken { count: 1 })));
        txn
    }

    fn take(&mut self, txn: TxnId, delivery: DeliveryId) -> Option<Result<Answer, Refusal>> {
        let offsets = Offsets::Deliveries(vec![delivery]);
        self.world.call(Request::SendOffsets(SendOffsets { txn, offsets }))
    }

    fn commit(&mut self, txn: TxnId) -> Option<Result<Answer, Refusal>> {
        let commit =
            Commit { txn, record_count: 0, offsets_count: 1, offsets: Vec::new(), deliveries: Vec::new() };
        self.world.call(Request::Commit(commit))
    }

    /// A transaction holds the delivery, and its EndTxn is under way.
    fn commit_hangs(&mut self) {
        let delivery = self.delivery();
        let txn = self.hold(delivery.id);
        self.world.hangs_at_end = true;
        assert_eq!(self.commit(txn), None);
    }

    fn process(&mut self, delivery: DeliveryId) {
        let txn = self.hold(delivery);
        self.commit(txn).expect("answered").expect("commits");
    }

    fn abort(&mut self, txn: TxnId, failures: Vec<Failure>) {
        let abort = Abort { txn, note: String::new(), failures, by_operator: false };
        self.world.call(Request::Abort(abort)).expect("answered").expect("aborts");
    }

    /// A transaction that holds the delivery is aborted by its application.
    fn fail(&mut self, delivery: DeliveryId, failures: Vec<Failure>) {
        let txn = self.hold(delivery);
        self.abort(txn, failures);
    }

    /// The same, without saying over which of its records.
    fn fail_whole(&mut self, delivery: DeliveryId) {
        self.fail(delivery, vec![Failure { offset: None, ..failure(delivery, 0, true) }]);
    }

    fn memory(&self) -> Option<PartitionMemory> {
        let of_partition = self.world.journal.iter().rev().find_map(|entry| match entry {
            JournalEntry::Consumption { memory, .. } => Some(memory.clone()),
            _ => None,
        });
        of_partition.flatten()
    }
}

fn offsets(delivery: &Delivery) -> Vec<i64> {
    delivery.records.iter().map(|(record, _)| record.offset).collect()
}

fn attempts(delivery: &Delivery) -> Vec<u32> {
    delivery.records.iter().map(|(_, attempt)| *attempt).collect()
}

fn failure(delivery: DeliveryId, offset: i64, retryable: bool) -> Failure {
    Failure { delivery, offset: Some(offset), retryable, error_class: "E".into(), message: "because".into() }
}

fn header<'a>(record: &'a Record, name: &str) -> &'a str {
    let found = record.headers.iter().find(|(known, _)| &**known == name);
    let value = found.and_then(|(_, value)| value.as_deref()).unwrap_or_else(|| panic!("{name}: {record:?}"));
    std::str::from_utf8(value).expect("is text")
}

#[test]
fn one_delivery_of_a_partition_is_outstanding_and_a_commit_settles_it() {
    let mut reader = Reader::start(6);
    let first = reader.delivery();
    assert_eq!((offsets(&first), attempts(&first)), (vec![0, 1, 2, 3], vec![1; 4]));
    reader.process(first.id);
    assert_eq!(reader.world.offset(&input()), 4);
    let second = reader.delivery();
    assert_eq!(offsets(&second), [4, 5]);
    reader.process(second.id);
    assert_eq!(reader.told(), [Ok(StreamItem::Idle)], "read to its end");
    let taken = reader.begin();
    let refused = reader.take(taken, second.id).expect("answered").expect_err("is settled");
    assert_eq!(refused.reason, Reason::DeliveryRevoked);
    assert_eq!(reader.commit(taken).expect("answered").expect_err("is over").reason, Reason::DeliveryRevoked);
}

#[test]
fn nothing_is_delivered_without_credit() {
    let mut world = World::start(Limits::default());
    world.stream(STREAM, StreamEvent::Subscribe(Box::new(subscribe())));
    let member = world.asked.last().expect("opens").0;
    let mut reader = Reader { world, session: SessionId([0; 16]), member, stream: STREAM, begun: 0 };
    reader.world.log.insert(input(), (0..8).map(consumed).collect());
    reader.assign(&input());
    let told = reader.told();
    assert!(told.iter().all(|item| !matches!(item, Ok(StreamItem::Delivery(_)))), "{told:?}");
    reader.credit(1);
    let first = reader.delivery();
    reader.process(first.id);
    assert_eq!(reader.told(), []);
}

#[test]
fn a_delivery_is_in_one_open_transaction() {
    let mut reader = Reader::start(1);
    let delivery = reader.delivery();
    let first = reader.hold(delivery.id);
    let second = reader.begin();
    let refused = reader.take(second, delivery.id).expect("answered").expect_err("is taken");
    assert_eq!(refused.reason, Reason::DeliveryTaken);
    assert_eq!(reader.take(first, delivery.id), Some(Ok(Answer::OffsetsTaken { count: 1 })), "a repeat");
    reader.commit(first).expect("answered").expect("commits");
}

#[test]
fn a_batch_that_fails_is_halved_and_only_the_guilty_record_is_moved() {
    let mut reader = Reader::start(4);
    let mut seen = Vec::new();
    while reader.world.offset(&input()) < 4 {
        let delivery = reader.delivery();
        seen.push((offsets(&delivery), attempts(&delivery)[0]));
        if offsets(&delivery).contains(&2) {
            reader.fail_whole(delivery.id);
            reader.world.pass(1_000);
        } else {
            reader.process(delivery.id);
        }
    }
    let expected = [(vec![0, 1, 2, 3], 1), (vec![0, 1], 2), (vec![2], 2), (vec![2], 3), (vec![3], 2)];
    assert_eq!(seen, expected);
    let [moved] = &reader.world.written[..] else { panic!("{:?}", reader.world.written) };
    assert_eq!((&*moved.topic, moved.value.as_deref()), ("later", Some(&b"v2"[..])));
    assert_eq!((header(moved, "sidecommit-origin-offset"), header(moved, "sidecommit-attempts")), ("2", "3"));
    assert_eq!(reader.memory(), None, "nothing failed of what is not settled");
}

#[test]
fn a_record_that_is_named_fails_alone() {
    for (retryable, topic) in [(false, "dead"), (true, "later")] {
        let mut reader = Reader::start(4);
        let first = reader.delivery();
        let named = vec![failure(first.id, 1, retryable)];
        reader.fail(first.id, named);
        reader.world.pass(1_000);
        let before = reader.delivery();
        assert_eq!((offsets(&before), attempts(&before)), (vec![0], vec![1]), "it did not fail");
        reader.process(before.id);
        if retryable {
            let again = reader.delivery();
            assert_eq!((offsets(&again), attempts(&again)), (vec![1], vec![2]));
            let named = vec![failure(again.id, 1, true)];
            reader.fail(again.id, named);
            reader.world.pass(1_000);
        }
        let after = reader.delivery();
        assert_eq!((offsets(&after), attempts(&after)), (vec![2, 3], vec![1, 1]));
        let moved: Vec<_> = reader.world.written.iter().map(|record| &*record.topic).collect();
        assert_eq!(moved, [topic], "with its offset, in a transaction of its own");
        assert_eq!(reader.world.offset(&input()), 2);
        assert_eq!(header(&reader.world.written[0], "sidecommit-error-class"), "E");
    }
}

#[test]
fn a_rejected_record_is_a_dead_letter_and_a_released_delivery_comes_again_as_it_was() {
    let mut reader = Reader::start(2);
    let first = reader.delivery();
    reader.world.stream(STREAM, StreamEvent::Release(first.id));
    let second = reader.delivery();
    assert_eq!((offsets(&second), attempts(&second)), (vec![0, 1], vec![1, 1]));
    assert_ne!(first.id, second.id);
    let reject = |index| StreamEvent::Reject { delivery: second.id, index, reason: "no".into() };
    reader.world.stream(STREAM, reject(2));
    assert!(matches!(&reader.told()[..], [Ok(StreamItem::Refused { refusal, .. })]
        if refusal.reason == Reason::InvalidField));
    reader.world.stream(STREAM, reject(0));
    reader.world.pass(1_000);
    let third = reader.delivery();
    assert_eq!((offsets(&third), attempts(&third)), (vec![1], vec![1]));
    assert_eq!(&*reader.world.written[0].topic, "dead");
    reader.world.stream(STREAM, StreamEvent::Release(first.id));
    assert!(matches!(&reader.told()[..], [Ok(StreamItem::Refused { refusal, .. })]
        if refusal.reason == Reason::DeliveryRevoked));
}

#[test]
fn a_revoked_partition_takes_the_open_transaction_with_it() {
    let mut reader = Reader::start(2);
    let delivery = reader.delivery();
    let txn = reader.hold(delivery.id);
    reader.revoke(false);
    assert!(matches!(reader.world.asked.last(), Some((_, ConsumerOp::LetGo))));
    let told = reader.told();
    assert!(
        matches!(&told[..], [Ok(StreamItem::Revoked { lost: false, deliveries, .. })] if deliveries[..] == [delivery.id]),
        "its transaction was aborted before: {told:?}"
    );
    assert_eq!(reader.commit(txn).expect("answered").expect_err("is aborted").reason, Reason::Rebalanced);
    assert_eq!(reader.memory(), None, "nobody works on it, and nothing failed");
    reader.assign(&input());
    let again = reader.delivery();
    assert_eq!((offsets(&again), attempts(&again)), (vec![0, 1], vec![1, 1]));
}

#[test]
fn a_revoked_partition_waits_for_a_commit_that_is_being_executed() {
    let mut reader = Reader::start(2);
    reader.commit_hangs();
    reader.revoke(false);
    let let_go = |reader: &Reader| matches!(reader.world.asked.last(), Some((_, ConsumerOp::LetGo)));
    assert!(!let_go(&reader), "EndTxn is under way");
    reader.world.answer_end(true);
    assert!(let_go(&reader));
    assert_eq!(reader.world.offset(&input()), 2);
    assert!(
        matches!(&reader.told()[..], [Ok(StreamItem::Revoked { deliveries, .. })] if deliveries.is_empty())
    );

    let mut reader = Reader::start(2);
    reader.commit_hangs();
    reader.revoke(false);
    reader.world.pass(Limits::default().revoke_wait);
    assert!(let_go(&reader), "not for ever: the broker holds the next owner back");
}

#[test]
fn a_lost_partition_is_not_waited_for() {
    let mut reader = Reader::start(2);
    reader.commit_hangs();
    reader.revoke(true);
    assert!(matches!(reader.world.asked.last(), Some((_, ConsumerOp::LetGo))));
}

#[test]
fn nothing_is_delivered_again_before_the_outcome_is_known() {
    let mut reader = Reader::start(2);
    let delivery = reader.delivery();
    let txn = reader.hold(delivery.id);
    reader.world.inits_hang = true;
    reader.world.end_fails = Some(true);
    assert_eq!(reader.commit(txn), None, "in doubt");
    reader.world.stream(STREAM, StreamEvent::Closed);
    let resumed = Subscribe { session: Some(reader.session), ..subscribe() };
    reader.world.stream(2, StreamEvent::Subscribe(Box::new(resumed)));
    reader.stream = 2;
    reader.credit(10);
    let again = reader.delivery();
    assert_eq!(again.id, delivery.id, "outstanding under its own name");
    reader.world.inits_hang = false;
    reader.world.reports(LaneIndex(0), LaneEvent::Opened);
    assert_eq!(reader.world.offset(&input()), 2);
    let told = reader.told();
    assert_eq!(told, [Ok(StreamItem::Idle)], "it was committed");
}

#[test]
fn an_application_that_is_gone_for_long_failed_and_its_transactions_are_aborted() {
    let limits = Limits { idle_timeout: 60_000, default_timeout: 60_000, ..Limits::default() };
    let mut reader = Reader::of(World::start(limits), subscribe(), 1);
    let delivery = reader.delivery();
    let txn = reader.hold(delivery.id);
    reader.world.stream(reader.stream, StreamEvent::Closed);
    reader.world.pass(Limits::default().session_grace - 1);
    assert_eq!(reader.world.engine.sessions().len(), 1);
    reader.world.pass(1);
    assert_eq!(reader.world.engine.sessions(), []);
    assert_eq!(reader.commit(txn).expect("answered").expect_err("is aborted").reason, Reason::SessionLost);
    assert!(matches!(reader.world.asked.last(), Some((_, ConsumerOp::Close))));
    let mut reader = Reader::of(reader.world, subscribe(), 1);
    let again = reader.delivery();
    assert_eq!(attempts(&again), [2]);
}

#[test]
fn whoever_holds_a_delivery_for_too_long_loses_its_membership() {
    let mut reader =
        Reader::of(World::start(Limits::default()), Subscribe { delivery_timeout: 5_000, ..subscribe() }, 1);
    reader.delivery();
    reader.world.pass(5_000);
    let told = reader.told();
    assert!(matches!(&told[..], [Err(refusal)] if refusal.reason == Reason::DeliveryTimedOut), "{told:?}");
    let mut reader = Reader::of(reader.world, subscribe(), 1);
    assert_eq!(attempts(&reader.delivery()), [2]);
}

#[test]
fn a_commit_that_takes_long_is_not_the_application_s_delay() {
    let mut reader =
        Reader::of(World::start(Limits::default()), Subscribe { delivery_timeout: 5_000, ..subscribe() }, 1);
    reader.commit_hangs();
    reader.world.pass(5_000);
    assert_eq!(reader.told(), []);
    reader.world.answer_end(true);
    assert_eq!(reader.told(), [Ok(StreamItem::Idle)]);
    assert_eq!(reader.world.offset(&input()), 1);
}

#[test]
fn attempts_survive_a_restart_and_who_died_over_a_record_has_failed() {
    let mut reader = Reader::start(1);
    reader.delivery();
    let memory = reader.memory().expect("before the application can die over it");
    let restarted = |seed, memory: &PartitionMemory| {
        World::restarted_with(seed, vec![("g".to_owned(), "in".to_owned(), 0, memory.clone())])
    };
    // The same application comes back: it was the sidecar that died.
    let same = Subscribe { session: Some(reader.session), ..subscribe() };
    let mut alive = Reader::of(restarted(8, &memory), same, 1);
    assert_eq!(attempts(&alive.delivery()), [1]);
    // The topic was made again: these are other records.
    let other = PartitionMemory { topic_id: "another".into(), ..memory.clone() };
    assert_eq!(attempts(&Reader::of(restarted(11, &other), subscribe(), 1).delivery()), [1]);
    // Another one: the application died.
    let mut died = Reader::of(restarted(9, &memory), subscribe(), 1);
    assert_eq!(attempts(&died.delivery()), [2]);
    let memory = died.memory().expect("it works on it");
    let last = Reader::of(restarted(10, &memory), subscribe(), 1);
    assert_eq!(last.world.offset(&input()), 1, "it was moved");
    assert_eq!(header(&last.world.written[0], "sidecommit-error-class"), "DIED");
}

#[test]
fn a_record_of_a_retry_topic_waits_for_its_time_and_then_for_its_next_topic() {
    let mut reader = Reader::start(0);
    let later = TopicPartition::new("later", 3);
    let due = |at: Millis| (std::sync::Arc::from("sidecommit-retry-due"), Some(Bytes::from(at.to_string())));
    let origin = (std::sync::Arc::from("sidecommit-origin-topic"), Some(Bytes::from_static(b"in")));
    let moved = Consumed { headers: vec![origin, due(reader.world.now + 60_000)], ..consumed(0) };
    reader.world.log.insert(later.clone(), vec![moved]);
    reader.told();
    reader.assign(&later);
    assert!(matches!(&reader.told()[..], [Ok(StreamItem::Assigned(_))]));
    reader.world.pass(60_000);
    for attempt in 1..=2 {
        let delivery = reader.delivery();
        assert_eq!(attempts(&delivery), [attempt]);
        reader.fail_whole(delivery.id);
        reader.world.pass(1_000);
    }
    let [letter] = &reader.world.written[..] else { panic!("{:?}", reader.world.written) };
    assert_eq!((&*letter.topic, header(letter, "sidecommit-origin-topic")), ("dead", "in"));
}

#[test]
fn a_drain_gives_back_what_nobody_can_settle_and_waits_for_the_rest() {
    let mut reader = Reader::start(2);
    let delivery = reader.delivery();
    let txn = reader.hold(delivery.id);
    let until = reader.world.now + 5_000;
    reader.world.input(Input::Drain { until });
    assert!(!reader.world.engine.is_drained());
    reader.commit(txn).expect("answered").expect("commits");
    assert!(reader.world.engine.is_drained());
    assert!(matches!(reader.told().last(), Some(Err(refusal)) if refusal.reason == Reason::Draining));

    let mut idle = Reader::start(2);
    idle.delivery();
    idle.world.input(Input::Drain { until });
    assert!(idle.world.engine.is_drained());
    assert_eq!(idle.memory(), None, "no attempt failed");
}

#[test]
fn much_that_was_read_pauses_a_partition() {
    let limits = Limits { read_ahead_bytes: 1_000, ..Limits::default() };
    let mut reader = Reader::of(World::start(limits), subscribe(), 100);
    let paused = |reader: &Reader| match reader.world.asked.last() {
        Some((_, ConsumerOp::Pause(_))) => true,
        Some((_, ConsumerOp::Resume(_))) => false,
        other => panic!("{other:?}"),
    };
    assert!(paused(&reader));
    while reader.world.offset(&input()) < 100 {
        let delivery = reader.delivery();
        reader.process(delivery.id);
    }
    assert!(!paused(&reader));
}

#[test]
fn transact_settles_deliveries_and_leaves_nothing_open_if_it_cannot() {
    let mut reader = Reader::start(1);
    let delivery = reader.delivery();
    let transact = |key: u8| {
        Request::Transact(Transact {
            caller: Caller::default(),
            key: IdempotencyKey { text: format!("k{key}"), hash: KeyHash([key; 16]) },
            fingerprint: Fingerprint::default(),
            first_attempt: None,
            records: vec![record("out")],
            offsets: Vec::new(),
            deliveries: vec![delivery.id],
            timeout: None,
            ordering_key: String::new(),
        })
    };
    let told = reader.world.call(transact(1)).expect("answered");
    assert!(matches!(told, Ok(Answer::Committed { .. })), "{told:?}");
    assert_eq!(reader.world.offset(&input()), 1);
    assert_eq!(reader.world.call(transact(1)), Some(told), "a repeat");
    let refused = reader.world.call(transact(2)).expect("answered").expect_err("is settled");
    assert_eq!(refused.reason, Reason::DeliveryRevoked);
    assert_eq!(reader.world.engine.transactions(reader.world.now), []);
}
