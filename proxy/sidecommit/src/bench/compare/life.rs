//! What a sidecar takes beside its work: idle, at its start, and after it was killed in doubt.

use crate::{
    bench::{
        load::{self, Client},
        spread::Spread,
        target::{Own, PARTITIONS},
    },
    demo::kafka::Kafka,
    exit::Failure,
};
use futures_util::future::try_join_all;
use serde::Serialize;
use sidecommit_rpc::proto::v1::{Record, TransactRequest};
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tonic::Status;

const TIMES: usize = 3;
const IDLE: Duration = Duration::from_secs(10);
const START_PATIENCE: Duration = Duration::from_secs(60);
const START_POLL: Duration = Duration::from_millis(5);
/// PREPARED is in the journal, EndTxn is not sent: the first time that it gets there.
const IN_DOUBT: &str = "after-prepared:1";

/// What was measured, three times each.
#[derive(Clone, Copy, Debug, Serialize)]
pub(in crate::bench) struct Life {
    /// With one lane.
    pub(super) idle_rss_mib: Spread,
    pub(super) idle_cpu_percent: Spread,
    /// From the process's start to the first committed transaction, with a new journal.
    pub(super) first_commit_s: Spread,
    /// The same after kill -9 with a transaction in doubt.
    pub(super) first_commit_after_kill_s: Spread,
}

pub(super) async fn measure(kafka: &Kafka, folder: &Path) -> Result<Life, Failure> {
    let bench = Bench { kafka, folder, topic: format!("bench-{:08x}-life", fastrand::u32(..)) };
    kafka.create_topic(&bench.topic, PARTITIONS).await?;
    // What is idle does not disturb the others.
    let idle = try_join_all((0..TIMES).map(|nth| bench.idle(nth))).await?;
    let (mut starts, mut restarts) = (Vec::new(), Vec::new());
    for nth in 0..TIMES {
        starts.push(bench.start(nth).await?);
        restarts.push(bench.restart(nth).await?);
    }
    kafka.delete_topics(&[&bench.topic]).await?;
    let (rss, cpu): (Vec<f64>, Vec<f64>) = idle.into_iter().unzip();
    let spread =
        |values: &[f64]| Spread::of(values).ok_or_else(|| Failure::Internal("nothing measured".to_owned()));
    Ok(Life {
        idle_rss_mib: spread(&rss)?,
        idle_cpu_percent: spread(&cpu)?,
        first_commit_s: spread(&starts)?,
        first_commit_after_kill_s: spread(&restarts)?,
    })
}

struct Bench<'a> {
    kafka: &'a Kafka,
    folder: &'a Path,
    topic: String,
}

// === impl Bench ===

impl Bench<'_> {
    /// MiB, and percent of a core.
    async fn idle(&self, nth: usize) -> Result<(f64, f64), Failure> {
        let lanes =
            [("--limits-lanes-max", "1"), ("--limits-lanes-reserved", "0"), ("--limits-lanes-warm", "1")];
        let lanes = lanes.map(|(flag, value)| (flag, value.to_owned()));
        let sidecar = Own::start(self.kafka, &self.folder(&format!("idle-{nth}"))?, &lanes)?;
        self.committed(&sidecar.spec.socket()).await?;
        let before = sidecar.whose.usage()?;
        tokio::time::sleep(IDLE).await;
        let usage = sidecar.whose.usage()?.since(before);
        sidecar.stop().await?;
        Ok((usage.rss_mib, usage.cores(IDLE) * 100.0))
    }

    /// Seconds.
    async fn start(&self, nth: usize) -> Result<f64, Failure> {
        let folder = self.folder(&format!("start-{nth}"))?;
        let begin = Instant::now();
        let sidecar = Own::start(self.kafka, &folder, &[])?;
        self.committed(&sidecar.spec.socket()).await?;
        let took = begin.elapsed();
        sidecar.stop().await.map(|()| took.as_secs_f64())
    }

    /// Seconds.
    async fn restart(&self, nth: usize) -> Result<f64, Failure> {
        let spec = Own::spec(self.kafka, &self.folder(&format!("restart-{nth}"))?);
        let doubtful = Own::again(spec, Some(IN_DOUBT))?;
        let client = load::client(&doubtful.spec.socket());
        load::serving(client.clone()).await?;
        if self.transact(client).await.is_ok() {
            return Err(Failure::Internal(format!("a transaction got past the failpoint {IN_DOUBT}")));
        }
        let spec = doubtful.killed().await?;
        if spec.prepared()?.is_empty() {
            return Err(Failure::Internal("nothing was in doubt when the sidecar was killed".to_owned()));
        }
        let begin = Instant::now();
        let sidecar = Own::again(spec, None)?;
        self.committed(&sidecar.spec.socket()).await?;
        let took = begin.elapsed();
        sidecar.stop().await.map(|()| took.as_secs_f64())
    }

    /// A transaction through a sidecar that may not serve yet.
    async fn committed(&self, socket: &Path) -> Result<(), Failure> {
        let (client, end) = (load::client(socket), Instant::now() + START_PATIENCE);
        loop {
            match self.transact(client.clone()).await {
                Ok(()) => return Ok(()),
                Err(status) if Instant::now() > end => return Err(load::failed(&status)),
                Err(_) => tokio::time::sleep(START_POLL).await,
            }
        }
    }

    async fn transact(&self, mut client: Client) -> Result<(), Status> {
        let record = Record { topic: self.topic.clone(), value: Some("x".into()), ..Record::default() };
        let request = TransactRequest {
            idempotency_key: format!("bench-{:016x}", fastrand::u64(..)),
            records: vec![record],
            ..TransactRequest::default()
        };
        client.transact(request).await.map(|_| ())
    }

    fn folder(&self, name: &str) -> Result<PathBuf, Failure> {
        let folder = self.folder.join(name);
        std::fs::create_dir(&folder).map_err(Failure::internal).map(|()| folder)
    }
}
