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

/// A transaction with a key that this pod prepared under another slot.
fn former(key: &IdempotencyKey) -> ForeignGroup {
    let member = TxnSummary {
        txn: TxnId::new(NOW - 50, Incarnation(3), 1),
        request_id: String::new(),
        key: Some(key.clone()),
        fingerprint: Fingerprint::default(),
        label: String::new(),
        outcome: TxnOutcome::Committed(Vec::new()),
        ended: NOW - 40,
        record_count: 1,
        offsets_count: 0,
    };
    let group = GroupUuid([3; 16]);
    let group = PreparedGroup { lane: LaneIndex(2), seq: 9, group, marker: None, members: vec![member] };
    ForeignGroup { slot: "p/n/w/5".parse().expect("valid"), journal: JournalId([9; 16]), group }
}

#[test]
fn what_a_former_slot_left_in_doubt_is_pending_until_it_is_decided_and_told_then() {
    let key = IdempotencyKey { text: "k".into(), hash: KeyHash([7; 16]) };
    let look = |world: &mut World, by| match world.call(Request::Get(Get { by, wait: false })) {
        Some(Ok(Answer::Transaction(view))) => view.state,
        other => panic!("{other:?}"),
    };
    for (verdict, expected) in
        [(Verdict::Committed, table::TxnState::Committed), (Verdict::Aborted, table::TxnState::Aborted)]
    {
        let foreign = former(&key);
        let txn = foreign.group.members[0].txn;
        let journal = JournalContents { foreign: vec![foreign.clone()], ..contents() };
        let mut world = leased(journal, OutcomesView::default());
        assert_eq!(*world.engine.serving(), Serving::Ready, "it is waited for by nobody");
        let by_key = look(&mut world, Lookup::Key(key.clone()));
        assert_eq!(by_key, table::TxnState::InDoubt, "its key is in use");
        assert!(world.commit(txn, 1).is_none(), "waits");
        world.input(Input::Former { group: Box::new(foreign.group.clone()), verdict });
        assert_eq!(look(&mut world, Lookup::Id(txn)), expected);
        assert!(world.engine.is_settled(), "it was on no lane of this slot");

        // The next life knows the outcome, and is not in doubt again.
        let finished = world.journal.iter().filter_map(|entry| match entry {
            JournalEntry::Finished(summary) => Some(summary.clone()),
            _ => None,
        });
        let finished = finished.collect();
        let journal = JournalContents { foreign: vec![foreign], finished, ..contents() };
        let mut next = leased(journal, OutcomesView::default());
        assert_eq!(look(&mut next, Lookup::Id(txn)), expected);
    }
}

#[test]
fn what_was_dropped_under_another_slot_stays_forgotten() {
    // The ring had dropped what ended before this when the pod got this slot, whose markers tell nothing of the former one.
    let dropped = NOW - 10;
    let journal = JournalContents { horizon: dropped, ..contents() };
    let mut view = OutcomesView { owner: Some(rival(Incarnation(9))), ..OutcomesView::default() };
    // This slot's own markers are whole since ever.
    view.births.insert((LaneIndex(0), rival(Incarnation(9)).journal), Birth { time: 2_000, horizon: 0 });
    let mut world = leased(journal, view);
    assert_eq!(*world.engine.serving(), Serving::Ready);
    let mut attempt = |first| {
        let Request::Transact(transact) = crate::transact("k", "v", None) else { panic!("is one") };
        world.call(Request::Transact(Transact { first_attempt: Some(first), ..transact })).expect("answered")
    };
    let refusal = attempt(dropped - 1).expect_err("may have been committed under the former slot");
    assert_eq!(refusal.reason, Reason::OutcomeForgotten, "{refusal}");
    attempt(NOW - 5).expect("nobody dropped anything since");
}
