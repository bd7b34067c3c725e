//! A slot that was won by a Lease: the start is its rightful owner, and may be another slot's than the last one of this pod.

use crate::world::{World, contents, rival, start};
use sidecommit_core::*;

/// By the clock, in seconds: what incarnations of such slots are made of.
const NOW: Millis = 1_700_000_000_000;

/// A start by Lease, over what Kafka has.
fn leased(journal: JournalContents, view: OutcomesView) -> World {
    let mut world = World::start(Limits::default());
    world.now = NOW;
    world.view = view;
    let (engine, effects) =
        Engine::new(Start { leased: true, ..start(Limits::default(), journal, world.now) });
    world.engine = engine;
    world.perform(effects);
    world
}

fn refusal(world: &mut World, txn: TxnId) -> Reason {
    match world.commit(txn, 0) {
        Some(Err(refusal)) => refusal.reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_lease_won_again_is_proof_against_a_newer_owner() {
    // This pod owned an older incarnation, and another pod a newer one: without the Lease it would be the zombie.
    let claims = vec![(Incarnation(1), "pod".to_owned())];
    let journal = JournalContents { incarnation: Incarnation(1), claims, ..contents() };
    let view = OutcomesView { owner: Some(rival(Incarnation(9))), ..OutcomesView::default() };
    let world = leased(journal.clone(), view.clone());
    assert_eq!(*world.engine.serving(), Serving::Ready);
    assert_eq!(world.view.owner.as_ref().map(|owner| owner.pod_uid.as_str()), Some("pod"));

    let mut world = World::start(Limits::default());
    world.view = view;
    let (engine, effects) = Engine::new(start(Limits::default(), journal, world.now));
    world.engine = engine;
    world.perform(effects);
    assert!(matches!(world.engine.serving(), Serving::FencedByRival(_)));
}

#[test]
fn what_another_slot_of_this_pod_issued_is_not_called_aborted_nor_never_issued() {
    let mut world = leased(contents(), OutcomesView::default());
    let incarnation = world.engine.status(world.now).incarnation;
    assert_eq!(u64::from(incarnation.0), NOW / 1_000, "by the clock");
    for theirs in [Incarnation(incarnation.0 - 100), incarnation] {
        let txn = TxnId::new(NOW - 1, theirs, 7);
        assert_eq!(refusal(&mut world, txn), Reason::OutcomeForgotten, "{theirs:?}");
    }
    let invented = TxnId::new(NOW, incarnation, 7);
    assert_eq!(refusal(&mut world, invented), Reason::NeverIssued);
}

#[test]
fn a_slot_is_settled_once_its_lanes_are_and_nothing_is_on_them() {
    let mut world = World::start(Limits { streaming_bytes: 0, ..Limits::default() });
    assert!(world.engine.is_settled());
    let txn = world.begin("a");
    world.produce(txn, 0);
    assert!(!world.engine.is_settled(), "records of it are in Kafka");
    world.commit(txn, 1);
    assert!(world.engine.is_settled());

    let starting = Engine::new(start(Limits::default(), contents(), 1_000)).0;
    assert!(!starting.is_settled(), "what a predecessor left is not known yet");
}
