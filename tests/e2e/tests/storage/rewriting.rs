//! The disk fails at each of its calls while a start rewrites a journal that has grown: the former one or the new one
//! counts, whole, and nothing that was told is lost.

use crate::{Fault, starting::starts_that_fail};
use sidecommit_core::{Fingerprint, Incarnation, JournalEntry, Reason, TxnId, TxnOutcome, TxnSummary};
use sidecommit_e2e::{Account, Asked, Cluster, Spec};
use sidecommit_journal::{Binding, Journal, Options, inspect};

/// More than 8 MiB, the least size at which a journal is rewritten.
const ENTRIES: u64 = 9_000;
const LABEL: usize = 1_000;

async fn fail_at_rewrite(fault: Fault) {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    let (disk, spec) = fault.pod(&cluster);
    let spec = spec.set("limits.outcomes_remembered", "64");
    spec.serve().await.kill();
    grow(&spec);
    disk.sync_all();

    // This start forgets what is beyond its bound; the room is given back by the next.
    let sidecar = spec.serve().await;
    let mut app = sidecar.app();
    let mut asked = Vec::new();
    for by_key in [false, true] {
        asked.push(Asked::committed(&mut app, &topic, by_key).await);
    }
    sidecar.kill();
    disk.lose_power();
    // Opening the former one is shown elsewhere, and how much it writes depends on what the start before did.
    let prefix = if matches!(fault, Fault::SyncFails) { "" } else { "new." };
    let failed = starts_that_fail(&disk, &spec, fault, prefix).await;
    println!("{fault:?}: {failed} calls of a start that rewrites the journal failed");
    for (file, is_there) in [("data.1", false), ("data.2/db", true)] {
        assert_eq!(spec.journal().join(file).exists(), is_there, "it was rewritten: {file}");
    }
    let mut in_vain = fault.trace(&disk).into_iter().filter(|line| line.contains(" new.2/db E"));
    assert!(in_vain.next().is_some(), "{:?}", disk.trace());

    let sidecar = spec.serve().await;
    let mut app = sidecar.app();
    let mut account = Account::default();
    account.settle(asked, &mut app, &topic).await;
    account.check_durable(&cluster, &topic);
}

/// What thousands of aborted transactions leave in the journal.
fn grow(spec: &Spec) {
    let found = inspect(&spec.journal()).expect("the sidecar left a journal");
    let binding = Binding { cluster_id: found.cluster_id, slot: found.slot.parse().expect("a slot") };
    let (mut journal, _) = Journal::open(&spec.journal(), binding, Options::default()).expect("is free");
    for n in 0..ENTRIES {
        let summary = TxnSummary {
            txn: TxnId::new(1, Incarnation(1), n),
            request_id: String::new(),
            key: None,
            fingerprint: Fingerprint::default(),
            label: "l".repeat(LABEL),
            outcome: TxnOutcome::Aborted {
                reason: Reason::AbortedByCaller,
                message: String::new(),
                record_index: None,
            },
            ended: 1,
            record_count: 0,
            offsets_count: 0,
        };
        journal.put(&JournalEntry::Finished(summary)).expect("there is room");
    }
    journal.sync().expect("there is room");
}

#[tokio::test]
async fn a_disk_that_is_full_at_a_rewrite_costs_no_outcome() {
    fail_at_rewrite(Fault::Full).await;
}

#[tokio::test]
async fn a_write_that_fails_at_a_rewrite_costs_no_outcome() {
    fail_at_rewrite(Fault::WritesFail).await;
}

#[tokio::test]
async fn a_sync_that_fails_at_a_rewrite_costs_no_outcome() {
    fail_at_rewrite(Fault::SyncFails).await;
}
