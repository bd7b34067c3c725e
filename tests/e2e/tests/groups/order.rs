//! Order over groups, lanes and kills: whose Begin came after the reply to another's Commit is behind it in each
//! partition, and overlapping ones of one ordering_key are in the order of their commits.

use crate::rig::spec;
use sidecommit_e2e::{App, Cluster, Refused, Told, record, unique};
use sidecommit_rpc::proto::v1::{self, TransactionState};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    task::{JoinHandle, JoinSet},
    time::sleep,
};
use tonic::Code;

const CALLERS: usize = 64;
const KEYS: usize = 16;
const KILLS: usize = 4;
const PARTITIONS: i32 = 3;
/// Transactions of one key that overlap.
const OVERLAPPING: usize = 4;
const PATIENCE: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(10);

/// What goes on while the sidecar is killed.
#[derive(Clone, Default)]
struct Course {
    committed: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

/// A transaction's: its caller and that one's counter.
type Name = (usize, u64);

/// A transaction whose Commit was sent.
type UnderWay = (Name, String, JoinHandle<Result<(), Refused>>);

/// What was told of each transaction.
type Ledger = BTreeMap<Name, Told>;

// === impl Course ===

impl Course {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn told(&self, result: &Result<(), Refused>) -> Told {
        match result {
            Ok(()) => {
                self.committed.fetch_add(1, Ordering::Relaxed);
                Told::Committed
            }
            Err(refused) if refused.code == Code::Aborted => Told::Aborted,
            Err(refused) => panic!("{refused:?}"),
        }
    }

    async fn until_committed(&self, more: usize) {
        let wanted = self.committed.load(Ordering::Relaxed) + more;
        let what = format!("{more} more commit");
        sidecommit_e2e::eventually(&what, 90, async || self.committed.load(Ordering::Relaxed) >= wanted)
            .await;
    }
}

/// A record in each partition.
fn records(topic: &str, (caller, n): Name) -> Vec<v1::Record> {
    let value = format!("{caller}/{n}");
    (0..PARTITIONS).map(|p| v1::Record { partition: Some(p), ..record(topic, "k", &value) }).collect()
}

/// Begun with its records; None: it has to be begun anew.
async fn open(app: &mut App, topic: &str, name: Name, key: &str) -> Option<String> {
    let request = v1::BeginRequest {
        request_id: unique("order"),
        ordering_key: key.to_owned(),
        ..v1::BeginRequest::default()
    };
    let txn = app.begin_with(request).await.ok()?;
    app.produce(&txn, 0, records(topic, name)).await.ok()?;
    Some(txn)
}

/// Transactions one after the other, by calls and by Transact in turn.
async fn one_after_the_other(mut app: App, topic: String, caller: usize, course: Course) -> Ledger {
    let mut ledger = Ledger::new();
    for n in 0.. {
        if course.is_over() {
            break;
        }
        let name = (caller, n);
        let result = if n % 2 == 0 {
            let Some(txn) = open(&mut app, &topic, name, "").await else {
                sleep(PAUSE).await;
                continue;
            };
            app.settle_within(&txn, i64::from(PARTITIONS), PATIENCE).await.map(drop)
        } else {
            transact(&mut app, &topic, name).await
        };
        ledger.insert(name, course.told(&result));
    }
    ledger
}

/// Repeated until told, by its key.
async fn transact(app: &mut App, topic: &str, name: Name) -> Result<(), Refused> {
    let key = unique("order");
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        match app.transact(&key, records(topic, name)).await {
            Err(refused) if refused.asks_again() => {
                assert!(tokio::time::Instant::now() < end, "no outcome within {PATIENCE:?}: {refused:?}");
                sleep(PAUSE).await;
            }
            answer => return answer.map(drop),
        }
    }
}

/// Transactions of one key under way.
struct Chain {
    app: App,
    course: Course,
    ledger: Ledger,
    under_way: VecDeque<UnderWay>,
}

// === impl Chain ===

impl Chain {
    /// Commit is sent when the one before was accepted, and not answered as far as anybody knows.
    async fn commit(&mut self, name: Name, txn: String) {
        if let Some((_, before, _)) = self.under_way.back() {
            let before = before.clone();
            while self.app.get(&before, false).await.is_ok_and(|txn| txn.state() == TransactionState::Open) {}
        }
        let (mut app, id) = (self.app.clone(), txn.clone());
        let commit = tokio::spawn(async move { app.commit(&id, i64::from(PARTITIONS), 0).await.map(drop) });
        self.under_way.push_back((name, txn, commit));
    }

