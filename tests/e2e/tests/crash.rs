//! SIGKILL at every named point: what callers are told equals what a read_committed reader sees.
//!
//! `SIDECOMMIT_KILLS` sets how often (100 in CI, spread over four sidecars side by side).

use sidecommit_e2e::{Cluster, FAILPOINTS, Spec, Told, check_ledger, record, unique};
use std::{collections::BTreeMap, thread, time::Duration};

fn kills() -> usize {
    std::env::var("SIDECOMMIT_KILLS").ok().map_or(100, |kills| kills.parse().expect("a number"))
}

/// What one sidecar and its application went through.
#[derive(Debug, Default)]
struct Course {
    told: BTreeMap<String, Told>,
    deaths: BTreeMap<&'static str, usize>,
}

/// Runs transactions of two records each while the sidecar dies at the given point, then asks until told.
async fn die_at(topic: &str, spec: &Spec, point: &'static str, nth: usize, course: &mut Course) {
    let mut sidecar = spec.clone().set("failpoint", &format!("{point}:{nth}")).serve().await;
    let mut app = sidecar.app();
    let mut open = Vec::new();
    // The point is passed once per commit, so the nth kills; one more in case its kill waits for the next call.
    for _ in 0..nth + 1 {
        let name = unique("transfer");
        let halves = ["debit", "credit"].map(|half| record(topic, &name, &format!("{name}/{half}")));
        let Ok(txn) = app.begin(&name).await else { break };
        open.push((name, txn.clone()));
        if app.produce(&txn, 0, halves.to_vec()).await.is_err() || app.commit(&txn, 2, 0).await.is_err() {
            break;
        }
    }
    sidecar.wait(Duration::from_secs(20));
    *course.deaths.entry(point).or_default() += 1;
    drop(sidecar);

    let recovering = spec.clone().set("failpoint", "during-recovery:2");
    if nth == 2 {
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
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            for round in pod.. {
                if course.deaths.values().sum::<usize>() >= per_sidecar {
                    break;
                }
                let point = FAILPOINTS[round % FAILPOINTS.len()];
                let nth = 1 + round / FAILPOINTS.len() % 3;
                runtime.block_on(die_at(&topic, &spec, point, nth, &mut course));
            }
            course
        })
    });
    let mut told = BTreeMap::new();
    let mut deaths: BTreeMap<&str, usize> = BTreeMap::new();
    for course in courses.collect::<Vec<_>>() {
        let course = course.join().expect("a course ends well");
        told.extend(course.told);
        course.deaths.into_iter().for_each(|(point, n)| *deaths.entry(point).or_default() += n);
    }
    check_ledger(&told, &cluster.values(&topic));
    let committed = told.values().filter(|told| **told == Told::Committed).count();
    println!("kills: {deaths:?}; {committed} committed, {} aborted", told.len() - committed);
    assert!(deaths.len() == FAILPOINTS.len() + 1, "every point was reached: {deaths:?}");
    assert!(deaths.values().sum::<usize>() >= kills());
    // Before EndTxn aborts, after it commits: a run without both could not tell a right answer from a constant one.
    assert!(committed > 0 && committed < told.len());
}
