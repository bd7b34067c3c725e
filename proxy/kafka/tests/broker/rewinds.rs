//! The way back to a group's offset.

use crate::{
    member::{MEMBER, Member, at, group, produce_some, subscribe},
    support::{Rig, offsets, topic},
};
use sidecommit_core::{ConsumerOp, GroupOffsets, GroupProtocol, LaneOp, Reset, Subscribe};
use std::time::Duration;

fn of_member(group: &str, topic: &str, offset: i64) -> LaneOp {
    let mut offsets: GroupOffsets = offsets(group, -1, topic, offset);
    offsets.group.consumer = Some(MEMBER);
    LaneOp::Offsets(offsets)
}

/// Commits an offset for a group without members.
fn commit(group: &str, topic: &str, offset: i64) {
    let rig = Rig::new("commit");
    rig.open(1);
    rig.order(1, LaneOp::Begin);
    rig.order(1, LaneOp::Offsets(offsets(group, -1, topic, offset)));
    rig.flushed(1);
    rig.ended(1, true);
}

#[test]
fn a_rewind_waits_until_the_group_s_offset_is_decided_and_goes_on_from_there() {
    for protocol in [GroupProtocol::ClassicCooperative, GroupProtocol::ClassicEager, GroupProtocol::Consumer]
    {
        waits_until_it_is_decided(protocol);
    }
}

fn waits_until_it_is_decided(protocol: GroupProtocol) {
    let (topic, group) = (topic("rewound", 1, &[]), group());
    let from = at(&topic, 0);
    produce_some(&topic, 0, 10);
    let member = Member::join(Subscribe { protocol, ..subscribe(&group, &topic) });
    let Rig { slot, place, .. } = Rig::new("rewound");
    let rig = Rig::of(slot, place, |settings| settings.consumers = Some(member.consumers.clone()));
    member.assigned();
    member.read_to_end(&from);
    rig.open(1);
    for (epoch, offset, commit, expected) in
        [(1, 5, true, 5), (2, 8, false, 5), (3, 10, true, 10), (4, 1, true, 1)]
    {
        rig.order(1, LaneOp::Begin);
        rig.order(1, of_member(&group, &topic, offset));
        rig.flushed(1);
        member.order(ConsumerOp::Rewind { from: from.clone(), epoch });
        assert!(member.event_within(Duration::from_millis(700)).is_none(), "it is not decided");
        rig.ended(1, commit);
        assert_eq!(member.rewound(&from, epoch), expected, "{epoch}");
        let part = member.read_to_end(&from);
        assert_eq!((part.epoch, part.position), (epoch, 10));
        assert_eq!(part.offsets(), (expected..10).collect::<Vec<_>>());
    }
}

#[test]
fn a_rewind_in_the_middle_of_everything_repeats_from_the_offset_on() {
    const COUNT: usize = 5000;
    let (topic, group) = (topic("middle", 1, &[]), group());
    let from = at(&topic, 0);
    produce_some(&topic, 0, COUNT);
    let member = Member::join(subscribe(&group, &topic));
    member.assigned();
    for epoch in 1..20 {
        if epoch % 2 == 0 {
            member.order(ConsumerOp::Pause(from.clone()));
        }
        member.order(ConsumerOp::Rewind { from: from.clone(), epoch });
        assert_eq!(member.rewound(&from, epoch), 0);
        member.order(ConsumerOp::Resume(from.clone()));
        let part = member.read_records(&from, 1);
        assert_eq!((part.epoch, part.records[0].offset), (epoch, 0));
    }
    let part = member.read_to_end(&from);
    assert_eq!(part.position, i64::try_from(COUNT).expect("in range"));
}

