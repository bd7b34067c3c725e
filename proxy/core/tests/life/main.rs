//! The engine through whole lives, with drivers that do at once what they are asked (the simulation in tests/sim is
//! the thorough one; this one is to be read).

mod consuming;
mod groups;
mod idle;
mod leased;
mod room;
mod world;

use sidecommit_core::{table::TxnState, *};
use world::{World, record, refused_batch, rival};

#[test]
fn a_start_claims_the_slot_and_a_commit_is_prepared_before_it_ends() {
    let mut world = World::start(Limits::default());
    assert_eq!(world.engine.serving(), &Serving::Ready);
    assert_eq!(world.view.owner.as_ref().map(|owner| owner.incarnation), Some(Incarnation(1)));
    let txn = world.begin("a");
    world.produce(txn, 0).expect("answered").expect("accepted");
    let ends = world.ends;
    assert_eq!(world.commit(txn, 1), Some(Ok(Answer::Committed { txn, ranges: Vec::new() })));
    assert_eq!(world.ends, ends + 1);
    let kinds: Vec<_> = world.journal.iter().rev().take(2).collect();
    assert!(matches!(kinds[..], [JournalEntry::Settled { .. }, JournalEntry::Prepared(_)]), "{kinds:?}");
    assert_eq!(world.commit(txn, 1), Some(Ok(Answer::Committed { txn, ranges: Vec::new() })), "a repeat");
}

#[test]
fn an_end_without_answer_is_settled_by_the_marker() {
    for executed in [true, false] {
        // One attempt: an aborted group is not tried again.
        let mut world = World::start(Limits { group_attempts_max: 1, ..Limits::default() });
        let txn = world.begin("a");
        world.produce(txn, 0).expect("answered").expect("accepted");
        world.end_fails = Some(executed);
        let told = world.commit(txn, 1).expect("settled at once");
        assert_eq!(told.is_ok(), executed, "{told:?}");
        assert_eq!(world.engine.status(world.now).counters.in_doubt, 1);
    }
}

#[test]
fn a_group_that_kafka_proved_aborted_is_tried_again_as_a_whole() {
    let mut world = World::start(Limits::default());
    let txn = world.begin("a");
    world.produce(txn, 0).expect("answered").expect("accepted");
    world.end_fails = Some(false);
    assert_eq!(world.commit(txn, 1), Some(Ok(Answer::Committed { txn, ranges: Vec::new() })));
    let groups = world.journal.iter().filter(|entry| matches!(entry, JournalEntry::Prepared(_))).count();
    assert_eq!((groups, world.view.markers.len()), (2, 1));
}

#[test]
fn a_rival_in_the_owner_record_makes_it_step_down() {
    let mut world = World::start(Limits::default());
    let txn = world.begin("a");
    world.produce(txn, 0).expect("answered").expect("accepted");
    let rival = rival(Incarnation(2));
    world.view.owner = Some(rival.clone());
    world.end_fails = Some(false);
    let refused = world.commit(txn, 1);
    assert_eq!(world.engine.serving(), &Serving::FencedByRival(rival));
    assert!(!matches!(refused, Some(Ok(_))), "{refused:?}");
    let again = world.produce(txn, 1).expect("answered").expect_err("takes nothing more");
    assert_eq!(again.reason.next_action(), NextAction::BeginAgain, "{again:?}");
    let begun = world.call(Request::KeepAlive(vec![txn]));
    assert_eq!(begun, Some(Ok(Answer::Alive(vec![(txn, None)]))));
}

/// Simulation, seed 86526: it was told to wait for ever for an owner that nobody knew any more.
#[test]
fn an_id_of_an_owner_whose_record_was_removed_is_forgotten_once_the_record_is_read() {
    let mut world = World::start(Limits::default());
    let newer = TxnId::new(world.now, Incarnation(9), 7);
    let refused = world.produce(newer, 0).expect("answered").expect_err("is not its own");
    assert_eq!(refused.reason, Reason::OutcomeForgotten, "{refused:?}");
    let rival = rival(Incarnation(9));
    world.view.owner = Some(rival.clone());
    let refused = world.produce(newer, 0).expect("answered").expect_err("is the rival's");
    assert_eq!(refused.reason, Reason::FencedByRival, "{refused:?}");
    assert_eq!(world.engine.serving(), &Serving::FencedByRival(rival));
}

