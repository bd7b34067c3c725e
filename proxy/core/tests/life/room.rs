//! Flow control: a stream waits for room, and what holds the buffer without end gives way.

use crate::world::{World, record};
use sidecommit_core::*;

type Answered = Option<Result<Answer, Refusal>>;

/// One lane, room for ten records, of which five may wait in memory; from three on a transaction is large.
fn world() -> World {
    let limits = Limits {
        lanes_max: 1,
        lanes_reserved: 0,
        lanes_warm: 1,
        buffer_bytes: 10 * bytes(1),
        streaming_bytes: 3 * bytes(1) - 1,
        lane_window_bytes: 10 * bytes(1),
        lane_timeout: 600_000,
        default_timeout: 100_000,
        ..Limits::default()
    };
    World::start(limits)
}

fn bytes(records: u64) -> u64 {
    records * record("v").bytes()
}

fn produce(txn: TxnId, sequence: u64, records: usize, patient: bool) -> Request {
    Request::Produce(Produce { txn, sequence, records: vec![record("v"); records], patient })
}

/// A message of a stream; the call with which it came.
fn stream(world: &mut World, txn: TxnId, sequence: u64, records: usize) -> u64 {
    world.call(produce(txn, sequence, records, true));
    world.calls
}

fn answer(world: &World, call: u64) -> Answered {
    world.replies.get(&call).cloned()
}

fn produced(next_sequence: u64) -> Answered {
    Some(Ok(Answer::Produced { next_sequence }))
}

fn reason(answer: Answered) -> Reason {
    answer.expect("answered").expect_err("refused").reason
}

fn lane_of(world: &World, txn: TxnId) -> Option<LaneIndex> {
    world.engine.transactions(world.now).into_iter().find(|view| view.txn == txn).expect("is open").lane
}

fn buffered(world: &World) -> u64 {
    world.engine.status(world.now).buffered_bytes
}

fn delivered(world: &mut World, records: u64) {
    world.reports(LaneIndex(0), LaneEvent::Progress { bytes: bytes(records) });
}

/// A transaction on the lane, with so many records that are not delivered.
fn on_lane(world: &mut World, records: usize) -> TxnId {
    let txn = world.begin("on the lane");
    let call = stream(world, txn, 0, records);
    assert_eq!(answer(world, call), produced(records as u64));
    assert!(lane_of(world, txn).is_some());
    txn
}

#[test]
fn a_stream_waits_for_room_where_a_single_call_is_refused() {
    let mut world = world();
    on_lane(&mut world, 5);
    let small = world.begin("small");
    let waits = stream(&mut world, small, 0, 2);
    assert_eq!(answer(&world, waits), None);
    assert_eq!(buffered(&world), bytes(5), "what waits is not accepted");
    let single = world.begin("single");
    assert_eq!(reason(world.call(produce(single, 0, 6, false))), Reason::BufferExceeded);
    delivered(&mut world, 1);
    assert_eq!(answer(&world, waits), None);
    delivered(&mut world, 1);
    assert_eq!(answer(&world, waits), produced(2));
    assert!(matches!(world.commit(small, 3), Some(Err(Refusal { reason: Reason::Incomplete, .. }))));
}

#[test]
fn who_came_first_gets_room_first() {
    let mut world = world();
    on_lane(&mut world, 5);
    let txns = ["large", "second", "third"].map(|name| world.begin(name));
    let large = stream(&mut world, txns[0], 0, 2);
    let second = stream(&mut world, txns[1], 0, 1);
    delivered(&mut world, 1);
    assert_eq!(answer(&world, second), None, "it would fit, and is not the first");
    delivered(&mut world, 2);
    assert_eq!((answer(&world, large), answer(&world, second)), (produced(2), produced(1)));
    let third = stream(&mut world, txns[2], 0, 1);
    assert_eq!(answer(&world, third), None);
    let again = stream(&mut world, txns[1], 1, 1);
    delivered(&mut world, 1);
    assert_eq!((answer(&world, third), answer(&world, again)), (produced(1), None), "in turns");
}

#[test]
fn a_wait_is_no_idle_time_and_its_end_is() {
    let mut world = world();
    let on_lane = on_lane(&mut world, 5);
    let small = world.begin("small");
    let waits = stream(&mut world, small, 0, 1);
    for _ in 0..3 {
        world.call(Request::KeepAlive(vec![on_lane]));
        world.pass(9_000);
    }
    assert_eq!(answer(&world, waits), None, "the lane has something: it is slow, and moves");
    delivered(&mut world, 5);
    assert_eq!(answer(&world, waits), produced(1));
    world.pass(9_999);
    assert!(world.call(Request::KeepAlive(vec![on_lane])).is_some());
    assert_eq!(world.engine.transactions(world.now).len(), 2);
    world.pass(1);
    assert_eq!(reason(world.commit(small, 1)), Reason::TimedOutIdle);
}

