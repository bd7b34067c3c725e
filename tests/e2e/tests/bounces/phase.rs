//! Transactions that are held in a phase while something happens to brokers.

use crate::PATIENCE;
use sidecommit_e2e::{App, Sidecar, Spec, Told, eventually, record, unique};
use sidecommit_rpc::proto::v1::Record;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Where a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Open; its first record is on its way to Kafka.
    Producing,
    /// Commit is asked when it happens.
    Committing,
    /// All is delivered, PREPARED is not durable.
    BeforePrepared,
    /// PREPARED is durable, EndTxn is not sent.
    AfterPrepared,
    /// EndTxn was answered, the caller was not.
    AfterEnd,
    /// The caller was answered.
    AfterReply,
    /// The sidecar died after PREPARED and recovers.
    Recovering,
}

/// A sidecar with one lane that serves, for a transaction that will be held in a phase.
pub(crate) struct Served {
    pub(crate) phase: Phase,
    sidecar: Sidecar,
    /// Of a restart.
    stopping: Spec,
    topic: String,
}

/// A sidecar with one lane, and the transaction that it is held with.
pub(crate) struct Held {
    pub(crate) phase: Phase,
    pub(crate) name: String,
    pub(crate) sidecar: Sidecar,
    app: App,
    txn: String,
    halves: [Record; 2],
    commit: Option<JoinHandle<()>>,
}

// === impl Phase ===

impl Phase {
    pub(crate) const ALL: [Self; 7] = [
        Self::Producing,
        Self::Committing,
        Self::BeforePrepared,
        Self::AfterPrepared,
        Self::AfterEnd,
        Self::AfterReply,
        Self::Recovering,
    ];

    /// The failpoint at which the sidecar stops itself.
    fn point(self) -> Option<&'static str> {
        match self {
            Self::Producing | Self::Committing => None,
            Self::BeforePrepared => Some("before-prepared:1:stop"),
            Self::AfterPrepared => Some("after-prepared:1:stop"),
            Self::AfterEnd => Some("after-end:1:stop"),
            Self::AfterReply => Some("after-reply:1:stop"),
            Self::Recovering => Some("during-recovery:1:stop"),
        }
    }
}

// === impl Served ===

impl Served {
    /// Starts a sidecar.
    pub(crate) async fn start(phase: Phase, spec: Spec, topic: String) -> Self {
        let stopping = match phase.point() {
            Some(point) => spec.clone().set("failpoint", point),
            None => spec.clone(),
        };
        let first = match phase {
            // Its first record is not kept in memory until Commit.
            Phase::Producing => spec.set("limits.streaming_bytes", "0B"),
            Phase::Recovering => spec.set("failpoint", "after-prepared:1"),
            _ => stopping.clone(),
        };
        Self { phase, sidecar: first.serve().await, stopping, topic }
    }

    /// Brings a transaction of two records on two partitions to the phase.
    pub(crate) async fn reach(self) -> Held {
        let Self { phase, sidecar, stopping, topic } = self;
        let name = unique(&format!("{phase:?}"));
        let half = |half, partition| Record {
            partition: Some(partition),
            ..record(&topic, &name, &format!("{name}/{half}"))
        };
        let halves = [half("debit", 0), half("credit", 1)];
        let mut app = sidecar.app();
        let txn = app.begin(&name).await.expect("begins");
        let added = if phase == Phase::Producing { &halves[..1] } else { &halves[..] };
        app.produce(&txn, 0, added.to_vec()).await.expect("accepts");
        let mut held = Held { phase, name, app, txn, halves, commit: None, sidecar };
        if phase == Phase::Recovering {
            held.app.commit(&held.txn, 2, 0).await.expect_err("dies");
            held.sidecar.wait(Duration::from_secs(20));
            held.sidecar = stopping.start();
            held.app = held.sidecar.app();
        } else if phase.point().is_some() {
            held.commit();
        }
        if phase.point().is_some() {
            let what = format!("the sidecar stops {phase:?}");
            eventually(&what, 60, async || held.sidecar.is_stopped()).await;
        }
        held
    }
}

// === impl Held ===

impl Held {
    /// Lets it go on.
    pub(crate) fn go_on(&mut self) {
        match self.phase {
            Phase::Producing => {
                let (mut app, txn, credit) = (self.app.clone(), self.txn.clone(), self.halves[1].clone());
                self.commit = Some(tokio::spawn(async move {
                    while let Err(refused) = app.produce(&txn, 1, vec![credit.clone()]).await {
                        if !refused.asks_again() {
                            return; // its Commit will be told why
                        }
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    // Its answer is asked for by `told`.
                    let _ = app.commit(&txn, 2, 0).await;
                }));
            }
            Phase::Committing => self.commit(),
            _ => self.sidecar.signal("CONT"),
        }
    }

    fn commit(&mut self) {
        let (mut app, txn) = (self.app.clone(), self.txn.clone());
        // Its answer is asked for by `told`.
        self.commit = Some(tokio::spawn(async move { drop(app.commit(&txn, 2, 0).await) }));
    }

    /// Whether its Commit was answered.
    pub(crate) fn is_answered(&self) -> bool {
        self.commit.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Asks until there is an outcome; repeats say the same.
    pub(crate) async fn told(mut self) -> (Phase, String, Told) {
        if let Some(commit) = self.commit.take() {
            commit.await.expect("ends well");
        }
        let told = match self.app.settle_within(&self.txn, 2, PATIENCE).await {
            Ok(_) => Told::Committed,
            Err(refused) if refused.code == tonic::Code::Aborted => Told::Aborted,
            Err(refused) => panic!("{} ({}): {refused:?}", self.name, self.txn),
        };
        assert_eq!(self.app.settle(&self.txn, 2).await.is_ok(), told == Told::Committed, "{}", self.name);
        // It works on.
        self.sidecar.serving().await;
        (self.phase, self.name, told)
    }
}
