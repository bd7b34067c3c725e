//! Random faults, and fences, under several applications at once, on all lanes.

use crate::{matrix::APIS, rig::Rig};
use sidecommit_e2e::Told;
use sidecommit_faultproxy::{Api, FaultProxy, Rule, Side};
use tokio::{task::JoinSet, time::Duration};

const APPLICATIONS: usize = 4;
/// Of each kind of fault, per request or reply.
const PROBABILITY: f64 = 0.015;
/// With one in so many transactions lane 0 is fenced: what librdkafka would repeat for ever is in doubt.
const FENCED_ONE_IN: u32 = 4;
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
        // Each attempt counts; and what finds a free lane is in Kafka while it is open.
        let spec = spec.set("limits.group_attempts_max", "1").set("limits.streaming_bytes", "0B");
        let others = "the lanes share one partition of the outcomes, and one of them waits for replies";
        spec.expects_wire_faults()
            .expects("WARN .. another producer's open transaction holds back the outcomes", others)
    })
    .await;
    let concerned = |apis: &[Api], probability| {
        for rule in [
            Rule::requests(apis).drop(),
            Rule::replies(apis).drop(),
            Rule::requests(apis).delay_up_to(DELAY_MAX),
            Rule::requests(apis).duplicate(),
            Rule::requests(apis).cut_before(),
            Rule::replies(apis).cut_before(),
        ] {
            rig.proxy.add(rule.with_probability(probability));
        }
    };
    // Most is at stake at the end.
    concerned(&[Api::END_TXN], 3.0 * PROBABILITY);
    concerned(&APIS, PROBABILITY);
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
                let transfer = teller.begin_with_offset().await;
                teller.commit(&transfer);
                if fastrand::u32(..FENCED_ONE_IN) == 0 {
                    // Whatever its lane is doing at that moment.
                    tokio::task::block_in_place(|| rig.fence());
                }
                teller.settle(transfer).await;
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
