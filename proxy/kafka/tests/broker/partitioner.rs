use crate::support::{Rig, kafka, now_ms, send, topic};
use sidecommit_core::{LaneOp, Record};
use std::collections::BTreeMap;

const PARTITIONS: i32 = 12;

/// Where KafkaProducer of Apache Kafka 4.1.1 put the 1,000 keys, as hexadecimal digits.
const JAVA: &[&str] = &[
    "5143602404a1247419187425485828a17551857710204860018323b9a06434865336712481220aa7123529b5189551b1586a",
    "143a14499a038b8992abb111ab62b930a92193960543449274ba7394587804691108aa179250840635b89b6110551a2ab8a8",
    "5a39677917b9918220a4189a98a44089580b2034060785b9925788777558b8b2893928956a3415332206244baa0550a57134",
    "948398ab36460107a090a346a362658b943434006965b19856b50435331b548758021a7942b981759300b94058903a210911",
    "96509237920b8354557566a076661abb8087b0627b9b44218806905479400910894577804b330302056a007346a17518689a",
    "3b47a966458a9869116a9a8bb8535b038b77440ab7816247145391b4ab6b6579221b039aab1a069a761a830b6931347582b8",
    "8aab238a4677226433928a1a09a9b86bb2b2602309116261b85416168636254a7827b3779287132b1201b560452a79b83a24",
    "b64b3481309881511159381b3b0168a042b138a527460a6a5a016135b432939023238990514520757b6a64255a9356724632",
    "7711335a1633a7294508912171a245338baa6b52669a3b4a8290002547732921a052549a27a214a5a0798b1ab8a2731758a4",
    "0404019921518085386712206684744079422215b79ba21b99a6700bb453426a7b06709a3b488159681923507840284194a6",
];

fn key(n: usize) -> String {
    format!("k{}{n}", "\u{e9}".repeat(n % 7))
}

/// A record that names no partition.
fn unplaced(topic: &str, key: Option<String>, value: String) -> Record {
    Record {
        topic: topic.into(),
        partition: None,
        key: key.map(Into::into),
        value: Some(value.into()),
        headers: Vec::new(),
        timestamp_ms: now_ms(),
    }
}

fn commit(rig: &Rig, records: impl Iterator<Item = Record>) {
    rig.order(1, LaneOp::Begin);
    rig.order(1, send(0, records.collect()));
    rig.flushed(1);
    rig.ended(1, true);
}

#[test]
fn keys_land_where_the_java_producer_puts_them() {
    let (rig, topic) = (Rig::new("partitioner"), topic("partitioner", PARTITIONS, &[]));
    rig.open(1);
    commit(&rig, (0..1000).map(|n| unplaced(&topic, Some(key(n)), n.to_string())));
    let found = kafka().read_committed(&topic).expect("readable");
    assert_eq!(found.len(), 1000);
    let java: Vec<_> = JAVA.concat().chars().map(|digit| digit.to_digit(16)).collect();
    for message in found {
        let n: usize =
            String::from_utf8(message.value.unwrap_or_default()).expect("text").parse().expect("a number");
        assert_eq!(u32::try_from(message.partition).ok(), java[n], "key {:?}", key(n));
    }
}

/// Each partition of a transaction costs a request and a marker; each batch beyond the first waits for the one before it.
#[test]
fn records_without_a_key_fill_a_batch_of_one_partition_and_go_on_with_the_next() {
    let (rig, topic) = (Rig::new("keyless"), topic("keyless", PARTITIONS, &[]));
    rig.open(1);
    // The first one has librdkafka ask for the topic.
    for (records, size) in [(1, 1), (300, 100), (25, 100_000)] {
        commit(&rig, (0..records).map(|_| unplaced(&topic, None, "x".repeat(size))));
    }
    let mut found: BTreeMap<usize, BTreeMap<i32, usize>> = BTreeMap::new();
    for message in kafka().read_committed(&topic).expect("readable") {
        let size = message.value.map_or(0, |value| value.len());
        *found.entry(size).or_default().entry(message.partition).or_default() += 1;
    }
    assert_eq!(found[&100].len(), 1, "{found:?}");
    // A batch is 1 MB.
    let first = found[&100_000]
        .iter()
        .find(|(partition, _)| !found[&100_000].contains_key(&((**partition + PARTITIONS - 1) % PARTITIONS)));
    let (first, _) = first.expect("not all partitions");
    let counts: Vec<_> = (*first..*first + 3).map(|n| found[&100_000].get(&(n % PARTITIONS))).collect();
    assert_eq!(counts, [Some(&9), Some(&9), Some(&7)], "{found:?}");
}
