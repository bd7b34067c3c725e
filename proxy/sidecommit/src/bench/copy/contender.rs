//! Who does the job.

use super::Args;
use crate::{
    demo::{
        kafka::Kafka,
        programs,
        sidecar::{Sidecar, Spec},
    },
    exit::Failure,
};
use rustix::process::Signal;
use std::{path::Path, time::Duration};
use tokio::process::{Child, Command};

const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// What is to be done.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) input: String,
    pub(super) output: String,
    pub(super) group: String,
    /// Per transaction at most.
    pub(super) records: u32,
}

/// Who does it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Contender {
    Java,
    Sidecommit,
}

/// One at work; killed when dropped.
#[derive(Debug)]
pub(super) struct Running {
    /// The job's own process.
    job: Child,
    sidecar: Option<Sidecar>,
}

// === impl Contender ===

impl Contender {
    pub(super) const BOTH: [Self; 2] = [Self::Java, Self::Sidecommit];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Java => "java",
            Self::Sidecommit => "sidecommit",
        }
    }

    /// Starts it; it may not copy yet.
    pub(super) fn start(
        self,
        args: &Args,
        kafka: &Kafka,
        folder: &Path,
        job: &Job,
    ) -> Result<Running, Failure> {
        match self {
            Self::Java => java(args, kafka, job),
            Self::Sidecommit => sidecommit(kafka, folder, job),
        }
    }
}

fn java(args: &Args, kafka: &Kafka, job: &Job) -> Result<Running, Failure> {
    let mut java = programs::prepared(Command::new("java"));
    java.args(["-cp", &args.java_classpath, "Copier", kafka.servers(), &job.input, &job.output, &job.group])
        .arg(job.records.to_string());
    let failed = |error| Failure::Unavailable(format!("starting java: {error}"));
    Ok(Running { job: java.spawn().map_err(failed)?, sidecar: None })
}

/// A sidecar with its defaults, and an application.
fn sidecommit(kafka: &Kafka, folder: &Path, job: &Job) -> Result<Running, Failure> {
    let folder = folder.join(&job.group);
    std::fs::create_dir(&folder).map_err(Failure::internal)?;
    let spec = Spec::new(&folder, kafka, &format!("bench/copy/{}/0", job.group));
    let sidecar = spec.start(None)?;
    let mut app = programs::sidecommit();
    app.args(["bench", "copy", "app", "--socket"]).arg(spec.socket());
    app.args(["--group", &job.group, "--input", &job.input, "--output", &job.output]);
    app.args(["--records", &job.records.to_string()]);
    Ok(Running { job: app.spawn().map_err(Failure::internal)?, sidecar: Some(sidecar) })
}

// === impl Running ===

impl Running {
    /// In order, so that no open transaction holds back the next turn. The application has no order to keep: the sidecar ends what
    /// it left.
    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        let ended = self.job.try_wait().map_err(Failure::internal)?;
        if let Some(status) = ended {
            return Err(Failure::Internal(format!("the job ended by itself: {status}")));
        }
        let signal = if self.sidecar.is_some() { Signal::KILL } else { Signal::TERM };
        programs::signal(&self.job, signal)?;
        let stopped = tokio::time::timeout(STOP_PATIENCE, self.job.wait()).await;
        stopped.map_err(Failure::internal)?.map_err(Failure::internal)?;
        match &mut self.sidecar {
            Some(sidecar) => sidecar.stop().await,
            None => Ok(()),
        }
    }
}
