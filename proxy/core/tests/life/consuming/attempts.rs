//! What counts as an attempt, what is remembered of it, and where records end.

use super::*;

fn poison(offset: i64, error_class: &str) -> Poison {
    Poison { offset, retryable: false, error_class: error_class.into(), message: "m".into() }
}

/// Another life, whose journal remembers this of the partition.
fn remembers(memory: PartitionMemory) -> World {
    let memory = PartitionMemory { topic_id: "id".into(), ..memory };
    World::restarted_with(8, vec![("g".to_owned(), "in".to_owned(), 0, memory)])
}

#[test]
fn a_record_that_was_too_large_is_delivered_to_whoever_takes_it() {
    let poisoned = vec![poison(0, &Reason::RecordTooLargeForClient.name())];
    let journal = || remembers(PartitionMemory { poisoned: poisoned.clone(), ..PartitionMemory::default() });
    let nowhere = Retry { topics: Vec::new(), dead_letters: None, ..subscribe().retry };
    let takes = Subscribe { retry: nowhere, ..subscribe() };
    let mut reader = Reader::of(journal(), takes.clone(), 1);
    assert_eq!(offsets(&reader.delivery()), [0]);
    let mut small = Reader::of(journal(), Subscribe { max_record_bytes: 1, ..takes }, 1);
    let told = small.told();
    assert!(
        matches!(told.last(), Some(Err(refusal)) if refusal.reason == Reason::RecordTooLargeForClient),
        "{told:?}"
    );
}

#[test]
fn a_record_that_does_not_fit_is_a_dead_letter_and_is_not_remembered() {
    let small = Subscribe { max_record_bytes: 1, ..subscribe() };
    let reader = Reader::of(World::start(Limits::default()), small, 1);
    let [letter] = &reader.world.written[..] else { panic!("{:?}", reader.world.written) };
    assert_eq!(&*letter.topic, "dead", "it cannot succeed");
    assert_eq!(header(letter, "sidecommit-error-class"), "RECORD_TOO_LARGE_FOR_CLIENT");
    assert_eq!(reader.world.offset(&input()), 1);
    assert_eq!(reader.memory(), None);
}

#[test]
fn what_comes_again_is_delivered_once_its_attempt_is_on_stable_storage() {
    let mut world = World::start(Limits::default());
    world.syncs_hang = true;
    let mut reader = Reader::of(world, subscribe(), 1);
    let first = reader.delivery();
    assert_eq!(attempts(&first), [1], "nobody waits for a first attempt");
    reader.world.answer_syncs();
    let named = vec![failure(first.id, 0, true)];
    reader.fail(first.id, named);
    reader.world.pass(1_000);
    assert_eq!(reader.told(), [], "its application could die over it unseen");
    // A stream that comes back meanwhile is not told either.
    reader.world.stream(reader.stream, StreamEvent::Closed);
    let resumed = Subscribe { session: Some(reader.session), ..subscribe() };
    reader.stream = 2;
    reader.world.stream(2, StreamEvent::Subscribe(Box::new(resumed)));
    let told = reader.told();
    assert!(told.iter().all(|item| !matches!(item, Ok(StreamItem::Delivery(_)))), "{told:?}");
    reader.world.answer_syncs();
    assert_eq!(attempts(&reader.delivery()), [2]);
}

#[test]
fn an_abort_that_says_of_no_failure_is_no_attempt() {
    let mut reader = Reader::start(2);
    let mut delivery = reader.delivery();
    for _ in 0..5 {
        reader.fail(delivery.id, Vec::new());
        assert_eq!(reader.told(), [], "not in a hot loop");
        reader.world.pass(100);
        delivery = reader.delivery();
        assert_eq!((offsets(&delivery), attempts(&delivery)), (vec![0, 1], vec![1, 1]));
    }
}

#[test]
fn a_failure_without_an_offset_of_its_delivery_is_the_whole_deliverys() {
    for offset in [None, Some(4), Some(-1), Some(i64::MAX)] {
        let mut reader = Reader::start(4);
        let delivery = reader.delivery();
        reader.fail(delivery.id, vec![Failure { offset, ..failure(delivery.id, 0, true) }]);
        reader.world.pass(1_000);
        let half = reader.delivery();
        assert_eq!((offsets(&half), attempts(&half)), (vec![0, 1], vec![2, 2]), "{offset:?}");
    }
    // Of one record it is clear which.
    let mut reader = Reader::start(1);
    let delivery = reader.delivery();
    reader.fail(delivery.id, vec![Failure { offset: None, ..failure(delivery.id, 0, false) }]);
    reader.world.pass(1_000);
    let [letter] = &reader.world.written[..] else { panic!("{:?}", reader.world.written) };
    assert_eq!((&*letter.topic, header(letter, "sidecommit-error-class")), ("dead", "E"));
}

#[test]
fn a_record_that_is_named_twice_has_failed_once() {
    let mut reader = Reader::start(1);
    let delivery = reader.delivery();
    let named = vec![failure(delivery.id, 0, true); 5];
    reader.fail(delivery.id, named);
    reader.world.pass(1_000);
    assert_eq!(attempts(&reader.delivery()), [2]);
}

