//! Random faults under several applications at once, on all lanes.

use crate::{
    matrix::APIS,
    rig::{Rig, expects_any},
};
use sidecommit_e2e::Told;
use sidecommit_faultproxy::{FaultProxy, Rule, Side};
use tokio::{task::JoinSet, time::Duration};

const APPLICATIONS: usize = 4;
/// Of each kind of fault, per request or reply.
const PROBABILITY: f64 = 0.02;
/// More than the clients' patience: some arrive when their sender has given them up.
const DELAY_MAX: Duration = Duration::from_secs(4);

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|number| number.parse().expect("a number"))
}

/// Dropped, delayed, duplicated and cut so far.
fn injected(proxy: &FaultProxy) -> [u64; 4] {
    let tally = proxy.tally();
    let [a, b] = [Side::Request, Side::Reply].map(|side| tally.total(side));
    [a.dropped + b.dropped, a.delayed + b.delayed, a.duplicated + b.duplicated, a.cut + b.cut]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_random_faults_callers_are_told_what_readers_see() {
    let wanted = number("SIDECOMMIT_WIRE_FAULTS").unwrap_or(12);
    let seed = number("SIDECOMMIT_WIRE_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("SIDECOMMIT_WIRE_SEED={seed}");
    let rig = Rig::seeded(seed, |spec| {
        // Each attempt counts.
        let spec = spec.set("limits.group_attempts_max", "1");
        let others = "the lanes share one partition of the outcomes, and one of them waits for replies";
        expects_any(spec)
            .expects("WARN .. another producer's open transaction holds back the outcomes", others)
    })
    .await;
    for rule in [
        Rule::requests(&APIS).drop(),
        Rule::replies(&APIS).drop(),
        Rule::requests(&APIS).delay_up_to(DELAY_MAX),
        Rule::requests(&APIS).duplicate(),
        Rule::requests(&APIS).cut_before(),
        Rule::replies(&APIS).cut_before(),
    ] {
        rig.proxy.add(rule.with_probability(PROBABILITY));
    }
    let rig = std::sync::Arc::new(rig);
    let mut applications = JoinSet::new();
    for _ in 0..APPLICATIONS {
        let rig = rig.clone();
        applications.spawn(async move {
            let mut teller = rig.teller();
            loop {
                let injected = injected(&rig.proxy);
                if injected.iter().sum::<u64>() >= wanted && injected.iter().all(|n| *n > 0) {
                    break;
                }
                teller.transfer_with_offset().await;
            }
            teller
        });
    }
    let mut tellers = Vec::new();
    while let Some(teller) = applications.join_next().await {
        tellers.push(teller.expect("an application ends well"));
    }
    rig.proxy.heal();
    for teller in &mut tellers {
        teller.transfer_until_committed().await;
    }
    rig.check(&tellers.iter().collect::<Vec<_>>());
    let told: Vec<_> = tellers.iter().flat_map(|teller| teller.told.values()).collect();
    let committed = told.iter().filter(|told| ***told == Told::Committed).count();
    let faults = injected(&rig.proxy);
    println!("{:?}", rig.proxy);
    println!(
        "{faults:?} dropped, delayed, duplicated, cut; {committed} committed, {} aborted",
        told.len() - committed
    );
}