#[test]
fn idle_and_total_time_abort_and_keep_alive_helps_against_the_first() {
    let mut world = World::start(Limits::default());
    let (idle, kept) = (world.begin("idle"), world.begin("kept"));
    world.now += 9_000;
    world.call(Request::KeepAlive(vec![kept]));
    world.now += 2_000;
    world.input(Input::Tick);
    let reason =
        |answer: Option<Result<Answer, Refusal>>| answer.expect("answered").expect_err("is over").reason;
    assert_eq!(reason(world.commit(idle, 0)), Reason::TimedOutIdle);
    world.call(Request::KeepAlive(vec![kept]));
    world.now += 9_000;
    world.call(Request::KeepAlive(vec![kept]));
    world.now += 6_000;
    world.input(Input::Tick);
    assert_eq!(reason(world.commit(kept, 0)), Reason::TimedOut);
}

#[test]
fn a_large_transaction_streams_and_a_small_one_keeps_a_lane() {
    let limits = Limits { lanes_max: 2, lanes_reserved: 1, streaming_bytes: 1, ..Limits::default() };
    let mut world = World::start(limits);
    let (first, second) = (world.begin("a"), world.begin("b"));
    world.produce(first, 0);
    world.produce(second, 0);
    let lanes: Vec<_> =
        world.engine.transactions(world.now).into_iter().map(|view| view.lane.is_some()).collect();
    assert_eq!(lanes.iter().filter(|on_lane| **on_lane).count(), 1, "one lane is kept for small ones");
    assert!(matches!(world.commit(second, 1), Some(Ok(_))));
    assert!(matches!(world.commit(first, 1), Some(Ok(_))));
}

#[test]
fn a_drain_finishes_what_is_open_and_refuses_what_is_new() {
    let mut world = World::start(Limits::default());
    let txn = world.begin("a");
    world.input(Input::Connections(1));
    world.input(Input::Drain { until: world.now + 5_000 });
    assert!(!world.engine.is_drained());
    assert!(matches!(world.commit(txn, 0), Some(Ok(_))));
    assert!(world.engine.is_drained());
    let views = world.engine.transactions(world.now);
    assert!(views.iter().all(|view| view.state != TxnState::Open));
}

#[test]
fn overlapping_transactions_with_one_ordering_key_take_turns() {
    let mut world = World::start(Limits { streaming_bytes: 0, ..Limits::default() });
    let mut begin = |name: &str| {
        let begin = Begin {
            caller: Caller::default(),
            request_id: name.into(),
            fingerprint: Fingerprint::default(),
            timeout: None,
            label: String::new(),
            ordering_key: "account-1".into(),
        };
        match world.call(Request::Begin(begin)) {
            Some(Ok(Answer::Begun { txn, .. })) => txn,
            other => panic!("{other:?}"),
        }
    };
    let (first, second) = (begin("a"), begin("b"));
    world.produce(first, 0);
    world.produce(second, 0);
    assert_eq!(world.commit(second, 1), None, "waits for the first, which is on a lane");
    let call = world.calls;
    assert!(matches!(world.commit(first, 1), Some(Ok(_))));
    assert!(matches!(world.replies.get(&call), Some(Ok(_))));
}

#[test]
fn offsets_of_one_partition_are_on_one_lane_at_a_time() {
    for streaming_bytes in [0, u64::MAX] {
        // Whoever waits waits for the partition, not for company.
        let group_commit = GroupCommit { wait: 0, ..GroupCommit::default() };
        let mut world = World::start(Limits { streaming_bytes, group_commit, ..Limits::default() });
        let commit = |txn, partition| {
            let group = ConsumerGroup {
                group_id: "group".into(),
                generation_id: -1,
                member_id: String::new(),
                group_instance_id: None,
                consumer: None,
            };
            let offset =
                TopicPartitionOffset { topic: "in".into(), partition, offset: 5, metadata: String::new() };
            let offsets = vec![GroupOffsets { group, offsets: vec![offset] }];
            Request::Commit(Commit {
                txn,
                record_count: 1,
                offsets_count: 1,
                offsets,
                deliveries: Vec::new(),
            })
        };
        let [first, second, other] = ["first", "second", "other"].map(|name| world.begin(name));
        for txn in [first, second, other] {
            world.produce(txn, 0).expect("answered").expect("accepted");
        }
        world.hangs = true;
        assert_eq!(world.call(commit(first, 0)), None, "its flush is not answered");
        world.hangs = false;
        assert_eq!(world.call(commit(second, 0)), None, "the first has offsets of the partition on its lane");
        let waiting = world.calls;
        assert!(matches!(world.call(commit(other, 1)), Some(Ok(_))), "another partition is free");
        let views = world.engine.transactions(world.now);
        let lane = views.iter().find(|view| view.txn == first).and_then(|view| view.lane).expect("on a lane");
        world.reports(lane, LaneEvent::Flushed(Flushed::default()));
        assert!(
            matches!(world.replies.get(&waiting), Some(Ok(_))),
            "its turn comes once the first is settled"
        );
    }
}

