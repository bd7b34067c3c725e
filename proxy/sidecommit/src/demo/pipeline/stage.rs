//! The play: the pods copy, are struck and recover, one strike after the other, and at the end the checker judges.

use super::{
    super::{kafka::Kafka, programs, progress::Progress},
    Args, PARTITIONS,
    check::Verdict,
    feeder::Feeder,
    follower::Follower,
    plan::{Act, Numbers, Strike, Victim, plan},
    pod::{Deployment, Heard, Pod, SESSION_TIMEOUT},
    report::{Report, Tally},
    said::Said,
};
use crate::exit::Failure;
use rustix::process::Signal;
use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{sync::mpsc, time::timeout};

const PODS: usize = 2;
/// The group goes on without whoever is stopped for so long.
const PAUSE: Duration = SESSION_TIMEOUT.saturating_add(Duration::from_secs(3));
/// When nothing is copied for so long, nothing will be.
const STILL_MAX: Duration = Duration::from_secs(60);
/// Between two looks at what nobody tells.
const LOOK: Duration = Duration::from_millis(20);

/// Everything that a run needs to remember.
#[derive(Debug)]
struct Stage {
    pods: Vec<Pod>,
    heard: mpsc::UnboundedReceiver<Heard>,
    feeder: Feeder,
    follower: Follower,
    progress: Progress,
    records: u64,
    strikes: usize,
    tally: Tally,
}

/// Plays on a Kafka, with everything else in a folder.
pub(super) async fn play(args: &Args, seed: u64, kafka: &Kafka, folder: &Path) -> Result<Report, Failure> {
    let started = Instant::now();
    let run = format!("{:08x}", fastrand::u32(..));
    let [input, output] = ["orders", "bills"].map(|what| format!("sidecommit-demo-{run}-{what}"));
    for topic in [&input, &output] {
        kafka.create_topic(topic, PARTITIONS).await?;
    }
    let mut rng = fastrand::Rng::with_seed(seed);
    let Args { records, kills, pauses, rolls, .. } = *args;
    let strikes = plan(Numbers { records, pods: PODS, kills, pauses, rolls }, &mut rng);
    let deployment = Deployment { kafka, folder, run: &run, input: &input, output: &output };
    let (tell, heard) = mpsc::unbounded_channel();
    let mut stage = Stage {
        pods: (0..PODS).map(|nth| deployment.start(nth, tell.clone())).collect::<Result<_, _>>()?,
        heard,
        feeder: Feeder::start(kafka.servers(), &input, records, rng.fork())?,
        follower: Follower::start(kafka.servers(), &output)?,
        progress: Progress::new(records, "records copied"),
        records,
        strikes: strikes.len(),
        tally: Tally::default(),
    };
    stage.copy(&strikes).await?;
    stage.progress.now("checking");
    stage.end().await?;
    let verdict = check(&input, &output, kafka.servers()).await?;
    stage.progress.finish();
    let report = Report::new(seed, records, verdict, stage.tally, started.elapsed());
    if report.judge().is_ok() {
        kafka.delete_topics(&[&input, &output]).await?;
    }
    Ok(report)
}

async fn check(input: &str, output: &str, servers: &str) -> Result<Verdict, Failure> {
    let mut command = programs::sidecommit();
    command.args(["demo", "pipeline", "check", "--input", input, "--output", output]);
    command.args(["--bootstrap-servers", servers]).stderr(Stdio::inherit());
    let output = command.output().await.map_err(Failure::internal)?;
    if !output.status.success() {
        return Err(Failure::Internal(format!("the checker failed: {}", output.status)));
    }
    serde_json::from_slice(&output.stdout).map_err(Failure::internal)
}

// === impl Stage ===

impl Stage {
    /// Until everything is copied, or nothing is any more.
    async fn copy(&mut self, strikes: &[Strike]) -> Result<(), Failure> {
        self.all_work("the start").await?;
        for (nth, strike) in strikes.iter().enumerate() {
            self.feeder.let_to(strike.until);
            if !self.until(|stage| stage.follower.copied() >= strike.at).await? {
                break;
            }
            self.strike(nth + 1, *strike).await?;
            if !self.tally.stuck.is_empty() {
                break;
            }
        }
        self.feeder.let_to(self.records);
        if !self.until(|stage| stage.follower.copied() >= stage.records).await? {
            let (copied, records) = (self.follower.copied(), self.records);
            self.tally.stuck.push(format!("{copied} of {records} records were copied, then none any more"));
        }
        Ok(())
    }