#[test]
fn a_wait_ends_with_its_transaction() {
    type End = fn(&mut World, TxnId);
    let ends: [(Reason, End); 4] = [
        (Reason::NotOpen, |world, txn| {
            world.hangs = true;
            world.commit(txn, 1);
        }),
        (Reason::AbortedByCaller, |world, txn| {
            let abort = Abort { txn, note: String::new(), failures: Vec::new(), by_operator: false };
            world.call(Request::Abort(abort));
        }),
        (Reason::TimedOut, |world, _| world.pass(100_000)),
        (Reason::Drained, |world, _| {
            world.input(Input::Connections(0));
            world.input(Input::Drain { until: world.now + 5_000 });
        }),
    ];
    for (expected, end) in ends {
        let mut world = world();
        let txn = world.begin("ends");
        world.produce(txn, 0).expect("fits").expect("is accepted");
        on_lane(&mut world, 5);
        let waits = stream(&mut world, txn, 1, 1);
        assert_eq!(answer(&world, waits), None);
        end(&mut world, txn);
        assert_eq!(reason(answer(&world, waits)), expected);
    }
}

#[test]
fn what_has_a_lane_goes_on_whatever_waits_in_memory() {
    let mut world = world();
    let first = on_lane(&mut world, 3);
    delivered(&mut world, 3);
    let full = world.begin("full");
    let call = stream(&mut world, full, 0, 5);
    assert_eq!(answer(&world, call), produced(5));
    let waits = stream(&mut world, full, 5, 5);
    assert_eq!(answer(&world, waits), None);
    let call = stream(&mut world, first, 3, 10);
    assert_eq!(answer(&world, call), produced(13), "a lane that has nothing takes a message");
    let call = stream(&mut world, first, 13, 1);
    assert_eq!(answer(&world, call), None, "one");
    delivered(&mut world, 10);
    assert_eq!(answer(&world, call), produced(14));
    delivered(&mut world, 1);
    assert_eq!(lane_of(&world, full), None);
    assert!(matches!(world.commit(first, 14), Some(Ok(_))));
    assert!(lane_of(&world, full).is_some(), "the lane is free: it need not be asked again");
    delivered(&mut world, 5);
    assert_eq!(answer(&world, waits), produced(10));
}

#[test]
fn a_large_transaction_streams_when_a_lane_becomes_free_without_another_call() {
    let mut world = world();
    let first = on_lane(&mut world, 3);
    let second = world.begin("second");
    world.call(produce(second, 0, 3, false)).expect("answered").expect("accepted");
    assert_eq!(lane_of(&world, second), None);
    assert!(matches!(world.commit(first, 3), Some(Ok(_))));
    assert!(lane_of(&world, second).is_some());
    assert!(matches!(world.commit(second, 3), Some(Ok(_))));
    assert_eq!(world.written.len(), 6);
}

#[test]
fn a_buffer_that_nothing_drains_refuses_new_ones_and_then_costs_the_youngest() {
    let mut world = world();
    let on_lane = on_lane(&mut world, 3);
    delivered(&mut world, 3);
    let older = world.begin("older");
    let call = stream(&mut world, older, 0, 4);
    assert_eq!(answer(&world, call), produced(4));
    world.now += 1;
    let youngest = world.begin("youngest");
    let call = stream(&mut world, youngest, 0, 1);
    assert_eq!(answer(&world, call), produced(1));
    let of_older = stream(&mut world, older, 4, 1);
    let of_youngest = stream(&mut world, youngest, 1, 1);
    let begin = world.call(Request::Begin(Begin {
        caller: Caller::default(),
        request_id: "new".into(),
        fingerprint: Fingerprint::default(),
        timeout: None,
        label: String::new(),
        ordering_key: String::new(),
    }));
    assert_eq!(reason(begin), Reason::BufferExceeded);
    world.pass(2_499);
    assert_eq!((answer(&world, of_older), answer(&world, of_youngest)), (None, None));
    world.pass(1);
    assert_eq!(reason(answer(&world, of_youngest)), Reason::BufferPressure);
    assert_eq!(answer(&world, of_older), produced(5), "that made room");
    assert!(matches!(world.commit(older, 5), None | Some(Ok(_))));
    assert!(matches!(world.commit(on_lane, 3), Some(Ok(_))));
}

#[test]
fn of_one_transaction_only_the_latest_message_waits() {
    let mut world = world();
    on_lane(&mut world, 5);
    let small = world.begin("small");
    let broken = stream(&mut world, small, 0, 1);
    let repeat = stream(&mut world, small, 0, 2);
    let refused = answer(&world, broken).expect("answered").expect_err("another came");
    assert_eq!((refused.reason, refused.next_sequence), (Reason::BufferExceeded, Some(0)));
    delivered(&mut world, 5);
    assert_eq!(answer(&world, repeat), produced(2));
}

#[test]
fn what_came_by_another_way_meanwhile_is_not_taken_twice() {
    let mut world = world();
    on_lane(&mut world, 5);
    let small = world.begin("small");
    let waits = stream(&mut world, small, 0, 2);
    world.call(produce(small, 0, 1, false)).expect("answered").expect("fits: single calls may use the rest");
    delivered(&mut world, 5);
    assert_eq!(answer(&world, waits), produced(2));
    assert_eq!(buffered(&world), bytes(2));
}
