//! What `sidecommit bench compare` takes.

use super::{case::Case, contender::Contender};
use crate::{
    bench::{
        args::{positive_seconds, seconds},
        document,
    },
    exit::Failure,
};
use std::{path::PathBuf, time::Duration};

/// Arguments of the comparison.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// An existing Kafka; else one is started
    #[arg(long, value_name = "HOST:PORT,...")]
    pub(super) bootstrap_servers: Option<String>,
    /// Who is measured [default: all]
    #[arg(long, value_name = "NAME,...", value_enum, value_delimiter = ',')]
    contenders: Vec<Contender>,
    /// What is measured [default: all]
    #[arg(long, value_name = "NAME,...", value_enum, value_delimiter = ',')]
    cases: Vec<Case>,
    /// Turns that all contenders take in each case
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(super) rounds: u32,
    /// Fewer rounds if there is no time for all in so many minutes
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1440))]
    pub(super) minutes: Option<u32>,
    /// Seconds before a turn is measured
    #[arg(long, default_value = "1", value_name = "SECONDS", value_parser = seconds)]
    pub(super) warmup: Duration,
    /// How long it is measured
    #[arg(long, default_value = "2.5", value_name = "SECONDS", value_parser = positive_seconds)]
    pub(super) seconds: Duration,
    /// How long a number of producers is measured when the best one is looked for
    #[arg(long, default_value = "1", value_name = "SECONDS", value_parser = positive_seconds)]
    pub(super) sweep_seconds: Duration,
    /// Records of 1 KB to be copied; more than any contender copies in a turn
    #[arg(long, default_value_t = 800_000, value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    pub(super) input_records: u64,
    /// What becomes a native client: tests/bench/README.md
    #[arg(long, value_name = "PATH", default_value = "tests/bench/run")]
    pub(super) rivals: PathBuf,
    /// Where summary.json and the pictures go
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    pub(super) out: PathBuf,
    /// The page whose section of figures is made anew
    #[arg(long, value_name = "FILE.md")]
    pub(super) document: Option<PathBuf>,
}

/// Of the page's section.
pub(super) const SECTION: &str = "bench";

// === impl Args ===

impl Args {
    pub(super) fn contenders(&self) -> Vec<Contender> {
        let all = <Contender as clap::ValueEnum>::value_variants().iter().copied();
        all.filter(|one| self.contenders.is_empty() || self.contenders.contains(one)).collect()
    }

    pub(super) fn cases(&self) -> Vec<Case> {
        let all = <Case as clap::ValueEnum>::value_variants().iter().copied();
        all.filter(|one| self.cases.is_empty() || self.cases.contains(one)).collect()
    }

    /// What is missing is told before anything is measured.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if let Some(page) = &self.document {
            document::check("--document", page, SECTION)?;
        }
        let native = self.contenders().into_iter().filter(|contender| contender.is_native());
        let mut missing = native.filter(|_| !self.rivals.is_file());
        missing.next().map_or(Ok(()), |contender| {
            Err(Failure::Usage(format!(
                "--rivals: {}: expected a program that becomes a native client, such as {}; or --contenders sidecommit",
                self.rivals.display(),
                contender.name()
            )))
        })
    }
}
