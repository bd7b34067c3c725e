//! `sidecommit demo`: shows the promise on a real Kafka. Four kinds of processes take part: this one, which directs; the
//! sidecar, which is killed; the application, which knows nothing but the gRPC API; and the checker, which knows nothing
//! but Kafka and what the application was told. `sidecommit demo pipeline` has two sidecars and two applications, which read as well.

mod advice;
mod app;
mod args;
pub(crate) mod channel;
mod check;
mod console;
mod doubt;
pub(crate) mod kafka;
mod ledger;
mod pipeline;
mod plan;
mod point;
pub(crate) mod programs;
pub(crate) mod progress;
mod records;
mod report;
pub(crate) mod sidecar;
mod stage;
mod timeline;

pub use args::Args;
pub(crate) use pipeline::Stream;

use crate::exit::Failure;
use args::Part;
use kafka::Kafka;
use std::path::Path;
use tokio::signal::unix::{SignalKind, signal};

/// Transfers money in transactions while the sidecar is killed again and again.
///
/// # Errors
/// If a transaction was lost, duplicated or torn, or the demo could not run.
pub fn run(args: Args) -> Result<(), Failure> {
    block_on(async {
        match args.part.clone() {
            None => direct(&args).await,
            Some(Part::App(args)) => app::run(args).await,
            Some(Part::Check(args)) => check::run(args).await,
            Some(Part::Pipeline(args)) => pipeline::run(args).await,
        }
    })
}

async fn direct(args: &Args) -> Result<(), Failure> {
    args.check()?;
    let play = async |seed, kafka: &Kafka, folder: &Path| stage::play(args, seed, kafka, folder).await;
    staged(
        args.seed,
        args.bootstrap_servers.as_deref(),
        "ledger, journal and the sidecar's log",
        play,
        |report| {
            report.print(args.json)?;
            report.judge()
        },
    )
    .await
}

/// Plays on a Kafka and judges what came of it; `kept` is what there is to look at if that is bad.
async fn staged<R>(
    seed: Option<u64>,
    given: Option<&str>,
    kept: &str,
    play: impl AsyncFnOnce(u64, &Kafka, &Path) -> Result<R, Failure>,
    judge: impl FnOnce(R) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let seed = seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    let folder = temporary_folder()?;
    eprintln!("seed {seed}; starting Kafka");
    let kafka = Kafka::start(given).await?;
    let played = play(seed, &kafka, folder.path()).await;
    let stopped = kafka.stop().await;
    let judged = played.and_then(judge);
    if judged.is_err() {
        eprintln!("{kept} are kept in {}", folder.keep().display());
    }
    judged.and(stopped)
}

/// A folder for sockets, whose paths are limited, and for everything else.
pub(crate) fn temporary_folder() -> Result<tempfile::TempDir, Failure> {
    tempfile::Builder::new().prefix("sidecommit-").tempdir().map_err(Failure::internal)
}

/// Runs a command to its end, or to Ctrl-C or SIGTERM: what it started is then killed, and its folder removed.
pub(crate) fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.map_err(Failure::internal)?.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::internal)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(Failure::internal)?;
        tokio::select! {
            done = command => done,
            _ = interrupt.recv() => Err(Failure::Refused("interrupted".to_owned())),
            _ = terminate.recv() => Err(Failure::Refused("terminated".to_owned())),
        }
    })
}