#[test]
fn a_group_in_doubt_is_not_decided_before_init_has_decided_it() {
    let mut world = World::start(Limits { lanes_max: 1, lanes_reserved: 0, ..Limits::default() });
    let txn = world.begin("a");
    world.produce(txn, 0).expect("answered").expect("accepted");
    (world.end_fails, world.inits_hang) = (Some(false), true);
    assert_eq!(world.commit(txn, 1), None, "its EndTxn may still be on its way");
    // It arrives before the init, which can then only confirm it.
    let late = std::mem::take(&mut world.late);
    world.execute(&late);
    world.inits_hang = false;
    world.reports(LaneIndex(0), LaneEvent::Opened);
    let told = world.replies.get(&world.calls);
    assert_eq!(told, Some(&Ok(Answer::Committed { txn, ranges: Vec::new() })));
}

/// Rare in the simulation: a group of several whose end is not answered.
#[test]
fn a_group_in_doubt_is_settled_as_one() {
    for executed in [true, false] {
        let mut world = World::start(Limits {
            lanes_max: 1,
            lanes_reserved: 0,
            streaming_bytes: u64::MAX,
            group_commit: GroupCommit::of(2),
            ..Limits::default()
        });
        let [before, first, second] = ["before", "first", "second"].map(|name| world.begin(name));
        for txn in [before, first, second] {
            world.produce(txn, 0).expect("answered").expect("accepted");
        }
        world.hangs = true;
        for txn in [before, first, second] {
            assert_eq!(world.commit(txn, 1), None, "the only lane is busy with the first of them");
        }
        let waiting = [world.calls - 1, world.calls];
        world.reports(LaneIndex(0), LaneEvent::Flushed(Flushed::default()));
        let views = world.engine.transactions(world.now);
        let carried: Vec<_> = views.iter().filter(|view| view.lane.is_some()).map(|view| view.txn).collect();
        assert_eq!(carried.len(), 2, "those that waited share a Kafka transaction: {carried:?}");
        world.hangs = false;
        world.end_fails = Some(executed);
        world.reports(LaneIndex(0), LaneEvent::Flushed(Flushed::default()));
        for (call, txn) in waiting.into_iter().zip([first, second]) {
            let told = world.replies.get(&call);
            assert_eq!(
                told,
                Some(&Ok(Answer::Committed { txn, ranges: Vec::new() })),
                "executed: {executed}"
            );
            let markers = world.view.markers.values();
            let named =
                markers.filter(|marker| marker.members.iter().any(|member| member.txn == txn)).count();
            assert_eq!(named, 1, "a transaction is in one committed group; the unanswered end: {executed}");
        }
    }
}

#[test]
fn a_transaction_that_can_never_fit_is_told_so() {
    let mut world = World::start(Limits { buffer_bytes: 50, ..Limits::default() });
    let refused =
        world.call(transact("a", "v", None)).expect("answered").expect_err("65 bytes never fit into 50");
    assert_eq!(
        (refused.reason, refused.reason.next_action()),
        (Reason::TransactionTooLarge, NextAction::FixRequest)
    );
}

fn key(text: &str) -> IdempotencyKey {
    let mut hash = [0; 16];
    hash[..text.len()].copy_from_slice(text.as_bytes());
    IdempotencyKey { text: text.into(), hash: KeyHash(hash) }
}

fn transact(text: &str, value: &'static str, timeout: Option<Millis>) -> Request {
    Request::Transact(Transact {
        caller: Caller::default(),
        key: key(text),
        fingerprint: Fingerprint([value.len() as u8; 16]),
        first_attempt: None,
        records: vec![record(value)],
        deliveries: Vec::new(),
        offsets: Vec::new(),
        timeout,
        ordering_key: String::new(),
    })
}

/// One lane, and groups of up to eight that wait for nobody.
fn one_lane() -> Limits {
    Limits {
        lanes_max: 1,
        lanes_warm: 1,
        lanes_reserved: 0,
        group_commit: GroupCommit::of(8),
        ..Limits::default()
    }
}

