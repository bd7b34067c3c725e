use std::time::Duration;

use clap::{Parser, ValueEnum};

/// The command line that all contenders of `make bench` have in common, and which client it is.
#[derive(Clone, Debug, Parser)]
#[command(name = "sidecommit-bench-rivals")]
pub(crate) struct Options {
    /// Who does the work
    #[arg(long, value_enum)]
    pub(crate) client: ClientName,
    /// Where Kafka is
    #[arg(long, value_name = "HOST:PORT,...")]
    pub(crate) bootstrap_servers: String,
    /// Where to write
    #[arg(long)]
    pub(crate) topic: String,
    /// What a "transaction" is
    #[arg(long, value_enum, default_value_t = Kind::Transactional)]
    pub(crate) kind: Kind,
    /// Producers, which the callers share
    #[arg(long, default_value_t = 1, value_parser = at_least_one())]
    producers: u32,
    /// Callers, at least as many; each makes one transaction after the other
    #[arg(long, default_value_t = 1, value_parser = at_least_one())]
    callers: u32,
    /// Records per transaction; in a pipeline at most
    #[arg(long, default_value_t = 1, value_parser = at_least_one())]
    records: u32,
    /// Bytes of a record
    #[arg(long, default_value_t = 1000)]
    record_size: u32,
    /// Before anything counts
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    pub(crate) warmup: Duration,
    /// How long to measure
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) seconds: Duration,
    /// Copy from topic to topic in upper case
    #[arg(long, requires_all = ["input", "group"])]
    pub(crate) pipeline: bool,
    /// What a pipeline reads
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) input: String,
    /// group.id of a pipeline
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) group: String,
}

/// How librdkafka is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClientName {
    /// Delivery reports are awaited before the commit
    Librdkafka,
    /// Its futures are awaited, as rust-rdkafka's documentation shows
    RustRdkafka,
}

/// One of Kafka's transactions, or as many records that are awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// begin, produce, commit
    Transactional,
    /// An idempotent producer's records
    Idempotent,
    /// As before without idempotence, with acks=all
    Plain,
}

// === impl Options ===

impl Options {
    /// There are at least as many callers as producers.
    pub(crate) fn is_consistent(&self) -> bool {
        self.callers >= self.producers
    }

    pub(crate) fn producers(&self) -> usize {
        self.producers as usize
    }

    pub(crate) fn callers(&self) -> usize {
        self.callers as usize
    }

    /// Per transaction.
    pub(crate) fn records(&self) -> usize {
        self.records as usize
    }

    pub(crate) fn record_size(&self) -> usize {
        self.record_size as usize
    }
}

fn at_least_one() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..)
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "want seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}
