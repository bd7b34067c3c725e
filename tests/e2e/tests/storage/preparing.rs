//! The journal fails while a transaction is being prepared. Others are open, with and without records in Kafka.

use crate::Fault;
use sidecommit_e2e::{Account, App, Asked, By, Cluster, Disk, Refused, Sidecar, Spec, eventually, record};
use std::time::Duration;

/// How the sidecar whose journal failed ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Terminated,
    PowerLoss,
}

/// One that was answered, one that is all in the sidecar's memory, and one whose records are in Kafka already.
struct Scene {
    topic: String,
    answered: Asked,
    open: [String; 2],
}

// === impl Scene ===

impl Scene {
    async fn set(cluster: &Cluster, app: &mut App) -> Self {
        let topic = cluster.topic(1);
        let answered = Asked::committed(app, &topic, false).await;
        let open = [app.begin("buffered").await, app.begin("streaming").await];
        let open = open.map(|begun| begun.expect("begins"));
        for (txn, size) in open.iter().zip([1, 2_000]) {
            let value = "never".repeat(size);
            app.produce(txn, 0, vec![record(&topic, "k", &value)]).await.expect("accepts");
        }
        eventually("records of an open transaction are in Kafka", 60, async || {
            cluster.unstable(&topic, 0).await > 0
        })
        .await;
        Self { topic, answered, open }
    }

    /// The sidecar lives, does not serve any more, and tells what it has told.
    async fn assert_over(&self, app: &mut App, fault: Fault) {
        assert_eq!(app.state().await.as_deref(), Some("JOURNAL_FAILED"));
        fault.assert_told(&app.begin("another").await.expect_err("does not serve"));
        for txn in &self.open {
            let produced = app.produce(txn, 1, vec![record(&self.topic, "k", "v")]).await;
            fault.assert_told(&produced.expect_err("was aborted"));
            fault.assert_told(&app.commit(txn, 1, 0).await.expect_err("was aborted"));
        }
        let By::Id(txn) = &self.answered.by else { panic!("is by id") };
        assert_eq!(app.commit(txn, 2, 0).await.ok(), self.answered.reply);
    }
}

async fn fail_at_prepared(fault: Fault, end: End) {
    let cluster = Cluster::shared();
    let (disk, spec) = fault.pod(&cluster);
    let sidecar = spec.serve().await;
    let mut app = sidecar.app();
    let scene = Scene::set(&cluster, &mut app).await;
    let topic = &scene.topic;
    let mut asked = vec![scene.answered.clone(), Asked::committed(&mut app, topic, true).await];

    // Neither Begin nor Produce asks the disk: the fault is there, and only Commit meets it.
    fault.strike(&disk, 0);
    let txn = app.begin("begun on a disk that fails").await.expect("begins");
    app.produce(&txn, 0, vec![record(topic, "k", "never")]).await.expect("accepts");
    fault.assert_told(&app.commit(&txn, 1, 0).await.expect_err("cannot be prepared"));
    let (late, refused) = Asked::once(&mut app, topic, true).await;
    asked.extend(late);
    fault.assert_told(&refused.expect("does not serve"));
    scene.assert_over(&mut app, fault).await;
    eventually("nothing holds back readers", 60, async || cluster.unstable(topic, 0).await == 0).await;
    // That the disk works again does not help: what the failed call lost is lost.
    disk.mend();
    scene.assert_over(&mut app, fault).await;
    let failed = fault.trace(&disk);
    assert_eq!(failed.len(), 1, "the journal's last call is the one that failed: {failed:?}");

    let sidecar = end.restart(sidecar, &disk, &spec).await;
    let mut app = sidecar.app();
    let mut account = Account::default();
    account.settle(asked, &mut app, topic).await;
    for txn in scene.open.iter().chain([&txn]) {
        let refused: Refused = app.settle(txn, 1).await.expect_err("was aborted");
        assert_eq!(refused.code, tonic::Code::Aborted, "{refused:?}");
    }
    let fresh = Asked::committed(&mut app, topic, false).await;
    account.settle(vec![fresh], &mut app, topic).await;
    account.check_durable(&cluster, topic);
}

// === impl End ===

impl End {
    async fn restart(self, mut sidecar: Sidecar, disk: &Disk, spec: &Spec) -> Sidecar {
        match self {
            Self::Terminated => {
                sidecar.signal("TERM");
                assert!(sidecar.wait(Duration::from_secs(60)).success(), "{}", sidecar.log());
                drop(sidecar);
            }
            Self::PowerLoss => {
                sidecar.kill();
                disk.lose_power();
            }
        }
        spec.serve().await
    }
}

#[tokio::test]
async fn a_full_disk_at_prepared_aborts_and_the_next_start_is_well() {
    fail_at_prepared(Fault::Full, End::Terminated).await;
    fail_at_prepared(Fault::Full, End::PowerLoss).await;
}

#[tokio::test]
async fn a_write_that_fails_at_prepared_aborts_and_the_next_start_is_well() {
    fail_at_prepared(Fault::WritesFail, End::Terminated).await;
    fail_at_prepared(Fault::WritesFail, End::PowerLoss).await;
}

#[tokio::test]
async fn a_sync_that_fails_at_prepared_aborts_and_is_not_tried_again() {
    fail_at_prepared(Fault::SyncFails, End::Terminated).await;
    fail_at_prepared(Fault::SyncFails, End::PowerLoss).await;
}
