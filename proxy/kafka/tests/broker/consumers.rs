//! What members of groups read, and how they end.

use crate::{
    member::{MEMBER, Member, SESSION, at, group, produce, produce_some, subscribe},
    support::{Rig, cluster, kafka, offsets, record, send, topic},
};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use sidecommit_core::{
    ConsumerEvent, ConsumerOp, GroupProtocol, LaneErrorKind, LaneOp, Reason, Record, Reset, RetryTopic,
    Subscribe, Topics,
};
use sidecommit_kafka::{ClientSettings, Properties};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

const PROTOCOLS: [GroupProtocol; 3] =
    [GroupProtocol::ClassicCooperative, GroupProtocol::ClassicEager, GroupProtocol::Consumer];

/// Commits an offset for a group without members.
fn commit(rig: &Rig, group: &str, topic: &str, offset: i64) {
    rig.open(1);
    rig.order(1, LaneOp::Begin);
    rig.order(1, LaneOp::Offsets(offsets(group, -1, topic, offset)));
    rig.flushed(1);
    rig.ended(1, true);
}

#[test]
fn a_group_is_read_from_its_offsets_and_without_one_from_the_beginning() {
    let (topic, rig) = (topic("from", 2, &[]), Rig::new("from"));
    produce_some(&topic, 0, 10);
    produce_some(&topic, 1, 3);
    for protocol in PROTOCOLS {
        let group = group();
        commit(&rig, &group, &topic, 4);
        let member = Member::join(Subscribe { protocol, ..subscribe(&group, &topic) });
        assert_eq!(member.assigned_numbers(), [0, 1]);
        let (first, second) = (at(&topic, 0), at(&topic, 1));
        let mut read = (Vec::new(), Vec::new());
        while read.0.len() < 6 || read.1.len() < 3 {
            let ConsumerEvent::Fetched { from, epoch, records, position, .. } = member.event() else {
                continue;
            };
            assert_eq!(epoch, 0);
            if let Some(last) = records.last() {
                assert!(position > last.offset);
            }
            let offsets = records.iter().map(|record| record.offset);
            if from == first {
                read.0.extend(offsets)
            } else {
                read.1.extend(offsets)
            }
            assert!(from == first || from == second);
        }
        assert_eq!(read, ((4..10).collect(), (0..3).collect()), "{protocol:?}");
    }
}

#[test]
fn a_record_is_read_byte_for_byte_with_its_topic_s_id() {
    let (topic, rig) = (topic("whole", 1, &[]), Rig::new("whole"));
    let header = |name: &str, value: Option<&'static [u8]>| (name.into(), value.map(Into::into));
    let whole = Record {
        key: Some(vec![0, 159].into()),
        headers: vec![header("again", Some(b"\0\xff")), header("", Some(b"")), header("again", None)],
        timestamp_ms: 77,
        ..record(&topic, "value")
    };
    let empty = Record { key: Some(Vec::new().into()), value: None, ..record(&topic, "") };
    rig.open(1);
    rig.order(1, LaneOp::Begin);
    rig.order(1, send(0, vec![whole.clone(), empty.clone()]));
    rig.flushed(1);
    rig.ended(1, true);
    let member = Member::join(subscribe(&group(), &topic));
    let assigned = member.assigned().remove(0);
    assert_eq!(assigned.topic_id.len(), 22, "{}", assigned.topic_id);
    let read = member.read_records(&at(&topic, 0), 2).records;
    for (read, written) in read.iter().zip([whole, empty]) {
        assert_eq!(read.timestamp_ms, written.timestamp_ms);
        assert_eq!((&read.key, &read.value), (&written.key, &written.value));
        assert_eq!(read.headers, written.headers);
    }
}

#[test]
fn aborted_records_are_skipped_and_the_position_is_past_them() {
    let (topic, rig) = (topic("skipped", 1, &[]), Rig::new("skipped"));
    rig.open(1);
    for (value, commit) in [("a", true), ("b", false), ("c", true), ("d", false)] {
        rig.order(1, LaneOp::Begin);
        rig.order(1, send(0, vec![record(&topic, value)]));
        rig.flushed(1);
        rig.ended(1, commit);
    }
    let member = Member::join(subscribe(&group(), &topic));
    member.assigned();
    let part = member.read_to_end(&at(&topic, 0));
    assert_eq!(part.values(), ["a", "c"]);
    // Four records and four markers.
    assert_eq!((part.position, part.end), (8, Some(8)));
}

