//! Three brokers of which one, or two, fail in each way while transactions are in each phase: no transaction is lost,
//! duplicated, torn or misreported, and each has a definite outcome.
//!
//! `SIDECOMMIT_BOUNCES` sets how many faults there are (each kind once by default).

mod callers;
mod coordinator;
mod deleted;
mod fault;
mod outage;
mod phase;
mod starting;

use callers::Callers;
use fault::Fault;
use phase::{Held, Phase, Served};
use sidecommit_e2e::{App, Spec, Told, check_ledger, record, unique, values};
use sidecommit_fixture::Replicated;
use std::{
    collections::BTreeMap,
    sync::OnceLock,
    time::{Duration, Instant},
};
use tokio::{
    sync::{Mutex, MutexGuard},
    task::LocalSet,
};

const DATA_PARTITIONS: i32 = 3;
const OUTCOMES_PARTITIONS: i32 = 3;
const CALLERS: usize = 3;
/// A client that waits for a broker that is cut off waits 30 s at a time, for each thing that it asks of it.
const PATIENCE: Duration = Duration::from_secs(150);

fn bounces() -> usize {
    let all = Fault::ALL.len();
    std::env::var("SIDECOMMIT_BOUNCES").ok().map_or(all, |bounces| bounces.parse().expect("a number"))
}

/// The brokers, one test at a time; they are gone when this process is.
async fn brokers() -> MutexGuard<'static, Replicated> {
    static BROKERS: OnceLock<Mutex<Replicated>> = OnceLock::new();
    let brokers = BROKERS.get_or_init(|| Mutex::new(Replicated::start().expect("three brokers start")));
    let mut brokers = brokers.lock().await;
    // Whatever the test before left behind.
    brokers.heal().expect("they can be healed");
    brokers
}

/// A slot's sidecars, and what they rightly warn about when brokers fail.
fn spec(brokers: &Replicated) -> Spec {
    Spec::new(&brokers.kafka().bootstrap())
        .set("outcomes.replication_factor", "3")
        .set("outcomes.min_insync_replicas", "2")
        .set("outcomes.partitions", &OUTCOMES_PARTITIONS.to_string())
        .expects("WARN librdkafka: .. facility=\"FAIL\"", "brokers are killed and paused")
        .expects_fence("transactions time out while a broker is paused")
        .expects("WARN .. lane failed .. kind=Unreachable", "brokers are killed, paused and cut off")
        .expects("WARN .. reading the outcomes failed", "brokers are killed and paused")
        .expects(
            "WARN .. another producer's open transaction holds back",
            "sidecars are stopped in the middle of theirs",
        )
}

/// A slot with one lane, so that one broker coordinates all that it does: returned with the id.
fn one_lane(brokers: &Replicated) -> (Spec, String) {
    let spec = spec(brokers)
        .set("limits.lanes_max", "1")
        .set("limits.lanes_warm", "1")
        .set("limits.lanes_reserved", "0");
    let id = format!("{}/0", spec.slot());
    (spec, id)
}

/// Begins a transfer of two halves; returns its name and its transaction.
async fn begun(app: &mut App, topic: &str) -> (String, String) {
    let name = unique("transfer");
    let txn = app.begin(&name).await.expect("begins");
    let halves = ["debit", "credit"].map(|half| record(topic, half, &format!("{name}/{half}")));
    app.produce(&txn, 0, halves.to_vec()).await.expect("accepts");
    (name, txn)
}

/// Asks for a transfer's commit; its answer is asked for later.
fn ask_commit(mut app: App, txn: &str) {
    let txn = txn.to_owned();
    tokio::spawn(async move { drop(app.commit(&txn, 2, 0).await) });
}

async fn side_by_side<T: 'static>(
    all: impl IntoIterator<Item = impl Future<Output = T> + 'static>,
) -> Vec<T> {
    let mut done = Vec::new();
    let set = LocalSet::new();
    let tasks: Vec<_> = all.into_iter().map(|future| set.spawn_local(future)).collect();
    set.run_until(async {
        for task in tasks {
            done.push(task.await.expect("ends well"));
        }
    })
    .await;
    done
}

