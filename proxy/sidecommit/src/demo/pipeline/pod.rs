//! A pod: a sidecar and its application, each a process. The sidecar keeps its slot and its journal through all its lives; the
//! application keeps nothing.

use super::{
    super::{
        kafka::Kafka,
        programs,
        sidecar::{Sidecar, Spec},
    },
    app,
    plan::Victim,
    said::Said,
};
use crate::exit::Failure;
use rustix::process::Signal;
use std::{collections::BTreeSet, ffi::OsString, path::Path, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdout},
    sync::mpsc,
};

/// session.timeout.ms: a member that is silent for longer loses its partitions. More than the least limits.lane_timeout.
pub(super) const SESSION_TIMEOUT: Duration = Duration::from_secs(7);
/// An application that finishes its transactions.
const END_PATIENCE: Duration = Duration::from_secs(40);

/// What an application said.
#[derive(Debug)]
pub(super) struct Heard {
    /// Which pod.
    pub(super) pod: usize,
    /// In which of the application's lives.
    life: u32,
    pub(super) said: Said,
}

/// Both.
#[derive(Debug)]
pub(super) struct Pod {
    nth: usize,
    spec: Spec,
    arguments: Vec<OsString>,
    sidecar: Sidecar,
    application: Child,
    /// Of the application.
    life: u32,
    /// Partitions, as far as the application was told.
    held: BTreeSet<i32>,
    /// Its application is told again what it has.
    resumes: bool,
    tell: mpsc::UnboundedSender<Heard>,
}

/// What all pods of a run have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deployment<'a> {
    pub(super) kafka: &'a Kafka,
    pub(super) folder: &'a Path,
    /// Names the run.
    pub(super) run: &'a str,
    pub(super) input: &'a str,
    pub(super) output: &'a str,
}

// === impl Deployment ===

impl Deployment<'_> {
    /// Starts a pod; its application is heard from then on.
    pub(super) fn start(self, nth: usize, tell: mpsc::UnboundedSender<Heard>) -> Result<Pod, Failure> {
        let Self { kafka, folder, run, input, output } = self;
        let folder = folder.join(nth.to_string());
        std::fs::create_dir(&folder).map_err(Failure::internal)?;
        let timeout = format!("session.timeout.ms={}", SESSION_TIMEOUT.as_millis());
        let spec = Spec::new(&folder, kafka, &format!("demo/{run}/pipeline/{nth}"))
            .with("--kafka", &timeout)
            .with("--kafka", "heartbeat.interval.ms=500")
            // What a pod that stands still has begun holds the others up for so long.
            .with("--limits-lane-timeout", "6s")
            .with("--limits-idle-timeout", "3s")
            // An application that was killed does not come back under its old session.
            .with("--limits-session-grace", "1s");
        let arguments = app::arguments(&spec.socket(), &group(run), input, output);
        let sidecar = spec.start(None)?;
        let application = application(&arguments, nth, 0, &tell)?;
        Ok(Pod {
            nth,
            spec,
            arguments,
            sidecar,
            application,
            life: 0,
            held: BTreeSet::new(),
            resumes: false,
            tell,
        })
    }
}

/// group.id.
fn group(run: &str) -> String {
    format!("sidecommit-demo-{run}")
}

fn application(
    arguments: &[OsString],
    pod: usize,
    life: u32,
    tell: &mpsc::UnboundedSender<Heard>,
) -> Result<Child, Failure> {
    let failed = |what: &dyn std::fmt::Display| Failure::Internal(format!("starting an application: {what}"));
    let mut child = programs::sidecommit()
        .args(["demo", "pipeline", "app"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(&error))?;
    let out = child.stdout.take().ok_or_else(|| failed(&"no standard output"))?;
    tokio::spawn(listen(out, pod, life, tell.clone()));
    Ok(child)
}

/// To all that an application says. One that is killed may be cut off in a line.
async fn listen(out: ChildStdout, pod: usize, life: u32, tell: mpsc::UnboundedSender<Heard>) {
    let mut lines = BufReader::new(out).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Ok(said) = serde_json::from_str(&line) {
            let _ = tell.send(Heard { pod, life, said });
        }
    }
}

// === impl Pod ===

impl Pod {
    /// Partitions that it has.
    pub(super) fn held(&self) -> &BTreeSet<i32> {
        &self.held
    }

    /// Takes note of what its application said. Whether a rebalance changed its partitions.
    pub(super) fn hear(&mut self, heard: &Heard) -> bool {
        if heard.life != self.life {
            return false;
        }
        let before = self.held.clone();
        match &heard.said {
            Said::Assigned(partitions) => {
                self.held.extend(partitions);
                if std::mem::take(&mut self.resumes) {
                    return false;
                }
            }
            Said::Revoked(partitions) => self.held.retain(|held| !partitions.contains(held)),
            Said::Begun { resumed } => {
                self.held.clear();
                self.resumes = *resumed;
                return false;
            }
            Said::Committed { .. } | Said::Void { .. } => {}
        }
        before != self.held
    }

    /// # Errors
    /// If one of them has ended by itself.
    pub(super) fn check(&mut self) -> Result<(), Failure> {
        self.sidecar.check()?;
        let ended = self.application.try_wait().map_err(Failure::internal)?;
        ended.map_or(Ok(()), |status| Err(Failure::Internal(format!("an application ended: {status}"))))
    }

    /// SIGKILL, and started again at once.
    pub(super) async fn kill(&mut self, victim: Victim) -> Result<(), Failure> {
        match victim {
            Victim::Sidecar => {
                self.sidecar.kill()?;
                self.sidecar.killed().await?;
                self.sidecar = self.spec.start(None)?;
            }
            Victim::Application => {
                self.application.kill().await.map_err(Failure::internal)?;
                self.start_application()?;
            }
        }
        self.held.clear();
        Ok(())
    }

    /// SIGSTOP or SIGCONT.
    pub(super) fn signal(&self, victim: Victim, signal: Signal) -> Result<(), Failure> {
        match victim {
            Victim::Sidecar => self.sidecar.signal(signal),
            Victim::Application => programs::signal(&self.application, signal),
        }
    }

    /// The application finishes what it has begun, then the sidecar drains.
    pub(super) async fn stop(&mut self) -> Result<(), Failure> {
        // The end of its standard input asks it to end.
        drop(self.application.stdin.take());
        let status = match tokio::time::timeout(END_PATIENCE, self.application.wait()).await {
            Ok(status) => status.map_err(Failure::internal)?,
            Err(_) => {
                return Err(Failure::Internal(format!("an application did not end in {END_PATIENCE:?}")));
            }
        };
        if !status.success() {
            return Err(Failure::Internal(format!("an application failed: {status}")));
        }
        self.sidecar.stop().await
    }

    /// Stops and starts both.
    pub(super) async fn restart(&mut self) -> Result<(), Failure> {
        self.stop().await?;
        self.sidecar = self.spec.start(None)?;
        self.start_application()?;
        self.held.clear();
        Ok(())
    }

    fn start_application(&mut self) -> Result<(), Failure> {
        self.life += 1;
        self.application = application(&self.arguments, self.nth, self.life, &self.tell)?;
        Ok(())
    }
}
