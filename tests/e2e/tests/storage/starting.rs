//! The disk fails at each of its calls during a start: the sidecar says why, serves nobody, and the next start on the
//! mended disk is well.

use crate::Fault;
use sidecommit_e2e::{Account, Asked, Cluster, Disk, Sidecar, Spec, eventually};
use std::time::Duration;

async fn fail_at_start(fault: Fault) {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let (disk, spec) = fault.pod(&cluster);
    let mut account = Account::default();
    let mut asked: Vec<Asked> = Vec::new();
    for (start, least) in [("creates the journal", 5), ("settles the past", 2)] {
        let failed = starts_that_fail(&disk, &spec, fault, "").await;
        println!("{fault:?}: {failed} calls of a start that {start} failed");
        assert!(failed >= least, "only {failed} calls of a start that {start} failed");
        let sidecar = spec.serve().await;
        let mut app = sidecar.app();
        account.settle(std::mem::take(&mut asked), &mut app, &topic).await;
        for by_key in [false, true] {
            asked.push(Asked::committed(&mut app, &topic, by_key).await);
        }
        sidecar.kill();
        disk.lose_power();
    }
    let sidecar = spec.serve().await;
    account.settle(asked, &mut sidecar.app(), &topic).await;
    account.check_durable(&cluster, &topic);
}

/// Starts again and again, failing one call later each time of those on files whose paths begin so, until a start gets
/// through. Returns how many did not.
pub(crate) async fn starts_that_fail(disk: &Disk, spec: &Spec, fault: Fault, prefix: &str) -> u32 {
    for after in 0.. {
        let failures = disk.count("ENOSPC") + disk.count("EIO");
        fault.strike_at(disk, after, prefix);
        let mut sidecar = expecting(spec, fault).start();
        let mut app = sidecar.app();
        let mut state = None;
        eventually("the sidecar serves or does not", 60, async || {
            // A process whose start failed says that it drains, and ends.
            state = app.state().await.filter(|state| !matches!(state.as_str(), "RECOVERING" | "DRAINING"));
            state.is_some() || sidecar.has_ended()
        })
        .await;
        let struck = disk.count("ENOSPC") + disk.count("EIO") > failures;
        match state.as_deref() {
            Some("READY") => assert!(!struck, "served although the disk had failed: {}", sidecar.log()),
            Some("JOURNAL_FAILED") => fault.assert_told(&app.begin("x").await.expect_err("does not serve")),
            None => assert_says_why(&mut sidecar, fault),
            other => panic!("{other:?}"),
        }
        let log = sidecar.log();
        sidecar.kill();
        disk.mend();
        if !struck {
            assert_eq!(state.as_deref(), Some("READY"), "{log}");
            return after;
        }
        // What it did before it failed is not trusted: what was not durable is gone.
        disk.lose_power();
    }
    unreachable!()
}

/// A start may say more about the fault than a sidecar that serves.
fn expecting(spec: &Spec, fault: Fault) -> Spec {
    let of_the_fault = [
        fault.words(),
        // sled's own sync when it is closed; caught.
        "panicked at .. sled",
        "note: run with `RUST_BACKTRACE=1`",
    ];
    of_the_fault.iter().fold(spec.clone(), |spec, line| spec.expects(line, "the disk fails"))
}

fn assert_says_why(sidecar: &mut Sidecar, fault: Fault) {
    let status = sidecar.wait(Duration::from_secs(60));
    let log = sidecar.log();
    assert!(status.code().is_some_and(|code| code > 0), "{status}; {log}");
    assert!(log.contains(fault.words()), "{log}");
}

#[tokio::test]
async fn a_disk_that_is_full_at_the_start_is_told_and_the_next_start_is_well() {
    fail_at_start(Fault::Full).await;
}

#[tokio::test]
async fn a_sync_that_fails_at_the_start_is_told_and_the_next_start_is_well() {
    fail_at_start(Fault::SyncFails).await;
}
