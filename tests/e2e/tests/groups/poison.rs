//! One transaction that Kafka refuses, in one group with 63 that it takes: they commit at once, it alone fails, and its
//! caller is told why.

use crate::{
    crowd::{Answered, Member, at_once},
    rig::Rig,
};
use bytes::Bytes;
use sidecommit_e2e::{App, Cluster, Spec, Way, offsets, record, unique};
use sidecommit_fixture::Kafka;
use sidecommit_rpc::proto::v1;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const CROWD: usize = 64;
/// The poisoned one's place in the crowd.
const PLACE: usize = 20;
/// Those with a record in the failed partition are suspect, about a quarter.
const PARTITIONS: i32 = 4;
/// How much later than without it the others may be.
const LATER: Duration = Duration::from_secs(1);
/// Kafka transactions that the others may need: they share, with those that are not suspect at least.
const COMMITS_MAX: usize = CROWD / 2;
/// The start of what the test itself writes to see whether the broker refuses it.
const PROBE: &str = "probe";

/// Who connects how.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Connections {
    One,
    Many,
}

/// What one test does.
struct Case<'a> {
    rig: &'a Rig,
    topic: &'a str,
    way: Way,
    connections: Connections,
}

/// A record that is old enough to be refused by a topic that is tightened, and none other.
fn old() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    (now - Duration::from_secs(600)).as_millis() as i64
}

// === impl Case ===

impl Case<'_> {
    fn apps(&self) -> impl Iterator<Item = App> {
        let one = self.rig.app();
        (0..CROWD).map(move |_| match self.connections {
            Connections::One => one.clone(),
            Connections::Many => self.rig.app(),
        })
    }

    /// Without a bad one: how long it takes, and that this is one group.
    async fn good(&self) -> Duration {
        let crowd = self.apps().map(|app| (app, Member::new(self.topic))).collect();
        let (answered, commits) = at_once(self.rig, self.way, crowd, async || {}).await;
        assert_eq!(commits, 1, "{CROWD} that wait together share one Kafka transaction");
        answered.iter().for_each(|one| assert_eq!(one.answer, Ok(()), "{}", one.name));
        answered.iter().map(|one| one.after).max().expect("not empty")
    }

    /// With a bad one; what it was told. All others commit, and soon.
    async fn poisoned(&self, poison: Member, meanwhile: impl AsyncFnOnce()) -> sidecommit_e2e::Refused {
        let without = self.good().await;
        let mut crowd: Vec<_> = self.apps().map(|app| (app, Member::new(self.topic))).collect();
        crowd[PLACE].1 = poison.clone();
        let (answered, commits) = at_once(self.rig, self.way, crowd, meanwhile).await;
        let (mut bad, good): (Vec<_>, Vec<_>) =
            answered.into_iter().partition(|one: &Answered| one.name == poison.name);
        good.iter().for_each(|one| assert_eq!(one.answer, Ok(()), "{}", one.name));
        let slowest = good.iter().map(|one| one.after).max().expect("not empty");
        println!("{commits} Kafka transactions, the slowest after {slowest:?}, without poison {without:?}");
        assert!(slowest <= without + LATER, "the slowest: {slowest:?}, without poison {without:?}");
        assert!(commits <= COMMITS_MAX, "{commits} Kafka transactions for {} transactions", good.len());
        self.check(&good);
        bad.pop().expect("was answered").answer.expect_err("is refused")
    }

    /// The good ones, and those of the round without a bad one, are visible once, and nothing else is.
    fn check(&self, good: &[Answered]) {
        let mut visible = self.rig.cluster.values(self.topic);
        visible.retain(|value, _| !value.starts_with(PROBE));
        assert_eq!(
            (visible.len(), visible.values().sum::<usize>()),
            (CROWD + good.len(), CROWD + good.len())
        );
        good.iter().for_each(|one| assert_eq!(visible.get(&one.name), Some(&1), "{}", one.name));
    }
}

/// The bad record is the second of its transaction.
fn with_second(topic: &str, second: v1::Record) -> Member {
    let mut member = Member::new(topic);
    member.records.push(second);
    member
}