#[test]
fn a_rewound_partition_that_is_paused_stays_so() {
    let (topic, group) = (topic("both", 1, &[]), group());
    let from = at(&topic, 0);
    produce_some(&topic, 0, 3);
    commit(&group, &topic, 1);
    let member = Member::join(subscribe(&group, &topic));
    member.assigned();
    member.read_to_end(&from);
    member.order(ConsumerOp::Pause(from.clone()));
    member.order(ConsumerOp::Rewind { from: from.clone(), epoch: 1 });
    assert_eq!(member.rewound(&from, 1), 1);
    assert!(member.event_within(Duration::from_secs(1)).is_none());
    member.order(ConsumerOp::Resume(from.clone()));
    assert_eq!(member.read_to_end(&from).offsets(), [1, 2]);
}

#[test]
fn a_group_that_began_at_the_end_is_rewound_to_where_the_end_was() {
    let topic = topic("latest", 1, &[]);
    let from = at(&topic, 0);
    produce_some(&topic, 0, 4);
    let member = Member::join(Subscribe { reset: Reset::Latest, ..subscribe(&group(), &topic) });
    member.assigned();
    assert_eq!(member.read_to_end(&from).position, 4);
    produce_some(&topic, 0, 2);
    assert_eq!(member.read_records(&from, 2).offsets(), [4, 5]);
    member.order(ConsumerOp::Rewind { from: from.clone(), epoch: 1 });
    assert_eq!(member.rewound(&from, 1), 4);
    assert_eq!(member.read_records(&from, 2).offsets(), [4, 5]);
}

#[test]
fn what_comes_after_a_group_began_at_the_end_is_read_by_whoever_is_next() {
    for (protocol, before) in [
        (GroupProtocol::ClassicCooperative, 4),
        (GroupProtocol::ClassicEager, 0),
        (GroupProtocol::Consumer, 4),
    ] {
        let (topic, group) = (topic("heir", 1, &[]), group());
        produce_some(&topic, 0, before);
        let subscribe = Subscribe { reset: Reset::Latest, protocol, ..subscribe(&group, &topic) };
        let first = Member::join(subscribe.clone());
        first.assigned();
        produce_some(&topic, 0, 2);
        first.order(ConsumerOp::Close);
        let second = Member::join(subscribe);
        second.assigned();
        let (begun, read) = (before as i64, second.read_records(&at(&topic, 0), 2));
        assert_eq!(read.offsets(), [begun, begun + 1], "{protocol:?}");
    }
}

#[test]
fn a_group_that_would_begin_at_the_end_goes_on_from_its_offset_and_waits_for_none() {
    let (topic, group, rig) = (topic("known", 1, &[]), group(), Rig::new("known"));
    let from = at(&topic, 0);
    produce_some(&topic, 0, 4);
    let subscribe = Subscribe { reset: Reset::Latest, ..subscribe(&group, &topic) };
    rig.open(1);
    rig.order(1, LaneOp::Begin);
    rig.order(1, LaneOp::Offsets(offsets(&group, -1, &topic, 1)));
    rig.flushed(1);
    // While it is not decided where its partition is to be read from, a member stays one that its group can rely on.
    let member = Member::join(subscribe.clone());
    member.assigned();
    rig.ended(1, true);
    assert_eq!(member.read_records(&from, 3).offsets(), [1, 2, 3]);
    member.order(ConsumerOp::Close);
    let next = Member::join(subscribe);
    next.assigned();
    assert_eq!(next.read_records(&from, 3).offsets(), [1, 2, 3]);
}

#[test]
fn a_group_that_may_not_be_reset_is_rewound_to_its_offset() {
    let (topic, group) = (topic("policy", 1, &[]), group());
    let from = at(&topic, 0);
    produce_some(&topic, 0, 4);
    commit(&group, &topic, 2);
    let member = Member::join(Subscribe { reset: Reset::None, ..subscribe(&group, &topic) });
    member.assigned();
    assert_eq!(member.read_to_end(&from).offsets(), [2, 3]);
    member.order(ConsumerOp::Rewind { from: from.clone(), epoch: 1 });
    assert_eq!(member.rewound(&from, 1), 2);
    assert_eq!(member.read_to_end(&from).offsets(), [2, 3]);
}
