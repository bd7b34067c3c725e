//! A certificate from files: a Secret that is mounted, by cert-manager or by hand.

use super::{
    authority::Pair,
    serving::{Serving, Unusable},
};
use std::{io, path::PathBuf};

/// Where the certificate and its key are.
#[derive(Clone, Debug)]
pub struct Files {
    /// PEM: the server's certificate, then those that lead to its authority.
    pub certificate: PathBuf,
    /// PEM.
    pub key: PathBuf,
}

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("{flag} {}: {error}", path.display())]
    Read {
        /// The flag that names it.
        flag: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// What is in them.
    #[error("--tls-cert {}, --tls-key {}: {error}", files.certificate.display(), files.key.display())]
    Unusable {
        /// The files.
        files: Files,
        /// Why.
        error: Unusable,
    },
}

// === impl Files ===

impl Files {
    /// Reads both and serves them. They are compared by content: a mounted Secret changes by a symbolic link, and times
    /// say nothing. Between two files that are being replaced one by one they do not fit together; then what was served
    /// is kept, and the next look finds both.
    ///
    /// # Errors
    /// If they cannot be read or used.
    pub fn load(&self, serving: &Serving) -> Result<bool, Error> {
        let read = |flag, path: &PathBuf| {
            std::fs::read_to_string(path).map_err(|error| Error::Read { flag, path: path.clone(), error })
        };
        let (certificate, key) = (read("--tls-cert", &self.certificate)?, read("--tls-key", &self.key)?);
        let pair = Pair { certificate, key };
        serving.set(&pair).map_err(|error| Error::Unusable { files: self.clone(), error })
    }
}
