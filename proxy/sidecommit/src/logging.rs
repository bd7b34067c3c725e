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

/// rust-rdkafka complains that a consumer which is fenced cannot be closed; that it is fenced we have told.
fn directives(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "error,rdkafka::consumer::base_consumer=off",
        LogLevel::Warn => "warn,rdkafka::consumer::base_consumer=off",
        LogLevel::Info => "warn,sidecommit=info,rdkafka::consumer::base_consumer=off",
        LogLevel::Debug => "warn,sidecommit=debug,rdkafka::consumer::base_consumer=off",
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
