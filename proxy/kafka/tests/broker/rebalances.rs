//! Partitions that come and go.

use crate::{
    member::{Member, SESSION, at, group, produce_some, subscribe},
    support::topic,
};
use sidecommit_core::{ConsumerEvent, ConsumerOp, GroupProtocol, Subscribe};
use std::{collections::BTreeSet, time::Duration};

/// Two members of a group of four partitions, of which the first was alone.
fn two(protocol: GroupProtocol, name: &str) -> (String, Member, Member) {
    two_after(protocol, name, |_, _| ())
}

/// As above; the first one does something before the second one joins.
fn two_after(
    protocol: GroupProtocol,
    name: &str,
    before: impl FnOnce(&Member, &str),
) -> (String, Member, Member) {
    let topic = topic(name, 4, &[]);
    let subscribe = Subscribe { protocol, ..subscribe(&group(), &topic) };
    let first = Member::join(subscribe.clone());
    assert_eq!(first.assigned_numbers(), [0, 1, 2, 3]);
    before(&first, &topic);
    let second = Member::join(subscribe);
    (topic, first, second)
}

/// The second member of a group gets what the first one lets go, and not before; what the first one keeps it reads on
/// without an assignment. (While it holds the others librdkafka fetches nothing.)
fn only_what_moves_is_given_up(protocol: GroupProtocol) {
    let (topic, first, second) = two(protocol, "moves");
    let (gone, lost) = first.revoking();
    assert_eq!((gone.len(), lost), (2, false), "{gone:?}");
    // Nobody has it, however long that takes.
    assert!(second.event_within(SESSION + Duration::from_secs(1)).is_none());
    let kept = (0..4).find(|partition| !gone.contains(partition)).expect("two are kept");
    for partition in [gone[0], kept] {
        produce_some(&topic, partition, 3);
    }
    first.order(ConsumerOp::LetGo);
    assert_eq!(first.read_records(&at(&topic, kept), 3).offsets(), [0, 1, 2]);
    assert_eq!(second.assigned_numbers(), gone);
    assert_eq!(second.read_records(&at(&topic, gone[0]), 3).offsets(), [0, 1, 2]);
    while let Some(event) = first.event_within(Duration::from_millis(500)) {
        let ConsumerEvent::Fetched { from, .. } = event else { panic!("{event:?}") };
        assert!(!gone.contains(&from.partition), "of what is gone nothing is reported: {from}");
    }
}

#[test]
fn cooperative_members_give_up_only_what_moves_and_only_when_they_let_it_go() {
    only_what_moves_is_given_up(GroupProtocol::ClassicCooperative);
}

#[test]
fn members_that_the_broker_assigns_give_up_only_what_moves_and_only_when_they_let_it_go() {
    only_what_moves_is_given_up(GroupProtocol::Consumer);
}

#[test]
fn eager_members_give_up_everything_and_only_when_they_let_it_go() {
    let (_, first, second) = two(GroupProtocol::ClassicEager, "eager");
    assert_eq!(first.revoking(), (vec![0, 1, 2, 3], false));
    assert!(second.event_within(SESSION + Duration::from_secs(1)).is_none());
    first.order(ConsumerOp::LetGo);
    let (ours, theirs) = (first.assigned_numbers(), second.assigned_numbers());
    assert_eq!((ours.len(), theirs.len()), (2, 2));
    assert_eq!(ours.into_iter().chain(theirs).collect::<BTreeSet<_>>(), (0..4).collect());
}

#[test]
fn who_closes_instead_of_letting_go_lets_go() {
    for protocol in [GroupProtocol::ClassicCooperative, GroupProtocol::ClassicEager, GroupProtocol::Consumer]
    {
        let (_, first, second) = two(protocol, "closes");
        first.revoking();
        first.order(ConsumerOp::Close);
        let mut assigned = BTreeSet::new();
        while assigned.len() < 4 {
            assigned.extend(second.assigned_numbers());
        }
    }
}

#[test]
fn a_partition_that_was_paused_when_it_went_is_read_when_it_comes_back() {
    for protocol in [GroupProtocol::ClassicCooperative, GroupProtocol::ClassicEager, GroupProtocol::Consumer]
    {
        let (topic, first, second) = two_after(protocol, "back", |first, topic| {
            for partition in 0..4 {
                first.order(ConsumerOp::Pause(at(topic, partition)));
            }
        });
        let (gone, _) = first.revoking();
        first.order(ConsumerOp::LetGo);
        let theirs = second.assigned_numbers();
        second.order(ConsumerOp::Close);
        if protocol == GroupProtocol::ClassicEager {
            // All of them went, and some come at once: to be let go again.
            first.assigned();
            first.revoking();
            first.order(ConsumerOp::LetGo);
        }
        let back = first.assigned_numbers();
        assert!(theirs.iter().all(|partition| back.contains(partition)), "{gone:?} {theirs:?} {back:?}");
        produce_some(&topic, theirs[0], 1);
        assert_eq!(first.read(&at(&topic, theirs[0]), |part| !part.records.is_empty()).offsets(), [0]);
    }
}

#[test]
fn a_static_member_that_closes_keeps_its_partitions_for_its_return() {
    for protocol in [GroupProtocol::ClassicCooperative, GroupProtocol::ClassicEager, GroupProtocol::Consumer]
    {
        let topic = topic("returns", 2, &[]);
        let other = Subscribe { protocol, ..subscribe(&group(), &topic) };
        let named = Subscribe { group_instance_id: Some("named".to_owned()), ..other.clone() };
        let first = Member::join(named.clone());
        assert_eq!(first.assigned_numbers(), [0, 1]);
        let second = Member::join(other);
        first.revoking();
        first.order(ConsumerOp::LetGo);
        let theirs = second.assigned_numbers();
        first.order(ConsumerOp::Close);
        while let Some(event) = second.event_within(Duration::from_secs(2)) {
            assert!(matches!(event, ConsumerEvent::Fetched { .. }), "{protocol:?}: {event:?}");
        }
        let returned = Member::join(named).assigned_numbers();
        assert_eq!((returned.len(), theirs.len()), (1, 1));
        assert_ne!(returned, theirs, "{protocol:?}");
    }
}
