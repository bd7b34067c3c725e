use crate::support::{
    Rig, committed, foreign_transaction, kafka, marker, now_ms, offsets, record, send, suspects, topic,
    unique,
};
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
};
use sidecommit_core::{
    Coordinate, Flushed, LaneErrorKind, LaneEvent, LaneOp, MemberReport, PartitionRange, Record,
};
use sidecommit_kafka::OutcomesPlace;
use std::time::Duration;

#[test]
fn what_is_committed_is_visible_and_what_is_aborted_is_not() {
    let (rig, topic) = (Rig::new("visible"), topic("visible", 1, &[]));
    rig.open(1);
    rig.order(1, LaneOp::Begin);
    rig.order(1, send(0, vec![record(&topic, "committed")]));
    rig.flushed(1);
    assert!(rig.ended(1, true).clean);
    rig.order(1, LaneOp::Begin);
    rig.order(1, send(0, vec![record(&topic, "aborted")]));
    rig.flushed(1);
    assert!(rig.ended(1, false).clean);
    assert_eq!(committed(&topic), ["committed"]);
}

#[test]
fn a_record_survives_byte_for_byte() {
    let (rig, topic) = (Rig::new("bytes"), topic("bytes", 3, &[]));
    let header = |name: &str, value: Option<&'static [u8]>| (name.into(), value.map(Into::into));
    let records = vec![
        Record {
            topic: topic.as_str().into(),
            partition: Some(2),
            key: None,
            value: None,
            headers: vec![
                header("repeated", Some(b"1")),
                header("", Some(b"\0\xff")),
                header("repeated", None),
                header("repeated", Some(b"")),
            ],
            timestamp_ms: 1,
        },
        Record {
            topic: topic.as_str().into(),
            partition: Some(2),
            key: Some(b"".as_slice().into()),
            value: Some(b"".as_slice().into()),
            headers: Vec::new(),
            timestamp_ms: now_ms(),
        },
        Record {
            topic: topic.as_str().into(),
            partition: Some(2),
            key: Some(vec![0, 159, 146, 150].into()),
            value: Some(vec![255; 70_000].into()),
            headers: Vec::new(),
            timestamp_ms: 1_000_000_000_000,
        },
    ];
    rig.open(1);
    rig.order(1, LaneOp::Begin);
    rig.order(1, send(0, records.clone()));
    rig.flushed(1);
    rig.ended(1, true);
    let found = kafka().read_committed(&topic).expect("readable");
    assert_eq!(found.len(), records.len());
    for (found, sent) in found.iter().zip(&records) {
        assert_eq!(found.partition, 2);
        assert_eq!(found.key.as_deref(), sent.key.as_deref());
        assert_eq!(found.value.as_deref(), sent.value.as_deref());
        assert_eq!(found.timestamp_ms, Some(sent.timestamp_ms));
        let headers = sent.headers.iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.as_deref().map(<[u8]>::to_vec)));
        assert_eq!(found.headers, headers.collect::<Vec<_>>());
    }
}

#[test]
fn a_flush_tells_where_each_member_s_records_and_the_marker_are() {
    let (rig, topic) = (Rig::new("ranges"), topic("ranges", 2, &[]));
    let at = |partition, value| Record { partition: Some(partition), ..record(&topic, value) };
    rig.open(1);
    rig.order(1, LaneOp::Begin);
    rig.order(1, send(3, vec![at(0, "a"), at(1, "b"), at(1, "c")]));
    rig.order(1, send(5, vec![at(0, "d")]));
    rig.order(1, marker(9));
    let Flushed { members, marker } = rig.flushed(1);
    rig.ended(1, true);
    let range = |partition, first_offset, last_offset, count| PartitionRange {
        topic: topic.clone(),
        partition,
        first_offset,
        last_offset,
        count,
    };
    assert_eq!(
        members,
        [
            MemberReport { member: 3, ranges: vec![range(0, 0, 0, 1), range(1, 0, 1, 2)] },
            MemberReport { member: 5, ranges: vec![range(0, 1, 1, 1)] },
        ]
    );
    let OutcomesPlace::Topic { topic: outcomes, partition } = &rig.place else { panic!("topic mode") };
    assert_eq!(marker, Some(Coordinate { topic: outcomes.clone(), partition: *partition, offset: 0 }));
}

#[test]
fn a_fenced_predecessor_fails_as_fenced_and_commits_nothing() {
    let (old, topic) = (Rig::new("fenced"), topic("fenced", 1, &[]));
    old.open(1);
    old.order(1, LaneOp::Begin);
    old.order(1, send(0, vec![record(&topic, "zombie")]));
    old.flushed(1);
    let new = old.successor();
    new.open(1);
    old.order(1, LaneOp::End { commit: true });
    assert_eq!(old.failed(1).kind, LaneErrorKind::Fenced);
    // After Failed nothing is answered but Open.
    old.order(1, LaneOp::Begin);
    old.order(1, LaneOp::Flush);
    assert!(old.is_silent_for(Duration::from_millis(300)));
    assert_eq!(committed(&topic), Vec::<String>::new());
    old.open(2);
    old.order(2, LaneOp::Begin);
    old.order(2, send(0, vec![record(&topic, "again")]));
    old.flushed(2);
    old.ended(2, true);
    assert_eq!(committed(&topic), ["again"]);
}