fn refuses_a_record(spec: Spec) -> Spec {
    spec.expects("WARN .. lane failed .. kind=Record", "the test has the broker refuse a record")
}

fn blamed(refused: &sidecommit_e2e::Refused) -> (&str, Option<i64>) {
    (&refused.reason, refused.detail.as_ref().and_then(|detail| detail.record_index))
}

async fn a_timestamp(way: Way, connections: Connections) {
    let rig = Rig::new(Cluster::shared(), refuses_a_record).await;
    let topic = rig.cluster.topic(PARTITIONS);
    let case = Case { rig: &rig, topic: &topic, way, connections };
    let (at, before) = (old(), [("message.timestamp.before.max.ms", "60000")]);
    let old = v1::Record { timestamp_ms: Some(at), ..record(&topic, "k", "too old") };
    let refused = case
        .poisoned(with_second(&topic, old), async || rig.cluster.tighten(&topic, &before, (at, PROBE)).await)
        .await;
    assert_eq!(blamed(&refused), ("RECORD_REJECTED", Some(1)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timestamp_that_only_the_broker_refuses() {
    a_timestamp(Way::Calls, Connections::Many).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timestamp_in_one_of_many_transacts_over_one_connection() {
    a_timestamp(Way::Transact, Connections::One).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_is_too_large_for_its_topic() {
    let smaller =
        "WARN .. lane failed .. MessageSizeTooLarge .. from now on batches for this topic are smaller";
    let rig = Rig::new(Cluster::shared(), |spec| {
        refuses_a_record(spec)
            .expects(smaller, "the broker does not say that it refuses a record, and not a batch")
    })
    .await;
    let topic = rig.cluster.topic(PARTITIONS);
    let case = Case { rig: &rig, topic: &topic, way: Way::Calls, connections: Connections::One };
    let probe = format!("{PROBE}{}", "x".repeat(50_000));
    let large = v1::Record { value: Some(Bytes::from("x".repeat(50_000))), ..record(&topic, "k", "") };
    let smaller = [("max.message.bytes", "20000")];
    let now = old() + 600_000;
    let refused = case
        .poisoned(with_second(&topic, large), async || {
            rig.cluster.tighten(&topic, &smaller, (now, &probe)).await;
        })
        .await;
    assert_eq!(blamed(&refused), ("RECORD_REJECTED", Some(1)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_may_not_be_written_to() {
    let cluster = Cluster::own(Kafka::builder().acls().start().expect("a broker starts"));
    let (topic, read_only) = (cluster.topic(PARTITIONS), cluster.topic(1));
    cluster.allow("Describe", &["--topic", &read_only]);
    let rig = Rig::new(cluster, |spec| {
        refuses_a_record(spec)
            .expects("WARN librdkafka: .. authorization failed", "no right to write to the topic")
            .expects("WARN .. may not read the configuration of topics", "no right to read it")
    })
    .await;
    let case = Case { rig: &rig, topic: &topic, way: Way::Transact, connections: Connections::Many };
    let poison = with_second(&topic, record(&read_only, "k", "denied"));
    let refused = case.poisoned(poison, async || {}).await;
    assert_eq!(blamed(&refused), ("TOPIC_DENIED", Some(1)), "{refused:?}");
    cluster.allow("All", &["--topic", &read_only]);
    assert!(cluster.visible(&read_only).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offsets_of_a_generation_that_is_gone() {
    let rig = Rig::new(Cluster::shared(), |spec| spec).await;
    let topic = rig.cluster.topic(PARTITIONS);
    let group = unique("group");
    let case = Case { rig: &rig, topic: &topic, way: Way::Calls, connections: Connections::Many };
    let stale = v1::GroupOffsets {
        generation_id: Some(3),
        member_id: "gone".into(),
        ..offsets(&group, &topic, 0, 9)
    };
    let poison = Member { offsets: Some(stale), ..Member::new(&topic) };
    let refused = case.poisoned(poison, async || {}).await;
    assert_eq!(blamed(&refused), ("REBALANCED", None), "{refused:?}");
    assert_eq!(rig.cluster.committed_offset(&group, &topic, 0), None);
}
