//! One bad transaction in a hundred: at least half of the throughput remains. Bad is what the sidecar cannot know before
//! the broker refuses it, however often it does: a record for a topic that may be read and not written to.

use crate::rig::spec;
use sidecommit_e2e::{App, Cluster, Metrics, Sidecar, record, unique};
use sidecommit_fixture::Kafka;
use std::sync::OnceLock;
use tokio::{task::JoinSet, time::Instant};

const CALLERS: usize = 32;
/// Transactions of one caller in one round.
const EACH: usize = 200;
const BAD_ONE_IN: usize = 100;
const ROUNDS: usize = 2;

/// Who has the bad ones.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bad {
    Nobody,
    /// Each caller every hundredth, at another time than its neighbours.
    Everybody,
    /// All are one caller's.
    One,
}

/// What one caller was told.
#[derive(Debug, Default)]
struct Told {
    committed: Vec<String>,
    refused: usize,
}

// === impl Bad ===

impl Bad {
    fn is(self, caller: usize, n: usize) -> bool {
        // Prime to the hundred: no two callers' are at the same time.
        let turn = caller * 37 + n;
        match self {
            Self::Nobody => false,
            Self::Everybody => turn.is_multiple_of(BAD_ONE_IN),
            Self::One => caller == 0 && n.is_multiple_of(BAD_ONE_IN.div_ceil(CALLERS)),
        }
    }
}

async fn call(mut app: App, topics: [String; 2], caller: usize, bad: Bad) -> Told {
    let [topic, denied] = topics;
    let mut told = Told::default();
    for n in 0..EACH {
        let name = unique("one");
        let mut records = vec![record(&topic, &name, &name)];
        let is_bad = bad.is(caller, n);
        if is_bad {
            records.push(record(&denied, &name, &name));
        }
        match app.transact(&name, records).await {
            Ok(_) => told.committed.push(name),
            Err(refused) => {
                assert!(is_bad && refused.reason == "TOPIC_DENIED", "{name}: {refused:?}");
                told.refused += 1;
            }
        }
        assert_eq!(told.committed.len() + told.refused, n + 1);
    }
    told
}

/// Transactions per second that committed. Topics and connections of its own: no round's blame falls on another's.
async fn round(cluster: Cluster, sidecar: &Sidecar, bad: Bad) -> f64 {
    let (topic, denied) = (cluster.topic(6), cluster.topic(1));
    cluster.allow("Describe", &["--topic", &denied]);
    sidecar.app().transact(&unique("first"), vec![record(&topic, "k", "first")]).await.expect("commits");
    let metrics = Metrics::of(sidecar);
    let started = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        callers.spawn(call(sidecar.app(), [topic.clone(), denied.clone()], caller, bad));
    }
    let told = callers.join_all().await;
    let took = started.elapsed();
    let committed: Vec<_> = told.iter().flat_map(|told| &told.committed).collect();
    let refused: usize = told.iter().map(|told| told.refused).sum();
    let expected = (0..CALLERS).flat_map(|caller| (0..EACH).map(move |n| bad.is(caller, n)));
    assert_eq!(refused, expected.filter(|bad| *bad).count(), "exactly the bad ones are refused");
    let visible = cluster.values(&topic);
    committed.iter().for_each(|name| assert_eq!(visible.get(*name), Some(&1), "{name}"));
    assert_eq!(visible.len(), committed.len() + 1, "nothing else is visible");
    let rate = committed.len() as f64 / took.as_secs_f64();
    let since = &Metrics::of(sidecar) - &metrics;
    println!(
        "{bad:?}: {rate:.0} transactions/s, {refused} refused, {} producers replaced",
        since.sum("producers_replaced_total")
    );
    rate
}

async fn half_remains(bad: Bad) {
    static BROKER: OnceLock<Cluster> = OnceLock::new();
    let start = || Cluster::own(Kafka::builder().acls().start().expect("a broker starts"));
    let cluster = *BROKER.get_or_init(start);
    let denied = "the callers have no right to write to one of the topics";
    let spec = spec(&cluster.bootstrap())
        .expects("WARN .. lane failed .. kind=Record", denied)
        .expects("WARN librdkafka: .. authorization failed", denied)
        .expects("WARN .. may not read the configuration of topics", denied);
    let sidecar = spec.serve().await;
    let (mut without, mut with) = (0.0_f64, 0.0_f64);
    for _ in 0..ROUNDS {
        without = without.max(round(cluster, &sidecar, Bad::Nobody).await);
        with = with.max(round(cluster, &sidecar, bad).await);
    }
    assert!(with >= without / 2.0, "{with:.0} of {without:.0} transactions/s remain ({bad:?})");
}

/// It soon runs alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_one_bad_in_a_hundred_all_of_one_caller_half_the_throughput_remains() {
    half_remains(Bad::One).await;
}

/// Nobody is worse than the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_one_bad_in_a_hundred_of_everybody_half_the_throughput_remains() {
    half_remains(Bad::Everybody).await;
}