#[test]
fn a_fenced_producer_says_so_when_it_sends() {
    let (old, topic) = (Rig::new("fenced-send"), topic("fenced-send", 1, &[]));
    old.open(1);
    let new = old.successor();
    new.open(1);
    old.order(1, LaneOp::Begin);
    old.order(1, send(0, vec![record(&topic, "zombie")]));
    // Streaming: told without being asked.
    assert_eq!(old.failed(1).kind, LaneErrorKind::Fenced);
}

#[test]
fn a_rejected_record_is_named_by_member_and_index() {
    let (rig, topic) = (Rig::new("rejected"), topic("rejected", 1, &[("max.message.bytes", "500")]));
    rig.open(1);
    rig.order(1, LaneOp::Begin);
    rig.order(1, send(4, vec![record(&topic, "small")]));
    rig.flushed(1);
    let large = "x".repeat(1000);
    rig.order(
        1,
        LaneOp::Send(
            (7..8)
                .map(|index| sidecommit_core::Outgoing { member: 6, index, record: record(&topic, &large) })
                .collect(),
        ),
    );
    rig.order(1, LaneOp::Flush);
    let error = rig.failed(1);
    assert_eq!(error.kind, LaneErrorKind::Record { denied: false }, "{}", error.message);
    assert_eq!(suspects(&error), [(6, 7)]);
    assert!(error.aborted, "so its neighbours may go on at once");
    assert!(error.message.contains(&topic), "{}", error.message);
}

/// With one guilty record librdkafka 2.12 gives the whole batch its error (rd_kafka_interceptors_on_acknowledgement_queue
/// overwrites the innocents' own), so the batch's first record stands for it, and the message says so.
#[test]
fn in_a_rejected_batch_the_guilty_records_are_named_as_far_as_librdkafka_tells() {
    let config = [("message.timestamp.after.max.ms", "60000")];
    let (rig, topic) = (Rig::new("guilty"), topic("guilty", 1, &config));
    rig.open(1);
    for (generation, guilty, named) in [(1, vec![13, 17], 13), (2, vec![13], 0)] {
        let mut records: Vec<_> = (0..20).map(|n| record(&topic, &n.to_string())).collect();
        for index in guilty {
            records[index].timestamp_ms = now_ms() + 3_600_000;
        }
        rig.order(generation, LaneOp::Begin);
        rig.order(generation, send(0, records));
        rig.order(generation, LaneOp::Flush);
        let error = rig.failed(generation);
        assert_eq!(error.kind, LaneErrorKind::Record { denied: false }, "{}", error.message);
        assert_eq!(suspects(&error), [(0, named)]);
        assert!(error.message.contains("or another record of its batch"), "{}", error.message);
        rig.order(generation + 1, LaneOp::Open);
        assert!(matches!(rig.event(generation + 1), LaneEvent::Opened));
    }
}

#[test]
fn of_records_that_are_sent_apart_the_guilty_one_is_named() {
    let config = [("message.timestamp.after.max.ms", "60000")];
    let (rig, topic) = (Rig::new("apart"), topic("apart", 1, &config));
    rig.open(1);
    let mut records: Vec<_> = (0..20).map(|n| record(&topic, &n.to_string())).collect();
    records[13].timestamp_ms = now_ms() + 3_600_000;
    rig.order(1, LaneOp::Begin);
    let LaneOp::Send(records) = send(0, records) else { panic!("are sent") };
    rig.order(1, LaneOp::SendApart(records));
    rig.order(1, LaneOp::Flush);
    let error = rig.failed(1);
    assert_eq!(error.kind, LaneErrorKind::Record { denied: false }, "{}", error.message);
    assert_eq!(suspects(&error), [(0, 13)]);
}

/// Without the right to read a topic's configuration its limit is not known beforehand.
#[test]
fn a_limit_that_nobody_told_is_learnt_from_the_first_batch_that_is_refused() {
    let (rig, topic) = (Rig::new("learnt"), topic("learnt", 1, &[("max.message.bytes", "20000")]));
    let send_to = |generation, sizes: &[usize]| {
        let records = sizes.iter().map(|size| record(&topic, &"x".repeat(*size))).collect();
        rig.order(generation, LaneOp::Begin);
        rig.order(generation, send(0, records));
    };
    rig.open(1);
    send_to(1, &[4_000; 50]);
    rig.order(1, LaneOp::Flush);
    let error = rig.failed(1);
    assert_eq!(error.kind, LaneErrorKind::Other, "nobody is to blame: {}", error.message);
    rig.open(2);
    send_to(2, &[4_000; 50]);
    rig.flushed(2);
    rig.ended(2, true);
    assert_eq!(committed(&topic).len(), 50);
    send_to(2, &[30_000]);
    rig.order(2, LaneOp::Flush);
    let error = rig.failed(2);
    let kind = LaneErrorKind::Record { denied: false };
    assert_eq!(error.kind, kind, "alone it is to blame: {}", error.message);
    assert_eq!(suspects(&error), [(0, 0)]);
}