    async fn strike(&mut self, nth: usize, Strike { act, pod, .. }: Strike) -> Result<(), Failure> {
        let what = format!("strike {nth}/{}, {act} {pod}", self.strikes);
        self.progress.now(&what);
        self.progress.say(&format!("{what}: {} records copied", self.follower.copied()));
        match act {
            Act::Kill(victim) => {
                *self.tally.kills.entry(victim).or_default() += 1;
                self.pods[pod].kill(victim).await?;
                self.all_work(&what).await
            }
            Act::Pause(victim) => {
                *self.tally.pauses.entry(victim).or_default() += 1;
                self.pause(pod, victim).await?;
                self.all_work(&what).await
            }
            Act::Roll => {
                for nth in 0..PODS {
                    self.tally.restarts += 1;
                    self.pods[(pod + nth) % PODS].restart().await?;
                    self.all_work(&what).await?;
                }
                Ok(())
            }
        }
    }

    async fn pause(&mut self, pod: usize, victim: Victim) -> Result<(), Failure> {
        self.pods[pod].signal(victim, Signal::STOP)?;
        let over = Instant::now() + PAUSE;
        while Instant::now() < over {
            self.listen().await?;
        }
        self.pods[pod].signal(victim, Signal::CONT)
    }

    /// Waits until each partition is one pod's, and each pod has some.
    async fn all_work(&mut self, after: &str) -> Result<(), Failure> {
        let all_work = |stage: &Self| {
            let held = || stage.pods.iter().map(Pod::held);
            let one_each =
                (0..PARTITIONS).all(|partition| held().filter(|held| held.contains(&partition)).count() == 1);
            one_each && held().all(|held| !held.is_empty())
        };
        let since = Instant::now();
        if !self.until(all_work).await? {
            let held: Vec<_> = self.pods.iter().map(Pod::held).collect();
            self.tally.stuck.push(format!("{STILL_MAX:?} after {after} the pods have {held:?}"));
        }
        self.tally.healed(since.elapsed());
        Ok(())
    }

    /// Waits until something is so. False: it is not, and nothing is copied any more.
    async fn until(&mut self, so: impl Fn(&Self) -> bool) -> Result<bool, Failure> {
        let mut last = (self.follower.copied(), Instant::now());
        while !so(self) {
            self.listen().await?;
            let copied = self.follower.copied();
            if copied > last.0 {
                last = (copied, Instant::now());
            } else if last.1.elapsed() > STILL_MAX {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// For a moment.
    async fn listen(&mut self) -> Result<(), Failure> {
        if let Ok(Some(heard)) = timeout(LOOK, self.heard.recv()).await {
            self.take(&heard);
        }
        self.progress.done(self.follower.copied());
        self.pods.iter_mut().try_for_each(Pod::check)
    }

    fn take(&mut self, heard: &Heard) {
        self.tally.rebalances += u64::from(self.pods[heard.pod].hear(heard));
        match &heard.said {
            Said::Committed { records, again } => {
                self.tally.transactions += 1;
                self.tally.acknowledged += records;
                self.tally.redelivered += again;
            }
            Said::Void { reason } => *self.tally.void.entry(reason.clone()).or_default() += 1,
            Said::Assigned(_) | Said::Revoked(_) | Said::Begun { .. } => {}
        }
    }

    /// Everybody ends in order, unless they are stuck: then they are killed.
    async fn end(&mut self) -> Result<(), Failure> {
        self.feeder.end().await?;
        if self.tally.stuck.is_empty() {
            for pod in &mut self.pods {
                pod.stop().await?;
            }
        }
        // What they said at last.
        while let Ok(heard) = self.heard.try_recv() {
            self.take(&heard);
        }
        self.pods.clear();
        self.tally.latency(&self.follower);
        Ok(())
    }
}
