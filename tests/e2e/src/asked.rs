//! Transfers that were asked for while a sidecar or its disk came to grief, and what became of them.

use crate::{App, Cluster, Refused, Told, check_ledger, record, unique};
use sidecommit_rpc::proto::v1;
use std::{collections::BTreeMap, time::Duration};
use tokio::time::{Instant, sleep};

/// How long an outcome may take after a restart.
const PATIENCE: Duration = Duration::from_secs(90);

/// A transfer and what its caller was told before the sidecar ended.
#[derive(Clone, Debug)]
pub struct Asked {
    /// In both of its records.
    pub name: String,
    /// By which calls.
    pub by: By,
    /// COMMITTED, if the caller was told so.
    pub reply: Option<v1::CommitResponse>,
}

/// By which calls a transfer was asked for.
#[derive(Clone, Debug)]
pub enum By {
    /// Begin, Produce, Commit of this transaction.
    Id(String),
    /// Transact, with the transfer's name as key.
    Key,
}

/// What became of them, after a restart.
#[derive(Debug, Default)]
pub struct Account {
    /// What each one's caller was told in the end.
    pub told: BTreeMap<String, Told>,
    /// Those whose outcome the sidecar would not tell: the journal that knew is gone, and it did not guess.
    pub forgotten: Vec<String>,
    /// Acknowledged ones of which the journal did not have the reply any more, but only the fact.
    pub replies_lost: usize,
}

// === impl Asked ===

impl Asked {
    /// Asks once. No transfer: the sidecar did not even begin one.
    pub async fn once(app: &mut App, topic: &str, by_key: bool) -> (Option<Self>, Option<Refused>) {
        let name = unique("transfer");
        let records = records(topic, &name);
        if by_key {
            let (reply, refused) = split(transact(app, &name, records).await);
            return (Some(Self { name, by: By::Key, reply }), refused);
        }
        let txn = match app.begin(&name).await {
            Ok(txn) => txn,
            Err(refused) => return (None, Some(refused)),
        };
        let asked = match app.produce(&txn, 0, records).await {
            Ok(_) => app.commit(&txn, 2, 0).await,
            Err(refused) => Err(refused),
        };
        let (reply, refused) = split(asked);
        (Some(Self { name, by: By::Id(txn), reply }), refused)
    }

    /// Asks once and is told COMMITTED.
    ///
    /// # Panics
    /// If it is not.
    pub async fn committed(app: &mut App, topic: &str, by_key: bool) -> Self {
        match Self::once(app, topic, by_key).await {
            (Some(asked), None) => asked,
            (_, refused) => panic!("{refused:?}"),
        }
    }

    async fn settle(self, app: &mut App, topic: &str, account: &mut Account) {
        let outcome = self.again(app, topic).await;
        match (&outcome, &self.reply) {
            (Ok(now), Some(before)) => {
                assert_eq!(now.transaction_id, before.transaction_id, "{}", self.name);
                if now != before {
                    assert_eq!(now.ranges, [], "{}: the fact may be all that is known", self.name);
                    account.replies_lost += 1;
                }
            }
            (Ok(_), None) => {}
            (Err(refused), None) if refused.code == tonic::Code::Aborted => {}
            (Err(refused), None) if refused.reason == "OUTCOME_FORGOTTEN" => {
                assert_eq!(refused.next, "STOP");
                account.forgotten.push(self.name);
                return;
            }
            (Err(refused), before) => panic!("{}: {refused:?}, and before {before:?}", self.name),
        }
        assert_eq!(self.again(app, topic).await, outcome, "{}", self.name);
        let told = if outcome.is_ok() { Told::Committed } else { Told::Aborted };
        account.told.insert(self.name, told);
    }

    async fn again(&self, app: &mut App, topic: &str) -> Result<v1::CommitResponse, Refused> {
        if let By::Id(txn) = &self.by {
            return app.settle(txn, 2).await;
        }
        let end = Instant::now() + PATIENCE;
        loop {
            // It does not even say that this is a repeat: the sidecar has to know. An abort was one attempt's.
            match transact(app, &self.name, records(topic, &self.name)).await {
                Err(refused) if refused.asks_again() || refused.next == "BEGIN_AGAIN" => {
                    assert!(Instant::now() < end, "no outcome of {}: {refused:?}", self.name);
                    sleep(Duration::from_millis(20)).await;
                }
                outcome => return outcome,
            }
        }
    }
}

// === impl Account ===

impl Account {
    /// Asks for each again, as a client does after a restart, until it is told, and once more.
    ///
    /// # Panics
    /// If a repeat is told otherwise than before.
    pub async fn settle(&mut self, asked: Vec<Asked>, app: &mut App, topic: &str) {
        for transfer in asked {
            transfer.settle(app, topic, self).await;
        }
    }

    /// Takes in another's.
    pub fn add(&mut self, other: Self) {
        self.told.extend(other.told);
        self.forgotten.extend(other.forgotten);
        self.replies_lost += other.replies_lost;
    }

    /// Holds it against what is visible.
    ///
    /// # Panics
    /// With every difference.
    pub fn check(&self, cluster: &Cluster, topic: &str) {
        let mut visible = cluster.values(topic);
        for name in &self.forgotten {
            // Nobody was told; but a half of it would be a torn transaction.
            let halves = ["debit", "credit"].map(|half| visible.remove(&format!("{name}/{half}")));
            assert!(matches!(halves, [None, None] | [Some(1), Some(1)]), "{name}: {halves:?}");
        }
        check_ledger(&self.told, &visible);
    }

    /// [`Self::check`], and all that was acknowledged was durable.
    ///
    /// # Panics
    /// If anything was not.
    pub fn check_durable(&self, cluster: &Cluster, topic: &str) {
        self.check(cluster, topic);
        assert_eq!(
            (self.replies_lost, &self.forgotten[..]),
            (0, &[][..]),
            "what was acknowledged was durable"
        );
    }

    /// How many were told COMMITTED.
    pub fn committed(&self) -> usize {
        self.told.values().filter(|told| **told == Told::Committed).count()
    }
}

fn records(topic: &str, name: &str) -> Vec<v1::Record> {
    ["debit", "credit"].map(|half| record(topic, name, &format!("{name}/{half}"))).to_vec()
}

async fn transact(app: &mut App, key: &str, records: Vec<v1::Record>) -> Result<v1::CommitResponse, Refused> {
    let reply = app.transact(key, records).await?;
    let v1::TransactResponse { transaction_id, state, ranges } = reply;
    Ok(v1::CommitResponse { transaction_id, state, ranges })
}

fn split<T, E>(result: Result<T, E>) -> (Option<T>, Option<E>) {
    match result {
        Ok(value) => (Some(value), None),
        Err(error) => (None, Some(error)),
    }
}
