//! The journal fails under many callers at once: some groups are being prepared, some are ended, some are answered.
//!
//! `SIDECOMMIT_DISK_FAULTS` sets how often (6 in CI).

use crate::Fault;
use sidecommit_e2e::{Account, Asked, Cluster};

fn faults() -> u32 {
    std::env::var("SIDECOMMIT_DISK_FAULTS").ok().map_or(6, |faults| faults.parse().expect("a number"))
}

/// Then the power goes as well. Returns how many were answered.
async fn fail_under_load(fault: Fault, after: u32) -> usize {
    let cluster = Cluster::shared();
    let topic = cluster.topic(3);
    let (disk, spec) = fault.pod(&cluster);
    let sidecar = spec.serve().await;
    let callers = (0..8).map(|caller| {
        let (mut app, topic) = (sidecar.app(), topic.clone());
        tokio::spawn(async move {
            let mut asked = Vec::new();
            loop {
                let (transfer, refused) = Asked::once(&mut app, &topic, caller % 2 == 0).await;
                asked.extend(transfer);
                if let Some(refused) = refused {
                    fault.assert_told(&refused);
                    return asked;
                }
            }
        })
    });
    let callers: Vec<_> = callers.collect();
    fault.strike(&disk, after);
    let mut asked = Vec::new();
    for caller in callers {
        asked.extend(caller.await.expect("a caller's course ends well"));
    }
    sidecar.kill();
    assert!(!fault.trace(&disk).is_empty(), "the disk failed");
    disk.lose_power();
    disk.mend();
    let sidecar = spec.serve().await;
    let mut app = sidecar.app();
    let answered = asked.iter().filter(|transfer| transfer.reply.is_some()).count();
    let mut account = Account::default();
    account.settle(asked, &mut app, &topic).await;
    account.check_durable(&cluster, &topic);
    answered
}

#[tokio::test]
async fn a_disk_that_fails_under_load_costs_no_outcome() {
    let mut answered = 0;
    for n in 0..faults() {
        // At another call each time, with no order in it.
        let (fault, after) = (Fault::ALL[n as usize % Fault::ALL.len()], 7 + n * 17 % 40);
        println!("{fault:?} after {after}");
        answered += fail_under_load(fault, after).await;
    }
    println!("{} faults, {answered} answered before them", faults());
    assert!(answered > 0, "some were answered before the journal failed");
}
