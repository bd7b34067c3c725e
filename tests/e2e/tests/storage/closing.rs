//! The journal fails when COMMITTED, which is written lazily, is made durable at the end of an orderly shutdown.

use crate::Fault;
use sidecommit_e2e::{Account, Asked, Cluster};
use std::time::Duration;

async fn fail_at_committed(fault: Fault) {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let (disk, spec) = fault.pod(&cluster);
    let mut sidecar = spec.serve().await;
    let mut app = sidecar.app();
    let asked =
        [Asked::committed(&mut app, &topic, false).await, Asked::committed(&mut app, &topic, true).await];
    fault.strike(&disk, 0);
    sidecar.signal("TERM");
    // Nobody waits for that entry: Kafka knows.
    assert!(sidecar.wait(Duration::from_secs(60)).success(), "{}", sidecar.log());
    drop(sidecar);
    assert_eq!(
        fault.trace(&disk).len(),
        1,
        "COMMITTED was not durable, and one call tried: {:?}",
        disk.trace()
    );
    disk.lose_power();
    disk.mend();
    let sidecar = spec.serve().await;
    let mut app = sidecar.app();
    let mut account = Account::default();
    account.settle(asked.into(), &mut app, &topic).await;
    account.check_durable(&cluster, &topic);
}

#[tokio::test]
async fn a_disk_that_fails_at_the_last_committed_costs_no_outcome() {
    for fault in Fault::ALL {
        fail_at_committed(fault).await;
    }
}