    async fn settle_oldest(&mut self) {
        let Some((name, txn, commit)) = self.under_way.pop_front() else { return };
        let result = match commit.await.expect("ends well") {
            Err(refused) if refused.asks_again() => {
                // What follows may not be begun before all these have ended: it might be before them.
                self.app.settle_within(&txn, i64::from(PARTITIONS), PATIENCE).await.map(drop)
            }
            result => result,
        };
        self.ledger.insert(name, self.course.told(&result));
    }

    async fn settle(&mut self) {
        while !self.under_way.is_empty() {
            self.settle_oldest().await;
        }
    }
}

/// Transactions that overlap, all of one key.
async fn overlapping(app: App, topic: String, caller: usize, course: Course) -> Ledger {
    let mut chain = Chain { app, course, ledger: Ledger::new(), under_way: VecDeque::new() };
    let key = format!("account {caller}");
    for n in 0.. {
        if chain.course.is_over() {
            break;
        }
        match open(&mut chain.app, &topic, (caller, n), &key).await {
            Some(txn) => chain.commit((caller, n), txn).await,
            None => {
                chain.settle().await;
                sleep(PAUSE).await;
            }
        }
        if chain.under_way.len() == OVERLAPPING {
            chain.settle_oldest().await;
        }
    }
    chain.settle().await;
    chain.ledger
}

/// Each caller's counters rise in each partition; what was told to be committed is there once, and nothing else.
fn check(cluster: Cluster, topic: &str, told: &Ledger) {
    let mut last: BTreeMap<(i32, usize), u64> = BTreeMap::new();
    let mut seen = BTreeMap::<Name, i32>::new();
    for message in cluster.visible(topic) {
        let value = String::from_utf8(message.value.unwrap_or_default()).expect("text");
        let (caller, n) = value.split_once('/').expect("caller/counter");
        let name: Name = (caller.parse().expect("a number"), n.parse().expect("a number"));
        let before = last.insert((message.partition, name.0), name.1);
        let place = (message.partition, message.offset);
        assert!(before < Some(name.1), "caller {} at {place:?}: {before:?}, then {}", name.0, name.1);
        *seen.entry(name).or_default() += 1;
    }
    for (name, told) in told {
        let expected = (*told == Told::Committed).then_some(PARTITIONS);
        assert_eq!(seen.remove(name), expected, "{name:?} was told {told:?}");
    }
    assert_eq!(seen, BTreeMap::new(), "visible and nobody's");
}

fn seed() -> u64 {
    let seed = std::env::var("SIDECOMMIT_GROUP_SEED").ok().map(|seed| seed.parse().expect("a number"));
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("SIDECOMMIT_GROUP_SEED={seed}");
    seed
}

async fn through_kills<F>(callers: usize, caller: impl Fn(App, String, usize, Course) -> F)
where
    F: Future<Output = Ledger> + Send + 'static,
{
    let mut random = fastrand::Rng::with_seed(seed());
    let cluster = Cluster::shared();
    let topic = cluster.topic(PARTITIONS);
    let spec = spec(&cluster.bootstrap());
    let course = Course::default();
    let mut sidecar = spec.serve().await;
    let mut running = JoinSet::new();
    for n in 0..callers {
        running.spawn(caller(sidecar.app(), topic.clone(), n, course.clone()));
    }
    for _ in 0..KILLS {
        course.until_committed(random.usize(200..600)).await;
        // At any moment of whatever is under way then.
        sleep(Duration::from_micros(random.u64(..20_000))).await;
        sidecar.kill();
        sidecar = spec.serve().await;
    }
    course.until_committed(500).await;
    course.over.store(true, Ordering::Relaxed);
    let ledger: Ledger = running.join_all().await.into_iter().flatten().collect();
    let committed = ledger.values().filter(|told| **told == Told::Committed).count();
    println!("{committed} committed, {} aborted", ledger.len() - committed);
    check(cluster, &topic, &ledger);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_begins_after_a_reply_is_behind_it() {
    through_kills(CALLERS, one_after_the_other).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overlapping_transactions_of_one_key_are_in_the_order_of_their_commits() {
    through_kills(KEYS, overlapping).await;
}
