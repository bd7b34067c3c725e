//! Transactions that share a Kafka transaction: who does, whose fault a failure is, and who goes on when (engine.md 4, 6, 7).

use crate::world::{World, record, refused_batch, refused_records};
use sidecommit_core::{table::LaneState, *};

/// Some lanes, all of them warm, and groups of up to eight that wait for nobody.
fn limits(lanes: u16) -> Limits {
    Limits {
        lanes_max: lanes,
        lanes_warm: lanes,
        lanes_reserved: 0,
        group_commit: GroupCommit::of(8),
        ..Limits::default()
    }
}

/// A world whose lanes are all busy, each with a Kafka transaction that hangs until [`free`]: what comes now gathers.
fn busy(limits: Limits) -> World {
    let lanes = limits.lanes_max;
    let mut world = World::start(limits);
    occupy(&mut world, lanes);
    world
}

fn occupy(world: &mut World, lanes: u16) {
    world.hangs = true;
    for _ in 0..lanes {
        let filler = transact(&format!("filler {}", world.calls), "filler");
        assert_eq!(world.call(Request::Transact(filler)), None);
    }
    world.hangs = false;
}

/// What a lane carries is delivered, and commits.
fn free(world: &mut World, lane: u16) {
    world.reports(LaneIndex(lane), LaneEvent::Flushed(Flushed::default()));
}

fn transact(name: &str, value: &'static str) -> Transact {
    let mut hash = [0; 16];
    hash[..name.len()].copy_from_slice(name.as_bytes());
    Transact {
        caller: Caller::default(),
        key: IdempotencyKey { text: name.into(), hash: KeyHash(hash) },
        fingerprint: Fingerprint::default(),
        first_attempt: None,
        records: vec![record(value)],
        deliveries: Vec::new(),
        offsets: Vec::new(),
        timeout: None,
        ordering_key: String::new(),
    }
}

fn offset(group_id: &str, partition: i32) -> Vec<GroupOffsets> {
    let group = ConsumerGroup {
        group_id: group_id.into(),
        generation_id: 1,
        member_id: "member".into(),
        group_instance_id: None,
        consumer: None,
    };
    let offset = TopicPartitionOffset { topic: "in".into(), partition, offset: 5, metadata: String::new() };
    vec![GroupOffsets { group, offsets: vec![offset] }]
}

/// Calls it; it is not answered yet.
fn waits(world: &mut World, transact: Transact) -> u64 {
    let name = transact.key.text.clone();
    assert_eq!(world.call(Request::Transact(transact)), None, "{name} is not answered yet");
    world.calls
}

/// What a call was told: None, nothing yet; else how it ended.
fn told(world: &World, call: u64) -> Option<Result<(), Reason>> {
    world.replies.get(&call).map(|answer| answer.as_ref().map(|_| ()).map_err(|refusal| refusal.reason))
}

/// Who shared the Kafka transactions that were prepared, but for the fillers.
fn groups(world: &World) -> Vec<Vec<String>> {
    let members = |entry: &JournalEntry| match entry {
        JournalEntry::Prepared(group) => {
            let names = group.members.iter().filter_map(|member| Some(member.key.as_ref()?.text.clone()));
            Some(names.filter(|name| !name.starts_with("filler")).collect::<Vec<_>>())
        }
        _ => None,
    };
    world.journal.iter().filter_map(members).filter(|names| !names.is_empty()).collect()
}

fn values(world: &World) -> Vec<&str> {
    let value = |record: &Record| record.value.as_deref().map(<[u8]>::to_vec).unwrap_or_default();
    let name = |value: Vec<u8>| ["a", "b", "c", "d"].into_iter().find(|name| name.as_bytes() == value);
    world.written.iter().filter_map(|record| name(value(record))).collect()
}