/// What happened so far.
#[derive(Default)]
struct Course {
    told: BTreeMap<String, Told>,
    rows: BTreeMap<(Fault, Phase), Told>,
    seconds: Vec<(Fault, u64)>,
}

/// One fault under one transaction in each phase.
async fn bounce(brokers: &mut Replicated, fault: Fault, data: &str, callers: &Callers, course: &mut Course) {
    let started = Instant::now();
    let outcomes = unique("outcomes");
    // Aimed at whoever coordinates the first that can be aimed at.
    let aimed = |brokers: &Replicated| loop {
        let (spec, id) = one_lane(brokers);
        if fault.aims_at(brokers, &id) {
            break (spec, brokers.coordinator(&id).expect("is coordinated"));
        }
    };
    let (_, target) = aimed(brokers);
    let mut starting = Vec::new();
    for phase in Phase::ALL {
        let spec = loop {
            let (spec, coordinator) = aimed(brokers);
            if coordinator == target {
                break fault.prepare(spec, &outcomes);
            }
        };
        starting.push(Served::start(phase, spec, data.to_owned()));
    }
    // Who starts, or recovers, reads the outcomes; those that stop with a transaction open would hold it back for half a minute.
    let served = side_by_side(starting).await;
    let (recovering, others): (Vec<_>, Vec<_>) =
        served.into_iter().partition(|served| served.phase == Phase::Recovering);
    let mut held = side_by_side(recovering.into_iter().map(Served::reach)).await;
    held.extend(side_by_side(others.into_iter().map(Served::reach)).await);

    fault.strike(brokers, target);
    held.iter_mut().for_each(Held::go_on);
    fault.await_consequences(brokers, target, data, &outcomes);
    if fault.is_survivable() {
        callers.go_on(&format!("{fault:?}")).await;
    } else {
        let open = held.iter().find(|held| held.phase == Phase::Committing).expect("each is held");
        assert!(!open.is_answered(), "{fault:?}: committed without enough replicas");
        brokers.heal().expect("they come back");
    }
    // Where it can be survived, while it lasts.
    for (phase, name, told) in side_by_side(held.into_iter().map(Held::told)).await {
        course.rows.insert((fault, phase), told);
        course.told.insert(name, told);
    }
    brokers.heal().expect("they come back");
    callers.go_on(&format!("after {fault:?}")).await;
    course.seconds.push((fault, started.elapsed().as_secs()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_to_brokers_callers_are_told_what_readers_see() {
    let mut brokers = brokers().await;
    let data = unique("transfers");
    brokers.kafka().create_topic(&data, DATA_PARTITIONS, &[]).expect("the topic can be made");
    let callers = Callers::start(&spec(&brokers), &data, CALLERS).await;
    let mut course = Course::default();
    let faults: Vec<_> = Fault::ALL.iter().copied().cycle().take(bounces()).collect();
    for (n, fault) in faults.iter().enumerate() {
        if *fault != Fault::Moved && n > 0 {
            // What the last fault moved is moved back, so that each broker leads and coordinates its share.
            brokers.elect_preferred().expect("everybody lives");
        }
        bounce(&mut brokers, *fault, &data, &callers, &mut course).await;
    }
    let by_callers = callers.stop().await;
    let committed = by_callers.values().filter(|told| **told == Told::Committed).count();
    println!(
        "{} faults in {} phases; callers: {committed} committed, {} aborted; seconds: {:?}",
        faults.len(),
        Phase::ALL.len(),
        by_callers.len() - committed,
        course.seconds
    );
    for (fault, phase) in course.rows.keys() {
        println!("{fault:?} {phase:?}: {:?}", course.rows[&(*fault, *phase)]);
    }
    course.told.extend(by_callers);
    check_ledger(&course.told, &values(brokers.kafka(), &data));
    for ((fault, phase), told) in &course.rows {
        // What the phase alone decides: EndTxn was answered, or was never sent before init.
        match phase {
            Phase::AfterEnd | Phase::AfterReply => assert_eq!(*told, Told::Committed, "{fault:?} {phase:?}"),
            Phase::Recovering => assert_eq!(*told, Told::Aborted, "{fault:?} {phase:?}"),
            _ => {}
        }
    }
}
