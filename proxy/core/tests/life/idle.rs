//! What an idle transaction is: one without a call in progress.

use crate::world::World;
use sidecommit_core::*;

const IDLE: Millis = 10_000;

fn deadline(world: &mut World, txn: TxnId) -> Option<Millis> {
    match world.call(Request::KeepAlive(vec![txn])) {
        Some(Ok(Answer::Alive(alive))) => alive[0].1,
        other => panic!("{other:?}"),
    }
}

fn why(world: &World, txn: TxnId) -> Option<Reason> {
    let aborted = world.journal.iter().find_map(|entry| match entry {
        JournalEntry::Finished(summary) if summary.txn == txn => Some(summary.outcome.clone()),
        _ => None,
    });
    aborted.map(|outcome| match outcome {
        TxnOutcome::Aborted { reason, .. } => reason,
        other => panic!("{other:?}"),
    })
}

#[test]
fn a_call_that_is_being_prepared_stops_the_idle_clock_and_its_end_starts_it_anew() {
    let mut world = World::start(Limits { default_timeout: 100_000, ..Limits::default() });
    let txn = world.begin("a");
    let underway = |begins| Input::Underway { txn, begins };
    world.input(underway(true));
    world.input(underway(true));
    world.pass(2 * IDLE);
    world.input(underway(false));
    world.pass(2 * IDLE);
    assert_eq!(why(&world, txn), None, "one of two is in progress still");
    world.input(underway(false));
    world.pass(IDLE - 1);
    assert_eq!(why(&world, txn), None);
    world.pass(1);
    assert_eq!(why(&world, txn), Some(Reason::TimedOutIdle));
    world.input(underway(false));
}

#[test]
fn a_call_in_progress_does_not_stop_the_total_clock() {
    let mut world = World::start(Limits::default());
    let txn = world.begin("a");
    let total = deadline(&mut world, txn).expect("is open") - world.now;
    world.input(Input::Underway { txn, begins: true });
    world.pass(total - 1);
    assert_eq!(why(&world, txn), None);
    world.pass(1);
    assert_eq!(why(&world, txn), Some(Reason::TimedOut));
}

#[test]
fn a_produce_that_waits_for_room_is_a_call_in_progress() {
    let limits = Limits {
        streaming_bytes: 0,
        lane_window_bytes: 1,
        default_timeout: 100_000,
        lane_timeout: 200_000,
        ..Limits::default()
    };
    let mut world = World::start(limits);
    let txn = world.begin("a");
    world.produce(txn, 0).expect("fits").expect("is accepted");
    assert_eq!(world.produce(txn, 1), None, "there is no room");
    world.pass(2 * IDLE);
    assert_eq!(why(&world, txn), None);
    let lane = world.engine.transactions(world.now)[0].lane.expect("it streams");
    world.reports(lane, LaneEvent::Progress { bytes: record_bytes() });
    assert_eq!(world.replies.len(), 3, "there is");
    world.pass(IDLE - 1);
    assert_eq!(why(&world, txn), None);
    world.pass(1);
    let view = world.engine.transactions(world.now);
    assert!(view.is_empty() || view[0].reason == Some(Reason::TimedOutIdle), "{view:?}");
}

fn record_bytes() -> u64 {
    crate::world::record("v").bytes()
}