#[test]
fn the_innocent_go_on_at_once_if_the_abort_is_proven_and_after_the_init_if_not() {
    for proven in [true, false] {
        let mut world = busy(limits(2));
        let [a, b, c] = [("a", "v"), ("b", "bad"), ("c", "v")]
            .map(|(name, value)| waits(&mut world, transact(name, value)));
        (world.rejects, world.names, world.proves, world.inits_hang) = (Some("bad"), true, proven, true);
        free(&mut world, 0);
        assert_eq!(told(&world, b), Some(Err(Reason::RecordRejected)), "it is named");
        assert_eq!([a, c].map(|call| told(&world, call)), [None; 2], "no lane is free");
        free(&mut world, 1);
        let now = proven.then_some(Ok(()));
        assert_eq!([a, c].map(|call| told(&world, call)), [now; 2], "proven: {proven}");
        world.reports(LaneIndex(0), LaneEvent::Opened);
        assert_eq!([a, c].map(|call| told(&world, call)), [Some(Ok(())); 2]);
        assert_eq!(groups(&world), [["a", "c"]], "they share again");
    }
}

#[test]
fn the_only_one_under_suspicion_is_guilty() {
    let mut world = busy(limits(1));
    let [a, b] = ["a", "b"].map(|name| waits(&mut world, transact(name, "v")));
    world.hangs = true;
    free(&mut world, 0);
    world.hangs = false;
    let error = LaneError { aborted: true, ..refused_batch([1]) };
    world.reports(LaneIndex(0), LaneEvent::Failed(error));
    assert_eq!(told(&world, b), Some(Err(Reason::RecordRejected)), "the batch had nobody else's records");
    assert_eq!(told(&world, a), Some(Ok(())));
}

#[test]
fn a_stale_generation_is_the_fault_of_those_who_commit_for_that_group() {
    let mut world = busy(limits(1));
    let mut sends = |name: &str, group_id, partition| {
        let offsets = offset(group_id, partition);
        waits(&mut world, Transact { offsets, ..transact(name, "v") })
    };
    let calls = [sends("a", "stale", 0), sends("b", "other", 0), sends("d", "stale", 1)];
    let c = waits(&mut world, transact("c", "v"));
    world.hangs = true;
    free(&mut world, 0);
    world.hangs = false;
    let stale = LaneError {
        blame: Blame::Group("stale".into()),
        aborted: true,
        ..LaneError::new(LaneErrorKind::Generation, "stale")
    };
    // One of the two has been to the rebalance since: both run alone, and succeed.
    world.reports(LaneIndex(0), LaneEvent::Failed(stale.clone()));
    assert_eq!(calls.map(|call| told(&world, call)), [Some(Ok(())); 3]);
    assert_eq!(told(&world, c), Some(Ok(())));
    let mut shared = groups(&world);
    shared.sort();
    assert_eq!(shared, [vec!["a"], vec!["b", "c"], vec!["d"]]);

    occupy(&mut world, 1);
    let [bad, good] = ["bad", "good"].map(|name| {
        let offsets = if name == "bad" { offset("stale", 0) } else { offset("other", 0) };
        waits(&mut world, Transact { offsets, ..transact(name, "v") })
    });
    world.hangs = true;
    free(&mut world, 0);
    world.hangs = false;
    world.reports(LaneIndex(0), LaneEvent::Failed(stale));
    assert_eq!(told(&world, bad), Some(Err(Reason::Rebalanced)), "nobody else commits for the group");
    assert_eq!(told(&world, good), Some(Ok(())));
}

#[test]
fn who_tries_again_keeps_its_turn() {
    let mut world = busy(limits(2));
    let keyed = |name, value| Transact { ordering_key: "account".into(), ..transact(name, value) };
    let [a, b] = ["a", "b"].map(|name| waits(&mut world, keyed(name, name)));
    let bad = waits(&mut world, transact("bad", "bad"));
    world.hangs = true;
    free(&mut world, 0);
    let d = waits(&mut world, keyed("d", "d"));
    world.hangs = false;
    world.inits_hang = true;
    let error = LaneError { aborted: true, ..refused_records([2]) };
    world.reports(LaneIndex(0), LaneEvent::Failed(error));
    let c = waits(&mut world, keyed("c", "c"));
    free(&mut world, 1);
    assert_eq!(told(&world, bad), Some(Err(Reason::RecordRejected)));
    assert_eq!([a, b, c, d].map(|call| told(&world, call)), [Some(Ok(())); 4]);
    assert_eq!(values(&world), ["a", "b", "d", "c"], "in the order of their commits");
}

