//! Many transactions that are committed at the same moment.

use crate::rig::Rig;
use sidecommit_e2e::{App, Refused, Way, record, unique};
use sidecommit_rpc::proto::v1;
use std::time::Duration;
use tokio::{task::JoinSet, time::Instant};

/// One transaction of a crowd.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// Its first record's value.
    pub(crate) name: String,
    pub(crate) records: Vec<v1::Record>,
    pub(crate) offsets: Option<v1::GroupOffsets>,
}

/// What became of it.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) name: String,
    pub(crate) answer: Result<(), Refused>,
    /// Since the lanes were free.
    pub(crate) after: Duration,
}

// === impl Member ===

impl Member {
    /// One record.
    pub(crate) fn new(topic: &str) -> Self {
        let name = unique("member");
        let records = vec![record(topic, &name, &name)];
        Self { name, records, offsets: None }
    }

    /// Whether it cannot be committed.
    pub(crate) fn is_bad(&self) -> bool {
        self.offsets.is_some() || self.records.iter().any(|record| record.timestamp_ms.is_some())
    }

    /// Begins and adds the records; the id.
    pub(crate) async fn begin(&self, app: &mut App) -> Result<String, Refused> {
        let txn = app.begin(&self.name).await?;
        app.produce(&txn, 0, self.records.clone()).await?;
        if let Some(offsets) = &self.offsets {
            app.send_offsets(&txn, offsets.clone()).await?;
        }
        Ok(txn)
    }

    pub(crate) async fn transact(&self, app: &mut App) -> Result<(), Refused> {
        let request = v1::TransactRequest {
            idempotency_key: self.name.clone(),
            records: self.records.clone(),
            group_offsets: self.offsets.iter().cloned().collect(),
            ..v1::TransactRequest::default()
        };
        app.stub.transact(request).await?;
        Ok(())
    }
}

/// Has all of them committed while every lane is busy, so that they wait together; then the lanes are freed. `meanwhile`
/// happens when those made by calls have their records. Also how many Kafka transactions were asked to commit for it.
pub(crate) async fn at_once(
    rig: &Rig,
    way: Way,
    crowd: Vec<(App, Member)>,
    meanwhile: impl AsyncFnOnce(),
) -> (Vec<Answered>, usize) {
    let mut prepared = Vec::new();
    for (mut app, member) in crowd {
        let txn =
            if way == Way::Transact { None } else { Some(member.begin(&mut app).await.expect("is taken")) };
        prepared.push((app, member, txn));
    }
    meanwhile().await;
    let plug = rig.plug().await;
    let waiting = prepared.len();
    let mut calls = JoinSet::new();
    for (mut app, member, txn) in prepared {
        calls.spawn(async move {
            let (records, offsets) = (member.records.len() as i64, i64::from(member.offsets.is_some()));
            let answer = match txn {
                Some(txn) => app.commit(&txn, records, offsets).await.map(drop),
                None => member.transact(&mut app).await,
            };
            (member.name, answer, Instant::now())
        });
    }
    rig.until_queued(waiting).await;
    // Those of the plug have arrived and are held.
    rig.commits();
    let free = Instant::now();
    plug.pull().await;
    let answered = calls.join_all().await.into_iter();
    let answered = answered.map(|(name, answer, at)| Answered { name, answer, after: at - free });
    (answered.collect(), rig.commits())
}