#[test]
fn a_dead_letter_topic_that_refuses_the_record_ends_the_stream_and_says_which() {
    let mut reader = Reader::start(2);
    let delivery = reader.delivery();
    reader.world.rejects = Some("v0");
    let named = vec![failure(delivery.id, 0, false)];
    reader.fail(delivery.id, named);
    reader.world.pass(1_000);
    let told = reader.told();
    let [Err(refusal)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(
        (refusal.reason, refusal.field.as_deref()),
        (Reason::RecordRejected, Some("subscribe.retry_policy"))
    );
    assert!(refusal.message.contains("in/0 offset 0 cannot be moved to topic dead: "), "{refusal}");
    assert_eq!(reader.world.engine.sessions(), []);
    assert_eq!((reader.world.offset(&input()), reader.world.written.len()), (0, 0), "it is where it was");
    // Once the topic takes it: it is known still that it is given up.
    reader.world.rejects = None;
    let mut mended = Reader::of(reader.world, subscribe(), 2);
    assert_eq!(&*mended.world.written[0].topic, "dead");
    assert_eq!(offsets(&mended.delivery()), [1]);
}

#[test]
fn a_record_that_could_not_be_moved_in_passing_is_not_tried_in_a_hot_loop() {
    let retry = Retry { backoff: 1, backoff_max: 1, ..subscribe().retry };
    let mut reader = Reader::of(World::start(Limits::default()), Subscribe { retry, ..subscribe() }, 1);
    let delivery = reader.delivery();
    reader.world.hangs = true;
    let named = vec![failure(delivery.id, 0, false)];
    reader.fail(delivery.id, named);
    reader.world.pass(1);
    assert_eq!(reader.world.engine.transactions(reader.world.now).len(), 1, "it is on its way");
    reader.world.pass(Limits::default().default_timeout);
    assert_eq!(reader.world.engine.transactions(reader.world.now), []);
    reader.world.hangs = false;
    reader.world.pass(999);
    assert_eq!(reader.world.written.len(), 0);
    reader.world.pass(1);
    assert_eq!(reader.world.written.len(), 1, "and its session goes on");
    assert_eq!(reader.world.engine.sessions().len(), 1);
}

#[test]
fn a_pattern_that_means_its_own_dead_letters_is_refused_and_may_mean_its_retry_topics() {
    let all = || Subscribe { topics: Topics::Pattern(".*".into()), ..subscribe() };
    let mut reader = Reader::of(World::start(Limits::default()), all(), 0);
    reader.assign(&TopicPartition::new("later", 0));
    assert!(reader.told().iter().all(Result::is_ok), "they are read by design");
    reader.assign(&TopicPartition::new("dead", 3));
    let told = reader.told();
    assert!(
        matches!(&told[..], [Err(refusal)] if refusal.reason == Reason::InvalidField
            && refusal.field.as_deref() == Some("subscribe.topic_pattern")),
        "{told:?}"
    );
    let nowhere = Retry { dead_letters: None, ..subscribe().retry };
    let mut reader = Reader::of(reader.world, Subscribe { retry: nowhere, ..all() }, 0);
    reader.assign(&TopicPartition::new("dead", 3));
    assert!(reader.told().iter().all(Result::is_ok), "it is another subscription's");
}

#[test]
fn a_moved_record_keeps_the_identity_that_it_had_where_it_was_first_read() {
    let claims = |value: &'static str| (std::sync::Arc::from("sidecommit-identity"), Some(value.into()));
    let mut reader = Reader::start(0);
    let forged = Consumed { headers: vec![claims("forged/0/0")], ..consumed(0) };
    reader.world.log.insert(input(), vec![forged]);
    reader.revoke(false);
    reader.assign(&input());
    reader.told();
    reader.world.stream(reader.stream, StreamEvent::Credit(1));
    for _ in 0..2 {
        let delivery = reader.world.engine.sessions()[0].partitions[0].outstanding.expect("is delivered").0;
        let named = vec![failure(delivery, 0, true)];
        reader.fail(delivery, named);
        reader.world.pass(1_000);
    }
    let [letter] = &reader.world.written[..] else { panic!("{:?}", reader.world.written) };
    assert_eq!((&*letter.topic, header(letter, "sidecommit-identity")), ("later", "id/0/0"));

    // What is read from a retry topic was written by the sidecar.
    let later = TopicPartition::new("later", 3);
    let moved = Consumed { headers: vec![claims("a/b/7/44")], ..consumed(5) };
    let mut reader = Reader::start(0);
    reader.world.log.insert(later.clone(), vec![moved]);
    reader.told();
    reader.assign(&later);
    reader.world.pass(60_000);
    let delivery = reader.delivery();
    assert!(delivery.moved);
    assert_eq!(delivery.records[0].0.identity(), Some(("a/b", 7, 44)));
    let named = vec![failure(delivery.id, 5, false)];
    reader.fail(delivery.id, named);
    reader.world.pass(1_000);
    assert_eq!(header(&reader.world.written[0], "sidecommit-identity"), "a/b/7/44");
    for no in ["", "7/44", "/7/44", "a/7/-1", "a/-1/4", "a/7/x"] {
        assert_eq!(Consumed { headers: vec![claims(no)], ..consumed(5) }.identity(), None, "{no}");
    }
}
