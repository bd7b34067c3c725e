//! The way back to a group's offset.

use crate::{
    member::{MEMBER, Member, at, group, produce_some, subscribe},
    support::{Rig, offsets, topic},
};
use sidecommit_core::{ConsumerOp, GroupOffsets, GroupProtocol, LaneOp, Reason, Reset, Subscribe};
use std::time::Duration;

fn of_member(group: &str, topic: &str, offset: i64) -> LaneOp {
    let mut offsets: GroupOffsets = offsets(group, -1, topic, offset);
    offsets.group.consumer = Some(MEMBER);
    LaneOp::Offsets(offsets)
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
    let topic = topic("both", 1, &[]);
    let from = at(&topic, 0);
    produce_some(&topic, 0, 3);
    let member = Member::join(subscribe(&group(), &topic));
    member.assigned();
    member.read_to_end(&from);
    member.order(ConsumerOp::Pause(from.clone()));
    member.order(ConsumerOp::Rewind { from: from.clone(), epoch: 1 });
    assert_eq!(member.rewound(&from, 1), 0);
    assert!(member.event_within(Duration::from_secs(1)).is_none());
    member.order(ConsumerOp::Resume(from.clone()));
    assert_eq!(member.read_to_end(&from).offsets(), [0, 1, 2]);
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
fn a_rewind_of_a_group_whose_offset_is_gone_follows_its_policy() {
    let topic = topic("gone", 1, &[]);
    let (group, rig) = (group(), Rig::new("gone"));
    let from = at(&topic, 0);
    produce_some(&topic, 0, 4);
    rig.open(1);
    rig.order(1, LaneOp::Begin);
    rig.order(1, LaneOp::Offsets(offsets(&group, -1, &topic, 2)));
    rig.flushed(1);
    rig.ended(1, true);
    let member = Member::join(Subscribe { reset: Reset::None, ..subscribe(&group, &topic) });
    member.assigned();
    assert_eq!(member.read_to_end(&from).offsets(), [2, 3]);
    member.order(ConsumerOp::Rewind { from: from.clone(), epoch: 1 });
    assert_eq!(member.rewound(&from, 1), 2);
    assert_eq!(member.read_to_end(&from).offsets(), [2, 3]);
    // The broker deletes no offsets of a topic that is subscribed to: so another group, which never had any.
    let other = Member::join(Subscribe { reset: Reset::None, ..subscribe(&format!("{group}-2"), &topic) });
    assert!(matches!(other.event(), sidecommit_core::ConsumerEvent::Assigned(_)));
    assert_eq!(other.failed(), Reason::OffsetMissing);
}
