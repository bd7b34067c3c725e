//! The log: on standard error, as text for people or as JSON for machines. Secrets are in no type that has a Debug or
//! Display which shows them, so they cannot be logged.

use crate::settings::{LogFormat, LogLevel};
use std::io;
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// Starts logging. Ours at the level asked for; what libraries say only from warnings on, unless all is traced.
///
/// Has no effect if logging was started before (tests).
pub fn init(format: LogFormat, level: LogLevel) {
    let filter = EnvFilter::new(directives(level));
    let registry = tracing_subscriber::registry().with(filter);
    let started = match format {
        LogFormat::Text => registry
            .with(fmt::layer().with_writer(io::stderr).with_ansi(io::IsTerminal::is_terminal(&io::stderr())))
            .try_init(),
        LogFormat::Json => {
            registry.with(fmt::layer().json().flatten_event(true).with_writer(io::stderr)).try_init()
        }
    };
    if let Err(error) = started {
        tracing::debug!(%error, "logging was already started");
    }
}

fn directives(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "warn,sidecommit=info",
        LogLevel::Debug => "warn,sidecommit=debug",
        LogLevel::Trace => "trace",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_is_a_valid_filter() {
        for level in [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace] {
            assert!(EnvFilter::try_new(directives(level)).is_ok());
        }
    }
}
