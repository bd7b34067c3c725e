//! Sessions that are taken up again, and those that are begun anew in place of others.

use super::*;

fn fixed() -> Subscribe {
    Subscribe { group_instance_id: Some("i".into()), ..subscribe() }
}

#[test]
fn a_static_member_that_begins_anew_has_failed_and_its_old_session_ends_first() {
    let limits = Limits { sessions: 1, ..Limits::default() };
    let mut reader = Reader::of(World::start(limits), fixed(), 1);
    let delivery = reader.delivery();
    let txn = reader.hold(delivery.id);
    let old = reader.member;
    reader.world.stream(reader.stream, StreamEvent::Closed);
    let mut again = Reader::of(reader.world, fixed(), 1);
    let asked: Vec<_> = again.world.asked.iter().rev().take(2).collect();
    assert!(
        matches!(asked[..], [(new, ConsumerOp::Open(_)), (closed, ConsumerOp::Close)]
            if *closed == old && *new == again.member),
        "{asked:?}"
    );
    assert_eq!(attempts(&again.delivery()), [2]);
    assert_eq!(again.commit(txn).expect("answered").expect_err("is aborted").reason, Reason::SessionLost);
}

#[test]
fn of_two_that_live_under_one_instance_id_the_newer_one_stays() {
    let mut old = Reader::of(World::start(Limits::default()), fixed(), 1);
    old.delivery();
    let (mut world, stream) = (old.world, StreamId(old.stream));
    world.stream(7, StreamEvent::Subscribe(Box::new(fixed())));
    let refused = world.told.iter().find(|(told, _)| *told == stream).expect("is told");
    assert!(matches!(&refused.1, Err(refusal) if refusal.reason == Reason::MemberFenced), "{refused:?}");
    assert_eq!(world.engine.sessions().len(), 1);
    // Other groups, and other instances, are others.
    for other in [
        Subscribe { group_id: "other".into(), ..fixed() },
        Subscribe { group_instance_id: Some("j".into()), ..subscribe() },
        subscribe(),
    ] {
        let before = world.engine.sessions().len();
        world.stream(100 + before as u64, StreamEvent::Subscribe(Box::new(other)));
        assert_eq!(world.engine.sessions().len(), before + 1);
    }
}

#[test]
fn a_stream_that_comes_back_is_told_again_that_there_is_nothing() {
    let mut reader = Reader::start(0);
    assert_eq!(reader.told().last(), Some(&Ok(StreamItem::Idle)));
    reader.world.stream(reader.stream, StreamEvent::Closed);
    let resumed = Subscribe { session: Some(reader.session), ..subscribe() };
    reader.world.stream(2, StreamEvent::Subscribe(Box::new(resumed)));
    let told = reader.told();
    assert!(matches!(
        told[..],
        [Ok(StreamItem::Started { resumed: true, .. }), Ok(StreamItem::Assigned(_)), ..]
    ));
    assert_eq!(told[2..], [Ok(StreamItem::Idle)]);
}

#[test]
fn sessions_share_what_may_be_read_ahead() {
    let limits = Limits { read_ahead_bytes: 2_000, read_ahead_total_bytes: 2_000, ..Limits::default() };
    let one = Subscribe { max_records: 1, ..subscribe() };
    // So many that they are more than a half and less than the whole.
    let records = 1_500 / consumed(0).bytes() as i64;
    let mut first = Reader::of(World::start(limits), one, records);
    let paused = |reader: &Reader| {
        let asked = reader.world.asked.iter().rev().filter(|(member, _)| *member == reader.member);
        asked.map(|(_, op)| op).find_map(|op| match op {
            ConsumerOp::Pause(_) => Some(true),
            ConsumerOp::Resume(_) => Some(false),
            _ => None,
        })
    };
    let delivery = first.delivery();
    assert_eq!(paused(&first), None);
    let other = Subscribe { group_id: "other".into(), ..subscribe() };
    first.world.stream(9, StreamEvent::Subscribe(Box::new(other)));
    first.told();
    first.process(delivery.id);
    assert_eq!(paused(&first), Some(true), "half of it is another's");
}

#[test]
fn lanes_must_not_outlive_the_members_whose_offsets_they_carry() {
    for (lane_timeout, protocol, taken) in [
        (44_999, GroupProtocol::ClassicCooperative, true),
        (45_000, GroupProtocol::ClassicCooperative, false),
        (45_000, GroupProtocol::ClassicEager, false),
        (45_000, GroupProtocol::Consumer, true),
    ] {
        let limits = Limits { lane_timeout, session_timeout: 45_000, ..Limits::default() };
        let mut world = World::start(limits);
        world.stream(1, StreamEvent::Subscribe(Box::new(Subscribe { protocol, ..subscribe() })));
        match &world.told[..] {
            [(_, Ok(StreamItem::Started { .. }))] => assert!(taken, "{lane_timeout} {protocol:?}"),
            [(_, Err(refusal))] => {
                assert!(!taken && world.asked.is_empty(), "{lane_timeout} {protocol:?}");
                assert_eq!(refusal.reason, Reason::InvalidField);
                assert_eq!(refusal.field.as_deref(), Some("limits.lane_timeout"));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_member_that_leaves_is_not_asked_for_offsets_before() {
    let mut reader = Reader::start(1);
    let delivery = reader.delivery();
    reader.hold(delivery.id);
    reader.world.rewinds_hang = true;
    reader.world.stream(reader.stream, StreamEvent::Closed);
    let before = reader.world.asked.len();
    reader.world.pass(Limits::default().session_grace);
    let asked = &reader.world.asked[before..];
    assert!(matches!(asked, [(member, ConsumerOp::Close)] if *member == reader.member), "{asked:?}");
}