#[test]
fn pausing_again_and_again_loses_and_repeats_nothing() {
    const COUNT: usize = 20_000;
    let topic = topic("paused", 1, &[]);
    produce(&topic, 0, (0..COUNT).map(|number| format!("{number}{}", "x".repeat(500))));
    let settings =
        ClientSettings { bootstrap_servers: kafka().bootstrap(), properties: Properties::default() };
    let member = Member::join_with(settings, 64 << 10, subscribe(&group(), &topic));
    member.assigned();
    let partition = at(&topic, 0);
    let mut offsets = Vec::new();
    let mut pauses = 0;
    while offsets.len() < COUNT {
        let ConsumerEvent::Fetched { records, position, .. } = member.event() else { panic!("only records") };
        offsets.extend(records.iter().map(|record| record.offset));
        assert_eq!(position, i64::try_from(offsets.len()).expect("in range"));
        member.order(ConsumerOp::Pause(partition.clone()));
        pauses += 1;
        // Now and then long enough for fetches under way to come in.
        if pauses % 4 == 0 {
            while let Some(event) = member.event_within(Duration::from_millis(30)) {
                let ConsumerEvent::Fetched { records, .. } = event else { panic!("only records") };
                offsets.extend(records.iter().map(|record| record.offset));
            }
        }
        member.order(ConsumerOp::Resume(partition.clone()));
    }
    assert!(pauses > 20, "{pauses}");
    assert!(offsets.iter().copied().eq(0..offsets.len().try_into().expect("in range")));
}

#[test]
fn what_is_paused_stays_paused() {
    let topic = topic("still", 1, &[]);
    let member = Member::join(subscribe(&group(), &topic));
    member.assigned();
    assert_eq!(member.read_to_end(&at(&topic, 0)).position, 0);
    member.order(ConsumerOp::Pause(at(&topic, 0)));
    produce_some(&topic, 0, 3);
    assert!(member.event_within(Duration::from_secs(1)).is_none());
    member.order(ConsumerOp::Resume(at(&topic, 0)));
    assert_eq!(member.read_records(&at(&topic, 0), 3).offsets(), [0, 1, 2]);
}

#[test]
fn a_resume_takes_effect_at_once() {
    const ROUNDS: usize = 9;
    let topic = topic("prompt", 1, &[]);
    let partition = at(&topic, 0);
    produce_some(&topic, 0, 1);
    let member = Member::join(subscribe(&group(), &topic));
    member.assigned();
    member.read_to_end(&partition);
    let mut took = Vec::new();
    for _ in 0..ROUNDS {
        member.order(ConsumerOp::Pause(partition.clone()));
        // No fetch is under way any more.
        while member.event_within(Duration::from_millis(200)).is_some() {}
        produce_some(&topic, 0, 1);
        let resumed = Instant::now();
        member.order(ConsumerOp::Resume(partition.clone()));
        member.read_records(&partition, 1);
        took.push(resumed.elapsed());
    }
    took.sort_unstable();
    // librdkafka alone takes half a second on average.
    assert!(took[ROUNDS / 2] < Duration::from_millis(250), "{took:?}");
}

#[test]
fn a_pattern_means_whole_names_and_retry_topics_are_read_too() {
    let (wanted, other) = (topic("pattern", 1, &[]), topic("retry", 1, &[]));
    let longer = format!("{wanted}-more");
    kafka().create_topic(&longer, 1, &[]).expect("topic");
    for protocol in PROTOCOLS {
        let mut subscribe = Subscribe {
            topics: Topics::Pattern(wanted.replace("pattern", "p.*tern")),
            protocol,
            ..subscribe(&group(), "")
        };
        subscribe.retry.topics = vec![RetryTopic { topic: other.as_str().into(), delay: 1 }];
        let member = Member::join(subscribe);
        let mut assigned = BTreeSet::new();
        while assigned.len() < 2 {
            assigned
                .extend(member.assigned().into_iter().map(|assigned| assigned.partition.topic.to_string()));
        }
        assert_eq!(assigned, [wanted.clone(), other.clone()].into(), "{protocol:?}");
    }
}

#[test]
fn a_group_without_an_offset_that_may_not_be_reset_is_told_so() {
    let topic = topic("none", 1, &[]);
    let member = Member::join(Subscribe { reset: Reset::None, ..subscribe(&group(), &topic) });
    member.assigned();
    assert_eq!(member.failed(), Reason::OffsetMissing);
    assert!(member.event_within(Duration::from_secs(1)).is_none(), "told once");
}

