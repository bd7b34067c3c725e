//! SIGKILL at every named point: what callers are told equals what a read_committed reader sees.
//!
//! Half of the sidecars have one application with one transaction after the other; at the other half several commit at
//! the same moment, so that a kill hits groups of several. `SIDECOMMIT_KILLS` sets how often (100 in CI, spread over four
//! sidecars side by side).

use sidecommit_e2e::{App, Cluster, FAILPOINTS, Sidecar, Spec, Told, check_ledger, record, unique};
use std::{collections::BTreeMap, thread, time::Duration};
use tokio::task::JoinSet;

/// Applications of a sidecar whose transactions share groups.
const CROWD: usize = 8;

fn kills() -> usize {
    std::env::var("SIDECOMMIT_KILLS").ok().map_or(100, |kills| kills.parse().expect("a number"))
}

/// What one sidecar and its application went through.
#[derive(Debug, Default)]
struct Course {
    told: BTreeMap<String, Told>,
    deaths: BTreeMap<&'static str, usize>,
    /// The most transactions that were asked for before a point was passed so often.
    most: usize,
}

/// A transaction that was begun, by its name.
type Begun = (String, String);

/// A transaction of two records. False: its commit was not answered; it may not even have been begun.
async fn transact(mut app: App, topic: String) -> (Option<Begun>, bool) {
    let name = unique("transfer");
    let halves = ["debit", "credit"].map(|half| record(&topic, &name, &format!("{name}/{half}")));
    let Ok(txn) = app.begin(&name).await else { return (None, false) };
    let answered =
        app.produce(&txn, 0, halves.to_vec()).await.is_ok() && app.commit(&txn, 2, 0).await.is_ok();
    (Some((name, txn)), answered)
}

/// So many at the same moment. False: the sidecar died.
async fn transact_together(sidecar: &Sidecar, topic: &str, crowd: usize, open: &mut Vec<Begun>) -> bool {
    let mut calls = JoinSet::new();
    for _ in 0..crowd {
        calls.spawn(transact(sidecar.app(), topic.to_owned()));
    }
    let ended = calls.join_all().await;
    let answered = ended.iter().all(|(_, answered)| *answered);
    open.extend(ended.into_iter().filter_map(|(begun, _)| begun));
    answered
}

/// Runs transactions of two records each while the sidecar dies at the given point, then asks until told.
async fn die_at(
    topic: &str,
    spec: &Spec,
    (point, nth): (&'static str, usize),
    crowd: usize,
    course: &mut Course,
) {
    let mut sidecar = spec.clone().set("failpoint", &format!("{point}:{nth}")).serve().await;
    let mut open = Vec::new();
    // The point is passed once per group, so the nth kills; one more in case its kill waits for the next call.
    for _ in 0..nth + 1 {
        if !transact_together(&sidecar, topic, crowd, &mut open).await {
            break;
        }
    }
    course.most = course.most.max(open.len());
    sidecar.wait(Duration::from_secs(20));
    *course.deaths.entry(point).or_default() += 1;
    drop(sidecar);

    let recovering = spec.clone().set("failpoint", "during-recovery:2");
    if nth % 3 == 2 {
        // And once more while it recovers.
        let mut dying = recovering.start();
        dying.wait(Duration::from_secs(30));
        *course.deaths.entry("during-recovery").or_default() += 1;
    }
    let sidecar = spec.serve().await;
    let mut app = sidecar.app();
    for (name, txn) in open {
        let told = match app.settle(&txn, 2).await {
            Ok(_) => Told::Committed,
            Err(refused) if refused.code == tonic::Code::Aborted => Told::Aborted,
            Err(refused) => panic!("{name} ({txn}), killed {point}: {refused:?}"),
        };
        // A repeat says the same.
        assert_eq!(app.settle(&txn, 2).await.is_ok(), told == Told::Committed);
        course.told.insert(name, told);
    }
}

#[test]
fn whatever_is_killed_callers_are_told_what_readers_see() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(3);
    let per_sidecar = kills().div_ceil(4);
    let courses = (0..4).map(|pod| {
        let topic = topic.clone();
        thread::spawn(move || {
            let spec = Spec::new(&cluster.bootstrap());
            let mut course = Course::default();
            let crowd = if pod % 2 == 0 { 1 } else { CROWD };
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            for round in pod.. {
                if course.deaths.values().sum::<usize>() >= per_sidecar {
                    break;
                }
                let point = FAILPOINTS[round % FAILPOINTS.len()];
                // A crowd passes each point a few times, and fewer than eight: the next one comes.
                let nth = round / FAILPOINTS.len() % 3 + if crowd == 1 { 1 } else { 5 };
                runtime.block_on(die_at(&topic, &spec, (point, nth), crowd, &mut course));
            }
            course
        })
    });
    let mut told = BTreeMap::new();
    let mut deaths: BTreeMap<&str, usize> = BTreeMap::new();
    let mut most = 0;
    for course in courses.collect::<Vec<_>>() {
        let course = course.join().expect("a course ends well");
        most = most.max(course.most);
        told.extend(course.told);
        course.deaths.into_iter().for_each(|(point, n)| *deaths.entry(point).or_default() += n);
    }
    check_ledger(&told, &cluster.values(&topic));
    let committed = told.values().filter(|told| **told == Told::Committed).count();
    println!("kills: {deaths:?}; {committed} committed, {} aborted", told.len() - committed);
    assert!(deaths.len() == FAILPOINTS.len() + 1, "every point was reached: {deaths:?}");
    assert!(deaths.values().sum::<usize>() >= kills());
    // Each for itself, the first crowd would pass every point more often than any round asks for.
    assert!(most > CROWD, "groups of several were killed");
    // Before EndTxn aborts, after it commits: a run without both could not tell a right answer from a constant one.
    assert!(committed > 0 && committed < told.len());
}