#[test]
fn of_a_refused_group_only_the_guilty_one_fails_and_its_key_is_free_again() {
    let mut world = World::start(one_lane());
    // The one lane is held up, so that the others gather in one group; it is freed by the first one's timeout.
    world.hangs = true;
    world.call(transact("first", "v", Some(1_000)));
    let calls = [("a", "v"), ("b", "bad"), ("c", "v")].map(|(key, value)| {
        assert_eq!(world.call(transact(key, value, None)), None);
        world.calls
    });
    world.hangs = false;
    world.rejects = Some("bad");
    world.now += 1_000;
    world.input(Input::Tick);
    let reasons = calls.map(|call| world.replies[&call].as_ref().err().map(|refusal| refusal.reason));
    assert_eq!(reasons, [None, Some(Reason::RecordRejected), None]);
    assert!(
        matches!(world.call(transact("b", "good", None)), Some(Ok(_))),
        "an aborted key may be used again"
    );
    let other = world.call(transact("a", "other", None)).expect("answered").expect_err("has other content");
    assert_eq!(other.reason, Reason::KeyReused);
}

#[test]
fn of_a_refused_group_who_has_no_time_left_has_timed_out_and_is_not_blamed() {
    let mut world = World::start(one_lane());
    world.hangs = true;
    world.call(transact("first", "v", Some(1_000)));
    let calls = [("a", "v", Some(1_500)), ("b", "bad", None)].map(|(key, value, timeout)| {
        assert_eq!(world.call(transact(key, value, timeout)), None);
        world.calls
    });
    world.now += 1_000;
    world.input(Input::Tick);
    // Now a and b are on the lane; the refusal is heard before the clock.
    world.now += 1_000;
    (world.hangs, world.rejects) = (false, Some("bad"));
    world.reports(LaneIndex(0), LaneEvent::Failed(refused_batch([0, 1])));
    let reasons = calls.map(|call| world.replies[&call].as_ref().err().map(|refusal| refusal.reason));
    assert_eq!(reasons, [Some(Reason::TimedOut), Some(Reason::RecordRejected)]);
}

#[test]
fn under_buffer_pressure_the_youngest_goes_and_the_limit_is_named() {
    let limits =
        Limits { buffer_bytes: 200, lanes_max: 1, lanes_reserved: 0, lanes_warm: 1, ..Limits::default() };
    let mut world = World::start(limits);
    world.hangs = true;
    let (old, young) = (world.begin("old"), world.begin("young"));
    world.produce(old, 0).expect("answered").expect("65 bytes fit");
    world.produce(young, 0).expect("answered").expect("130 bytes fit");
    // The largest streams above 80 %, so progress is possible and nobody has to go: the caller is told to come again.
    world.produce(old, 1).expect("answered").expect("195 bytes fit");
    let full = world.produce(young, 1).expect("answered").expect_err("260 bytes do not fit");
    assert_eq!((full.reason, full.reason.next_action()), (Reason::BufferExceeded, NextAction::RetrySame));
    assert_eq!(full.exceeded.map(|exceeded| exceeded.setting), Some("limits.buffer_bytes"));
    assert!(full.retry_after.is_some());
}

#[test]
fn nothing_is_called_forgotten_before_every_lane_was_read() {
    let limits = Limits::default();
    let mut world = World::start(limits.clone());
    world.call(transact("known", "v", None)).expect("answered").expect("commits");
    let (first, stuck) = (world.now, LaneIndex(7));
    world.stuck = Some(stuck);
    world.restart_without_journal(limits.clone());
    world.now += limits.recovering_wait;
    world.input(Input::Tick);
    assert_eq!(world.engine.serving(), &Serving::Ready, "all but one are read");
    let repeat = |key| match transact(key, "v", None) {
        Request::Transact(transact) => Request::Transact(Transact { first_attempt: Some(first), ..transact }),
        other => panic!("{other:?}"),
    };
    let get = |text| Request::Get(Get { by: Lookup::Key(key(text)), wait: false });
    world.call(repeat("known")).expect("answered").expect("its marker was read");
    for request in [repeat("other"), get("other")] {
        let refusal = world.call(request).expect("answered").expect_err("may be on the lane that is stuck");
        assert_eq!(refusal.reason, Reason::Recovering, "{refusal}");
    }
    world.reports(stuck, LaneEvent::Opened);
    world.call(repeat("other")).expect("answered").expect("was never written, so it is now");
}
