use std::{io, path::PathBuf, sync::Arc};

/// Why the journal cannot be used. Cloned, because a journal that failed answers every later call with its first error.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// inspect and discard need a journal.
    #[error("there is no journal in {}", dir.display())]
    Missing {
        /// The journal's folder.
        dir: PathBuf,
    },
    /// One process per journal.
    #[error("the journal in {} is in use by {}", dir.display(), holder(*pid))]
    Held {
        /// The journal's folder.
        dir: PathBuf,
        /// Who holds it, as numbered where that process runs (its container); None if it has not said yet.
        pid: Option<u32>,
    },
    /// The journal's transactions are in another Kafka cluster: its outcomes would be lies here.
    #[error(
        "the journal in {} belongs to the Kafka cluster {journal}, but the configured one is {configured}: \
         configure that cluster, use another folder, or remove the journal with `sidecommit journal discard --yes`",
        dir.display()
    )]
    OtherCluster {
        /// The journal's folder.
        dir: PathBuf,
        /// The cluster id that the journal recorded.
        journal: String,
        /// The cluster id that the brokers told.
        configured: String,
    },
    /// Written by a newer sidecar.
    #[error(
        "the journal in {} has format {found}, this sidecar reads {} to {}: use the newer sidecar, or start anew from \
         Kafka with `sidecommit journal discard --yes`",
        dir.display(), crate::stored::OLDEST, crate::stored::FORMAT
    )]
    Newer {
        /// The journal's folder.
        dir: PathBuf,
        /// The format found.
        found: u8,
    },
    /// Damaged, or not a journal, or older than one version back.
    #[error(
        "the journal in {} cannot be read ({cause}): start anew from Kafka with `sidecommit journal discard --yes`",
        dir.display()
    )]
    Unreadable {
        /// The journal's folder.
        dir: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// The file system refused.
    #[error("could not {act} {}: {source}", path.display())]
    Io {
        /// What was tried.
        act: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// The operating system's error.
        source: Arc<io::Error>,
    },
    /// sled refused.
    #[error("could not {act} the journal in {}: {source}", dir.display())]
    Sled {
        /// What was tried.
        act: &'static str,
        /// The journal's folder.
        dir: PathBuf,
        /// sled's error.
        source: sled::Error,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

// === impl Error ===

impl Error {
    /// For `map_err` of a file system call.
    pub(crate) fn io(act: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { act, path, source: Arc::new(source) }
    }

    pub(crate) fn unreadable(dir: impl Into<PathBuf>, cause: impl Into<String>) -> Self {
        Self::Unreadable { dir: dir.into(), cause: cause.into() }
    }
}