#[test]
fn what_must_come_after_a_failed_group_waits_until_its_abort_is_proven() {
    let mut world = busy(limits(2));
    let a = waits(&mut world, Transact { ordering_key: "account".into(), ..transact("a", "a") });
    let b = waits(&mut world, Transact { offsets: offset("group", 0), ..transact("b", "b") });
    let bad = waits(&mut world, transact("bad", "bad"));
    (world.rejects, world.names, world.inits_hang) = (Some("bad"), true, true);
    free(&mut world, 0);
    free(&mut world, 1);
    assert_eq!(told(&world, bad), Some(Err(Reason::RecordRejected)));
    // A lane is free: whoever has nothing to do with the group goes on.
    let other = Transact { offsets: offset("group", 1), ..transact("other", "v") };
    assert!(matches!(world.call(Request::Transact(other)), Some(Ok(_))));
    let c = waits(&mut world, Transact { ordering_key: "account".into(), ..transact("c", "c") });
    let d = waits(&mut world, Transact { offsets: offset("group", 0), ..transact("d", "d") });
    assert_eq!([a, b, c, d].map(|call| told(&world, call)), [None; 4]);
    world.reports(LaneIndex(0), LaneEvent::Opened);
    assert_eq!([a, b, c, d].map(|call| told(&world, call)), [Some(Ok(())); 4]);
    assert_eq!(values(&world), ["a", "b", "c", "d"]);
}

#[test]
fn a_caller_that_spoils_groups_again_runs_alone_with_what_it_has_in_the_queue() {
    let mut world = busy(limits(1));
    let by = |caller, name: &str| Transact { caller: Caller(caller), ..transact(name, "v") };
    let spoils = || LaneEvent::Failed(LaneError { aborted: true, ..refused_records([0]) });
    for (round, together) in [(1, true), (2, false)] {
        let [bad, good] = [(1, "bad"), (2, "good")]
            .map(|(caller, name)| waits(&mut world, by(caller, &format!("{name} {round}"))));
        world.hangs = true;
        free(&mut world, 0);
        let [x, y] = [(1, "x"), (2, "y")]
            .map(|(caller, name)| waits(&mut world, by(caller, &format!("{name} {round}"))));
        world.hangs = false;
        world.reports(LaneIndex(0), spoils());
        assert_eq!(told(&world, bad), Some(Err(Reason::RecordRejected)));
        assert_eq!([good, x, y].map(|call| told(&world, call)), [Some(Ok(())); 3]);
        let [good, x, y] = ["good", "x", "y"].map(|name| format!("{name} {round}"));
        let groups = groups(&world);
        match together {
            true => assert_eq!(groups, [[good, x, y]], "once may be an accident"),
            false => {
                let mut last = groups[1..].to_vec();
                last.sort();
                assert_eq!(last, [vec![good, y], vec![x]]);
            }
        }
        occupy(&mut world, 1);
    }
    let other = Record { topic: "other".into(), ..record("v") };
    let elsewhere = Transact { records: vec![other], ..by(1, "elsewhere") };
    for transact in [elsewhere, by(1, "x"), by(2, "y")] {
        waits(&mut world, transact);
    }
    free(&mut world, 0);
    let mut last = groups(&world)[3..].to_vec();
    last.sort();
    assert_eq!(last, [vec!["elsewhere", "y"], vec!["x"]], "alone with that topic, not with others");
}