#[test]
fn retry_topics_are_read_from_the_beginning_whatever_the_policy() {
    let (main, retry, rig) = (topic("main", 1, &[]), topic("retries", 1, &[]), Rig::new("retries"));
    produce_some(&main, 0, 3);
    produce_some(&retry, 0, 2);
    for protocol in PROTOCOLS {
        for reset in [Reset::Latest, Reset::None] {
            let group = group();
            if reset == Reset::None {
                commit(&rig, &group, &main, 3);
            }
            let mut subscribe = Subscribe { protocol, reset, ..subscribe(&group, &main) };
            subscribe.retry.topics = vec![RetryTopic { topic: retry.as_str().into(), delay: 1 }];
            let member = Member::join(subscribe);
            let mut assigned = 0;
            while assigned < 2 {
                assigned += member.assigned().len();
            }
            let from = at(&retry, 0);
            assert_eq!(member.read_records(&from, 2).offsets(), [0, 1], "{protocol:?} {reset:?}");
            member.order(ConsumerOp::Rewind { from: from.clone(), epoch: 1 });
            assert_eq!(member.rewound(&from, 1), 0);
            assert_eq!(member.read_records(&from, 2).offsets(), [0, 1], "{protocol:?} {reset:?}");
        }
    }
}

#[test]
fn a_static_member_is_fenced_by_another_one_with_its_name() {
    let topic = topic("static", 1, &[]);
    for protocol in [GroupProtocol::ClassicCooperative, GroupProtocol::ClassicEager] {
        let subscribe =
            Subscribe { group_instance_id: Some("one".to_owned()), protocol, ..subscribe(&group(), &topic) };
        let first = Member::join(subscribe.clone());
        first.assigned();
        let second = Member::join(subscribe);
        assert_eq!(second.assigned_numbers(), [0]);
        assert_eq!(first.failed(), Reason::MemberFenced, "{protocol:?}");
    }
}

/// KIP-848: who is there keeps its name. A pod that was killed is there until its session is over.
#[test]
fn a_static_member_waits_until_its_name_is_free_where_the_broker_fences_nobody() {
    let topic = topic("name", 1, &[]);
    let subscribe = Subscribe {
        group_instance_id: Some("one".to_owned()),
        protocol: GroupProtocol::Consumer,
        ..subscribe(&group(), &topic)
    };
    let first = Member::join(subscribe.clone());
    first.assigned();
    let second = Member::join(subscribe.clone());
    assert!(second.event_within(Duration::from_secs(5)).is_none(), "it neither fails nor takes over");
    assert!(!matches!(first.event_within(Duration::ZERO), Some(ConsumerEvent::Failed { .. })));
    let third = Member::join(subscribe);
    third.order(ConsumerOp::Close);
    assert!(third.consumers.await_leaving(SESSION), "who waits can be closed");
    first.order(ConsumerOp::Close);
    assert_eq!(second.assigned_numbers(), [0]);
}

#[test]
fn a_member_whose_engine_is_slow_stays_in_its_group() {
    let topic = topic("slow", 1, &[]);
    produce_some(&topic, 0, 5);
    // Whoever does not poll for that long is out, and whoever does not send heartbeats.
    let limit = SESSION.as_millis().to_string();
    let properties = [("session.timeout.ms", limit.as_str()), ("max.poll.interval.ms", limit.as_str())];
    let properties = Properties::new(properties).expect("valid");
    let settings = ClientSettings { bootstrap_servers: kafka().bootstrap(), properties };
    let member = Member::join_with(settings, 1 << 20, subscribe(&group(), &topic));
    member.assigned();
    member.read_to_end(&at(&topic, 0));
    member.order(ConsumerOp::Pause(at(&topic, 0)));
    assert!(member.event_within(SESSION + Duration::from_secs(3)).is_none(), "no rebalance");
    let rig = lanes_of(&member, "slow");
    rig.open(1);
    assert_eq!(send_offset(&rig, 1, &offsets_of_member("", &topic, 5)), None);
}

#[test]
fn offsets_are_sent_with_the_member_s_own_metadata_until_it_leaves() {
    let (topic, other) = (topic("own", 1, &[]), topic("other", 1, &[]));
    produce_some(&topic, 0, 5);
    for protocol in PROTOCOLS {
        let group = group();
        let member = Member::join(Subscribe { protocol, ..subscribe(&group, &topic) });
        let rig = lanes_of(&member, "own");
        member.assigned();
        rig.open(1);
        let own = offsets_of_member(&group, &topic, 3);
        assert_eq!(send_offset(&rig, 1, &own), None, "{protocol:?}");
        assert_eq!(committed_offset(&group, &topic), 3);
        // What is not its own it does not vouch for.
        let foreign = offsets_of_member(&group, &other, 1);
        assert_eq!(send_offset(&rig, 1, &foreign), Some(LaneErrorKind::Generation));
        member.order(ConsumerOp::Close);
        rig.open(2);
        assert_eq!(send_offset(&rig, 2, &own), Some(LaneErrorKind::Generation), "{protocol:?}");
    }
}

