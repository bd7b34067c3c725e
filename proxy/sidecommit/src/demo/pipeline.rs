//! `sidecommit demo pipeline`: topic to topic, exactly once. Two pods in one consumer group copy and transform, each with a
//! sidecar that keeps its slot and its journal, and an application that knows nothing but the gRPC API. Both are killed, paused
//! and restarted in order; the checker knows nothing but Kafka.

mod app;
mod args;
mod check;
mod feeder;
mod follower;
mod plan;
mod pod;
mod report;
mod said;
mod stage;

pub(crate) use app::Stream;
pub(super) use args::Args;

use super::{kafka::Kafka, temporary_folder};
use crate::exit::Failure;
use args::Part;

/// Of the input and of the output.
const PARTITIONS: i32 = 6;

/// Copies and transforms while everybody is killed, or is one of the parts of that.
pub(super) async fn run(args: Args) -> Result<(), Failure> {
    match args.part.clone() {
        None => direct(&args).await,
        Some(Part::App(args)) => app::run(args).await,
        Some(Part::Check(args)) => check::run(args).await,
    }
}

async fn direct(args: &Args) -> Result<(), Failure> {
    args.check()?;
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    let folder = temporary_folder()?;
    eprintln!("seed {seed}; starting Kafka");
    let kafka = Kafka::start(args.bootstrap_servers.as_deref()).await?;
    let played = stage::play(args, seed, &kafka, folder.path()).await;
    let stopped = kafka.stop().await;
    let judged = played.and_then(|report| {
        report.print(args.json)?;
        report.judge()
    });
    if judged.is_err() {
        eprintln!("the sidecars' journals and logs are kept in {}", folder.keep().display());
    }
    judged.and(stopped)
}
