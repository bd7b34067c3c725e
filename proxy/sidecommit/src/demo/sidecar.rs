//! The sidecar as a process of its own, started again and again with the same journal: the container of one pod.

use super::{kafka::Kafka, programs};
use crate::exit::Failure;
use rustix::process::Signal;
use sidecommit_journal::inspect;
use std::{
    fs::OpenOptions,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};
use tokio::process::{Child, Command};

/// The sidecar's own grace, and what a loaded machine adds.
const STOP_PATIENCE: Duration = Duration::from_secs(40);
const SIGKILL: i32 = 9;
const LOG_TAIL_LINES: usize = 20;

/// How to start it.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    folder: PathBuf,
    arguments: Vec<String>,
}

/// A running one; killed when dropped.
#[derive(Debug)]
pub(crate) struct Sidecar {
    child: Child,
    log: PathBuf,
}

/// A transaction that the journal holds as PREPARED.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prepared {
    pub(crate) transaction_id: String,
    pub(crate) idempotency_key: Option<String>,
}

// === impl Spec ===

impl Spec {
    /// With its journal and sockets in a folder.
    pub(crate) fn new(folder: &Path, kafka: &Kafka, slot: &str) -> Self {
        let path = |name: &str| folder.join(name).display().to_string();
        let mut arguments = vec![
            ("--bootstrap-servers", kafka.servers().to_owned()),
            ("--slot", slot.to_owned()),
            ("--journal-dir", path("journal")),
            ("--socket", path("api.sock")),
            ("--admin-socket", path("admin.sock")),
        ];
        arguments.extend(kafka.outcomes());
        let arguments = arguments.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect();
        Self { folder: folder.to_owned(), arguments }
    }

    /// With a setting's flag.
    pub(crate) fn with(mut self, flag: &str, value: &str) -> Self {
        self.arguments.extend([flag.to_owned(), value.to_owned()]);
        self
    }

    /// Its socket for applications.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("api.sock")
    }

    /// Its journal's folder.
    pub(crate) fn journal(&self) -> PathBuf {
        self.folder.join("journal")
    }

    /// Its log, over all its lives.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("sidecar.log")
    }

    /// Starts it; it may not serve yet. With a failpoint it kills itself there.
    pub(crate) fn start(&self, failpoint: Option<&str>) -> Result<Sidecar, Failure> {
        let log = self.log();
        let failed = |error| Failure::Internal(format!("starting the sidecar: {error}"));
        let out = OpenOptions::new().create(true).append(true).open(&log).map_err(failed)?;
        let mut command: Command = programs::sidecommit();
        command.arg("serve").args(&self.arguments).stderr(out);
        if let Some(failpoint) = failpoint {
            command.args(["--failpoint", failpoint]);
        }
        Ok(Sidecar { child: command.spawn().map_err(failed)?, log })
    }

    /// What the journal of a sidecar that was killed holds as PREPARED. None if it was killed before it had a journal.
    pub(crate) fn prepared(&self) -> Result<Vec<Prepared>, Failure> {
        let inspection = match inspect(&self.journal()) {
            Ok(inspection) => inspection,
            Err(sidecommit_journal::Error::Missing { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(Failure::internal(error)),
        };
        let members = inspection.prepared.into_iter().flat_map(|group| group.members);
        let prepared = |member: sidecommit_journal::Outcome| Prepared {
            transaction_id: member.transaction_id,
            idempotency_key: member.idempotency_key,
        };
        Ok(members.map(prepared).collect())
    }
}

// === impl Sidecar ===

impl Sidecar {
    /// Waits until it was killed, by itself at a failpoint or by [`Sidecar::kill`].
    ///
    /// # Errors
    /// If it ends in any other way.
    pub(crate) async fn killed(&mut self) -> Result<(), Failure> {
        let status = self.child.wait().await.map_err(Failure::internal)?;
        if status.signal() == Some(SIGKILL) { Ok(()) } else { Err(self.unexpected(status)) }
    }

    /// SIGKILL, unless it is dead already: whether it was sent. [`Sidecar::killed`] tells when it is dead.
    pub(crate) fn kill(&mut self) -> Result<bool, Failure> {
        if self.child.try_wait().map_err(Failure::internal)?.is_some() {
            return Ok(false);
        }
        self.child.start_kill().map(|()| true).map_err(Failure::internal)
    }

    /// Its process, unless it has ended.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// # Errors
    /// If it has ended, however.
    pub(super) fn check(&mut self) -> Result<(), Failure> {
        self.child
            .try_wait()
            .map_err(Failure::internal)?
            .map_or(Ok(()), |status| Err(self.unexpected(status)))
    }

    /// Sends a signal.
    pub(super) fn signal(&self, signal: Signal) -> Result<(), Failure> {
        programs::signal(&self.child, signal)
    }

    /// SIGTERM: it drains and ends with 0.
    pub(crate) async fn stop(&mut self) -> Result<(), Failure> {
        self.signal(Signal::TERM)?;
        match tokio::time::timeout(STOP_PATIENCE, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(self.unexpected(status)),
            Ok(Err(error)) => Err(Failure::internal(error)),
            Err(_) => Err(Failure::Internal(format!("the sidecar did not drain in {STOP_PATIENCE:?}"))),
        }
    }

    fn unexpected(&self, status: ExitStatus) -> Failure {
        let log = std::fs::read_to_string(&self.log).unwrap_or_else(|error| error.to_string());
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n");
        Failure::Internal(format!("the sidecar ended by itself: {status}; its log ends with:\n{tail}"))
    }
}
