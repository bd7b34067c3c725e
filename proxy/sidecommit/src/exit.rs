//! How a command ends: the exit codes of sysexits.h, each with a reason on standard error.

use std::{fmt::Display, process::ExitCode};

/// Asked and answered with no: a refused call, a demo that found a difference.
pub const REFUSED: u8 = 1;
/// EX_USAGE: wrong settings or arguments; nothing was opened.
pub const USAGE: u8 = 64;
/// EX_UNAVAILABLE: what is needed does not answer, or does not serve.
pub const UNAVAILABLE: u8 = 69;
/// EX_SOFTWARE: anything else.
pub const INTERNAL: u8 = 70;

/// Why a command failed; the text is for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Asked and answered with no.
    #[error("{0}")]
    Refused(String),
    /// Wrong settings or arguments.
    #[error("{0}")]
    Usage(String),
    /// What is needed does not answer, or does not serve.
    #[error("{0}")]
    Unavailable(String),
    /// Anything else.
    #[error("{0}")]
    Internal(String),
}

// === impl Failure ===

impl Failure {
    /// Wrong settings: all of them, a line each.
    pub fn usage<E: Display>(errors: &[E]) -> Self {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Self::Usage(lines.join("\n"))
    }

    /// For `map_err`: what is needed does not answer.
    pub fn unavailable(error: impl Display) -> Self {
        Self::Unavailable(error.to_string())
    }

    /// For `map_err`: anything else.
    pub fn internal(error: impl Display) -> Self {
        Self::Internal(error.to_string())
    }

    /// The process's exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Refused(_) => REFUSED,
            Self::Usage(_) => USAGE,
            Self::Unavailable(_) => UNAVAILABLE,
            Self::Internal(_) => INTERNAL,
        }
    }

    /// Tells the reason on standard error, a line each, and gives the exit code.
    pub fn report(&self) -> ExitCode {
        for line in self.to_string().lines() {
            eprintln!("sidecommit: {line}");
        }
        self.code().into()
    }
}