#[test]
fn who_closes_leaves_at_once_and_says_nothing_more() {
    let topic = topic("leaves", 1, &[]);
    let group = group();
    let first = Member::join(subscribe(&group, &topic));
    first.assigned();
    let second = Member::join(subscribe(&group, &topic));
    first.order(ConsumerOp::Close);
    let started = Instant::now();
    assert_eq!(second.assigned_numbers(), [0]);
    assert!(started.elapsed() < SESSION, "waited for its session to end");
    assert!(!matches!(first.event_within(Duration::ZERO), Some(ConsumerEvent::Failed { .. })));
}

#[test]
fn topics_that_are_made_again_have_other_ids() {
    let topic = topic("again", 1, &[]);
    let id = |topic: &str| Member::join(subscribe(&group(), topic)).assigned().remove(0).topic_id;
    let old = id(&topic);
    assert_eq!(id(&topic), old);
    kafka().delete_topic(&topic).expect("deleted");
    while cluster().shape(&topic).is_ok() {
        std::thread::yield_now();
    }
    kafka().create_topic(&topic, 1, &[]).expect("made again");
    assert_ne!(id(&topic), old);
}

#[test]
fn whoever_reads_a_topic_that_is_deleted_is_told() {
    for protocol in PROTOCOLS {
        let (gone, kept) = (topic("gone", 1, &[]), topic("kept", 1, &[]));
        let topics = Topics::Named(vec![kept.as_str().into(), gone.as_str().into()]);
        let member = Member::join(Subscribe { topics, protocol, ..subscribe(&group(), &gone) });
        let mut assigned = 0;
        while assigned < 2 {
            assigned += member.assigned().len();
        }
        kafka().delete_topic(&gone).expect("deleted");
        let (reason, message) = member.end_letting_go();
        assert_eq!(reason, Reason::UnknownTopic, "{protocol:?}: {message}");
        assert!(message.contains(&gone), "{message}");
    }
}

/// Its offsets mean something else, and librdkafka says nothing.
#[test]
fn whoever_reads_a_topic_that_is_made_again_at_once_begins_again() {
    for protocol in PROTOCOLS {
        let topic = topic("remade", 1, &[]);
        let properties = Properties::new([("topic.metadata.refresh.interval.ms", "500")]).expect("valid");
        let settings = ClientSettings { bootstrap_servers: kafka().bootstrap(), properties };
        let subscribe = Subscribe { protocol, ..subscribe(&group(), &topic) };
        let member = Member::join_with(settings, 1 << 20, subscribe);
        let old = member.assigned().remove(0).topic_id;
        kafka().delete_topic(&topic).expect("deleted");
        while cluster().shape(&topic).is_ok() {
            std::thread::yield_now();
        }
        kafka().create_topic(&topic, 1, &[]).expect("made again");
        // It has lost the old one before, or is told.
        let new = loop {
            match member.change() {
                ConsumerEvent::Revoking { .. } => member.order(ConsumerOp::LetGo),
                ConsumerEvent::Assigned(mut assigned) => break Some(assigned.remove(0).topic_id),
                ConsumerEvent::Failed { reason, message } => {
                    assert_eq!(reason, Reason::KafkaFailed, "{message}");
                    break None;
                }
                other => panic!("{other:?}"),
            }
        };
        assert_ne!(new, Some(old), "{protocol:?}");
    }
}

fn lanes_of(member: &Member, name: &str) -> Rig {
    let Rig { slot, place, .. } = Rig::new(name);
    Rig::of(slot, place, |settings| settings.consumers = Some(member.consumers.clone()))
}

fn offsets_of_member(group: &str, topic: &str, offset: i64) -> sidecommit_core::GroupOffsets {
    let mut offsets = offsets(group, -1, topic, offset);
    offsets.group.consumer = Some(MEMBER);
    offsets
}

/// Commits an offset; None if it succeeds.
fn send_offset(rig: &Rig, generation: u32, offsets: &sidecommit_core::GroupOffsets) -> Option<LaneErrorKind> {
    rig.order(generation, LaneOp::Begin);
    rig.order(generation, LaneOp::Offsets(offsets.clone()));
    rig.order(generation, LaneOp::Flush);
    match rig.event(generation) {
        sidecommit_core::LaneEvent::Flushed(_) => {
            rig.ended(generation, true);
            None
        }
        sidecommit_core::LaneEvent::Failed(error) => Some(error.kind),
        other => panic!("{other:?}"),
    }
}

/// What a group has committed of partition 0.
fn committed_offset(group: &str, topic: &str) -> i64 {
    let reader: BaseConsumer = kafka().client().set("group.id", group).create().expect("consumer");
    let mut partitions = rdkafka::TopicPartitionList::new();
    partitions.add_partition(topic, 0);
    let committed = reader.committed_offsets(partitions, crate::support::PATIENCE).expect("committed");
    committed.elements()[0].offset().to_raw().expect("an offset")
}
