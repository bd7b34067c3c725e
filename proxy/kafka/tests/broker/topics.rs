use crate::support::{cluster, kafka, topic, unique};
use sidecommit_core::{Slot, TopicFacts};
use sidecommit_kafka::{
    Catalog, ClientSettings, Cluster, DurabilityWarning, Error, OutcomesPlace, OutcomesTopic, Properties,
    partition_of,
};
use std::time::{Duration, Instant};

fn slot() -> Slot {
    "test/kafka/topics/0".parse().expect("slot")
}

fn single(name: &str) -> OutcomesTopic {
    OutcomesTopic { replication: 1, min_insync_replicas: 1, ..OutcomesTopic::new(name) }
}

#[test]
fn the_outcomes_topic_is_created_once_and_found_again() {
    let name = unique("outcomes");
    let place = OutcomesPlace::Topic { topic: name.clone(), partition: partition_of(&slot(), 16) };
    for _ in 0..2 {
        assert_eq!(single(&name).prepare(&cluster(), &slot()), Ok(place.clone()));
    }
    let config = cluster().config(&name).expect("described");
    assert_eq!(config.get("cleanup.policy").map(String::as_str), Some("compact"));
    assert_eq!(cluster().shape(&name).expect("known").partitions, 16);
}

#[test]
fn an_outcomes_topic_that_is_not_safe_is_refused_unless_the_setting_is_lowered() {
    let lossy = topic("lossy", 16, &[("cleanup.policy", "compact,delete")]);
    let error = single(&lossy).prepare(&cluster(), &slot()).expect_err("refused").to_string();
    assert!(error.contains("cleanup.policy") && error.contains(&lossy), "{error}");
    let compact = topic("compact", 16, &[("cleanup.policy", "compact")]);
    let error = OutcomesTopic::new(&compact).prepare(&cluster(), &slot()).expect_err("refused");
    assert!(matches!(error, Error::UnfitTopic { config: "replication factor", .. }), "{error}");
    let few = OutcomesTopic { partitions: 8, ..single(&compact) };
    let error = few.prepare(&cluster(), &slot()).expect_err("refused").to_string();
    assert!(error.contains("partition count is 16: expected 8"), "{error}");
    assert!(single(&compact).prepare(&cluster(), &slot()).is_ok());
}

#[test]
fn topics_that_a_single_broker_can_lose_are_warned_about() {
    let topic = topic("fragile", 1, &[]);
    let warnings = DurabilityWarning::find(&cluster(), &[&topic]).expect("looked at");
    let warning = warnings.iter().find(|warning| warning.topic == topic).expect("warned about");
    assert_eq!((warning.replication, warning.min_insync_replicas), (1, Some(1)));
}

#[test]
fn the_catalog_knows_topics_and_tells_unknown_from_unreachable() {
    let known = topic("known", 3, &[("max.message.bytes", "4321"), ("cleanup.policy", "compact")]);
    let catalog = Catalog::start(cluster(), Duration::from_secs(60)).expect("catalog");
    assert_eq!(catalog.cached(&known), None);
    let found = catalog.fetch(&[&known]).expect("known").remove(0);
    let facts = TopicFacts {
        partitions: 3,
        max_message_bytes: 4321,
        compacted: true,
        timestamp_before_max: i64::MAX as u64,
        ..TopicFacts::default()
    };
    assert_eq!(found, facts);
    assert_eq!(catalog.cached(&known), Some(found));
    let missing = unique("missing");
    assert_eq!(catalog.fetch(&[&missing]), Err(Error::UnknownTopic { topic: missing.clone() }));
    // Asking for it must not have created it.
    assert_eq!(catalog.fetch(&[&missing]), Err(Error::UnknownTopic { topic: missing }));
    let nowhere =
        ClientSettings { bootstrap_servers: "127.0.0.1:1".to_owned(), properties: Properties::default() };
    let catalog = Catalog::start(Cluster::new(&nowhere).expect("made"), Duration::from_secs(60));
    let error = catalog.expect("catalog").fetch(&[&known]).expect_err("unreachable");
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
}

#[test]
fn facts_in_use_are_refreshed() {
    let growing = topic("growing", 1, &[]);
    let catalog = Catalog::start(cluster(), Duration::from_millis(50)).expect("catalog");
    catalog.fetch(&[&growing]).expect("known");
    let admin: rdkafka::admin::AdminClient<rdkafka::client::DefaultClientContext> =
        kafka().client().create().expect("admin");
    let more = rdkafka::admin::NewPartitions::new(&growing, 2);
    drop(admin.create_partitions([&more], &rdkafka::admin::AdminOptions::new()));
    let started = Instant::now();
    while catalog.cached(&growing).is_none_or(|facts| facts.partitions != 2) {
        assert!(started.elapsed() < Duration::from_secs(20), "never refreshed");
        std::thread::yield_now();
    }
}

#[test]
fn the_cluster_has_an_id() {
    let id = cluster().id().expect("reachable");
    assert!(!id.is_empty());
    assert_eq!(cluster().id(), Ok(id));
}
