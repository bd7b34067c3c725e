//! No transaction in two committed groups: the sidecar is killed, and EndTxn lost, delayed or cut off, around every step
//! of a split and of what follows it, on two lanes. Callers repeat until they are told; then a reader sees exactly that.

use crate::{crowd::Member, rig::spec};
use sidecommit_e2e::{
    App, Cluster, FAILPOINTS, Refused, Sidecar, Spec, Told, Way, check_ledger, offsets, record, unique,
};
use sidecommit_faultproxy::{Api, EndTxn, FaultProxy, Request, Rule};
use sidecommit_rpc::proto::v1;
use std::{collections::BTreeMap, time::Duration};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

/// Good ones in one crowd.
const CROWD: usize = 16;
/// Crowds that may come before a failpoint is reached.
const CROWDS_MAX: usize = 8;
const PATIENCE: Duration = Duration::from_secs(90);
const KILLED: Duration = Duration::from_secs(20);

fn kills() -> usize {
    std::env::var("SIDECOMMIT_GROUP_KILLS").ok().map_or(16, |kills| kills.parse().expect("a number"))
}

/// Why a crowd's group is split.
#[derive(Clone, Copy, Debug)]
enum Poison {
    /// A record that its topic does not take.
    Record,
    /// Offsets of a generation that is gone.
    Generation,
}

/// A transaction that was asked for, and by which calls.
struct Asked {
    app: App,
    member: Member,
    /// Its id, if it was not made by Transact.
    txn: Option<String>,
    answer: Result<(), Refused>,
}

/// Topics and what was told of the transactions with records for them.
#[derive(Default)]
struct Ledger {
    told: BTreeMap<String, BTreeMap<String, Told>>,
    poisoned: usize,
}

// === impl Asked ===

impl Asked {
    async fn once(mut app: App, member: Member, way: Way) -> Self {
        let mut txn = None;
        let answer = match way {
            Way::Transact => member.transact(&mut app).await,
            _ => match member.begin(&mut app).await {
                Ok(id) => {
                    let answer = commit(&mut app, &member, &id).await;
                    txn = Some(id);
                    answer
                }
                Err(refused) => Err(refused),
            },
        };
        Self { app, member, txn, answer }
    }

    /// Repeats what was asked until it is told. None: it was never asked to commit.
    async fn settle(mut self, way: Way) -> Option<Told> {
        let end = Instant::now() + PATIENCE;
        if way != Way::Transact && self.txn.is_none() {
            return None;
        }
        let mut first = true;
        let mut last = self.answer.clone();
        loop {
            match &last {
                Ok(()) if !first => return Some(Told::Committed),
                Err(refused) if !refused.asks_again() => {
                    let of_its_own = refused.code == tonic::Code::Aborted || refused.next == "FIX_REQUEST";
                    assert!(of_its_own, "{}: {refused:?}", self.member.name);
                    assert!(
                        self.answer.is_err(),
                        "{}: told to be committed, then {refused:?}",
                        self.member.name
                    );
                    return Some(Told::Aborted);
                }
                _ => {}
            }
            if !std::mem::take(&mut first) && last.is_err() {
                assert!(
                    Instant::now() < end,
                    "{}: no outcome within {PATIENCE:?}: {last:?}",
                    self.member.name
                );
                sleep(Duration::from_millis(20)).await;
            }
            last = match &self.txn {
                Some(txn) => commit(&mut self.app, &self.member, txn).await,
                None => self.member.transact(&mut self.app).await,
            };
        }
    }
}

async fn commit(app: &mut App, member: &Member, txn: &str) -> Result<(), Refused> {
    let offsets = i64::from(member.offsets.is_some());
    app.commit(txn, member.records.len() as i64, offsets).await.map(drop)
}

/// Two records, in different partitions: whole or torn.
fn transfer(topic: &str, poison: Option<Poison>) -> Member {
    let name = unique("transfer");
    let mut records = ["debit", "credit"].map(|half| record(topic, half, &format!("{name}/{half}"))).to_vec();
    let mut sent = None;
    match poison {
        Some(Poison::Record) => records[1].timestamp_ms = Some(1),
        Some(Poison::Generation) => {
            let stale = offsets(&unique("group"), topic, 0, 9);
            sent = Some(v1::GroupOffsets { generation_id: Some(3), member_id: "gone".into(), ..stale });
        }
        None => {}
    }
    Member { name, records, offsets: sent }
}

fn way(n: usize) -> Way {
    if n.is_multiple_of(2) { Way::Calls } else { Way::Transact }
}

/// A crowd with a poisoned one in its midst, all at once. The sidecar may die under it.
async fn crowd(sidecar: &Sidecar, topic: &str, poison: Poison) -> Vec<(Asked, Way)> {
    let mut calls = JoinSet::new();
    for n in 0..=CROWD {
        let member = transfer(topic, (n == CROWD / 2).then_some(poison));
        let app = sidecar.app();
        calls.spawn(async move { (Asked::once(app, member, way(n)).await, way(n)) });
    }
    calls.join_all().await
}

impl Ledger {
    /// What the sidecar knows of a new topic is from before it was tightened.
    async fn topic(&mut self, cluster: Cluster, sidecar: &Sidecar) -> String {
        let topic = cluster.topic(4);
        let mut first = transfer(&topic, None);
        first.name = unique("first");
        first.records =
            ["debit", "credit"].map(|half| record(&topic, half, &format!("{}/{half}", first.name))).to_vec();
        first.transact(&mut sidecar.app()).await.expect("commits");
        cluster.tighten(&topic, &[("message.timestamp.before.max.ms", "3600000")], (1, "probe")).await;
        self.told.entry(topic.clone()).or_default().insert(first.name, Told::Committed);
        topic
    }