#[test]
fn offsets_are_committed_with_the_transaction_and_only_with_it() {
    let (rig, topic) = (Rig::new("offsets"), topic("offsets", 1, &[]));
    let group = unique("group");
    rig.open(1);
    for (offset, commit) in [(5, true), (9, false)] {
        rig.order(1, LaneOp::Begin);
        rig.order(1, send(0, vec![record(&topic, "r")]));
        rig.order(1, LaneOp::Offsets(offsets(&group, -1, &topic, offset)));
        rig.flushed(1);
        rig.ended(1, commit);
    }
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka().bootstrap())
        .set("group.id", &group)
        .create()
        .expect("consumer");
    let mut list = TopicPartitionList::new();
    list.add_partition(&topic, 0);
    let found = consumer.committed_offsets(list, Duration::from_secs(20)).expect("offsets");
    let element = found.find_partition(&topic, 0).expect("element");
    assert_eq!((element.offset(), element.metadata()), (Offset::Offset(5), "meta"));
}

#[test]
fn a_stale_generation_fails_as_generation() {
    let (rig, topic) = (Rig::new("generation"), topic("generation", 1, &[]));
    rig.open(1);
    rig.order(1, LaneOp::Begin);
    rig.order(1, send(0, vec![record(&topic, "r")]));
    rig.order(1, LaneOp::Offsets(offsets(&unique("group"), 17, &topic, 1)));
    let error = rig.failed(1);
    assert_eq!(error.kind, LaneErrorKind::Generation, "{}", error.message);
}

#[test]
fn an_abort_with_records_on_their_way_is_not_clean() {
    let (rig, topic) = (Rig::new("purged"), topic("purged", 1, &[]));
    rig.open(1);
    rig.order(1, LaneOp::Begin);
    let records = (0..2000).map(|_| record(&topic, &"x".repeat(1000))).collect();
    rig.order(1, send(0, records));
    assert!(!rig.ended(1, false).clean);
    assert_eq!(committed(&topic), Vec::<String>::new());
}

#[test]
fn an_empty_transaction_ends_cleanly() {
    let rig = Rig::new("empty");
    rig.open(1);
    for commit in [true, false] {
        rig.order(1, LaneOp::Begin);
        assert_eq!(rig.flushed(1), Flushed::default());
        assert!(rig.ended(1, commit).clean);
    }
}

#[test]
fn progress_adds_up_to_what_was_sent() {
    let (rig, topic) = (Rig::new("progress"), topic("progress", 1, &[]));
    let records: Vec<_> = (0..3000).map(|_| record(&topic, &"x".repeat(1000))).collect();
    let bytes: u64 = records.iter().map(Record::bytes).sum();
    rig.open(1);
    rig.order(1, LaneOp::Begin);
    rig.order(1, send(0, records));
    rig.order(1, LaneOp::Flush);
    let (mut told, mut reports) = (0, 0);
    loop {
        for event in rig.told() {
            match event {
                LaneEvent::Progress { bytes } => {
                    told += bytes;
                    reports += 1;
                }
                LaneEvent::Flushed(_) => {
                    assert_eq!(told, bytes);
                    assert!(reports < 20, "{reports} reports for 3 MB");
                    rig.ended(1, true);
                    return;
                }
                other => panic!("{other:?}"),
            }
        }
        std::thread::yield_now();
    }
}

#[test]
fn an_init_that_nobody_wants_any_more_is_given_up() {
    let live = Rig::new("superseded");
    // Nothing listens there.
    let rig = Rig::of(live.slot, live.place, |settings| {
        settings.client.bootstrap_servers = "127.0.0.1:1".to_owned();
        settings.slice = Duration::from_millis(200);
    });
    rig.order(1, LaneOp::Open);
    assert!(rig.is_silent_for(Duration::from_millis(600)));
    rig.order(1, LaneOp::Close);
    rig.order(2, LaneOp::Open);
    assert!(rig.is_silent_for(Duration::from_millis(600)));
    assert_eq!(rig.lanes.counters().failed, 0);
}

#[test]
fn a_foreign_transaction_does_not_disturb_a_lane() {
    let (rig, topic) = (Rig::new("beside"), topic("beside", 1, &[]));
    let foreign = foreign_transaction(&topic, 0);
    rig.open(1);
    rig.order(1, LaneOp::Begin);
    rig.order(1, send(0, vec![record(&topic, "ours")]));
    rig.flushed(1);
    assert!(rig.ended(1, true).clean);
    drop(foreign);
}
