//! What is not allowed, on a broker with ACLs.

use crate::{
    member::{Member, subscribe},
    support::{Rig, offsets, record, send, suspects},
};
use sidecommit_core::{GroupProtocol, LaneErrorKind, LaneOp, Reason, Slot, Subscribe, TopicFacts};
use sidecommit_fixture::Kafka;
use sidecommit_kafka::{Catalog, ClientSettings, Cluster, Error, OutcomesPlace, OutcomesTopic, Properties};
use std::time::Duration;

fn client(kafka: &Kafka) -> ClientSettings {
    ClientSettings { bootstrap_servers: kafka.bootstrap(), properties: Properties::default() }
}

fn rig(kafka: &Kafka, slot: &str) -> Rig {
    let slot: Slot = slot.parse().expect("slot");
    let place = OutcomesPlace::Topic { topic: "unused".to_owned(), partition: 0 };
    Rig::of(slot, place, |settings| settings.client = client(kafka))
}

#[test]
fn each_missing_right_is_told_by_its_kind() {
    let kafka = Kafka::builder().acls().start().expect("a broker");
    for topic in ["open", "read-only", "hidden"] {
        kafka.create_topic(topic, 1, &[("max.message.bytes", "3000")]).expect("topic");
    }
    kafka.allow("Describe", &["--topic", "read-only"]).expect("allowed");
    kafka.allow("DescribeConfigs", &["--topic", "hidden"]).expect("allowed");
    kafka.allow("Describe", &["--group", "foreign"]).expect("allowed");
    kafka.allow("Describe", &["--transactional-id", "test/denied/id/0/0"]).expect("allowed");

    topic_without_write(&kafka);
    group_without_read(&kafka);
    let id = rig(&kafka, "test/denied/id/0");
    id.order(1, LaneOp::Open);
    assert_eq!(id.failed(1).kind, LaneErrorKind::TransactionalIdDenied);
    topics_without_describe(&kafka);
    members_without_read(&kafka);
}

fn members_without_read(kafka: &Kafka) {
    for protocol in [GroupProtocol::ClassicCooperative, GroupProtocol::ClassicEager, GroupProtocol::Consumer]
    {
        let failed = |group: &str, topic: &str| {
            let subscribe = Subscribe { protocol, ..subscribe(group, topic) };
            Member::join_with(client(kafka), 1 << 20, subscribe).end()
        };
        assert_eq!(failed("foreign", "open"), Reason::GroupDenied, "{protocol:?}");
        assert_eq!(failed("ours", "read-only"), Reason::TopicDenied, "{protocol:?}");
        assert_eq!(failed("ours", "hidden"), Reason::TopicDenied, "{protocol:?}");
    }
}

fn topic_without_write(kafka: &Kafka) {
    let rig = rig(kafka, "test/denied/topic/0");
    rig.open(1);
    rig.order(1, LaneOp::Begin);
    let mixed = ["open", "open", "read-only", "read-only"];
    rig.order(1, send(2, mixed.iter().map(|topic| record(topic, "r")).collect()));
    rig.order(1, LaneOp::Flush);
    let error = rig.failed(1);
    // The coordinator's refusal does not say which topic; librdkafka's log does.
    assert_eq!(error.kind, LaneErrorKind::Record { denied: true }, "{}", error.message);
    assert_eq!(suspects(&error), [(2, 2)]);
    assert!(error.message.contains("read-only"), "{}", error.message);
}

fn group_without_read(kafka: &Kafka) {
    let rig = rig(kafka, "test/denied/group/0");
    rig.open(1);
    rig.order(1, LaneOp::Begin);
    rig.order(1, send(0, vec![record("open", "r")]));
    rig.order(1, LaneOp::Offsets(offsets("foreign", -1, "open", 1)));
    let error = rig.failed(1);
    assert_eq!(error.kind, LaneErrorKind::GroupDenied, "{}", error.message);
    rig.open(2);
    rig.order(2, LaneOp::Begin);
    rig.order(2, send(0, vec![record("open", "r")]));
    // Offsets need the right to read their topic.
    rig.order(2, LaneOp::Offsets(offsets("ours", -1, "read-only", 1)));
    let error = rig.failed(2);
    assert_eq!(error.kind, LaneErrorKind::GroupDenied, "{}", error.message);
}

fn topics_without_describe(kafka: &Kafka) {
    let cluster = Cluster::new(&client(kafka)).expect("cluster");
    let catalog = Catalog::start(cluster.clone(), Duration::from_secs(60)).expect("catalog");
    let described = catalog.fetch(&["open"]).expect("known").remove(0);
    assert_eq!(described.max_message_bytes, 3000);
    // Without DescribeConfigs Kafka's defaults are assumed.
    let assumed = catalog.fetch(&["read-only"]).expect("known").remove(0);
    assert_eq!(assumed, TopicFacts { partitions: 1, ..TopicFacts::default() });
    let error = catalog.fetch(&["hidden"]).expect_err("not even described");
    assert!(matches!(error, Error::Denied { .. }), "{error}");
    let outcomes = OutcomesTopic {
        partitions: 1,
        replication: 1,
        min_insync_replicas: 1,
        ..OutcomesTopic::new("read-only")
    };
    let error = outcomes.prepare(&cluster, &"a/b/c/0".parse().expect("slot")).expect_err("unchecked");
    assert!(error.to_string().contains("DescribeConfigs"), "{error}");
}
