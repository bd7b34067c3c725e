//! The sidecar that is measured: one that runs, or one that is started, with a Kafka if need be.

use super::{args::Args, usage::Whose};
use crate::{
    demo::{
        kafka::Kafka,
        sidecar::{Sidecar, Spec},
        temporary_folder,
    },
    exit::Failure,
};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Of a topic that the bench makes.
pub(super) const PARTITIONS: i32 = 6;

/// The sidecar.
pub(super) struct Target {
    pub(super) socket: PathBuf,
    /// Of its process, if that is known.
    pub(super) whose: Option<Whose>,
    pub(super) journal: Option<PathBuf>,
    kafka: Option<Kafka>,
    own: Option<Own>,
}

/// One that was started, with its journal and sockets. It is killed when dropped, before its folder is removed.
pub(super) struct Own {
    sidecar: Sidecar,
    pub(super) spec: Spec,
    pub(super) whose: Whose,
    _folder: Option<TempDir>,
}

// === impl Target ===

impl Target {
    /// What the arguments name; the topic is made where brokers are known.
    pub(super) async fn of(args: &Args) -> Result<Self, Failure> {
        if let Some(socket) = &args.socket {
            if let Some(servers) = &args.bootstrap_servers {
                Kafka::start(Some(servers)).await?.create_topic(&args.load.topic, PARTITIONS).await?;
            }
            let whose = args.pid.map(Whose::Process);
            let (socket, journal) = (socket.clone(), args.journal_dir.clone());
            return Ok(Self { socket, whose, journal, kafka: None, own: None });
        }
        let started = if args.bootstrap_servers.is_some() { "" } else { "Kafka and " };
        eprintln!("starting {started}a sidecar");
        let kafka = Kafka::start(args.bootstrap_servers.as_deref()).await?;
        kafka.create_topic(&args.load.topic, PARTITIONS).await?;
        let folder = temporary_folder()?;
        let mut own = Own::start(&kafka, folder.path(), &[])?;
        own._folder = Some(folder);
        let (socket, journal, whose) = (own.spec.socket(), own.spec.journal(), own.whose);
        Ok(Self { socket, whose: Some(whose), journal: Some(journal), kafka: Some(kafka), own: Some(own) })
    }

    /// Ends what was started.
    pub(super) async fn stop(self) -> Result<(), Failure> {
        let stopped = match self.own {
            Some(own) => own.stop().await,
            None => Ok(()),
        };
        match self.kafka {
            Some(kafka) => kafka.stop().await.and(stopped),
            None => stopped,
        }
    }
}

// === impl Own ===

impl Own {
    /// With its defaults but for these flags, a slot of its own, and everything in a folder; it may not serve yet.
    pub(super) fn start(kafka: &Kafka, folder: &Path, flags: &[(&str, String)]) -> Result<Self, Failure> {
        let spec = Self::spec(kafka, folder);
        Self::again(flags.iter().fold(spec, |spec, (flag, value)| spec.with(flag, value)), None)
    }

    /// How to start one with its defaults.
    pub(super) fn spec(kafka: &Kafka, folder: &Path) -> Spec {
        Spec::new(folder, kafka, &format!("bench/{:016x}/sidecommit/0", fastrand::u64(..)))
    }

    /// As it was, or with a failpoint.
    pub(super) fn again(spec: Spec, failpoint: Option<&str>) -> Result<Self, Failure> {
        let sidecar = spec.start(failpoint)?;
        let ended = || Failure::Internal("the sidecar ended at once".to_owned());
        let whose = Whose::Process(sidecar.id().ok_or_else(ended)?);
        Ok(Self { sidecar, spec, whose, _folder: None })
    }

    /// Waits until its failpoint killed it.
    pub(super) async fn killed(mut self) -> Result<Spec, Failure> {
        self.sidecar.killed().await.map(|()| self.spec.clone())
    }

    /// In order: it drains.
    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        self.sidecar.stop().await
    }
}