    /// Asks again until told.
    async fn settle(&mut self, topic: &str, asked: Vec<(Asked, Way)>) {
        for (asked, way) in asked {
            let (name, bad) = (asked.member.name.clone(), asked.member.is_bad());
            if let Some(told) = asked.settle(way).await {
                assert!(!bad || told == Told::Aborted, "{name} cannot be committed");
                self.poisoned += usize::from(bad);
                self.told.entry(topic.to_owned()).or_default().insert(name, told);
            }
        }
    }

    /// Every committed transaction is visible once and whole, and nothing else is.
    fn check(&self, cluster: Cluster) {
        for (topic, told) in &self.told {
            let mut visible = cluster.values(topic);
            visible.retain(|value, _| value != "probe");
            check_ledger(told, &visible);
        }
        let told = self.told.values().flat_map(BTreeMap::values);
        let committed = told.filter(|told| **told == Told::Committed).count();
        println!("{committed} committed in {} topics, {} poisoned", self.told.len(), self.poisoned);
        assert!(committed > CROWD && self.poisoned > 0);
    }
}

fn two_lanes(spec: Spec) -> Spec {
    spec.set("limits.lanes_max", "2")
        .set("limits.lanes_warm", "2")
        .set("limits.lanes_reserved", "1")
        .expects("WARN .. lane failed .. kind=Record", "a crowd has a record that its topic does not take")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_it_is_killed_no_transaction_is_in_two_committed_groups() {
    let cluster = Cluster::shared();
    let mut ledger = Ledger::default();
    let mut deaths: BTreeMap<&str, usize> = BTreeMap::new();
    let points: Vec<_> = FAILPOINTS.into_iter().chain(["after-group-abort"]).collect();
    let spec = two_lanes(spec(&cluster.bootstrap()));
    for round in 0..kills() {
        let poison = if round % 2 == 0 { Poison::Record } else { Poison::Generation };
        // Past the topic's first transaction: in each step of the first crowd's groups.
        let (point, nth) = (points[round % points.len()], round / points.len() % 4);
        let nth = if point == "after-group-abort" { 1 + nth % 2 } else { 2 + nth };
        let mut sidecar = spec.clone().set("failpoint", &format!("{point}:{nth}")).serve().await;
        let topic = ledger.topic(cluster, &sidecar).await;
        let mut asked = Vec::new();
        for _ in 0..CROWDS_MAX {
            asked.extend(crowd(&sidecar, &topic, poison).await);
            if asked.iter().any(|(asked, _)| asked.answer.as_ref().is_err_and(Refused::asks_again)) {
                break;
            }
        }
        sidecar.wait(KILLED);
        *deaths.entry(point).or_default() += 1;
        drop(sidecar);
        if round % points.len() == 0 {
            let mut dying = spec.clone().set("failpoint", "during-recovery:2").start();
            dying.wait(KILLED);
            *deaths.entry("during-recovery").or_default() += 1;
        }
        let sidecar = spec.serve().await;
        ledger.settle(&topic, asked).await;
        drop(sidecar);
    }
    println!("kills: {deaths:?}");
    ledger.check(cluster);
    assert_eq!(deaths.len(), points.len() + 1, "every point was reached: {deaths:?}");
}

fn ends(commit: bool) -> impl Fn(&Request) -> bool {
    move |request| EndTxn::parse(request).is_some_and(|end| end.commit == commit)
}

/// What happens to the nth EndTxn of a kind.
fn faults(commit: bool, nth: u64) -> [Rule; 4] {
    let [request, reply] =
        [Rule::request, Rule::reply].map(|of| of(Api::END_TXN).only_if(ends(commit)).nth(nth));
    let [lost, cut] = [Rule::reply, Rule::reply].map(|of| of(Api::END_TXN).only_if(ends(commit)).nth(nth));
    [reply.delay(Duration::from_millis(300)), lost.drop(), request.cut_before(), cut.cut_before()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_end_is_lost_no_transaction_is_in_two_committed_groups() {
    let cluster = Cluster::shared();
    let proxy = FaultProxy::start(&cluster.bootstrap()).await.expect("the proxy starts");
    let spec = two_lanes(spec(proxy.bootstrap()))
        .expects_wire_faults()
        .set("kafka.socket.timeout.ms", "1500")
        .set("limits.default_timeout", "5m");
    let sidecar = spec.serve().await;
    let mut ledger = Ledger::default();
    let mut fired: BTreeMap<(bool, usize), u64> = BTreeMap::new();
    let rounds = kills().div_ceil(4);
    for round in 0..rounds {
        let nth = 1 + round as u64 % 4;
        for commit in [true, false] {
            for (kind, fault) in faults(commit, if commit { nth } else { 1 }).into_iter().enumerate() {
                let poison = if (round + kind) % 2 == 0 { Poison::Record } else { Poison::Generation };
                let topic = ledger.topic(cluster, &sidecar).await;
                let fault = proxy.add(fault);
                let asked = crowd(&sidecar, &topic, poison).await;
                ledger.settle(&topic, asked).await;
                *fired.entry((commit, kind)).or_default() += proxy.tally().fired(fault);
                proxy.remove(fault);
            }
        }
    }
    println!("(commit, kind of fault): times: {fired:?}");
    ledger.check(cluster);
    assert!(fired.values().all(|times| *times > 0), "each fault met an end: {fired:?}");
}
