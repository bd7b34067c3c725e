//! A broker that does not answer for a while.

use crate::{
    member::{Member, at, produce_to, subscribe},
    support::{Rig, record, send},
};
use sidecommit_core::{ConsumerEvent, ConsumerOp, GroupProtocol, LaneErrorKind, LaneOp, Subscribe};
use sidecommit_fixture::{Kafka, Replicated};
use sidecommit_kafka::{ClientSettings, OutcomesPlace, Properties};
use std::{
    process::Command,
    time::{Duration, Instant},
};

/// Longer than 0.8 times the default retry.backoff.ms of a lane.
const LONG: Duration = Duration::from_millis(400);

fn signal(kafka: &Kafka, name: &str) {
    let pid = kafka.pid().expect("our own").to_string();
    assert!(Command::new("kill").args([name, &pid]).status().expect("run").success());
}

fn written(rig: &Rig, generation: u32, value: &str) {
    rig.order(generation, LaneOp::Begin);
    rig.order(generation, send(0, vec![record("t", value)]));
    rig.flushed(generation);
}

#[test]
fn a_slow_end_is_not_clean_and_one_without_an_answer_is_unreachable() {
    let kafka = Kafka::start().expect("a broker");
    kafka.create_topic("t", 1, &[]).expect("topic");
    let place = OutcomesPlace::Topic { topic: "unused".to_owned(), partition: 0 };
    let client = ClientSettings { bootstrap_servers: kafka.bootstrap(), properties: Properties::default() };
    let rig = Rig::of("test/stopped/lane/0".parse().expect("slot"), place, |settings| {
        settings.client = client;
        settings.slice = Duration::from_millis(500);
        settings.end_limit = Duration::from_secs(2);
    });
    rig.open(1);
    written(&rig, 1, "slow");
    signal(&kafka, "-STOP");
    rig.order(1, LaneOp::End { commit: true });
    assert!(rig.is_silent_for(LONG));
    signal(&kafka, "-CONT");
    let ended = rig.event(1);
    assert!(
        matches!(&ended, sidecommit_core::LaneEvent::Ended(ended) if !ended.clean),
        "a second EndTxn may be on its way: {ended:?}"
    );
    assert_eq!(rig.lanes.counters().unclean, 1);

    rig.open(2);
    written(&rig, 2, "in doubt");
    signal(&kafka, "-STOP");
    rig.order(2, LaneOp::End { commit: true });
    let error = rig.failed(2);
    assert_eq!(error.kind, LaneErrorKind::Unreachable, "{}", error.message);
    signal(&kafka, "-CONT");
    // Its successor's init decides it, one way or the other.
    rig.open(3);
    let visible = kafka.read_committed("t").expect("readable").len();
    assert!((1..=2).contains(&visible), "{visible}");
    written(&rig, 3, "after");
    rig.ended(3, true);
    assert_eq!(kafka.read_committed("t").expect("readable").len(), visible + 1);
}

#[test]
fn a_member_that_cannot_reach_its_group_loses_its_partitions_and_joins_again() {
    let kafka = Kafka::start().expect("a broker");
    kafka.create_topic("t", 2, &[]).expect("topic");
    let short = [("session.timeout.ms", "2000"), ("heartbeat.interval.ms", "300")];
    let settings = ClientSettings {
        bootstrap_servers: kafka.bootstrap(),
        properties: Properties::new(short).expect("valid"),
    };
    for protocol in [GroupProtocol::ClassicCooperative, GroupProtocol::ClassicEager] {
        let subscribe = Subscribe { protocol, ..subscribe(&format!("{protocol:?}"), "t") };
        let member = Member::join_with(settings.clone(), 1 << 20, subscribe);
        assert_eq!(member.assigned_numbers(), [0, 1]);
        signal(&kafka, "-STOP");
        assert_eq!(member.revoking(), (vec![0, 1], true), "{protocol:?}");
        member.order(ConsumerOp::LetGo);
        signal(&kafka, "-CONT");
        assert_eq!(member.assigned_numbers(), [0, 1], "{protocol:?}");
    }
}

/// While they come back, brokers that the controller has given up know of no broker, and tell whoever asks: librdkafka then
/// forgets them all (its issue 5301).
#[test]
fn a_member_reads_on_when_all_brokers_were_gone() {
    /// Twice as long as it takes the controller to give a broker up.
    const CUT_OFF: Duration = Duration::from_secs(8);
    let mut brokers = Replicated::start().expect("brokers");
    brokers.kafka().create_topic("t", 1, &[]).expect("topic");
    // It asks often.
    let properties = Properties::new([("topic.metadata.refresh.interval.ms", "50")]).expect("valid");
    let settings = ClientSettings { bootstrap_servers: brokers.kafka().bootstrap(), properties };
    let member = Member::join_with(settings, 1 << 20, subscribe("g", "t"));
    assert_eq!(member.assigned_numbers(), [0]);
    member.read_to_end(&at("t", 0));
    for broker in brokers.brokers() {
        brokers.cut_off(broker);
    }
    assert!(member.event_within(CUT_OFF).is_none(), "its session is longer than that");
    brokers.heal().expect("they come back");
    let started = Instant::now();
    // One that has asked too early finds nobody, either.
    while !produce_to(brokers.kafka(), "t", 0, ["after".to_owned()], Duration::from_secs(5)) {
        assert!(started.elapsed() < Duration::from_secs(60), "no producer reaches the brokers");
    }
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(60) {
        match member.event_within(Duration::from_secs(60)).expect("it goes on") {
            ConsumerEvent::Fetched { records, .. } if !records.is_empty() => return,
            ConsumerEvent::Revoking { .. } => member.order(ConsumerOp::LetGo),
            ConsumerEvent::Fetched { .. } | ConsumerEvent::Assigned(_) => {}
            other => panic!("{other:?}"),
        }
    }
    panic!("nothing is read any more");
}