#[test]
fn when_more_wait_than_a_group_takes_callers_take_turns() {
    let mut world = busy(Limits { group_commit: GroupCommit::of(4), ..limits(1) });
    for (caller, names) in [(1, &["a", "b", "c", "d", "e", "f"][..]), (2, &["g"]), (3, &["h", "i"])] {
        for name in names {
            waits(&mut world, Transact { caller: Caller(caller), ..transact(name, "v") });
        }
    }
    free(&mut world, 0);
    assert_eq!(groups(&world)[0], ["a", "g", "h", "b"], "the first of each, then the second of the first");
    assert_eq!(groups(&world).concat().len(), 9);
}

#[test]
fn those_that_run_alone_leave_half_of_the_lanes() {
    let mut world = busy(limits(4));
    let calls = ["a", "b", "c", "d"].map(|name| waits(&mut world, transact(name, "v")));
    world.hangs = true;
    free(&mut world, 0);
    let error = LaneError { aborted: true, ..refused_batch([0, 1, 2, 3]) };
    world.reports(LaneIndex(0), LaneEvent::Failed(error));
    (1..4).for_each(|lane| free(&mut world, lane));
    let status = world.engine.status(world.now);
    let carried: Vec<_> = status.lanes.iter().filter(|lane| lane.transactions > 0).collect();
    assert_eq!(carried.iter().map(|lane| lane.transactions).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(status.queued, 2);
    let lanes: Vec<_> = carried.iter().map(|lane| lane.lane.0).collect();
    world.hangs = false;
    assert!(matches!(world.call(Request::Transact(transact("e", "v"))), Some(Ok(_))), "others go on");
    lanes.into_iter().for_each(|lane| free(&mut world, lane));
    assert_eq!(calls.map(|call| told(&world, call)), [Some(Ok(())); 4]);
}

#[test]
fn a_lane_that_the_load_wanted_closes_when_it_was_idle_for_long() {
    let mut world = World::start(Limits { lanes_warm: 1, ..limits(2) });
    let states = |world: &World| {
        let status = world.engine.status(world.now);
        status.lanes.iter().map(|lane| lane.state).collect::<Vec<_>>()
    };
    assert_eq!(states(&world), [LaneState::Idle, LaneState::Closed]);
    occupy(&mut world, 1);
    assert!(matches!(world.call(Request::Transact(transact("a", "v"))), Some(Ok(_))), "on a lane of its own");
    free(&mut world, 0);
    world.pass(29_999);
    assert_eq!(states(&world), [LaneState::Idle, LaneState::Idle]);
    world.pass(1);
    assert_eq!(states(&world), [LaneState::Idle, LaneState::Closed]);
}

#[test]
fn without_group_commit_each_has_a_kafka_transaction_of_its_own() {
    let mut world = busy(Limits { group_commit: GroupCommit::OFF, ..limits(1) });
    for name in ["a", "b", "c"] {
        waits(&mut world, transact(name, "v"));
    }
    free(&mut world, 0);
    assert_eq!(groups(&world), [["a"], ["b"], ["c"]]);
}

#[test]
fn the_second_of_two_callers_is_waited_for_but_not_for_long() {
    let wait = 5;
    let mut world = busy(Limits { group_commit: GroupCommit { wait, ..GroupCommit::of(8) }, ..limits(1) });
    let both = ["a", "b"].map(|name| waits(&mut world, transact(name, "v")));
    world.pass(wait);
    free(&mut world, 0);
    assert_eq!(both.map(|call| told(&world, call)), [Some(Ok(())); 2]);
    let c = waits(&mut world, transact("c", "v"));
    assert!(matches!(world.call(Request::Transact(transact("d", "v"))), Some(Ok(_))));
    assert_eq!(told(&world, c), Some(Ok(())), "the other one came, and both went at once");
    let e = waits(&mut world, transact("e", "v"));
    world.pass(wait - 1);
    assert_eq!(told(&world, e), None);
    world.pass(1);
    assert_eq!(told(&world, e), Some(Ok(())));
    assert_eq!(groups(&world), [vec!["a", "b"], vec!["c", "d"], vec!["e"]]);
    assert!(
        matches!(world.call(Request::Transact(transact("f", "v"))), Some(Ok(_))),
        "not expected any more"
    );
}
